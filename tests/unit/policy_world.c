/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See policy_world.h. */
#include "policy_world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/past_events.h"
#include "example_events.h"

enum { AGENTS = 3, COOKIES = 12, PIDS = 6, ORDERS_KEPT = 256, RENEWAL_AGE = 2880 };
enum { JOURNAL_MAX = 4096, LIFE_MAX = 2000 };

#define BOOT     "0123456789abcdef0123456789abcdef"
#define REALTIME (1000000 * USEC_PER_HOUR) /* when CLOCK_MONOTONIC began */

struct world {
	struct engine *engine;
	struct agent_settings settings[AGENTS + 1];
	usec_t now;
	struct choices choices;
	bool offline;
	uint32_t awaited[AGENTS + 1]; /* order whose result is due */
	struct unit_event unit[AGENTS + 1];
	unsigned runs[AGENTS + 1];               /* of the unit */
	bool carried_out[AGENTS + 1];            /* the last action that was announced */
	struct past_record journal[JOURNAL_MAX]; /* a ring */
	unsigned records;
	unsigned life; /* how much the engine may still put out */
	unsigned deaths;
	unsigned offline_starts; /* of another unit */
	/* what came out */
	usec_t ordered[AGENTS + 1][ORDERS_KEPT];
	unsigned orders[AGENTS + 1];
	unsigned reconnect_steps[AGENTS + 1]; /* for not reconnecting, in this outage */
	bool announced; /* the last outcome was the record of an action that starts */
	enum action_type announced_type;
	const char *broken;
};

static void promise(struct world *world, bool kept, const char *what)
{
	if (!kept)
		world->broken = what;
}

/* xorshift64*: the same stream on every machine. */
static uint32_t next_random(uint64_t *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return (uint32_t)((*random * UINT64_C(0x2545F4914F6CDD1D)) >> 33);
}

/* Takes as few bytes of the input as `below` needs, so that one byte has one effect. */
static uint32_t next_input(struct choices *choices, uint32_t below)
{
	uint32_t value = 0;

	for (uint64_t range = 1; range < below && choices->left > 0; range <<= 8) {
		value = value << 8 | *choices->input++;
		choices->left--;
	}
	return value;
}

static uint32_t any(struct world *world, uint32_t below)
{
	struct choices *choices = &world->choices;

	return (choices->input ? next_input(choices, below) : next_random(&choices->random)) %
	       below;
}

static void check_limit(struct world *world, uint32_t agent)
{
	const struct agent_settings *settings = &world->settings[agent];
	unsigned in_interval = 0;

	for (unsigned i = 0; i < ORDERS_KEPT && i < world->orders[agent]; i++)
		if (world->now - world->ordered[agent][i] <= settings->limit_interval)
			in_interval++;
	promise(world, in_interval <= settings->limit_burst, "at most Burst in any Interval");
}

static void take_order(struct world *world, const struct order *order)
{
	promise(world, world->announced && world->announced_type == order->action.type,
		"the record comes before the effect");
	/* A command that had no connection yet has no peer that could be out of reach. */
	promise(world, !world->offline || !order->netns || order->action.type == ACTION_START_UNIT,
		"none but of another unit while offline");
	promise(world, order->cause != CAUSE_AGENT_STOPPED, "none for a planned stop");
	promise(world, order->cause != CAUSE_TOKEN_RENEWAL, "none for a token's renewal");
	promise(world, !world->awaited[order->agent], "one at a time");
	world->awaited[order->agent] = order->number;
	world->carried_out[order->agent] = true;
	if (order->action.type == ACTION_RESTART)
		world->runs[order->agent]++;
	world->ordered[order->agent][world->orders[order->agent]++ % ORDERS_KEPT] = world->now;
	check_limit(world, order->agent);
}

static uint32_t agent_of(const struct record *record)
{
	return (uint32_t)(record->agent[0] - 'a');
}

/* Keeps the record as it would be read back. record_parse_test.c shows that the fields keep all
 * this. */
static void keep(struct world *world, const struct record *record)
{
	struct past_record *past = &world->journal[world->records % JOURNAL_MAX];

	if (record->folded)
		return;
	world->records++;
	*past = (struct past_record){ .record = *record,
				      .happened = record->time,
				      .boot_id = BOOT };
	past->realtime = REALTIME + world->now;
	if (record->verdict.cause != CAUSE_UNKNOWN)
		strcpy(past->cause, cause_to_string(record->verdict.cause));
	if (record->action_result)
		strcpy(past->action_result, record->action_result);
	if (record->action_held_by)
		strcpy(past->action_held_by, record->action_held_by);
}

