/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One outage, one story: its id, which attempts are told, and what the recovery sums up. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

static uint64_t cookie; /* of the last connection */

static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.keepalive = bench->settings.reconnect_timeout = USEC_INFINITY;
	cookie = 0;
}

static void come_up(struct bench *bench)
{
	bench_open(bench, ++cookie);
	bench_pass(bench, 5 * USEC_PER_SEC);
}

static void end(struct bench *bench)
{
	bench_step(bench, peer_fin(cookie, USEC_PER_MINUTE));
	bench_pass(bench, 2 * VERDICT_WAIT);
}

/* Returns the record of the attempt. */
static struct record fail(struct bench *bench, usec_t after)
{
	bench->now += after;
	bench_step(bench, refused(++cookie));
	bench->records--; /* the bench keeps few */
	return bench->record[bench->records];
}

static struct record fail_otherwise(struct bench *bench, usec_t after)
{
	struct event event = refused(++cookie);

	event.connection.facts.error = ETIMEDOUT;
	bench->now += after;
	bench_step(bench, event);
	bench->records--;
	return bench->record[bench->records];
}

/* The socket goes: the engine of the bench has room for few. */
static void close_socket(struct bench *bench)
{
	bench_step(bench,
		   connection_event(EVENT_ENDED, cookie, TCP_STATE_LAST_ACK, TCP_STATE_CLOSE));
}

static void all_records_of_an_outage_have_its_id(void)
{
	struct bench bench;
	char first[OUTAGE_ID_SIZE];

	begin(&bench);
	come_up(&bench);
	end(&bench);
	memcpy(first, bench_last(&bench)->outage_id, sizeof(first));
	CU_ASSERT(strlen(first) == 32 && strspn(first, "0123456789abcdef") == 32);
	CU_ASSERT_STRING_EQUAL(fail(&bench, USEC_PER_SEC).outage_id, first);
	come_up(&bench);
	CU_ASSERT(bench_last(&bench)->kind == RECORD_RECOVERED);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, first);
	bench.now += USEC_PER_MINUTE;
	end(&bench);
	CU_ASSERT_STRING_NOT_EQUAL(bench_last(&bench)->outage_id, first);
	bench_end(&bench);
}

/* Returns how many of `count` refused attempts are told. */
static unsigned told(struct bench *bench, unsigned count, usec_t interval)
{
	unsigned told = 0;

	for (unsigned i = 0; i < count; i++)
		told += !fail(bench, interval).folded;
	return told;
}

static void attempts_are_told_less_and_less_often(void)
{
	static const struct {
		const char *name;
		unsigned count;
		usec_t interval;
		unsigned told;
	} rows[] = {
		{ "a hub that is down for 90 s", 90, USEC_PER_SEC, 1 },
		{ "many a second", 3000, USEC_PER_SEC / 10, 1 },
		{ "every second for an hour", 3600, USEC_PER_SEC, 5 },  /* 1 301 602 1204 2408 */
		{ "every 6 minutes", 32, 6 * USEC_PER_MINUTE, 6 },      /* 1 2 4 8 16 32 */
		{ "every minute for a day", 1440, USEC_PER_MINUTE, 9 }, /* 1 6 12 .. 768 */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bench bench;
		unsigned count;

		begin(&bench);
		come_up(&bench);
		end(&bench);
		count = told(&bench, rows[i].count, rows[i].interval);
		CHECK(count == rows[i].told, rows[i].name);
		bench_end(&bench);
	}
}

/* Two causes that take turns do not make two records each time. */
static void another_cause_is_told_at_once(void)
{
	struct bench bench;
	unsigned others = 0;

	begin(&bench);
	come_up(&bench);
	end(&bench);
	CU_ASSERT_FALSE(fail(&bench, USEC_PER_SEC).folded);
	CU_ASSERT_TRUE(fail(&bench, USEC_PER_SEC).folded);
	CU_ASSERT_FALSE(fail_otherwise(&bench, USEC_PER_SEC).folded);
	for (unsigned i = 0; i < 100; i++) {
		others += !fail(&bench, USEC_PER_SEC).folded;
		others += !fail_otherwise(&bench, USEC_PER_SEC).folded;
	}
	CU_ASSERT_EQUAL(others, 0);
	CU_ASSERT_FALSE(fail(&bench, 5 * USEC_PER_MINUTE).folded);
	CU_ASSERT_FALSE(fail_otherwise(&bench, USEC_PER_SEC).folded);
	bench_end(&bench);
}

