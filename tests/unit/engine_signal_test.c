/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* signal:NAME: which process an order names. A pid alone is not enough: it may be another's by the
 * time of the signal. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

enum { MAIN_PID = PID + 1, START = 1000, MAIN_START = 900 };

static void begin(struct bench *bench)
{
	struct policy_steps *policy;

	bench_begin_alone(bench);
	bench->settings.randomized_delay = 0;
	policy = &bench->settings.policy[CAUSE_CONNECT_REFUSED];
	policy->count = 1;
	policy->steps[0] = (struct action){ .type = ACTION_SIGNAL, .signal = SIGUSR1 };
	bench_watch(bench);
}

/* The peer refuses a connection, whose owner started at `started`. */
static void refuse(struct bench *bench, uint64_t started)
{
	struct event syn = opened(1), rst = refused(1);

	syn.connection.owner.started = rst.connection.owner.started = started;
	syn.connection.current.started = rst.connection.current.started = started;
	bench_step(bench, syn);
	bench_step(bench, rst);
	bench_pass(bench, 2 * VERDICT_WAIT);
}

static void expect(struct bench *bench, uint32_t pid, uint64_t started)
{
	const struct order *order = bench_last_order(bench);

	CU_ASSERT_EQUAL(order->action.type, ACTION_SIGNAL);
	CU_ASSERT_EQUAL(order->pid, pid);
	CU_ASSERT_EQUAL(order->started, started);
	bench_end(bench);
}

static void test_owner(void)
{
	struct bench bench;

	begin(&bench);
	refuse(&bench, START);
	expect(&bench, PID, START);
}

static void test_unknown_start(void)
{
	struct bench bench;

	begin(&bench);
	refuse(&bench, 0);
	expect(&bench, PID, 0);
}

static void test_main_process(void)
{
	struct event unit = unit_is(UNIT_ACTIVE, MAIN_PID);
	struct bench bench;

	begin(&bench);
	unit.unit.main_started = MAIN_START;
	bench_step(&bench, unit);
	refuse(&bench, START);
	expect(&bench, MAIN_PID, MAIN_START);
}

/* By the time systemd's word was read, the pid was another's: the kernel's word counts. */
static void test_main_process_that_was_seen(void)
{
	struct event unit = unit_is(UNIT_ACTIVE, MAIN_PID);
	struct event start = { .type = EVENT_STARTED, .process.task = agent_task(MAIN_PID) };
	struct bench bench;

	begin(&bench);
	start.process.task.started = MAIN_START;
	bench_step(&bench, start);
	unit.unit.main_started = MAIN_START + 5;
	bench_step(&bench, unit);
	refuse(&bench, START);
	expect(&bench, MAIN_PID, MAIN_START);
}

/* Somebody else restarted the unit between two steps: what runs now has done nothing. */
static void test_main_process_that_was_replaced(void)
{
	enum { NEW_PID = PID + 2, NEW_START = 2000, NEWEST_PID = PID + 3, NEWEST_START = 3000 };
	struct event unit = unit_is(UNIT_ACTIVE, MAIN_PID);
	struct policy_steps *policy;
	struct bench bench;

	begin(&bench);
	policy = &bench.settings.policy[CAUSE_CONNECT_REFUSED];
	policy->count = 4;
	policy->steps[1] = (struct action){ .type = ACTION_SIGNAL, .signal = SIGABRT };
	policy->steps[2] = (struct action){ .type = ACTION_RESTART };
	policy->steps[3] = policy->steps[1];
	bench.settings.limit_burst = 10;
	unit.unit.main_started = MAIN_START;
	bench_step(&bench, unit);
	refuse(&bench, START);
	bench_result(&bench, 0);
	unit.unit.main_pid = NEW_PID;
	unit.unit.main_started = NEW_START;
	bench_step(&bench, unit);

	bench_pass(&bench, bench.settings.escalate_after);
	CU_ASSERT_EQUAL(bench_last_order(&bench)->action.signal, SIGABRT);
	CU_ASSERT_EQUAL(bench_last_order(&bench)->pid, MAIN_PID);
	CU_ASSERT_EQUAL(bench_last_order(&bench)->started, MAIN_START);
	bench_result(&bench, -ESRCH);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->action_result, "failed");
	CU_ASSERT_EQUAL(bench_last(&bench)->action_error, -ESRCH);

	/* what concerns the unit goes on, and after that its process is the plan's own */
	bench_pass(&bench, bench.settings.escalate_after);
	CU_ASSERT_EQUAL(bench_last_order(&bench)->action.type, ACTION_RESTART);
	bench_result(&bench, 0);
	unit.unit.main_pid = NEWEST_PID;
	unit.unit.main_started = NEWEST_START;
	bench_step(&bench, unit);
	bench_pass(&bench, bench.settings.escalate_after);
	expect(&bench, NEWEST_PID, NEWEST_START);
}

SUITE("signal",
      { "a main process that was replaced is not meant", test_main_process_that_was_replaced },
      { "the owner, with its start", test_owner },
      { "a start that is not known stays so", test_unknown_start },
      { "the unit's main process", test_main_process },
      { "the kernel's word on the main process counts", test_main_process_that_was_seen })
