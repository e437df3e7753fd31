/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent crashes, and is to be restarted: what systemd does with its unit keeps us from it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "engine/snapshot.h"
#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

enum { NEXT_PID = PID + 1, STATES_MAX = 3 };

#define THIS_RUN "11111111111111111111111111111111"
#define NEXT_RUN "22222222222222222222222222222222"

/* How the unit stands. */
static const struct unit_event running = { .state = UNIT_ACTIVE, .main_pid = PID };
static const struct unit_event being_stopped = { .state = UNIT_ACTIVE,
						 .main_pid = PID,
						 .job = "stop" };
static const struct unit_event installed = { .state = UNIT_INACTIVE };
static const struct unit_event failed = { .state = UNIT_FAILED, .result = "signal" };
static const struct unit_event masked = { .state = UNIT_FAILED,
					  .result = "signal",
					  .masked = true };
static const struct unit_event start_limit = { .state = UNIT_FAILED, .result = "start-limit-hit" };
static const struct unit_event auto_restart = { .state = UNIT_ACTIVATING,
						.sub_state = "auto-restart" };
static const struct unit_event unknown_job = { .state = UNIT_FAILED, .job = "unknown" };
static const struct unit_event runs_again = { .state = UNIT_ACTIVE, .main_pid = NEXT_PID };
static const struct unit_event away = { .state = UNIT_UNKNOWN };

static const struct {
	const char *what;
	const struct unit_event *before;            /* the crash */
	const struct unit_event *after[STATES_MAX]; /* it */
	unsigned orders;
	const char *held_by; /* NULL: nothing is said */
} rows[] = {
	{ "systemd leaves it dead", &running, { &failed }, 1, NULL },
	{ "systemd had told before us", &failed, { NULL }, 1, NULL },
	{ "systemd says nothing for long", &running, { NULL }, 1, NULL },
	{ "Restart= starts it", &running, { &auto_restart, &runs_again }, 0, "systemd" },
	{ "Restart= gives up", &running, { &auto_restart, &failed }, 0, "start-limit" },
	{ "a start limit that shows", &running, { &start_limit }, 0, "start-limit" },
	{ "masked", &running, { &masked }, 0, "masked" },
	{ "stopped, when it crashed", &being_stopped, { &failed }, 0, "stopped" },
	{ "a job that has no name yet", &running, { &unknown_job, &failed }, 1, "systemd" },
	{ "no bus", &away, { NULL }, 0, "bus" },
	{ "the bus goes", &running, { &away }, 0, "bus" },
	{ "the bus comes back", &away, { &failed }, 1, "bus" },
	{ "systemd had not noticed yet", &away, { &running, &failed }, 1, "bus" },
	{ "started while there was no bus", &away, { &runs_again }, 0, "bus" },
};

static void tell_unit(struct bench *bench, const struct unit_event *unit)
{
	struct event event = { .type = EVENT_UNIT, .unit = *unit };

	strcpy(event.unit.unit, "agent.service");
	bench_step(bench, event);
}

static void begin_unit(struct bench *bench)
{
	struct agent_match *match = &bench->settings.matches[0];

	bench_begin(bench);
	match->type = MATCH_UNIT;
	strcpy(match->value, "agent.service");
	bench->settings.match_count = 1;
	bench_restart_on(bench, CAUSE_AGENT_CRASH);
}

/* The unit stands so two seconds before the agent crashes. */
static void begin(struct bench *bench, const struct unit_event *before)
{
	begin_unit(bench);
	tell_unit(bench, before);
	bench->now += USEC_PER_SEC;
	bench_step(bench, established(1));
	bench->now += USEC_PER_SEC;
	bench_step(bench, dying_fin(1, SIGSEGV));
}

/* Sends the unit's states as systemd then reports them, a millisecond apart. */
static void tell_units(struct bench *bench, const struct unit_event *const after[STATES_MAX])
{
	for (size_t i = 0; i < STATES_MAX && after[i]; i++) {
		bench->now += USEC_PER_MSEC;
		tell_unit(bench, after[i]);
	}
}

/* The last word about an action. */
static const char *result(const struct bench *bench)
{
	unsigned actions = bench_count(bench, RECORD_ACTION);

	return actions ? bench_record(bench, RECORD_ACTION, actions - 1)->action_result : "";
}

static void play(size_t row)
{
	struct bench bench;

	begin(&bench, rows[row].before);
	tell_units(&bench, rows[row].after);
	bench_pass(&bench, USEC_PER_MINUTE);
	CHECK(bench.orders == rows[row].orders, rows[row].what);
	CHECK(strcmp(bench_held_by(&bench), rows[row].held_by ?: "") == 0, rows[row].what);
	bench_end(&bench);
}