static void the_recovery_sums_up(void)
{
	struct bench bench;
	const struct record *record;

	begin(&bench);
	come_up(&bench);
	end(&bench);
	told(&bench, 3, USEC_PER_SEC);
	CU_ASSERT_EQUAL(fail_otherwise(&bench, USEC_PER_SEC).attempts, 4);
	CU_ASSERT_EQUAL(fail(&bench, USEC_PER_SEC).cause_attempts, 4);
	come_up(&bench);
	record = bench_last(&bench);
	CU_ASSERT_EQUAL_FATAL(record->kind, RECORD_RECOVERED);
	CU_ASSERT_EQUAL(record->attempts, 6);
	CU_ASSERT_TRUE(record->outage.known);
	CU_ASSERT_EQUAL(record->outage.cause, CAUSE_PEER_CLOSE);
	CU_ASSERT_EQUAL_FATAL(record->outage.failed_count, 2);
	CU_ASSERT_EQUAL(record->outage.failed[0].by, CAUSE_CONNECT_REFUSED);
	CU_ASSERT_EQUAL(record->outage.failed[0].count, 4);
	CU_ASSERT_EQUAL(record->outage.failed[1].count, 1);
	bench_end(&bench);
}

/* An agent whose credentials never worked. */
static void an_outage_may_begin_with_an_attempt(void)
{
	struct bench bench;
	struct record attempt;

	begin(&bench);
	attempt = fail(&bench, 0);
	CU_ASSERT_TRUE(*attempt.outage_id);
	fail(&bench, 10 * USEC_PER_SEC);
	bench.now += 10 * USEC_PER_SEC;
	come_up(&bench);
	CU_ASSERT_EQUAL_FATAL(bench_last(&bench)->kind, RECORD_RECOVERED);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, attempt.outage_id);
	CU_ASSERT_EQUAL(bench_last(&bench)->outage.cause, CAUSE_CONNECT_REFUSED);
	CU_ASSERT_EQUAL(bench_last(&bench)->attempts, 3);
	bench_end(&bench);
}

/* An agent that has another connection has no outage, and tells no more for that. */
static void attempts_beside_a_session_are_no_outage(void)
{
	struct bench bench;

	begin(&bench);
	come_up(&bench);
	CU_ASSERT_STRING_EQUAL(fail(&bench, USEC_PER_SEC).outage_id, "");
	CU_ASSERT_EQUAL(told(&bench, 60, USEC_PER_SEC), 0);
	bench_end(&bench);
}

/* A hub that takes the connection, and closes it at once. */
static void come_up_for(struct bench *bench, usec_t life)
{
	bench_open(bench, ++cookie);
	bench->now += life;
	bench_step(bench, peer_fin(cookie, life));
	bench_pass(bench, 2 * VERDICT_WAIT);
	close_socket(bench);
}

static unsigned told_recoveries(const struct bench *bench)
{
	unsigned told = 0;

	for (unsigned i = 0; i < bench->records; i++)
		told += bench->record[i].kind == RECORD_RECOVERED && !bench->record[i].folded;
	return told;
}

