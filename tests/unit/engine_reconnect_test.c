/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent lives and has no connection for too long: its steps are taken one after the other,
 * within the limit, and then it is said once that they did not help. Where something else is being
 * done about the agent, they come after that. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine_bench.h"
#include "suite.h"

#define TIMEOUT  (5 * USEC_PER_MINUTE)
#define ESCALATE (2 * USEC_PER_MINUTE)
#define TAKES    USEC_PER_SEC /* an action */

static uint64_t cookie;   /* of the last connection */
static unsigned answered; /* orders */

/* The words about actions: "ACTION RESULT, ..." */
static const char *told(const struct bench *bench)
{
	static char text[512];
	char action[ACTION_TEXT_SIZE];
	size_t length = 0;

	*text = '\0';
	for (unsigned i = 0; i < bench->records; i++) {
		const struct record *record = &bench->record[i];

		if (!record->action_result)
			continue;
		action_format(&record->action, action, sizeof(action));
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s %s",
					   length ? ", " : "", action, record->action_result);
	}
	return text;
}

static void tell_unit(struct bench *bench, enum unit_state state, uint32_t pid, const char *job)
{
	struct event event = unit_is(state, pid);

	strcpy(event.unit.job, job);
	bench_step(bench, event);
}

static void begin(struct bench *bench, unsigned steps, unsigned burst)
{
	static const enum action_type types[] = { ACTION_RELOAD, ACTION_RESTART };
	struct policy_steps *policy = &bench->settings.policy[CAUSE_AGENT_NOT_RECONNECTING];

	bench_begin(bench);
	bench->settings.keepalive = USEC_INFINITY;
	bench->settings.reconnect_timeout = TIMEOUT;
	bench->settings.escalate_after = ESCALATE;
	bench->settings.limit_burst = burst;
	policy->count = steps;
	for (unsigned i = 0; i < steps; i++)
		policy->steps[i].type = types[2 - steps + i];
	tell_unit(bench, UNIT_ACTIVE, PID, "");
	path_found(true, bench_take, bench);
	cookie = 0;
	answered = 0;
}

static void open_connection(struct bench *bench)
{
	bench_open(bench, ++cookie);
}

static void lose_connection(struct bench *bench)
{
	bench_step(bench, peer_fin(cookie, USEC_PER_MINUTE));
}

/* Every order has its result a while later. */
static void pass(struct bench *bench, usec_t time, int error)
{
	usec_t end = bench->now + time;

	while (bench->now < end) {
		bench->now += TAKES;
		if (answered < bench->orders)
			bench_result(bench, error);
		answered = bench->orders;
		bench_pass(bench, 0);
	}
}

static const struct {
	const char *what;
	unsigned steps; /* the last of: reload, restart */
	unsigned burst;
	int error; /* of each action */
	const char *told;
} rows[] = {
	{ "nothing to be done", 0, 3, 0, "" },
	{ "one step in vain", 1, 3, 0, "restart starting, restart done, restart did-not-help" },
	{ "one step that fails", 1, 3, -EIO,
	  "restart starting, restart failed, restart did-not-help" },
	{ "two steps", 2, 3, 0,
	  "reload starting, reload done, restart starting, restart done, restart did-not-help" },
	{ "two steps that fail", 2, 3, -EIO,
	  "reload starting, reload failed, restart starting, restart failed, "
	  "restart did-not-help" },
	{ "no more than the limit", 2, 1, 0, "reload starting, reload done, restart held" },
	{ "a limit of 0", 2, 0, 0, "reload held" },
};

static void play(size_t row)
{
	struct bench bench;

	begin(&bench, rows[row].steps, rows[row].burst);
	open_connection(&bench);
	bench.now += USEC_PER_MINUTE;
	lose_connection(&bench);
	pass(&bench, 12 * USEC_PER_HOUR, rows[row].error);
	CHECK(strcmp(told(&bench), rows[row].told) == 0, rows[row].what);
	CHECK(bench_count(&bench, RECORD_STALLED) == 1, rows[row].what);
	bench_end(&bench);
}

static void test_rows(void)
{
	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++)
		play(row);
}

static void test_times(void)
{
	struct bench bench;
	usec_t down;

	begin(&bench, 2, 3);
	open_connection(&bench);
	bench.now += USEC_PER_MINUTE;
	lose_connection(&bench);
	down = bench.now;
	pass(&bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 2);
	CU_ASSERT_EQUAL(bench.ordered[0], down + TIMEOUT);
	CU_ASSERT_EQUAL(bench.ordered[1], down + TIMEOUT + TAKES + ESCALATE);
	bench_end(&bench);
}

/* The agent is back after the first step: the second one is not taken. In the next outage all is as
 * in the first. */
