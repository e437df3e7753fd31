/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent is a command of ours: the policy for its end holds for each, with a connection or
 * without one. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "engine/policy/back_off.h"
#include "engine_bench.h"
#include "suite.h"

enum { CHILD = PID + 100 };

static uint32_t pid;    /* of the command, which is another one after each restart */
static uint64_t cookie; /* of its connection */

static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench_restart_on(bench, CAUSE_AGENT_CRASH);
	pid = PID;
	cookie = 0;
}

static void start_command(struct bench *bench)
{
	struct event event = { .type = EVENT_COMMAND, .process.task = agent_task(++pid) };

	bench_step(bench, event);
	event.type = EVENT_EXECED;
	bench_step(bench, event);
}

static void die(struct bench *bench, uint32_t who, uint32_t exit_code)
{
	bench_step(bench, of_process(who, exited(exit_code)));
}

/* Finishes a restart as `connwatchctl run` does. */
static void finish_restart(struct bench *bench)
{
	bench_pass(bench, bench_last_order(bench)->delay);
	start_command(bench);
	bench_result(bench, 0);
}

static void connect_to_hub(struct bench *bench)
{
	cookie++;
	bench_step(bench, of_process(pid, opened(cookie)));
	bench_step(bench, of_process(pid, established(cookie)));
}

static void close_connection(struct bench *bench)
{
	bench_step(bench, of_process(pid, local_fin(cookie)));
}

static const struct record *action(const struct bench *bench, unsigned number)
{
	return bench_record(bench, RECORD_ACTION, number);
}

static const char *held_by(const struct bench *bench, unsigned number)
{
	return action(bench, number)->action_held_by ?: "";
}

/* ---- without a connection */

static void test_crash_at_once(void)
{
	struct bench bench;
	const struct record *told;

	begin(&bench);
	start_command(&bench);
	die(&bench, pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ENDED), 0);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench_last_order(&bench)->action.type, ACTION_RESTART);
	CU_ASSERT_EQUAL_FATAL(bench_count(&bench, RECORD_ACTION), 1);
	told = action(&bench, 0);
	CU_ASSERT_EQUAL(told->verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(told->verdict.confidence, CONFIDENCE_PROVED);
	CU_ASSERT_STRING_EQUAL(told->verdict.evidence.text[0], "killed_by=SIGSEGV");
	CU_ASSERT(told->exit.known && told->exit.by_signal && told->exit.status == SIGSEGV);
	CU_ASSERT_EQUAL(told->process.pid, pid);
	bench_end(&bench);
}

static void test_other_ends(void)
{
	struct bench bench;

	begin(&bench);
	die(&bench, CHILD, SIGSEGV); /* before there is a command */
	start_command(&bench);
	die(&bench, CHILD + 1, SIGSEGV);
	die(&bench, pid, 3 << 8);
	start_command(&bench);
	bench_step(&bench, of_process(pid, signaled(SIGTERM, 1000)));
	die(&bench, pid, SIGTERM);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ACTION), 0);
	CU_ASSERT_EQUAL(bench.orders, 0);
	bench_end(&bench);
}

static void test_pauses_and_limit(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.limit_burst = 4;
	start_command(&bench);
	for (unsigned run = 0; run < 4; run++) {
		die(&bench, pid, SIGABRT);
		CU_ASSERT_EQUAL_FATAL(bench.orders, run + 1);
		CU_ASSERT_EQUAL(bench_last_order(&bench)->delay, BACK_OFF_FIRST << run);
		finish_restart(&bench);
	}
	CU_ASSERT_FALSE(engine_revival_pending(bench.engine));
	die(&bench, pid, SIGABRT);
	CU_ASSERT_EQUAL(bench.orders, 4);
	CU_ASSERT_EQUAL_FATAL(bench_count(&bench, RECORD_ACTION), 4 * 2 + 1);
	CU_ASSERT_STRING_EQUAL(held_by(&bench, 8), "limit");
	CU_ASSERT_FALSE(engine_revival_pending(bench.engine));
	bench_end(&bench);
}

/* ---- with one: its end is told, and acted upon once */

static void test_connection_of_the_dead(void)
{
	struct bench bench;

	begin(&bench);
	start_command(&bench);
	connect_to_hub(&bench);
	die(&bench, pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench.orders, 0);
	bench_step(&bench, of_process(pid, dying_fin(cookie, SIGSEGV)));
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ENDED), 1);
	CU_ASSERT_EQUAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ACTION), 1);
	CU_ASSERT_EQUAL(action(&bench, 0)->cookie, cookie);
	bench_end(&bench);
}