static void a_short_session_is_an_attempt(void)
{
	struct bench bench;
	const struct record *record;
	char id[OUTAGE_ID_SIZE];

	begin(&bench);
	come_up(&bench);
	bench.now += USEC_PER_HOUR;
	end(&bench);
	memcpy(id, bench_last(&bench)->outage_id, sizeof(id));
	for (unsigned i = 0; i < 10; i++)
		come_up_for(&bench, USEC_PER_SEC);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, id);
	CU_ASSERT_TRUE(bench_last(&bench)->folded);
	CU_ASSERT_EQUAL(bench_last(&bench)->attempts, 10);
	CU_ASSERT_EQUAL(told_recoveries(&bench), 1); /* the first one, at once */
	come_up(&bench);
	CU_ASSERT_EQUAL(told_recoveries(&bench), 1);
	bench_pass(&bench, USEC_PER_MINUTE);
	record = bench_last(&bench);
	CU_ASSERT_TRUE(record->kind == RECORD_RECOVERED && record->belated);
	CU_ASSERT_STRING_EQUAL(record->outage_id, id);
	CU_ASSERT_EQUAL(record->attempts, 11);
	CU_ASSERT_EQUAL(record->cookie, cookie);
	end(&bench);
	CU_ASSERT_STRING_NOT_EQUAL(bench_last(&bench)->outage_id, id);
	bench_end(&bench);
}

/* The second session of the outage comes up because of a restart: that is told at once, and once.
 */
static void what_helped_is_told(void)
{
	struct bench bench;

	begin(&bench);
	bench_restart_on(&bench, CAUSE_CONNECT_REFUSED);
	bench.settings.randomized_delay = 0;
	come_up(&bench);
	bench.now += USEC_PER_HOUR;
	end(&bench);
	come_up_for(&bench, USEC_PER_SEC);
	CU_ASSERT_EQUAL(told_recoveries(&bench), 1);
	bench_step(&bench, refused(++cookie));
	bench_result(&bench, 0);
	come_up(&bench);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->action_result ?: "", "helped");
	CU_ASSERT_EQUAL(told_recoveries(&bench), 2);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(told_recoveries(&bench), 2);
	bench_end(&bench);
}

static void short_sessions_may_count(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.settle = 0;
	come_up(&bench);
	for (unsigned i = 0; i < 10; i++) {
		end(&bench);
		CU_ASSERT_FALSE(bench_last(&bench)->folded);
		CU_ASSERT_EQUAL(bench_last(&bench)->attempts, 0);
		close_socket(&bench);
		come_up(&bench);
		CU_ASSERT_TRUE(bench_last(&bench)->kind == RECORD_RECOVERED &&
			       !bench_last(&bench)->folded);
	}
	bench_end(&bench);
}

/* An agent that connects, says something and closes every few seconds is in no outage. */
static void own_decisions_are_no_attempts(void)
{
	struct bench bench;
	char id[OUTAGE_ID_SIZE] = "";

	begin(&bench);
	for (unsigned i = 0; i < 10; i++) {
		bench_open(&bench, ++cookie);
		bench.now += USEC_PER_SEC;
		bench_step(&bench, local_fin(cookie));
		bench_pass(&bench, 2 * VERDICT_WAIT);
		close_socket(&bench);
		CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_CLOSE);
		CU_ASSERT_STRING_NOT_EQUAL(bench_last(&bench)->outage_id, id);
		memcpy(id, bench_last(&bench)->outage_id, sizeof(id));
		CU_ASSERT_FALSE(bench_last(&bench)->folded);
	}
	bench_end(&bench);
}

/* A resumed outage whose session was long enough, or ended by the agent: its end is told. */
static void a_belated_end_is_told_before_the_next_outage(void)
{
	struct bench bench;

	begin(&bench);
	come_up(&bench);
	bench.now += USEC_PER_HOUR;
	end(&bench);
	for (unsigned i = 0; i < 5; i++)
		come_up_for(&bench, USEC_PER_SEC);
	bench_open(&bench, ++cookie);
	bench.now += USEC_PER_SEC;
	bench_step(&bench, local_fin(cookie));
	bench_pass(&bench, 2 * VERDICT_WAIT);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_CLOSE);
	CU_ASSERT_TRUE(bench.record[bench.records - 2].belated);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(told_recoveries(&bench), 2);
	bench_end(&bench);
}

