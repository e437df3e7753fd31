/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name lookups of an agent that has lost its connection: what is reported of them, how sure
 * that is, and that nothing is done to an agent that tries. */
#include <string.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/names.h"

#define TIMEOUT (5 * USEC_PER_MINUTE)
#define SETTLES (2 * USEC_PER_SEC)

/* The agent has lost its connection a second ago; its path is whole. */
static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.keepalive = USEC_INFINITY;
	bench->settings.reconnect_timeout = TIMEOUT;
	bench_step(bench, unit_is(UNIT_ACTIVE, PID));
	path_found(true, bench_take, bench);
	bench_open(bench, 1);
	bench->now += USEC_PER_MINUTE;
	bench_step(bench, peer_fin(1, USEC_PER_MINUTE));
	bench_pass(bench, USEC_PER_SEC);
}

/* The agent asks, and is answered a moment later. */
static void look_up(struct bench *bench, enum lookup_answer answer)
{
	bench_step(bench, lookup(LOOKUP_ASKED));
	bench->now += 10 * USEC_PER_MSEC;
	bench_step(bench, lookup(answer));
}

static const char *cause_of(const struct bench *bench)
{
	return cause_to_string(bench_record(bench, RECORD_STALLED, 0)->verdict.cause);
}

static void each_answer_has_its_cause(void)
{
	static const struct {
		enum lookup_answer answer;
		const char *cause;
	} rows[] = {
		{ LOOKUP_NOT_FOUND, "name-not-found" },
		{ LOOKUP_EMPTY, "name-not-found" },
		{ LOOKUP_FAILED, "name-server-failing" },
		{ LOOKUP_REFUSED, "name-server-failing" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench bench;
		const struct record *record;

		begin(&bench);
		look_up(&bench, rows[i].answer);
		look_up(&bench, rows[i].answer);
		bench_pass(&bench, SETTLES);
		record = bench_record(&bench, RECORD_STALLED, 0);
		CU_ASSERT_STRING_EQUAL(cause_of(&bench), rows[i].cause);
		CU_ASSERT(record->verdict.confidence == CONFIDENCE_LIKELY);
		CU_ASSERT(record->downtime > 0 && record->peer.family != 0);
		bench_end(&bench);
	}
}

static void silence_takes_three_servers(void)
{
	struct bench bench;

	begin(&bench);
	for (int i = 0; i < 3; i++) {
		bench_step(&bench, lookup(LOOKUP_ASKED));
		bench_pass(&bench, 5 * USEC_PER_SEC - 1);
		CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 0);
	}
	bench_pass(&bench, SETTLES + 3);
	CU_ASSERT_STRING_EQUAL(cause_of(&bench), "name-server-silent");
	CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_LIKELY);
	bench_end(&bench);
}

/* The probe sees that an answer came over TCP, in pieces, and not what it says. */
static void an_answer_that_is_not_understood_is_no_silence(void)
{
	struct bench bench;

	begin(&bench);
	for (int i = 0; i < 12; i++) {
		look_up(&bench, LOOKUP_UNCLEAR);
		bench_pass(&bench, 30 * USEC_PER_SEC);
	}
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 0);
	bench_end(&bench);
}

/* The second server answers after the first one's five seconds. */
static void a_late_answer_is_an_answer(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, lookup(LOOKUP_ASKED));
	bench_pass(&bench, 10 * USEC_PER_SEC);
	bench_step(&bench, lookup(LOOKUP_FOUND));
	bench_pass(&bench, USEC_PER_MINUTE);
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 0);
	bench_end(&bench);
}

/* IPv6 is not found, IPv4 is; a search domain has no such name, the next one has it. */
static void one_answer_that_found_something_counts(void)
{
	static const enum lookup_answer answers[][2] = {
		{ LOOKUP_FOUND, LOOKUP_EMPTY },
		{ LOOKUP_EMPTY, LOOKUP_FOUND },
		{ LOOKUP_NOT_FOUND, LOOKUP_FOUND },
		{ LOOKUP_FOUND, LOOKUP_REFUSED },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct bench bench;

		begin(&bench);
		look_up(&bench, answers[i][0]);
		bench_step(&bench, lookup(answers[i][1]));
		bench_pass(&bench, USEC_PER_MINUTE);
		CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 0);
		bench_end(&bench);
	}
}

static void one_failure_is_only_suspected(void)
{
	struct bench bench;

	begin(&bench);
	look_up(&bench, LOOKUP_FAILED);
	bench_pass(&bench, SETTLES);
	CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_SUSPECTED);
	bench_end(&bench);
}