/* Checks the record of a restart that an earlier engine did not live to see the end of. */
static void check_fate(struct world *world, const struct record *record)
{
	enum action_outcome outcome = action_outcome_from_string(record->action_result);
	bool *carried_out = &world->carried_out[agent_of(record)];

	/* The connection is still there: the abort did not reach it. */
	if (record->action.type == ACTION_ABORT_CONNECTION && outcome == ACTION_INTERRUPTED &&
	    *carried_out) {
		world->orders[agent_of(record)]--;
		*carried_out = false;
	}
	if (record->action.type != ACTION_RESTART)
		return;
	switch (outcome) {
	case ACTION_INTERRUPTED:
		promise(world, !*carried_out, "none is done again");
		break;
	case ACTION_DONE:
		promise(world, *carried_out, "none is told that was not done");
		break;
	default:
		break;
	}
}

/* One plan an outage, whatever else is done in it, and however often the engine dies. */
static void check_reconnect_steps(struct world *world, const struct record *record,
				  enum action_outcome outcome)
{
	uint32_t agent = agent_of(record);
	unsigned *steps = &world->reconnect_steps[agent];
	enum cause cause = CAUSE_AGENT_NOT_RECONNECTING;

	if (record->kind == RECORD_RECOVERED)
		*steps = 0;
	if (record->verdict.cause != cause)
		return;
	*steps += outcome == ACTION_STARTED;
	*steps -= outcome == ACTION_INTERRUPTED;
	promise(world, *steps <= world->settings[agent].policy[cause].count,
		"no more than the steps for not reconnecting in an outage");
}

static void take_record(struct world *world, const struct record *record)
{
	enum action_outcome outcome = record->kind == RECORD_ACTION
					      ? action_outcome_from_string(record->action_result)
					      : ACTION_OUTCOME_INVALID;

	check_reconnect_steps(world, record, outcome);
	promise(world,
		outcome != ACTION_HELD || record->action.type != ACTION_START_UNIT ||
			strcmp(record->action_held_by ?: "", "offline") != 0,
		"another unit is started while offline, too");
	world->offline_starts += world->offline && outcome == ACTION_STARTED &&
				 record->action.type == ACTION_START_UNIT;
	world->announced = outcome == ACTION_STARTED;
	world->announced_type = record->action.type;
	if (record->kind == RECORD_ACTION)
		check_fate(world, record);
	if (world->announced)
		world->carried_out[agent_of(record)] = false;
	keep(world, record);
}

static void take(void *userdata, const struct outcome *outcome)
{
	struct world *world = userdata;

	if (world->life == 0)
		return;
	world->life--;
	switch (outcome->type) {
	case OUTCOME_RECORD:
		take_record(world, outcome->record);
		break;
	case OUTCOME_ORDER:
		take_order(world, &outcome->order);
		world->announced = false;
		break;
	case OUTCOME_CERTIFICATE:
	case OUTCOME_SAMPLE:
		break;
	}
}

static void step(struct world *world, struct event *event)
{
	event->time = world->now;
	engine_step(world->engine, event, take, world);
}

/* ---- random events */

static struct task any_task(struct world *world, uint32_t agent)
{
	struct task task = agent_task(agent * 100 + any(world, PIDS) + 1);

	task.exiting = any(world, 6) == 0;
	task.exit_code = any(world, 2) ? any(world, 32) : any(world, 4) << 8;
	return task;
}

static void any_connection(struct world *world, struct event *event)
{
	static const enum event_type types[] = {
		EVENT_OPENED, EVENT_ESTABLISHED, EVENT_ESTABLISHED, EVENT_CLOSING, EVENT_ENDED,
		EVENT_ENDED,  EVENT_RETRANSMIT,  EVENT_HEALED,      EVENT_SAMPLED
	};
	static const uint16_t errors[] = {
		0, 0, ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, ECONNABORTED
	};
	struct connection_event *connection = &event->connection;
	struct socket_facts *facts = &connection->facts;

	event->type = types[any(world, sizeof(types) / sizeof(*types))];
	connection->cookie = 1 + any(world, COOKIES / AGENTS) * AGENTS + (event->agent - 1);
	connection->netns = NETNS;
	connection->peer = hub_endpoint();
	connection->owner = any_task(world, event->agent);
	connection->current = any_task(world, event->agent);
	facts->state_before = any(world, 3) ? TCP_STATE_ESTABLISHED : TCP_STATE_SYN_SENT;
	facts->state = event->type == EVENT_CLOSING
			       ? (any(world, 2) ? TCP_STATE_FIN_WAIT1 : TCP_STATE_CLOSE_WAIT)
			       : TCP_STATE_CLOSE;
	facts->error = errors[any(world, sizeof(errors) / sizeof(*errors))];
	facts->reset_received = any(world, 2);
	facts->shutdown = (uint8_t)any(world, 4);
	facts->retransmit_timeouts = any(world, 5);
	facts->unacked_bytes = any(world, 2) * 10;
	facts->unread_bytes = any(world, 2) * 10;
	facts->bytes_received = 100;
	facts->age = (any(world, 4) ? RENEWAL_AGE : any(world, 7200)) * USEC_PER_SEC;
	facts->idle_rx = any(world, 300) * USEC_PER_SEC;
	facts->idle_tx = any(world, 300) * USEC_PER_SEC;
}