static void test_rows(void)
{
	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++)
		play(row);
}

/* A job of another's was in the way: that is no failure of ours. */
static void test_refused(void)
{
	struct bench bench;

	begin(&bench, &failed);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 1);
	bench_result(&bench, -EDEADLK);
	CU_ASSERT_STRING_EQUAL(bench_held_by(&bench), "systemd");
	bench_end(&bench);
}

/* Starts were counted that nobody saw. Nothing more is done then. */
static void test_refused_by_the_limit(void)
{
	struct bench bench;

	begin(&bench, &failed);
	bench.settings.policy[CAUSE_AGENT_CRASH].steps[1].type = ACTION_RESTART;
	bench.settings.policy[CAUSE_AGENT_CRASH].count = 2;
	bench_result(&bench, -EDQUOT);
	CU_ASSERT_STRING_EQUAL(bench_held_by(&bench), "start-limit");
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.orders, 1);
	CU_ASSERT_STRING_EQUAL(result(&bench), "held");
	bench_end(&bench);
}

/* The bus is lost while systemd restarts the unit: what it says when the bus is back tells whether
 * it did. */

static const struct unit_event still_failed = { .state = UNIT_FAILED,
						.result = "signal",
						.invocation_id = THIS_RUN };
static const struct unit_event starting = { .state = UNIT_ACTIVATING,
					    .job = "restart",
					    .invocation_id = NEXT_RUN };
static const struct unit_event being_started = { .state = UNIT_FAILED,
						 .job = "restart",
						 .invocation_id = THIS_RUN };
static const struct unit_event restarted = { .state = UNIT_ACTIVE,
					     .main_pid = NEXT_PID,
					     .invocation_id = NEXT_RUN };
static const struct unit_event stopped = { .state = UNIT_INACTIVE };

static const struct {
	const char *what;
	const struct unit_event *after[STATES_MAX]; /* the loss */
	unsigned orders;
	const char *result; /* the last one told, before the next step is due */
} losses[] = {
	{ "it was restarted", { &away, &restarted }, 1, "done" },
	{ "it is being restarted", { &away, &starting }, 1, "starting" },
	{ "it is, and then was", { &away, &starting, &restarted }, 1, "done" },
	{ "systemd never got the call", { &away, &still_failed }, 2, "starting" },
	{ "somebody stopped it", { &away, &stopped }, 1, "uncertain" },
	{ "the bus stays away", { &away }, 1, "starting" },
	{ "old news on the way", { &still_failed, &away, &restarted }, 1, "done" },
	{ "only our own connection was lost", { &restarted }, 1, "done" },
};

static void lose_bus(size_t row)
{
	struct bench bench;

	begin(&bench, &still_failed);
	bench.now += USEC_PER_MSEC;
	bench_result(&bench, -ECONNRESET);
	tell_units(&bench, losses[row].after);
	bench_pass(&bench, 10 * USEC_PER_SEC);
	CHECK(bench.orders == losses[row].orders, losses[row].what);
	CHECK(strcmp(result(&bench), losses[row].result) == 0, losses[row].what);
	bench_end(&bench);
}

static void test_losses(void)
{
	for (size_t row = 0; row < sizeof(losses) / sizeof(*losses); row++)
		lose_bus(row);
}

/* The agent is back before systemd has told that it is done, or anything. */
static void recover(const struct unit_event *unit, const char *wanted)
{
	struct bench bench;

	begin(&bench, &still_failed);
	bench_result(&bench, -ECONNRESET);
	tell_unit(&bench, &away);
	tell_unit(&bench, unit);
	bench.now += USEC_PER_SEC;
	bench_step(&bench, of_process(NEXT_PID, established(2)));
	CHECK(strcmp(result(&bench), wanted) == 0, wanted);
	bench.now += USEC_PER_MINUTE;
	tell_unit(&bench, &restarted);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.orders, 1);
	bench_end(&bench);
}

static void test_recovered(void)
{
	recover(&away, "uncertain");
	recover(&starting, "done");
	recover(&being_started, "uncertain");
}

/* The result of the first restart is late: the agent runs, and crashes again before it comes. */
static void crash_before_result(bool recovers, unsigned orders)
{
	struct bench bench;

	begin(&bench, &running);
	tell_unit(&bench, &failed);
	CU_ASSERT_EQUAL(bench.orders, 1);
	bench.now += USEC_PER_SEC;
	tell_unit(&bench, &runs_again);
	bench_step(&bench, of_process(NEXT_PID, established(2)));
	bench.now += USEC_PER_SEC;
	bench_step(&bench, of_process(NEXT_PID, dying_fin(2, SIGSEGV)));
	tell_unit(&bench, &failed);
	bench_pass(&bench, 3 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench.orders, 1);
	if (recovers) {
		tell_unit(&bench, &runs_again);
		bench_step(&bench, of_process(NEXT_PID + 1, established(3)));
	}
	bench_result(&bench, 0);
	bench_pass(&bench, USEC_PER_MINUTE);
	CU_ASSERT_EQUAL(bench.orders, orders);
	bench_end(&bench);
}