/* However often an attempt has failed before: what is done about one is told. */
static void actions_are_told(void)
{
	struct bench bench;
	unsigned actions = 0;

	begin(&bench);
	bench_restart_on(&bench, CAUSE_CONNECT_REFUSED);
	bench.settings.escalate_after = USEC_PER_SEC;
	bench.settings.randomized_delay = 0;
	come_up(&bench);
	end(&bench);
	for (unsigned i = 0; i < 2; i++) {
		bench.now += USEC_PER_SEC;
		bench_step(&bench, refused(++cookie));
		bench_result(&bench, 0);
		bench_pass(&bench, 10 * USEC_PER_SEC);
	}
	for (unsigned i = 0; i < bench.records; i++) {
		const struct record *record = &bench.record[i];

		if (record->kind != RECORD_ACTION)
			continue;
		actions++;
		CU_ASSERT_FALSE(record->folded);
		CU_ASSERT_STRING_EQUAL(record->outage_id, bench_last(&bench)->outage_id);
	}
	CU_ASSERT_EQUAL(actions, 6); /* two times: starting, done, did-not-help */
	bench_end(&bench);
}

/* The hub closes a session without a word, and then refuses each login as not authorized. */
static void a_later_record_corrects(void)
{
	enum { NOT_AUTHORIZED = 5 };
	const struct mqtt_facts accepted = { .track = MQTT_FOLLOWED,
					     .sent = MQTT_PUBLISH,
					     .received = MQTT_PUBACK,
					     .answered = true };
	const struct mqtt_facts refused = { .track = MQTT_FOLLOWED,
					    .sent = MQTT_CONNECT,
					    .received = MQTT_CONNACK,
					    .answered = true,
					    .connack = NOT_AUTHORIZED };
	struct event close = peer_fin(1, USEC_PER_HOUR), refusal;
	struct event login = { .type = EVENT_LOGIN };
	struct bench bench;

	begin(&bench);
	bench.settings.mqtt_inspect = true;
	bench_open(&bench, ++cookie);
	login.connection.cookie = cookie;
	login.connection.mqtt = accepted;
	bench_step(&bench, login);
	bench.now += USEC_PER_HOUR;
	close.connection.mqtt = accepted;
	bench_step(&bench, close);
	bench_pass(&bench, 2 * VERDICT_WAIT);
	for (unsigned i = 0; i < 3; i++) {
		bench_open(&bench, ++cookie);
		login.connection.cookie = cookie;
		login.connection.mqtt =
			(struct mqtt_facts){ .track = MQTT_FOLLOWED, .sent = MQTT_CONNECT };
		bench_step(&bench, login);
		refusal = peer_fin(cookie, USEC_PER_SEC / 10);
		refusal.connection.mqtt = refused;
		bench_step(&bench, refusal);
		bench_pass(&bench, 2 * VERDICT_WAIT);
		CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_TOKEN_EXPIRED);
		CU_ASSERT_EQUAL(bench_last(&bench)->is_correction, i == 0);
		CU_ASSERT_EQUAL(bench_last(&bench)->folded, i > 0);
	}
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ENDED), 4);
	CU_ASSERT_EQUAL(bench_record(&bench, RECORD_ENDED, 1)->corrects, CAUSE_PEER_CLOSE);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_RECOVERED), 0);
	bench_open(&bench, ++cookie);
	login.connection.cookie = cookie;
	login.connection.mqtt = accepted;
	bench_step(&bench, login);
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_RECOVERED);
	CU_ASSERT_EQUAL(bench_last(&bench)->outage.cause, CAUSE_TOKEN_EXPIRED);
	CU_ASSERT_EQUAL(bench_last(&bench)->attempts, 4);
	bench_end(&bench);
}

/* The crashes of a loop are told one by one, with what came of them. */
static void crashes_are_told(void)
{
	struct bench bench;
	unsigned told = 0;

	begin(&bench);
	come_up(&bench);
	bench.now += USEC_PER_HOUR;
	for (unsigned i = 0; i < 8; i++) {
		bench_step(&bench, dying_fin(cookie, SIGSEGV));
		bench_step(&bench, exited(SIGSEGV));
		bench_pass(&bench, 2 * VERDICT_WAIT);
		CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_CRASH);
		told += !bench_last(&bench)->folded;
		close_socket(&bench);
		come_up(&bench);
	}
	CU_ASSERT_EQUAL(told, 8);
	CU_ASSERT_EQUAL(told_recoveries(&bench), 8);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, bench.record[0].outage_id);
	bench_end(&bench);
}