static void any_process(struct world *world, struct event *event)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGSEGV, SIGSTOP, SIGCONT };

	event->type =
		(enum event_type)(EVENT_COMMAND + any(world, EVENT_EXITED - EVENT_COMMAND + 1));
	event->process.task = any_task(world, event->agent);
	event->process.signal = signals[any(world, sizeof(signals) / sizeof(*signals))];
	event->process.sender.pid = any(world, 3);
	event->process.oom = any(world, 20) == 0;
}

static void name_run(const struct world *world, uint32_t agent, struct unit_event *unit)
{
	snprintf(unit->invocation_id, sizeof(unit->invocation_id), "%032x", world->runs[agent]);
}

static void any_unit(struct world *world, struct event *event)
{
	static const char *const results[] = { "success", "signal", "timeout", "watchdog",
					       "start-limit-hit" };

	event->type = EVENT_UNIT;
	strcpy(event->unit.unit, "agent.service");
	event->unit.state =
		any(world, 2) ? UNIT_ACTIVE : (enum unit_state)any(world, UNIT_STATE_MAX);
	strcpy(event->unit.result, results[any(world, any(world, 3) ? 1 : 5)]);
	event->unit.main_pid = any_task(world, event->agent).pid;
	name_run(world, event->agent, &event->unit);
	world->unit[event->agent] = event->unit;
}

/* Sends the last unit state of systemd again, with the run that the unit is in now. */
static void tell_unit(struct world *world, uint32_t agent)
{
	struct event event = { .type = EVENT_UNIT, .agent = agent, .unit = world->unit[agent] };

	if (!*event.unit.unit)
		return;
	name_run(world, agent, &event.unit);
	step(world, &event);
}

/* Before systemd tells that a job is done, it tells what became of the unit: see
 * bus_job_send_removed_signal() in its source. */
static void any_result(struct world *world, struct event *event)
{
	static const int errors[] = { 0, 0, 0, -EPERM, -ECONNRESET };

	event->type = EVENT_ACTION_RESULT;
	event->action_result.order = any(world, 4) ? world->awaited[event->agent] : any(world, 9);
	event->action_result.error = errors[any(world, sizeof(errors) / sizeof(*errors))];
	if (event->action_result.order != world->awaited[event->agent])
		return;
	world->awaited[event->agent] = 0;
	if (event->action_result.error != -ECONNRESET)
		tell_unit(world, event->agent);
}

/* There is no result, for there is no bus. Of the unit nothing is known either, until systemd tells
 * more. */
static void lose_bus(struct world *world, uint32_t agent)
{
	struct event event = unit_is(UNIT_UNKNOWN, 0);

	event.agent = agent;
	step(world, &event);
}

/* The default route comes and goes. What is due by then happens before. */
static void any_route(struct world *world, struct event *event)
{
	step(world, &(struct event){ .type = EVENT_TIME });
	world->offline = !world->offline;
	*event = default_route_is(!world->offline);
}

static void any_event(struct world *world, struct event *event)
{
	event->agent = 1 + any(world, AGENTS);
	switch (any(world, 16)) {
	case 0:
	case 1:
		any_process(world, event);
		break;
	case 2:
		any_unit(world, event);
		break;
	case 3:
	case 4:
	case 5:
		any_result(world, event);
		break;
	case 6:
		any_route(world, event);
		break;
	case 7:
		event->type = EVENT_TIME;
		break;
	default:
		any_connection(world, event);
		break;
	}
}

/* ---- the run */

static void take_path(void *world, const struct event *event)
{
	struct event now = *event;

	step(world, &now);
}

