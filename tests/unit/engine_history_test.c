/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An engine that goes on where another one stopped. */
#include <errno.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/rhythm.h"
#include "verdict/verdict.h"

static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.randomized_delay = 0;
	bench->settings.limit_burst = 2;
	bench_restart_on(bench, CAUSE_PEER_CLOSE);
}

/* The peer closes a connection that this engine has never heard of, after a silence. */
static void peer_closes_after(struct bench *bench, usec_t age, usec_t silence)
{
	struct event event = peer_fin(7, age);

	event.connection.facts.idle_rx = event.connection.facts.idle_tx = silence;
	bench->now += USEC_PER_SEC;
	bench_step(bench, event);
	bench_pass(bench, 2 * VERDICT_WAIT);
}

static void peer_closes(struct bench *bench, usec_t age)
{
	peer_closes_after(bench, age, 0);
}

static const struct record *ended(const struct bench *bench)
{
	return bench_record(bench, RECORD_ENDED, 0);
}

static void past_action(struct bench *bench, usec_t ago, enum action_outcome outcome)
{
	struct event event = {
		.type = EVENT_HISTORY_ACTION,
		.history_action = { .verdict = { .ago = ago, .cause = CAUSE_PEER_CLOSE },
				    .action = ACTION_RESTART,
				    .outcome = outcome },
	};

	bench_step(bench, event);
}

static void past_session(struct bench *bench, usec_t ago, usec_t age, usec_t silence)
{
	struct event event = {
		.type = EVENT_HISTORY_SESSION,
		.history_session = { .ago = ago,
				     .age = age,
				     .idle_rx = silence,
				     .idle_tx = silence,
				     .reopened_after = USEC_PER_SEC,
				     .ended_by = ENDED_BY_PEER_FIN,
				     .cause = CAUSE_PEER_CLOSE },
	};

	bench_step(bench, event);
}

static void the_end_of_an_unknown_connection_is_told(void)
{
	struct bench bench;

	begin(&bench);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(ended(&bench)->cookie, 7);
	CU_ASSERT_EQUAL(ended(&bench)->verdict.ended_by, ENDED_BY_PEER_FIN);
	CU_ASSERT_EQUAL(ended(&bench)->verdict.cause, CAUSE_PEER_CLOSE);
	CU_ASSERT_EQUAL(bench.orders, 1);
	bench_end(&bench);
}

static void past_actions_use_up_the_limit(void)
{
	struct bench bench;

	begin(&bench);
	past_action(&bench, 20 * USEC_PER_MINUTE, ACTION_STARTED);
	past_action(&bench, 10 * USEC_PER_MINUTE, ACTION_STARTED);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 0);
	CU_ASSERT_STRING_EQUAL(bench_held_by(&bench), "limit");
	bench_end(&bench);
}

static void past_spending(struct bench *bench, usec_t ago)
{
	bench_step(bench, (struct event){ .type = EVENT_HISTORY_SPENT, .spent_ago = ago });
}

/* The handover tells all actions before the journal tells those that it still has. */
static void actions_that_the_journal_lost_use_up_the_limit(void)
{
	struct bench bench;

	begin(&bench);
	past_spending(&bench, 20 * USEC_PER_MINUTE);
	past_spending(&bench, 10 * USEC_PER_MINUTE);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 0);
	CU_ASSERT_STRING_EQUAL(bench_held_by(&bench), "limit");
	bench_end(&bench);
}

static void an_action_that_is_told_twice_counts_once(void)
{
	struct bench bench;

	begin(&bench);
	past_spending(&bench, 10 * USEC_PER_MINUTE);
	past_action(&bench, 20 * USEC_PER_HOUR, ACTION_STARTED);
	past_action(&bench, 10 * USEC_PER_MINUTE, ACTION_STARTED);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 1);
	bench_end(&bench);
}

static void actions_older_than_the_boot_count_with_care(void)
{
	struct bench bench;

	begin(&bench);
	past_action(&bench, 20 * USEC_PER_HOUR, ACTION_STARTED);
	past_action(&bench, 10 * USEC_PER_HOUR, ACTION_STARTED);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 1); /* the clock itself is older than the interval */
	bench_end(&bench);
}

static void what_did_not_help_twice_is_not_tried_again(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.limit_burst = 10;
	past_action(&bench, 20 * USEC_PER_MINUTE, ACTION_DID_NOT_HELP);
	past_action(&bench, 10 * USEC_PER_MINUTE, ACTION_DID_NOT_HELP);
	peer_closes(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, 0);
	CU_ASSERT_STRING_EQUAL(bench_held_by(&bench), "did-not-help");
	bench_end(&bench);
}

/* Rows of five ends by the peer at one age, each after one silence. */
static const struct {
	const char *name;
	usec_t age;
	usec_t silence;
	enum cause cause;
	enum confidence confidence;
} rhythms[] = {
	{ "busy lives", 10 * USEC_PER_MINUTE, 0, CAUSE_TOKEN_EXPIRED, CONFIDENCE_LIKELY },
	{ "a like silence, but a short one", 10 * USEC_PER_MINUTE, USEC_PER_MINUTE,
	  CAUSE_TOKEN_EXPIRED, CONFIDENCE_LIKELY },
	{ "silent lives", 10 * USEC_PER_MINUTE, 9 * USEC_PER_MINUTE, CAUSE_TOKEN_EXPIRED,
	  CONFIDENCE_SUSPECTED },
	{ "as short as a rival's pause", 2 * USEC_PER_MINUTE, 0, CAUSE_PEER_CLOSE,
	  CONFIDENCE_LIKELY },
};