static void recall(struct bench *bench, const struct record *record, usec_t ago, bool came_up)
{
	struct event event = {
		.type = EVENT_HISTORY_TROUBLE,
		.history_trouble = { .verdict = { .ago = ago, .cause = record->verdict.cause },
				     .came_up = came_up,
				     .attempts = came_up ? 0 : record->attempts,
				     .cause_attempts = record->cause_attempts },
	};

	memcpy(event.history_trouble.verdict.outage_id, record->outage_id, OUTAGE_ID_SIZE);
	bench_step(bench, event);
}

/* The next daemon reads back the end and the one attempt of 20 that was told, or only the latter.
 */
static void the_next_engine_goes_on(void)
{
	for (int both = 0; both < 2; both++) {
		struct bench bench;
		struct record ended, attempt;

		begin(&bench);
		come_up(&bench);
		end(&bench);
		ended = *bench_last(&bench);
		attempt = fail(&bench, USEC_PER_SEC);
		attempt.attempts = attempt.cause_attempts = 20;
		bench_end(&bench);

		begin(&bench);
		bench.now += USEC_PER_HOUR;
		if (both)
			recall(&bench, &ended, USEC_PER_MINUTE, true);
		recall(&bench, &attempt, USEC_PER_SEC, false);
		attempt = fail(&bench, USEC_PER_SEC);
		CU_ASSERT_STRING_EQUAL(attempt.outage_id, ended.outage_id);
		CU_ASSERT_EQUAL(attempt.attempts, 21);
		CU_ASSERT_TRUE(attempt.folded);
		come_up(&bench);
		CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, ended.outage_id);
		CU_ASSERT_EQUAL(bench_last(&bench)->outage.cause,
				both ? CAUSE_PEER_CLOSE : CAUSE_CONNECT_REFUSED);
		bench_end(&bench);
	}
}

/* The last session was too short: the next engine knows since when there is none. */
static void the_next_engine_knows_since_when(void)
{
	struct event event = {
		.type = EVENT_HISTORY_TROUBLE,
		.history_trouble = { .verdict = { .ago = USEC_PER_MINUTE,
						  .cause = CAUSE_PEER_CLOSE,
						  .outage_id = "1" },
				     .came_up = true,
				     .attempts = 7,
				     .cause_attempts = 3 },
	};
	struct agent_snapshot seen;
	struct bench bench;

	begin(&bench);
	bench_step(&bench, event);
	seen = bench_look(&bench);
	CU_ASSERT_EQUAL(seen.down_since, bench.now - USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(seen.attempts, 7);
	come_up(&bench);
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_RECOVERED);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, "1");
	bench_end(&bench);
}

SUITE("engine outage",
      { "all records of an outage have its id", all_records_of_an_outage_have_its_id },
      { "attempts are told less and less often", attempts_are_told_less_and_less_often },
      { "another cause is told at once", another_cause_is_told_at_once },
      { "the recovery sums up", the_recovery_sums_up },
      { "an outage may begin with an attempt", an_outage_may_begin_with_an_attempt },
      { "attempts beside a session are no outage", attempts_beside_a_session_are_no_outage },
      { "a short session is an attempt", a_short_session_is_an_attempt },
      { "what helped is told", what_helped_is_told },
      { "short sessions may count", short_sessions_may_count },
      { "own decisions are no attempts", own_decisions_are_no_attempts },
      { "a belated end is told before the next outage",
	a_belated_end_is_told_before_the_next_outage },
      { "actions are told", actions_are_told },
      { "a later record corrects", a_later_record_corrects },
      { "crashes are told", crashes_are_told },
      { "the next engine goes on", the_next_engine_goes_on },
      { "the next engine knows since when", the_next_engine_knows_since_when })
