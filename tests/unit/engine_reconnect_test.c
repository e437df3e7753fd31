/* An agent lives and has no connection for too long: its steps are taken one after the other,
 * within the limit, and then it is said once that they did not help. */
#include "core/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { AGENT = 1, PID = 4711, TOLD_SIZE = 512, ACTIONS_MAX = 8 };

#define TIMEOUT  (5 * USEC_PER_MINUTE)
#define ESCALATE (2 * USEC_PER_MINUTE)
#define TAKES    USEC_PER_SEC /* an action */

struct bench {
	struct engine *engine;
	struct agent_settings settings;
	usec_t now;
	uint64_t cookie;
	char told[TOLD_SIZE]; /* "ACTION RESULT, ..." */
	unsigned stalled;     /* records */
	uint32_t order;       /* whose result is awaited; 0: none */
	usec_t ordered[ACTIONS_MAX];
	unsigned orders;
};

static void take(void *userdata, const struct outcome *outcome)
{
	struct bench *bench = userdata;
	size_t length = strlen(bench->told);
	char action[ACTION_TEXT_SIZE];

	if (outcome->type == OUTCOME_ORDER) {
		CU_ASSERT_FATAL(bench->orders < ACTIONS_MAX);
		bench->order = outcome->order.number;
		bench->ordered[bench->orders++] = bench->now;
	} else if (outcome->type == OUTCOME_RECORD && outcome->record->kind == RECORD_STALLED) {
		bench->stalled++;
	} else if (outcome->type == OUTCOME_RECORD && outcome->record->action_result) {
		action_format(&outcome->record->action, action, sizeof(action));
		snprintf(bench->told + length, sizeof(bench->told) - length, "%s%s %s",
			 length ? ", " : "", action, outcome->record->action_result);
	}
}

static void step(struct bench *bench, struct event event)
{
	event.time = bench->now;
	event.agent = AGENT;
	engine_step(bench->engine, &event, take, bench);
}

static void begin(struct bench *bench, unsigned steps, unsigned burst)
{
	static const enum action_type types[] = { ACTION_RELOAD, ACTION_RESTART };
	struct engine_limits limits = {
		.agents = 1, .connections = 4, .processes = 4, .namespaces = 1
	};
	struct policy_steps *policy = &bench->settings.policy[CAUSE_AGENT_NOT_RECONNECTING];

	*bench = (struct bench){ .now = USEC_PER_HOUR };
	agent_settings_defaults(&bench->settings, "agent");
	bench->settings.keepalive = USEC_INFINITY;
	bench->settings.reconnect_timeout = TIMEOUT;
	bench->settings.escalate_after = ESCALATE;
	bench->settings.limit_burst = burst;
	policy->count = steps;
	for (unsigned i = 0; i < steps; i++)
		policy->steps[i].type = types[2 - steps + i];
	CU_ASSERT_EQUAL_FATAL(engine_new(&bench->engine, &limits), 0);
	step(bench,
	     (struct event){ .type = EVENT_AGENT, .watching = { .settings = &bench->settings } });
	step(bench, (struct event){ .type = EVENT_CAUGHT_UP });
	step(bench,
	     (struct event){
		     .type = EVENT_UNIT,
		     .unit = { .unit = "agent.service", .state = UNIT_ACTIVE, .main_pid = PID } });
}

static void end(struct bench *bench)
{
	engine_free(bench->engine);
}

static struct event connection(const struct bench *bench, enum event_type type,
			       enum tcp_state before, enum tcp_state state)
{
	struct task task = { .pid = PID, .comm = "agent", .in_agent = true };

	return (struct event){ .type = type,
			       .connection = {
				       .cookie = bench->cookie,
				       .owner = task,
				       .current = task,
				       .facts = { .state_before = before, .state = state } } };
}

static void open_connection(struct bench *bench)
{
	bench->cookie++;
	step(bench, connection(bench, EVENT_OPENED, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT));
	step(bench,
	     connection(bench, EVENT_ESTABLISHED, TCP_STATE_SYN_SENT, TCP_STATE_ESTABLISHED));
}

static void lose_connection(struct bench *bench)
{
	struct event event =
		connection(bench, EVENT_CLOSING, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE_WAIT);

	event.connection.facts.fin_received = true;
	event.connection.facts.age = USEC_PER_MINUTE;
	step(bench, event);
}

/* Every order has its result a while later. */
static void pass(struct bench *bench, usec_t time, int error)
{
	usec_t end = bench->now + time;

	while (bench->now < end) {
		bench->now += TAKES;
		if (bench->order)
			step(bench, (struct event){ .type = EVENT_ACTION_RESULT,
						    .action_result = { .order = bench->order,
								       .error = error } });
		bench->order = 0;
		step(bench, (struct event){ .type = EVENT_TIME });
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
	CHECK(strcmp(bench.told, rows[row].told) == 0, rows[row].what);
	CHECK(bench.stalled == 1, rows[row].what);
	end(&bench);
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
	end(&bench);
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
		*bench.told = '\0';
		lose_connection(&bench);
		pass(&bench, TIMEOUT + USEC_PER_MINUTE, 0);
		open_connection(&bench);
		pass(&bench, USEC_PER_HOUR, 0);
		CU_ASSERT_STRING_EQUAL(bench.told, "reload starting, reload done, reload helped");
		CU_ASSERT_EQUAL(bench.stalled, outage);
	}
	end(&bench);
}

SUITE("engine_reconnect", { "one step after the other, then an end", test_rows },
      { "each in its time", test_times }, { "a step that helped is the last", test_helped })