static void other_names_that_are_found_leave_a_doubt(void)
{
	struct bench bench;

	begin(&bench);
	look_up(&bench, LOOKUP_FOUND);
	bench_pass(&bench, USEC_PER_MINUTE);
	look_up(&bench, LOOKUP_NOT_FOUND);
	look_up(&bench, LOOKUP_NOT_FOUND);
	bench_pass(&bench, SETTLES);
	CU_ASSERT_STRING_EQUAL(cause_of(&bench), "name-not-found");
	CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_SUSPECTED);
	bench_end(&bench);
}

static void without_a_route_it_is_only_suspected(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, default_route_is(false));
	look_up(&bench, LOOKUP_FAILED);
	look_up(&bench, LOOKUP_FAILED);
	bench_pass(&bench, SETTLES);
	CU_ASSERT_STRING_EQUAL(cause_of(&bench), "name-server-failing");
	CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_SUSPECTED);
	bench_end(&bench);
}

/* Ten minutes, a try every 30 s: one record, and no restart for an agent that tries. */
static void an_agent_that_looks_up_names_is_left_alone(void)
{
	struct bench bench;

	begin(&bench);
	for (int i = 0; i < 20; i++) {
		look_up(&bench, LOOKUP_FAILED);
		bench_pass(&bench, 30 * USEC_PER_SEC);
	}
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 1);
	CU_ASSERT(bench.orders == 0);
	look_up(&bench, LOOKUP_FOUND);
	bench_open(&bench, 2);
	CU_ASSERT(bench_count(&bench, RECORD_RECOVERED) == 1);
	bench_end(&bench);
}

/* The next outage is reported anew. */
static void each_outage_has_its_record(void)
{
	struct bench bench;

	begin(&bench);
	for (unsigned outage = 1; outage <= 3; outage++) {
		look_up(&bench, LOOKUP_FAILED);
		look_up(&bench, LOOKUP_FAILED);
		bench_pass(&bench, USEC_PER_MINUTE);
		CU_ASSERT(bench_count(&bench, RECORD_STALLED) == outage);
		bench_open(&bench, 1 + outage);
		bench_pass(&bench, USEC_PER_MINUTE);
		bench_step(&bench, peer_fin(1 + outage, USEC_PER_MINUTE));
		bench_pass(&bench, USEC_PER_SEC);
	}
	bench_end(&bench);
}

/* The name servers are silent for longer than the agent may take to reconnect, which is short here.
 */
static void an_agent_that_waits_for_an_answer_tries(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.reconnect_timeout = 5 * USEC_PER_SEC;
	for (int i = 0; i < 30; i++) {
		bench_step(&bench, lookup(LOOKUP_ASKED));
		bench_pass(&bench, 2 * USEC_PER_SEC);
	}
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 1);
	CU_ASSERT_STRING_EQUAL(cause_of(&bench), "name-server-silent");
	CU_ASSERT(bench.orders == 0);
	bench_end(&bench);
}

/* Once lookups stop, the agent does not try any more: that is its own fault. */
static void an_agent_that_stops_trying_does_not_reconnect(void)
{
	struct bench bench;

	begin(&bench);
	look_up(&bench, LOOKUP_FAILED);
	bench_pass(&bench, TIMEOUT + USEC_PER_MINUTE);
	CU_ASSERT_STRING_EQUAL(
		cause_to_string(bench_record(&bench, RECORD_STALLED, 1)->verdict.cause),
		"agent-not-reconnecting");
	bench_end(&bench);
}

static enum confidence not_reconnecting(struct bench *bench, enum mode mode)
{
	const struct record *record;

	bench_step(bench, (struct event){ .type = EVENT_AGENT,
					  .watching = { .settings = &bench->settings,
							.mode = mode,
							.lookups_hide = true } });
	bench_pass(bench, TIMEOUT + USEC_PER_MINUTE);
	record = bench_record(bench, RECORD_STALLED, 0);
	CU_ASSERT_STRING_EQUAL(cause_of(bench), "agent-not-reconnecting");
	return record->verdict.confidence;
}

/* With nss-resolve, an agent that tries in vain looks like one that does not. */
static void unseen_lookups_leave_a_doubt(void)
{
	struct bench bench;

	begin(&bench);
	CU_ASSERT(not_reconnecting(&bench, MODE_EBPF) == CONFIDENCE_SUSPECTED);
	CU_ASSERT(bench.orders == 0);
	CU_ASSERT_STRING_EQUAL(bench_held_by(&bench), "confidence");
	bench_end(&bench);
}

static void so_does_the_mode_sock_diag(void)
{
	struct bench bench;

	begin(&bench);
	CU_ASSERT(not_reconnecting(&bench, MODE_SOCK_DIAG) == CONFIDENCE_SUSPECTED);
	CU_ASSERT(bench.orders == 0);
	bench_end(&bench);
}

