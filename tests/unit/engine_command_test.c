/* The agent is a command of ours: the policy for its end holds for each, with a connection or
 * without one. */
#include "core/back_off.h"
#include "core/engine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "suite.h"

enum { AGENT = 1, COMMAND = 4711, CHILD = 4800, ACTIONS_MAX = 64 };

struct bench {
	struct engine *engine;
	struct agent_settings settings;
	usec_t now;
	uint32_t pid; /* of the command */
	uint64_t cookie;
	unsigned ended;   /* records */
	unsigned actions; /* likewise */
	struct record action[ACTIONS_MAX];
	unsigned orders;
	struct order order;
};

static void take(void *userdata, const struct outcome *outcome)
{
	struct bench *bench = userdata;

	if (outcome->type == OUTCOME_ORDER) {
		bench->orders++;
		bench->order = outcome->order;
	} else if (outcome->type == OUTCOME_RECORD && outcome->record->kind == RECORD_ENDED) {
		bench->ended++;
	} else if (outcome->type == OUTCOME_RECORD && outcome->record->kind == RECORD_ACTION) {
		CU_ASSERT_FATAL(bench->actions < ACTIONS_MAX);
		bench->action[bench->actions++] = *outcome->record;
	}
}

static void step(struct bench *bench, struct event event)
{
	event.time = bench->now;
	event.agent = AGENT;
	engine_step(bench->engine, &event, take, bench);
}

static void pass(struct bench *bench, usec_t time)
{
	bench->now += time;
	step(bench, (struct event){ .type = EVENT_TIME });
}

static struct task task_of(uint32_t pid)
{
	return (struct task){ .pid = pid, .comm = "agent", .in_agent = true };
}

static void start_command(struct bench *bench)
{
	struct event event = { .type = EVENT_COMMAND };

	bench->pid++;
	event.process.task = task_of(bench->pid);
	step(bench, event);
	event.type = EVENT_EXECED;
	step(bench, event);
}

static void begin(struct bench *bench)
{
	struct engine_limits limits = {
		.agents = 1, .connections = 8, .processes = 8, .namespaces = 4
	};

	*bench = (struct bench){ .now = USEC_PER_HOUR, .pid = COMMAND };
	agent_settings_defaults(&bench->settings, "agent");
	bench->settings.policy[CAUSE_AGENT_CRASH] =
		(struct policy_steps){ .steps = { { .type = ACTION_RESTART } }, .count = 1 };
	CU_ASSERT_EQUAL_FATAL(engine_new(&bench->engine, &limits), 0);
	step(bench,
	     (struct event){ .type = EVENT_AGENT, .watching = { .settings = &bench->settings } });
	step(bench, (struct event){ .type = EVENT_CAUGHT_UP });
}

static void end(struct bench *bench)
{
	engine_free(bench->engine);
}

static void die(struct bench *bench, uint32_t pid, uint32_t exit_code)
{
	struct event event = { .type = EVENT_EXITED, .process.task = task_of(pid) };

	event.process.task.exiting = true;
	event.process.task.exit_code = exit_code;
	step(bench, event);
}

/* As `connwatchctl run` does it. */
static void finish_restart(struct bench *bench)
{
	pass(bench, bench->order.delay);
	start_command(bench);
	step(bench, (struct event){ .type = EVENT_ACTION_RESULT,
				    .action_result = { .order = bench->order.number } });
}

static struct event connection(struct bench *bench, enum event_type type, enum tcp_state before,
			       enum tcp_state state)
{
	return (struct event){ .type = type,
			       .connection = {
				       .cookie = bench->cookie,
				       .owner = task_of(bench->pid),
				       .current = task_of(bench->pid),
				       .facts = { .state_before = before, .state = state } } };
}

static void connect_to_hub(struct bench *bench)
{
	bench->cookie++;
	step(bench, connection(bench, EVENT_OPENED, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT));
	step(bench,
	     connection(bench, EVENT_ESTABLISHED, TCP_STATE_SYN_SENT, TCP_STATE_ESTABLISHED));
}

static void close_connection(struct bench *bench, const struct task *closer)
{
	struct event event =
		connection(bench, EVENT_CLOSING, TCP_STATE_ESTABLISHED, TCP_STATE_FIN_WAIT1);

	event.connection.current = *closer;
	event.connection.facts.shutdown = 3;
	step(bench, event);
}

static struct task dying(const struct bench *bench, uint32_t exit_code)
{
	struct task task = task_of(bench->pid);

	task.exiting = true;
	task.exit_code = exit_code;
	return task;
}

/* ---- without a connection */

static void test_crash_at_once(void)
{
	struct bench bench;
	const struct record *action = &bench.action[0];

	begin(&bench);
	start_command(&bench);
	die(&bench, bench.pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench.ended, 0);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench.order.action.type, ACTION_RESTART);
	CU_ASSERT_EQUAL_FATAL(bench.actions, 1);
	CU_ASSERT_EQUAL(action->verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(action->verdict.confidence, CONFIDENCE_PROVED);
	CU_ASSERT_STRING_EQUAL(action->verdict.evidence.text[0], "killed_by=SIGSEGV");
	CU_ASSERT(action->exit.known && action->exit.by_signal && action->exit.status == SIGSEGV);
	CU_ASSERT_EQUAL(action->process.pid, bench.pid);
	end(&bench);
}

