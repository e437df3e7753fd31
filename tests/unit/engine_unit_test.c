/* An agent crashes, and is to be restarted: what systemd does with its unit keeps us from it. */
#include "core/engine.h"
#include "core/verdict.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "suite.h"

enum { AGENT = 1, PID = 4711, NEXT_PID = 4712, STATES_MAX = 3 };

#define THIS_RUN "11111111111111111111111111111111"
#define NEXT_RUN "22222222222222222222222222222222"

struct seen {
	unsigned orders;
	uint32_t order;
	const char *held_by; /* the last time */
	const char *result;  /* likewise */
};

static void look(void *userdata, const struct outcome *outcome)
{
	struct seen *seen = userdata;

	if (outcome->type == OUTCOME_ORDER) {
		seen->orders++;
		seen->order = outcome->order.number;
	} else if (outcome->type == OUTCOME_RECORD && outcome->record->kind == RECORD_ACTION) {
		seen->held_by = outcome->record->action_held_by ?: seen->held_by;
		seen->result = outcome->record->action_result;
	}
}

/* How the unit stands. */
static const struct unit_event running = { .state = UNIT_ACTIVE, .main_pid = PID };
static const struct unit_event being_stopped = { .state = UNIT_ACTIVE,
						 .main_pid = PID,
						 .job = "stop" };
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

static void step(struct engine *engine, struct event event, struct seen *seen)
{
	event.agent = AGENT;
	engine_step(engine, &event, look, seen);
}

static void tell_unit(struct engine *engine, const struct unit_event *unit, usec_t time,
		      struct seen *seen)
{
	struct event event = { .type = EVENT_UNIT, .time = time, .unit = *unit };

	strcpy(event.unit.unit, "agent.service");
	step(engine, event, seen);
}

static void crash(struct engine *engine, usec_t time, struct seen *seen)
{
	struct event event = {
		.type = EVENT_ESTABLISHED,
		.time = time - USEC_PER_SEC,
		.connection = {
			.cookie = 1,
			.owner = { .pid = PID, .in_agent = true },
			.current = { .pid = PID, .in_agent = true, .exit_code = SIGSEGV },
			.facts = { .state = TCP_STATE_ESTABLISHED },
		},
	};

	step(engine, event, seen);
	event.type = EVENT_CLOSING;
	event.time = time;
	event.connection.current.exiting = true;
	event.connection.facts.state_before = TCP_STATE_ESTABLISHED;
	event.connection.facts.state = TCP_STATE_FIN_WAIT1;
	step(engine, event, seen);
}

static void begin(struct engine **engine, struct agent_settings *settings, struct seen *seen)
{
	struct engine_limits limits = { .agents = 1, .connections = 4, .processes = 4 };

	CU_ASSERT_EQUAL_FATAL(engine_new(engine, &limits), 0);
	agent_settings_defaults(settings, "agent");
	settings->matches[0].type = MATCH_UNIT;
	strcpy(settings->matches[0].value, "agent.service");
	settings->match_count = 1;
	settings->policy[CAUSE_AGENT_CRASH].steps[0].type = ACTION_RESTART;
	settings->policy[CAUSE_AGENT_CRASH].count = 1;
	step(*engine, (struct event){ .type = EVENT_AGENT, .watching = { .settings = settings } },
	     seen);
}

static void play(size_t row)
{
	struct agent_settings settings;
	struct engine *engine;
	struct seen seen = { 0 };
	usec_t now = USEC_PER_MINUTE;

	begin(&engine, &settings, &seen);
	tell_unit(engine, rows[row].before, now - 2 * USEC_PER_SEC, &seen);
	crash(engine, now, &seen);
	for (size_t i = 0; i < STATES_MAX && rows[row].after[i]; i++)
		tell_unit(engine, rows[row].after[i], now += USEC_PER_MSEC, &seen);
	step(engine, (struct event){ .type = EVENT_TIME, .time = now + USEC_PER_MINUTE }, &seen);
	CHECK(seen.orders == rows[row].orders, rows[row].what);
	CHECK(strcmp(seen.held_by ?: "", rows[row].held_by ?: "") == 0, rows[row].what);
	engine_free(engine);
}