/* A session that began with a lookup that was seen, and its end. */
static void serve(struct bench *bench, uint64_t cookie)
{
	look_up(bench, LOOKUP_FOUND);
	bench_open(bench, cookie);
	bench_pass(bench, USEC_PER_MINUTE);
	bench_step(bench, peer_fin(cookie, USEC_PER_MINUTE));
	bench_pass(bench, USEC_PER_SEC);
}

/* One that has asked name servers itself twice in a row does so the next time. */
static void lookups_that_were_seen_leave_none(void)
{
	struct bench bench;

	begin(&bench);
	serve(&bench, 2);
	serve(&bench, 3);
	CU_ASSERT(not_reconnecting(&bench, MODE_EBPF) >= CONFIDENCE_LIKELY);
	CU_ASSERT(bench.orders == 1);
	bench_end(&bench);
}

/* At boot the C library asks name servers itself for as long as systemd-resolved is not there. */
static void lookups_before_one_session_leave_a_doubt(void)
{
	struct bench bench;

	begin(&bench);
	serve(&bench, 2);
	CU_ASSERT(not_reconnecting(&bench, MODE_EBPF) == CONFIDENCE_SUSPECTED);
	CU_ASSERT(bench.orders == 0);
	bench_end(&bench);
}

static void lookups_before_an_earlier_session_do_not_count(void)
{
	struct bench bench;

	begin(&bench);
	serve(&bench, 2);
	serve(&bench, 3);
	for (unsigned session = 4; session <= 5; session++) {
		bench_open(&bench, session);
		bench_pass(&bench, USEC_PER_MINUTE);
		bench_step(&bench, peer_fin(session, USEC_PER_MINUTE));
		bench_pass(&bench, USEC_PER_SEC);
	}
	CU_ASSERT(not_reconnecting(&bench, MODE_EBPF) == CONFIDENCE_SUSPECTED);
	CU_ASSERT(bench.orders == 0);
	bench_end(&bench);
}

/* ---- what the agent's C library tells, where no packet does */

static void by_library(struct bench *bench, enum lookup_answer answer)
{
	struct event event = lookup(answer);

	event.lookup.by_library = true;
	event.lookup.server = (struct endpoint){ 0 };
	bench_step(bench, event);
}

static bool has_evidence(const struct bench *bench, const char *token)
{
	const struct tokens *evidence = &bench_last(bench)->verdict.evidence;

	for (unsigned i = 0; i < evidence->count; i++)
		if (strcmp(evidence->text[i], token) == 0)
			return true;
	return false;
}

/* It says less than a server: "not known" may be a server that refuses to answer. */
static void the_library_knows_that_it_failed(void)
{
	static const struct {
		enum lookup_answer answer;
		const char *cause, *error, *rival;
	} rows[] = {
		{ LOOKUP_NOT_FOUND, "name-not-found", "name_error=not-known",
		  "or=name-server-failing" },
		{ LOOKUP_EMPTY, "name-not-found", "name_error=no-address",
		  "or=name-server-failing" },
		{ LOOKUP_FAILED, "name-server-failing", "name_error=failure", "or=name-not-found" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench bench;

		begin(&bench);
		for (int k = 0; k < 2; k++) {
			by_library(&bench, LOOKUP_ASKED);
			by_library(&bench, rows[i].answer);
		}
		bench_pass(&bench, SETTLES);
		CU_ASSERT_STRING_EQUAL(cause_of(&bench), rows[i].cause);
		CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_SUSPECTED);
		CU_ASSERT(has_evidence(&bench, rows[i].error));
		CU_ASSERT(has_evidence(&bench, rows[i].rival));
		bench_end(&bench);
	}
}

static void the_library_gives_up_after_a_silence(void)
{
	struct bench bench;

	begin(&bench);
	for (int i = 0; i < 2; i++) {
		by_library(&bench, LOOKUP_ASKED);
		bench_pass(&bench, 10 * USEC_PER_SEC);
		by_library(&bench, LOOKUP_FAILED);
	}
	bench_pass(&bench, SETTLES);
	CU_ASSERT_STRING_EQUAL(cause_of(&bench), "name-server-silent");
	CU_ASSERT(has_evidence(&bench, "name_error=no-answer"));
	bench_end(&bench);
}

static void a_call_that_does_not_return_is_an_attempt(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.reconnect_timeout = 5 * USEC_PER_SEC;
	by_library(&bench, LOOKUP_ASKED);
	bench_pass(&bench, NAME_SERVER_SILENCE + SETTLES);
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 1);
	CU_ASSERT_STRING_EQUAL(cause_of(&bench), "name-server-silent");
	CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_SUSPECTED);
	CU_ASSERT(bench.orders == 0);
	bench_end(&bench);
}