static void test_crash_before_result(void)
{
	crash_before_result(false, 2);
	crash_before_result(true, 1);
}

/* ---- the unit's state, for people to look at */

static void find_state(void *userdata, const struct agent_snapshot *agent)
{
	*(const char **)userdata = agent->unit_state;
}

static const char *shown_state(const struct bench *bench)
{
	const char *state = "";
	const struct snapshot_sink sink = { .agent = find_state, .userdata = &state };

	engine_snapshot(bench->engine, &sink);
	return state;
}

/* ---- the start limit, as far as the unit's starts were seen */

enum { BURST = 3 };

static const struct {
	const char *what;
	bool ran_before; /* the first word of it: starts may have been missed */
	usec_t quiet;    /* from then to the first start */
	unsigned starts; /* a second apart; the agent crashes a second after the last one */
	bool reset;      /* by `systemctl reset-failed`, before the last one */
	usec_t later;    /* and more than that second */
	bool limited;
	bool held;
} limits[] = {
	{ "at its limit", false, 0, 3, false, 0, true, true },
	{ "below it", false, 0, 2, false, 0, true, false },
	{ "no limit", false, 0, 3, false, 0, false, false },
	{ "the interval is over", false, 0, 3, false, USEC_PER_MINUTE, true, false },
	{ "unknown what was before", true, USEC_PER_SEC, 3, false, 0, true, false },
	{ "quiet for an interval before", true, 2 * USEC_PER_MINUTE, 3, false, 0, true, true },
	{ "reset", false, 0, 3, true, 0, true, false },
};

static struct unit_event limited(const struct unit_event *unit, unsigned run, bool yes)
{
	struct unit_event limited = *unit;

	if (run)
		snprintf(limited.invocation_id, sizeof(limited.invocation_id), "%032x", run);
	limited.start_limit_burst = BURST;
	limited.start_limit_interval = yes ? USEC_PER_MINUTE : 0;
	return limited;
}

static void start(struct bench *bench, size_t row)
{
	struct unit_event unit = limited(&installed, limits[row].ran_before, limits[row].limited);

	tell_unit(bench, &unit);
	bench->now += limits[row].quiet;
	for (unsigned run = 2; run < 2 + limits[row].starts; run++) {
		if (limits[row].reset && run == 1 + limits[row].starts) {
			unit = limited(&failed, run - 1, true);
			tell_unit(bench, &unit);
			unit = limited(&installed, run - 1, true);
			tell_unit(bench, &unit);
		}
		unit = limited(&running, run, limits[row].limited);
		tell_unit(bench, &unit);
		bench->now += USEC_PER_SEC;
	}
	bench->now += limits[row].later;
}

static void crash_at_limit(size_t row)
{
	struct bench bench;
	struct unit_event unit;

	begin_unit(&bench);
	start(&bench, row);
	unit = limited(&failed, 1 + limits[row].starts, limits[row].limited);
	bench_step(&bench, established(1));
	bench_step(&bench, dying_fin(1, SIGSEGV));
	tell_unit(&bench, &unit);
	CHECK(bench.orders == !limits[row].held, limits[row].what);
	CHECK(strcmp(bench_held_by(&bench), limits[row].held ? "start-limit" : "") == 0,
	      limits[row].what);
	CHECK(strcmp(shown_state(&bench), limits[row].held ? "start-limit" : "failed") == 0,
	      limits[row].what);
	bench_end(&bench);
}

static void test_limits(void)
{
	for (size_t row = 0; row < sizeof(limits) / sizeof(*limits); row++)
		crash_at_limit(row);
}

/* ---- a profile as shipped is of no interest on a host that lacks its unit */

static const struct unit_event not_there = { .state = UNIT_INACTIVE, .missing = true };
static const struct unit_event runs_removed = { .state = UNIT_ACTIVE,
						.missing = true,
						.main_pid = PID };