/* The agent exits while it connects, in the run after a restart. */
static void test_attempt_of_the_dead(void)
{
	struct bench bench;
	struct event gone;

	begin(&bench);
	start_command(&bench);
	die(&bench, pid, SIGSEGV);
	finish_restart(&bench);
	cookie++;
	bench_step(&bench, of_process(pid, opened(cookie)));
	die(&bench, pid, SIGSEGV);
	gone = connection_event(EVENT_ENDED, cookie, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);
	gone.connection.current.exiting = true;
	gone.connection.current.exit_code = SIGSEGV;
	bench_step(&bench, of_process(pid, gone));
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ENDED), 1);
	CU_ASSERT_EQUAL(bench.orders, 2);
	bench_end(&bench);
}

static void test_told_once(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.limit_burst = 0;
	start_command(&bench);
	connect_to_hub(&bench);
	close_connection(&bench);
	bench_pass(&bench, USEC_PER_MSEC);
	die(&bench, pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ENDED), 1);
	CU_ASSERT_EQUAL_FATAL(bench_count(&bench, RECORD_ACTION), 1);
	CU_ASSERT_STRING_EQUAL(held_by(&bench, 0), "limit");
	bench_end(&bench);
}

/* The connection was closed by the living; that the command crashed later counts all the same. */
static void test_suspected_of_the_connection(void)
{
	struct bench bench;

	begin(&bench);
	start_command(&bench);
	connect_to_hub(&bench);
	close_connection(&bench);
	bench_pass(&bench, 500 * USEC_PER_MSEC);
	die(&bench, pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ACTION), 1);
	CU_ASSERT_EQUAL(bench.orders, 1);
	bench_end(&bench);
}

/* The restart because of a reset waits for its time; the end of the command does not. */
static void test_end_takes_over(void)
{
	struct event reset;
	struct bench bench;

	begin(&bench);
	bench.settings.policy[CAUSE_PEER_RESET] = bench.settings.policy[CAUSE_AGENT_CRASH];
	bench.settings.randomized_delay = USEC_PER_HOUR;
	start_command(&bench);
	connect_to_hub(&bench);
	bench.now += USEC_PER_MINUTE;
	reset = connection_event(EVENT_ENDED, cookie, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	reset.connection.facts.error = ECONNRESET;
	reset.connection.facts.reset_received = true;
	reset.connection.facts.age = USEC_PER_MINUTE;
	bench_step(&bench, of_process(pid, reset));
	bench_pass(&bench, 2 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench_count(&bench, RECORD_ENDED), 1);
	CU_ASSERT_EQUAL(bench.orders, 0);
	die(&bench, pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench_last_order(&bench)->cause, CAUSE_AGENT_CRASH);
	bench_end(&bench);
}

/* There is no unit that would show what came of it. The plan goes on. */
static void test_unknown_results(void)
{
	static const int errors[] = { -ECONNRESET, -EINPROGRESS };
	struct bench bench;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		begin(&bench);
		bench.settings.policy[CAUSE_AGENT_CRASH] =
			(struct policy_steps){ .steps = { { .type = ACTION_START_UNIT },
							  { .type = ACTION_RESTART } },
					       .count = 2 };
		start_command(&bench);
		die(&bench, pid, SIGSEGV);
		bench_result(&bench, errors[i]);
		CU_ASSERT_EQUAL_FATAL(bench_count(&bench, RECORD_ACTION), 2);
		CU_ASSERT_STRING_EQUAL(action(&bench, 1)->action_result, "uncertain");
		bench_pass(&bench, bench.settings.escalate_after);
		CU_ASSERT_EQUAL(bench_last_order(&bench)->action.type, ACTION_RESTART);
		bench_end(&bench);
	}
}

SUITE("engine_command", { "a crash before the first connection", test_crash_at_once },
      { "ends that the policy does not name", test_other_ends },
      { "pauses double up to the limit", test_pauses_and_limit },
      { "the connection of the dead tells", test_connection_of_the_dead },
      { "an attempt of the dead, too", test_attempt_of_the_dead },
      { "nothing is told twice", test_told_once },
      { "a crash that only may have ended it", test_suspected_of_the_connection },
      { "the end of the command takes over", test_end_takes_over },
      { "a result that nobody can tell", test_unknown_results })