static void test_helped(void)
{
	struct bench bench;

	begin(&bench, 2, 3);
	open_connection(&bench);
	for (unsigned outage = 1; outage <= 2; outage++) {
		bench.now += USEC_PER_MINUTE;
		bench.records = 0;
		lose_connection(&bench);
		pass(&bench, TIMEOUT + USEC_PER_MINUTE, 0);
		open_connection(&bench);
		pass(&bench, USEC_PER_HOUR, 0);
		CU_ASSERT_STRING_EQUAL(told(&bench), "reload starting, reload done, reload helped");
		CU_ASSERT_EQUAL(bench_count(&bench, RECORD_STALLED), 1);
	}
	bench_end(&bench);
}

/* ---- something else is being done */

static void in_vain(struct bench *bench)
{
	lose_connection(bench);
}

static void fails(struct bench *bench)
{
	lose_connection(bench);
	pass(bench, USEC_PER_MINUTE, -EIO);
}

static void offline(struct bench *bench)
{
	bench->settings.randomized_delay = USEC_PER_MINUTE;
	lose_connection(bench);
	bench_step(bench, default_route_is(false));
	pass(bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL(bench->orders, 0);
	bench_step(bench, default_route_is(true));
}

/* A time service is at work; then it has set the clock. */
static void clock_is_set(struct bench *bench)
{
	bench->settings.randomized_delay = USEC_PER_MINUTE;
	bench_step(bench, (struct event){ .type = EVENT_CLOCK, .clock = CLOCK_AWAITED });
	lose_connection(bench);
	pass(bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL(bench->orders, 0);
	bench_step(bench, (struct event){ .type = EVENT_CLOCK, .clock = CLOCK_SYNCHRONISED });
}

/* There is none: the host is not offline for ever. */
static void nobody_sets_the_clock(struct bench *bench)
{
	bench_step(bench, (struct event){ .type = EVENT_CLOCK, .clock = CLOCK_UNVOUCHED });
	lose_connection(bench);
}

static void helps_late(struct bench *bench)
{
	lose_connection(bench);
	pass(bench, 2 * TIMEOUT, 0);
	open_connection(bench);
}

static void stopped(struct bench *bench)
{
	lose_connection(bench);
	pass(bench, 2 * TIMEOUT, 0);
	tell_unit(bench, UNIT_INACTIVE, 0, "");
	pass(bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL(bench->orders, 1);
	tell_unit(bench, UNIT_ACTIVE, PID, "");
}

#define RESTARTED "restart starting, restart done, restart did-not-help"

static const struct {
	const char *what;
	void (*script)(struct bench *bench);
	const char *told;
} meanwhile[] = {
	{ "it does not help", in_vain,
	  "reload starting, reload done, reload did-not-help, " RESTARTED },
	{ "it fails", fails, "reload starting, reload failed, reload did-not-help, " RESTARTED },
	{ "it waits for the host", offline,
	  "reload held, reload starting, reload done, reload did-not-help, " RESTARTED },
	{ "it waits for the clock", clock_is_set,
	  "reload held, reload starting, reload done, reload did-not-help, " RESTARTED },
	{ "nobody sets the clock", nobody_sets_the_clock,
	  "reload starting, reload done, reload did-not-help, " RESTARTED },
	{ "it helps late", helps_late, "reload starting, reload done, reload helped" },
	{ "the unit is stopped and started", stopped, "reload starting, reload done, " RESTARTED },
};

static void begin_meanwhile(struct bench *bench)
{
	begin(bench, 1, 3);
	bench->settings.randomized_delay = 0;
	bench->settings.escalate_after = 4 * TIMEOUT;
	bench->settings.policy[CAUSE_PEER_CLOSE] =
		(struct policy_steps){ .steps = { { .type = ACTION_RELOAD } }, .count = 1 };
	open_connection(bench);
	bench->now += USEC_PER_MINUTE;
}

static void test_meanwhile(void)
{
	struct bench bench;

	for (size_t row = 0; row < sizeof(meanwhile) / sizeof(*meanwhile); row++) {
		begin_meanwhile(&bench);
		meanwhile[row].script(&bench);
		pass(&bench, 12 * USEC_PER_HOUR, 0);
		CHECK(strcmp(told(&bench), meanwhile[row].told) == 0, meanwhile[row].what);
		CHECK(bench_count(&bench, RECORD_STALLED) == 1, meanwhile[row].what);
		bench_end(&bench);
	}
}

/* An attempt of the agent a moment before the action's turn counts. */
static void test_turn(void)
{
	struct bench bench;
	usec_t tried;

	begin_meanwhile(&bench);
	lose_connection(&bench);
	pass(&bench, 4 * TIMEOUT, 0);
	bench_step(&bench, opened(++cookie));
	tried = bench.now;
	pass(&bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 2);
	CU_ASSERT_EQUAL(bench.ordered[1], tried + TIMEOUT);
	bench_end(&bench);
}

/* ---- how long it has been alive */

/* A process that has just begun has had no time to connect. */
static void test_new_process(void)
{
	struct event event = { .type = EVENT_EXECED,
			       .process.task = { .pid = PID + 1, .in_agent = true } };
	struct bench bench;
	usec_t begun;

	begin(&bench, 1, 3);
	open_connection(&bench);
	bench.now += USEC_PER_MINUTE;
	lose_connection(&bench);
	pass(&bench, TIMEOUT - USEC_PER_SEC, 0);
	bench_step(&bench, event);
	tell_unit(&bench, UNIT_ACTIVE, PID + 1, "");
	begun = bench.now;
	pass(&bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench.ordered[0], begun + TIMEOUT);
	bench_end(&bench);
}

/* The job is taken back later. */
static void test_about_to_be_stopped(void)
{
	struct bench bench;

	begin(&bench, 1, 3);
	open_connection(&bench);
	bench.now += USEC_PER_MINUTE;
	lose_connection(&bench);
	tell_unit(&bench, UNIT_ACTIVE, PID, "stop");
	pass(&bench, 2 * TIMEOUT, 0);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_STALLED), 0);
	tell_unit(&bench, UNIT_ACTIVE, PID, "");
	pass(&bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_STALLED), 1);
	CU_ASSERT_STRING_EQUAL(told(&bench), RESTARTED);
	bench_end(&bench);
}