static const struct {
	const char *what;
	bool optional;
	const struct unit_event *told[STATES_MAX];
	bool looks_up, connects;
	unsigned records;
	bool absent;
} sights[] = {
	{ "the operator's own is told at once", false, { &not_there }, false, false, 1, false },
	{ "nothing is known yet", true, { NULL }, false, false, 0, true },
	{ "no bus", true, { &away }, false, false, 0, true },
	{ "there is no such unit", true, { &not_there }, false, false, 0, true },
	{ "there is", true, { &installed }, false, false, 1, false },
	{ "there will be", true, { &not_there, &installed }, false, false, 1, false },
	{ "it was", true, { &installed, &not_there }, false, false, 1, true },
	{ "it comes back", true, { &installed, &not_there, &running }, false, false, 2, false },
	{ "it still runs", true, { &runs_removed }, false, false, 1, false },
	{ "control groups: a connection", true, { NULL }, false, true, 1, false },
	{ "control groups: a lookup", true, { NULL }, true, false, 1, false },
	{ "connected, whatever systemd says",
	  true,
	  { &running, &not_there },
	  true,
	  true,
	  1,
	  false },
};

static void find_absent(void *userdata, const struct agent_snapshot *agent)
{
	*(bool *)userdata = agent->absent;
}

static bool is_absent(const struct bench *bench)
{
	bool absent = false;
	const struct snapshot_sink sink = { .agent = find_absent, .userdata = &absent };

	engine_snapshot(bench->engine, &sink);
	CU_ASSERT_EQUAL(engine_agent_absent(bench->engine, 1), absent);
	return absent;
}

static void look_at(size_t row)
{
	struct bench bench;

	bench_begin_alone(&bench);
	bench_step(&bench, (struct event){ .type = EVENT_AGENT,
					   .watching = { .settings = &bench.settings,
							 .optional = sights[row].optional } });
	if (sights[row].looks_up)
		bench_step(&bench, lookup(LOOKUP_ASKED));
	if (sights[row].connects)
		bench_open(&bench, 1);
	tell_units(&bench, sights[row].told);
	CHECK(bench_count(&bench, RECORD_WATCHING) == sights[row].records, sights[row].what);
	CHECK(is_absent(&bench) == sights[row].absent, sights[row].what);
	bench_end(&bench);
}

static void test_sights(void)
{
	for (size_t row = 0; row < sizeof(sights) / sizeof(*sights); row++)
		look_at(row);
}

/* A drop-in of the operator's makes it the operator's. */
static void test_made_own(void)
{
	struct bench bench;

	bench_begin_alone(&bench);
	bench_step(&bench,
		   (struct event){ .type = EVENT_AGENT,
				   .watching = { .settings = &bench.settings, .optional = true } });
	tell_unit(&bench, &not_there);
	CU_ASSERT_EQUAL(bench.records, 0);
	bench_watch(&bench);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_WATCHING), 1);
	tell_unit(&bench, &not_there);
	CU_ASSERT_FALSE(is_absent(&bench));
	bench_end(&bench);
}

static const struct unit_event masked_and_runs = { .state = UNIT_ACTIVE, .masked = true };
static const struct unit_event masked_and_stopped = { .state = UNIT_INACTIVE, .masked = true };

static const struct {
	const struct unit_event *told[STATES_MAX];
	const char *state;
} states[] = {
	{ { NULL }, "unknown" },
	{ { &running }, "active" },
	{ { &stopped }, "inactive" },
	{ { &failed }, "failed" },
	{ { &running, &failed }, "failed" },
	{ { &auto_restart }, "activating" },
	{ { &auto_restart, &failed }, "start-limit" },
	{ { &auto_restart, &failed, &failed }, "start-limit" },
	{ { &failed, &auto_restart, &runs_again }, "active" },
	{ { &start_limit }, "start-limit" },
	{ { &not_there }, "not-found" },
	{ { &runs_removed }, "active" },
	{ { &masked_and_stopped }, "masked" },
	{ { &masked_and_runs }, "active" },
	{ { &running, &away }, "unknown" },
};

static void test_states(void)
{
	for (size_t row = 0; row < sizeof(states) / sizeof(*states); row++) {
		struct bench bench;

		bench_begin_alone(&bench);
		bench.settings.matches[0] = (struct agent_match){ MATCH_UNIT, "agent.service" };
		bench.settings.match_count = 1;
		bench_watch(&bench);
		tell_units(&bench, states[row].told);
		CHECK(strcmp(shown_state(&bench), states[row].state) == 0, states[row].state);
		bench_end(&bench);
	}
}

SUITE("unit", { "what systemd does comes first", test_rows }, { "a job in the way", test_refused },
      { "its start limit in the way", test_refused_by_the_limit },
      { "the bus is lost meanwhile", test_losses }, { "and the agent recovers", test_recovered },
      { "another crash before the result", test_crash_before_result },
      { "the start limit", test_limits }, { "a profile of what is not there", test_sights },
      { "and the operator's drop-in", test_made_own },
      { "its state, to be looked at", test_states })