/* One lookup, of which the packet tells and the library: it has failed once. */
static void a_lookup_that_both_tell_of_counts_once(void)
{
	struct bench bench;

	begin(&bench);
	by_library(&bench, LOOKUP_ASKED);
	look_up(&bench, LOOKUP_NOT_FOUND);
	by_library(&bench, LOOKUP_NOT_FOUND);
	bench_pass(&bench, SETTLES);
	CU_ASSERT(has_evidence(&bench, "name_answer=nxdomain"));
	CU_ASSERT(has_evidence(&bench, "lookups_failed=1"));
	bench_end(&bench);
}

/* A C library that was seen is seen the next time, too: one session is enough. */
static void a_library_that_was_seen_leaves_no_doubt(void)
{
	struct bench bench;

	begin(&bench);
	by_library(&bench, LOOKUP_ASKED);
	by_library(&bench, LOOKUP_FOUND);
	bench_open(&bench, 2);
	bench_pass(&bench, USEC_PER_MINUTE);
	bench_step(&bench, peer_fin(2, USEC_PER_MINUTE));
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT(not_reconnecting(&bench, MODE_EBPF) == CONFIDENCE_LIKELY);
	CU_ASSERT(bench.orders == 1);
	bench_end(&bench);
}

/* getaddrinfo() finds an address in numbers, too: that excludes nothing. */
static void what_the_library_finds_proves_nothing(void)
{
	struct bench bench;

	begin(&bench);
	by_library(&bench, LOOKUP_ASKED);
	by_library(&bench, LOOKUP_FOUND);
	CU_ASSERT(not_reconnecting(&bench, MODE_EBPF) == CONFIDENCE_LIKELY);
	bench_end(&bench);
}

/* Lookups that found an address are no attempts to connect: they may be of other names. */
static void lookups_that_succeed_are_no_attempts(void)
{
	struct bench bench;

	begin(&bench);
	for (int i = 0; i < 12; i++) {
		look_up(&bench, LOOKUP_FOUND);
		bench_pass(&bench, 30 * USEC_PER_SEC);
	}
	CU_ASSERT_STRING_EQUAL(cause_of(&bench), "agent-not-reconnecting");
	bench_end(&bench);
}

static void a_connected_agents_lookups_do_not_matter(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	look_up(&bench, LOOKUP_FAILED);
	look_up(&bench, LOOKUP_FAILED);
	bench_pass(&bench, USEC_PER_MINUTE);
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 0);
	bench_end(&bench);
}

SUITE("engine lookups", { "each answer has its cause", each_answer_has_its_cause },
      { "silence takes three servers", silence_takes_three_servers },
      { "an answer that is not understood is no silence",
	an_answer_that_is_not_understood_is_no_silence },
      { "a late answer is an answer", a_late_answer_is_an_answer },
      { "one answer that found something counts", one_answer_that_found_something_counts },
      { "one failure is only suspected", one_failure_is_only_suspected },
      { "other names that are found leave a doubt", other_names_that_are_found_leave_a_doubt },
      { "without a route it is only suspected", without_a_route_it_is_only_suspected },
      { "an agent that looks up names is left alone", an_agent_that_looks_up_names_is_left_alone },
      { "each outage has its record", each_outage_has_its_record },
      { "an agent that waits for an answer tries", an_agent_that_waits_for_an_answer_tries },
      { "an agent that stops trying does not reconnect",
	an_agent_that_stops_trying_does_not_reconnect },
      { "unseen lookups leave a doubt", unseen_lookups_leave_a_doubt },
      { "so does the mode sock-diag", so_does_the_mode_sock_diag },
      { "lookups that were seen leave none", lookups_that_were_seen_leave_none },
      { "lookups before one session leave a doubt", lookups_before_one_session_leave_a_doubt },
      { "lookups before an earlier session do not count",
	lookups_before_an_earlier_session_do_not_count },
      { "the library knows that it failed", the_library_knows_that_it_failed },
      { "the library gives up after a silence", the_library_gives_up_after_a_silence },
      { "a call that does not return is an attempt", a_call_that_does_not_return_is_an_attempt },
      { "a lookup that both tell of counts once", a_lookup_that_both_tell_of_counts_once },
      { "a library that was seen leaves no doubt", a_library_that_was_seen_leaves_no_doubt },
      { "what the library finds proves nothing", what_the_library_finds_proves_nothing },
      { "lookups that succeed are no attempts", lookups_that_succeed_are_no_attempts },
      { "a connected agent's lookups do not matter", a_connected_agents_lookups_do_not_matter })
