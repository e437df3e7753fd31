/* An agent lives and has no connection for too long: its steps are taken one after the other,
 * within the limit, and then it is said once that they did not help. Where something else is being
 * done about the agent, they come after that. */
#include "core/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { AGENT = 1, PID = 4711, NETNS = 77, TOLD_SIZE = 512, ACTIONS_MAX = 8 };

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

static struct endpoint own(void)
{
	return (struct endpoint){ .family = AF_INET, .address = { 10, 0, 0, 5 } };
}

static void tell_unit(struct bench *bench, enum unit_state state, uint32_t pid, const char *job)
{
	struct event event = { .type = EVENT_UNIT,
			       .unit = {
				       .unit = "agent.service", .state = state, .main_pid = pid } };

	snprintf(event.unit.job, sizeof(event.unit.job), "%s", job);
	step(bench, event);
}

static void tell_path(struct bench *bench, enum event_type type, struct path_event path)
{
	path.netns = NETNS;
	path.interface = 2;
	step(bench, (struct event){ .type = type, .path = path });
}

static void tell_route(struct bench *bench, bool up)
{
	tell_path(bench, EVENT_ROUTE,
		  (struct path_event){ .up = up,
				       .address = { .family = AF_INET },
				       .gateway = { .family = AF_INET, .address = { 10, 0, 0, 1 } },
				       .table = 254 /* RT_TABLE_MAIN */ });
}

static void begin_path(struct bench *bench)
{
	tell_path(bench, EVENT_NAMESPACE, (struct path_event){ .up = false });
	tell_path(bench, EVENT_LINK, (struct path_event){ .up = true, .interface_name = "eth0" });
	tell_path(bench, EVENT_ADDRESS,
		  (struct path_event){ .up = true, .address = own(), .prefix_length = 24 });
	tell_route(bench, true);
	tell_path(bench, EVENT_NAMESPACE, (struct path_event){ .up = true });
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
	tell_unit(bench, UNIT_ACTIVE, PID, "");
	begin_path(bench);
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
				       .netns = NETNS,
				       .local = own(),
				       .peer = { .family = AF_INET,
						 .port = 8883,
						 .address = { 192, 0, 2, 7 } },
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
	tell_route(bench, false);
	pass(bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL(bench->orders, 0);
	tell_route(bench, true);
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
		CHECK(strcmp(bench.told, meanwhile[row].told) == 0, meanwhile[row].what);
		CHECK(bench.stalled == 1, meanwhile[row].what);
		end(&bench);
	}
}

/* What it did a moment before its turn counts. */
static void test_turn(void)
{
	struct bench bench;
	usec_t tried;

	begin_meanwhile(&bench);
	lose_connection(&bench);
	pass(&bench, 4 * TIMEOUT, 0);
	bench.cookie++;
	step(&bench, connection(&bench, EVENT_OPENED, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT));
	tried = bench.now;
	pass(&bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 2);
	CU_ASSERT_EQUAL(bench.ordered[1], tried + TIMEOUT);
	end(&bench);
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
	step(&bench, event);
	tell_unit(&bench, UNIT_ACTIVE, PID + 1, "");
	begun = bench.now;
	pass(&bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL_FATAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench.ordered[0], begun + TIMEOUT);
	end(&bench);
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
	CU_ASSERT_EQUAL(bench.stalled, 0);
	tell_unit(&bench, UNIT_ACTIVE, PID, "");
	pass(&bench, USEC_PER_HOUR, 0);
	CU_ASSERT_EQUAL(bench.stalled, 1);
	CU_ASSERT_STRING_EQUAL(bench.told, RESTARTED);
	end(&bench);
}

SUITE("engine_reconnect", { "one step after the other, then an end", test_rows },
      { "each in its time", test_times }, { "a step that helped is the last", test_helped },
      { "after what else is being done", test_meanwhile },
      { "an attempt puts its turn off", test_turn },
      { "a new process has its time", test_new_process },
      { "a unit about to be stopped is left alone", test_about_to_be_stopped })