static void test_rows(void)
{
	for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++)
		play(row);
}

static void tell_result(struct engine *engine, int error, usec_t time, struct seen *seen)
{
	step(engine,
	     (struct event){ .type = EVENT_ACTION_RESULT,
			     .time = time,
			     .action_result = { .order = seen->order, .error = error } },
	     seen);
}

/* A job of another's was in the way: that is no failure of ours. */
static void test_refused(void)
{
	struct agent_settings settings;
	struct engine *engine;
	struct seen seen = { 0 };

	begin(&engine, &settings, &seen);
	tell_unit(engine, &failed, USEC_PER_SEC, &seen);
	crash(engine, USEC_PER_MINUTE, &seen);
	CU_ASSERT_EQUAL_FATAL(seen.orders, 1);
	tell_result(engine, -EDEADLK, USEC_PER_MINUTE, &seen);
	CU_ASSERT_STRING_EQUAL(seen.held_by ?: "", "systemd");
	engine_free(engine);
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
	struct agent_settings settings;
	struct engine *engine;
	struct seen seen = { 0 };
	usec_t now = USEC_PER_MINUTE;

	begin(&engine, &settings, &seen);
	tell_unit(engine, &still_failed, USEC_PER_SEC, &seen);
	crash(engine, now, &seen);
	tell_result(engine, -ECONNRESET, now += USEC_PER_MSEC, &seen);
	for (size_t i = 0; i < STATES_MAX && losses[row].after[i]; i++)
		tell_unit(engine, losses[row].after[i], now += USEC_PER_MSEC, &seen);
	step(engine, (struct event){ .type = EVENT_TIME, .time = now + 10 * USEC_PER_SEC }, &seen);
	CHECK(seen.orders == losses[row].orders, losses[row].what);
	CHECK(strcmp(seen.result ?: "", losses[row].result) == 0, losses[row].what);
	engine_free(engine);
}

static void test_losses(void)
{
	for (size_t row = 0; row < sizeof(losses) / sizeof(*losses); row++)
		lose_bus(row);
}

/* The agent is back before systemd has told that it is done, or anything. */
static void recover(const struct unit_event *unit, const char *result)
{
	struct agent_settings settings;
	struct engine *engine;
	struct seen seen = { 0 };
	usec_t now = USEC_PER_MINUTE;
	struct event back = { .type = EVENT_ESTABLISHED,
			      .time = now + USEC_PER_SEC,
			      .connection = { .cookie = 2,
					      .owner = { .pid = NEXT_PID, .in_agent = true },
					      .facts = { .state = TCP_STATE_ESTABLISHED } } };

	begin(&engine, &settings, &seen);
	tell_unit(engine, &still_failed, USEC_PER_SEC, &seen);
	crash(engine, now, &seen);
	tell_result(engine, -ECONNRESET, now, &seen);
	tell_unit(engine, &away, now, &seen);
	tell_unit(engine, unit, now, &seen);
	step(engine, back, &seen);
	CHECK(strcmp(seen.result ?: "", result) == 0, result);
	tell_unit(engine, &restarted, now + USEC_PER_MINUTE, &seen);
	step(engine, (struct event){ .type = EVENT_TIME, .time = now + USEC_PER_HOUR }, &seen);
	CU_ASSERT_EQUAL(seen.orders, 1);
	engine_free(engine);
}

static void test_recovered(void)
{
	recover(&away, "uncertain");
	recover(&starting, "done");
	recover(&being_started, "uncertain");
}

SUITE("unit", { "what systemd does comes first", test_rows }, { "a job in the way", test_refused },
      { "the bus is lost meanwhile", test_losses }, { "and the agent recovers", test_recovered })