static void a_rhythm_goes_on(void)
{
	for (size_t i = 0; i < sizeof(rhythms) / sizeof(rhythms[0]); i++) {
		const struct verdict *verdict;
		struct bench bench;

		begin(&bench);
		for (usec_t back = 4; back > 0; back--)
			past_session(&bench, back * rhythms[i].age, rhythms[i].age,
				     rhythms[i].silence);
		peer_closes_after(&bench, rhythms[i].age, rhythms[i].silence);
		verdict = &ended(&bench)->verdict;
		CHECK(verdict->cause == rhythms[i].cause, rhythms[i].name);
		CHECK(verdict->confidence == rhythms[i].confidence, rhythms[i].name);
		CHECK(verdict->period_count == (verdict->cause == CAUSE_TOKEN_EXPIRED ? 5 : 0),
		      rhythms[i].name);
		bench_end(&bench);
	}
}

/* Data stays unanswered after a silence of a minute, again and again. */
static void path_breaks(struct bench *bench, uint64_t cookie, usec_t age)
{
	struct event ended =
		connection_event(EVENT_ENDED, cookie, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct socket_facts *facts = &ended.connection.facts;

	facts->error = ETIMEDOUT;
	facts->retransmit_timeouts = 5;
	facts->unacked_bytes = 10;
	facts->age = age;
	facts->idle_tx = 10 * USEC_PER_SEC;
	facts->idle_rx = facts->idle_ack = USEC_PER_MINUTE + facts->idle_tx;
	bench_open(bench, cookie);
	bench->now += age;
	bench_step(bench, ended);
}

static void test_silences_that_were_survived(void)
{
	static const struct {
		const char *what;
		usec_t age;
		enum cause cause;
	} rows[] = {
		{ "the first one", 72 * USEC_PER_SEC, CAUSE_IDLE_DROP },
		{ "an agent that sends every minute", 10 * USEC_PER_MINUTE, CAUSE_PATH_SILENT },
	};

	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
		struct bench bench;
		const struct record *last;

		begin(&bench);
		for (uint64_t cookie = 1; cookie <= RHYTHM_MIN; cookie++)
			path_breaks(&bench, cookie, rows[row].age);
		last = bench_record(&bench, RECORD_ENDED, RHYTHM_MIN - 1);
		CHECK(last->verdict.cause == rows[row].cause, rows[row].what);
		CHECK(!bench_has_token(last, "or=peer-reset"), rows[row].what);
		CHECK(bench_has_token(last, "like_silences=3"), rows[row].what);
		bench_end(&bench);
	}
}

/* A RST without an ACK answers what the agent wrote after a silence. */
static const struct {
	const char *what;
	usec_t silence;
	bool without_ack;
	enum cause cause;
} forgotten[] = {
	{ "whoever sent it did not know the connection", USEC_PER_MINUTE, true, CAUSE_IDLE_DROP },
	{ "too soon for a NAT", 20 * USEC_PER_SEC, true, CAUSE_PEER_RESET },
	{ "whoever sent it knew the connection", USEC_PER_MINUTE, false, CAUSE_PEER_RESET },
};

static void test_a_reset_of_who_does_not_know_the_connection(void)
{
	for (size_t i = 0; i < sizeof(forgotten) / sizeof(*forgotten); i++) {
		struct event event =
			connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
		struct socket_facts *facts = &event.connection.facts;
		const struct record *last;
		struct bench bench;

		begin(&bench);
		bench_open(&bench, 1);
		bench.now += 2 * USEC_PER_MINUTE;
		facts->age = 2 * USEC_PER_MINUTE;
		facts->error = ECONNRESET;
		facts->reset_received = true;
		facts->idle_rx = facts->idle_ack = forgotten[i].silence;
		facts->unacked_bytes = 10;
		facts->flow_ttl_min = facts->flow_ttl_max = facts->reset_ttl = 60;
		facts->reset_without_ack = forgotten[i].without_ack;
		bench_step(&bench, event);
		last = ended(&bench);
		CHECK(last->verdict.cause == forgotten[i].cause, forgotten[i].what);
		CHECK(!bench_has_token(last, "or=idle-drop"), forgotten[i].what);
		CHECK(bench_has_token(last, "reset_ack=no") == forgotten[i].without_ack,
		      forgotten[i].what);
		bench_end(&bench);
	}
}

SUITE("engine_history",
      { "a RST of who does not know the connection",
	test_a_reset_of_who_does_not_know_the_connection },
      { "silences that sessions had survived", test_silences_that_were_survived },
      { "the end of an unknown connection is told", the_end_of_an_unknown_connection_is_told },
      { "past actions use up the limit", past_actions_use_up_the_limit },
      { "actions that the journal lost use up the limit",
	actions_that_the_journal_lost_use_up_the_limit },
      { "an action that is told twice counts once", an_action_that_is_told_twice_counts_once },
      { "actions older than the boot count with care",
	actions_older_than_the_boot_count_with_care },
      { "what did not help twice is not tried again", what_did_not_help_twice_is_not_tried_again },
      { "a rhythm goes on", a_rhythm_goes_on })