static void test_other_ends(void)
{
	struct event asked = { .type = EVENT_SIGNALED };
	struct bench bench;

	begin(&bench);
	die(&bench, CHILD, SIGSEGV); /* before there is a command */
	start_command(&bench);
	die(&bench, CHILD + 1, SIGSEGV);
	die(&bench, bench.pid, 3 << 8);
	start_command(&bench);
	asked.process.task = task_of(bench.pid);
	asked.process.signal = SIGTERM;
	asked.process.sender.pid = 1000;
	step(&bench, asked);
	die(&bench, bench.pid, SIGTERM);
	pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.actions, 0);
	CU_ASSERT_EQUAL(bench.orders, 0);
	end(&bench);
}

static void test_pauses_and_limit(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.limit_burst = 4;
	start_command(&bench);
	for (unsigned run = 0; run < 4; run++) {
		die(&bench, bench.pid, SIGABRT);
		CU_ASSERT_EQUAL_FATAL(bench.orders, run + 1);
		CU_ASSERT_EQUAL(bench.order.delay, BACK_OFF_FIRST << run);
		finish_restart(&bench);
	}
	CU_ASSERT_FALSE(engine_revival_pending(bench.engine));
	die(&bench, bench.pid, SIGABRT);
	CU_ASSERT_EQUAL(bench.orders, 4);
	CU_ASSERT_EQUAL_FATAL(bench.actions, 4 * 2 + 1);
	CU_ASSERT_STRING_EQUAL(bench.action[8].action_held_by ?: "", "limit");
	CU_ASSERT_FALSE(engine_revival_pending(bench.engine));
	end(&bench);
}

/* ---- with one: its end is told, and acted upon once */

static void test_connection_of_the_dead(void)
{
	struct bench bench;
	struct task closer;

	begin(&bench);
	start_command(&bench);
	connect_to_hub(&bench);
	die(&bench, bench.pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench.orders, 0);
	closer = dying(&bench, SIGSEGV);
	close_connection(&bench, &closer);
	CU_ASSERT_EQUAL(bench.ended, 1);
	CU_ASSERT_EQUAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench.actions, 1);
	CU_ASSERT_EQUAL(bench.action[0].cookie, bench.cookie);
	end(&bench);
}

/* It goes away while it connects, in the run after a restart. */
static void test_attempt_of_the_dead(void)
{
	struct bench bench;
	struct event gone;

	begin(&bench);
	start_command(&bench);
	die(&bench, bench.pid, SIGSEGV);
	finish_restart(&bench);
	bench.cookie++;
	step(&bench, connection(&bench, EVENT_OPENED, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT));
	die(&bench, bench.pid, SIGSEGV);
	gone = connection(&bench, EVENT_ENDED, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);
	gone.connection.current = dying(&bench, SIGSEGV);
	step(&bench, gone);
	CU_ASSERT_EQUAL(bench.ended, 1);
	CU_ASSERT_EQUAL(bench.orders, 2);
	end(&bench);
}

static void test_told_once(void)
{
	struct task closer = task_of(COMMAND + 1);
	struct bench bench;

	begin(&bench);
	bench.settings.limit_burst = 0;
	start_command(&bench);
	connect_to_hub(&bench);
	close_connection(&bench, &closer);
	pass(&bench, USEC_PER_MSEC);
	die(&bench, bench.pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench.ended, 1);
	CU_ASSERT_EQUAL_FATAL(bench.actions, 1);
	CU_ASSERT_STRING_EQUAL(bench.action[0].action_held_by ?: "", "limit");
	end(&bench);
}

/* What the crash has to do with the connection is only suspected; that it crashed is proved. */
static void test_suspected_of_the_connection(void)
{
	struct task closer = task_of(COMMAND + 1);
	struct bench bench;

	begin(&bench);
	start_command(&bench);
	connect_to_hub(&bench);
	close_connection(&bench, &closer);
	pass(&bench, 500 * USEC_PER_MSEC);
	die(&bench, bench.pid, SIGSEGV);
	CU_ASSERT_EQUAL_FATAL(bench.actions, 2);
	CU_ASSERT_STRING_EQUAL(bench.action[0].action_held_by ?: "", "confidence");
	CU_ASSERT_EQUAL(bench.orders, 1);
	end(&bench);
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
	reset = connection(&bench, EVENT_ENDED, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	reset.connection.facts.error = ECONNRESET;
	reset.connection.facts.reset_received = true;
	reset.connection.facts.age = USEC_PER_MINUTE;
	step(&bench, reset);
	pass(&bench, 2 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench.ended, 1);
	CU_ASSERT_EQUAL(bench.orders, 0);
	die(&bench, bench.pid, SIGSEGV);
	CU_ASSERT_EQUAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench.order.cause, CAUSE_AGENT_CRASH);
	end(&bench);
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
		die(&bench, bench.pid, SIGSEGV);
		step(&bench, (struct event){ .type = EVENT_ACTION_RESULT,
					     .action_result = { .order = bench.order.number,
								.error = errors[i] } });
		CU_ASSERT_EQUAL_FATAL(bench.actions, 2);
		CU_ASSERT_STRING_EQUAL(bench.action[1].action_result, "uncertain");
		pass(&bench, bench.settings.escalate_after);
		CU_ASSERT_EQUAL(bench.order.action.type, ACTION_RESTART);
		end(&bench);
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