static void choose_settings(struct world *world, uint32_t agent)
{
	struct agent_settings *settings = &world->settings[agent];

	agent_settings_defaults(settings, "agent");
	settings->name[0] = (char)(settings->name[0] + (int)agent);
	settings->limit_burst = agent;
	settings->limit_interval = 10 * USEC_PER_MINUTE;
	settings->token_lifetime = USEC_PER_HOUR;
	settings->escalate_after = 20 * USEC_PER_SEC;
	settings->reconnect_timeout = 10 * USEC_PER_SEC;
	for (enum cause cause = 0; cause < CAUSE_MAX; cause++)
		settings->policy[cause] = (struct policy_steps){
			.steps = { { .type = ACTION_ABORT_CONNECTION + agent % 2 },
				   { .type = ACTION_RESTART } },
			.count = 2,
		};
	for (enum cause cause = 0; cause < CAUSE_MAX; cause += 3)
		for (unsigned i = 0; i < 2; i++)
			settings->policy[cause].steps[i] =
				(struct action){ .type = ACTION_START_UNIT,
						 .unit = "reset-modem.service" };
}

static void tell_history(struct world *world, uint32_t agent)
{
	static struct past_events past;
	unsigned kept = world->records < JOURNAL_MAX ? world->records : JOURNAL_MAX;

	past_events_begin(&past, agent, world->settings[agent].limit_interval, world->now,
			  REALTIME + world->now, BOOT);
	for (unsigned back = 1; back <= kept; back++) {
		const struct past_record *record =
			&world->journal[(world->records - back) % JOURNAL_MAX];

		if (strcmp(record->record.agent, world->settings[agent].name) == 0)
			past_events_take(&past, record);
	}
	for (unsigned left = past.count; left > 0; left--)
		step(world, &past.events[left - 1]);
}

static void tell_agent(struct world *world, uint32_t agent)
{
	struct event event = { .type = EVENT_AGENT,
			       .agent = agent,
			       .watching = { .settings = &world->settings[agent],
					     .catching_up = true } };

	step(world, &event);
	tell_history(world, agent);
	tell_unit(world, agent);
	event = (struct event){ .type = EVENT_CAUGHT_UP, .agent = agent };
	step(world, &event);
}

static void begin_engine(struct world *world)
{
	struct engine_limits limits = {
		.agents = AGENTS, .connections = 64, .processes = 64, .namespaces = 1
	};

	if (engine_new(&world->engine, &limits) < 0)
		abort();
	world->life = 1 + any(world, LIFE_MAX);
	memset(world->awaited, 0, sizeof(world->awaited));
	path_found(!world->offline, take_path, world);
	for (uint32_t agent = 1; agent <= AGENTS; agent++)
		tell_agent(world, agent);
}

struct world *world_new(struct choices choices)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		abort();
	world->now = USEC_PER_HOUR;
	world->choices = choices;
	world->offline = true;
	for (uint32_t agent = 1; agent <= AGENTS; agent++)
		choose_settings(world, agent);
	begin_engine(world);
	return world;
}

struct world *world_free(struct world *world)
{
	if (world)
		engine_free(world->engine);
	free(world);
	return NULL;
}

/* The world goes on meanwhile. */
static void follow(struct world *world)
{
	engine_free(world->engine);
	world->deaths++;
	world->now += any(world, 2000000);
	begin_engine(world);
}

/* Advances to `time`; each deadline on the way fires when it is due, as by the daemon's timer. */
static void let_time_pass(struct world *world, usec_t time)
{
	usec_t end = world->now + time;

	while (engine_deadline(world->engine) <= end) {
		usec_t due = engine_deadline(world->engine);

		if (due > world->now)
			world->now = due;
		step(world, &(struct event){ .type = EVENT_TIME });
	}
	world->now = end;
}

void world_step(struct world *world)
{
	struct event event = { 0 };

	let_time_pass(world, any(world, 2) ? any(world, 2000) : any(world, 2000000));
	any_event(world, &event);
	step(world, &event);
	if (event.type == EVENT_ACTION_RESULT && event.action_result.error == -ECONNRESET)
		lose_bus(world, event.agent);
	if (world->life == 0)
		follow(world);
}

const char *world_broken_promise(const struct world *world)
{
	return world->broken;
}

size_t world_choices_left(const struct world *world)
{
	return world->choices.left;
}

unsigned world_orders(const struct world *world)
{
	unsigned orders = 0;

	for (uint32_t agent = 1; agent <= AGENTS; agent++)
		orders += world->orders[agent];
	return orders;
}

unsigned world_offline_starts(const struct world *world)
{
	return world->offline_starts;
}

unsigned world_deaths(const struct world *world)
{
	return world->deaths;
}