/* How sure it is that `agent` 1 makes no attempt, if records of `lost_of` were dropped; 0: none. */
static enum confidence confidence_beside_loss(uint32_t lost_of)
{
	enum confidence confidence = CONFIDENCE_MAX;
	struct bench bench;

	begin(&bench, 0, 3);
	bench.agent = 2;
	bench_watch(&bench);
	bench.agent = 1;
	open_connection(&bench);
	bench.now += USEC_PER_MINUTE;
	lose_connection(&bench);
	bench.now += USEC_PER_SEC;
	bench.agent = lost_of;
	if (lost_of)
		bench_step(&bench, (struct event){ .type = EVENT_LOST, .lost.records = 1 });
	bench.agent = 1;
	pass(&bench, TIMEOUT + USEC_PER_MINUTE, 0);
	for (unsigned i = 0; i < bench.records; i++)
		if (bench.record[i].kind == RECORD_STALLED)
			confidence = bench.record[i].verdict.confidence;
	CU_ASSERT_NOT_EQUAL(confidence, CONFIDENCE_MAX);
	bench_end(&bench);
	return confidence;
}

/* What another agent floods the probe with says nothing about this one. */
static void test_loss_of_others(void)
{
	CU_ASSERT_EQUAL(confidence_beside_loss(2), confidence_beside_loss(0));
	CU_ASSERT_NOT_EQUAL(confidence_beside_loss(1), confidence_beside_loss(0));
}

static void close_connection(struct bench *bench)
{
	struct event fin =
		connection_event(EVENT_CLOSING, cookie, TCP_STATE_ESTABLISHED, TCP_STATE_FIN_WAIT1);

	fin.connection.facts.shutdown = 3;
	fin.connection.current = (struct task){ .pid = PID, .in_agent = true };
	bench_step(bench, fin);
}

static void fail_to_connect(struct bench *bench)
{
	struct event refused =
		connection_event(EVENT_ENDED, ++cookie, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);

	refused.connection.facts.error = ECONNREFUSED;
	refused.connection.facts.reset_received = true;
	bench_step(bench, opened(cookie));
	bench_step(bench, refused);
}

/* An agent that closes its connection may rest until it has something to say; not one that tries
 * to have another. */
static void test_rest(void)
{
	for (int tries = 0; tries <= 1; tries++) {
		const struct record *stalled;
		struct bench bench;

		begin(&bench, 1, 3);
		open_connection(&bench);
		bench.now += USEC_PER_MINUTE;
		close_connection(&bench);
		pass(&bench, USEC_PER_MINUTE, 0);
		if (tries)
			fail_to_connect(&bench);
		pass(&bench, TIMEOUT + USEC_PER_MINUTE, 0);
		stalled = bench_record(&bench, RECORD_STALLED, 0);
		CU_ASSERT_EQUAL(stalled->verdict.cause, CAUSE_AGENT_NOT_RECONNECTING);
		CU_ASSERT_EQUAL(bench_has_token(stalled, "or=agent-close"), !tries);
		CU_ASSERT_EQUAL(bench.orders > 0, tries);
		bench_end(&bench);
	}
}

SUITE("engine_reconnect", { "an agent that rests is left alone", test_rest },
      { "records of others that are lost", test_loss_of_others },
      { "one step after the other, then an end", test_rows }, { "each in its time", test_times },
      { "a step that helped is the last", test_helped },
      { "after what else is being done", test_meanwhile },
      { "an attempt puts its turn off", test_turn },
      { "a new process has its time", test_new_process },
      { "a unit about to be stopped is left alone", test_about_to_be_stopped })
