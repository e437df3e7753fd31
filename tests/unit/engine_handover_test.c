/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An engine that dies at any moment, and the one after it. Each scenario is played to its end once
 * for each moment at which the first engine may die (before each step, before each outcome), and
 * once for each such moment together with each moment in the life of the second. However it goes,
 * what happens is the same: no action is missed, none is done twice, nothing is told twice. */
#include "engine/past_events.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "example_events.h"
#include "example_record.h"
#include "suite.h"
#include "verdict/verdict.h"

enum { AGENT = 1, QUEUE_MAX = 32, HAPPENED_MAX = 128, JOURNAL_MAX = 64, NEVER = 0 };

#define BOOT     "0123456789abcdef0123456789abcdef"
#define REALTIME (1000000 * USEC_PER_HOUR) /* when CLOCK_MONOTONIC began */
#define START    USEC_PER_HOUR             /* of every scenario */
#define AWAY     (200 * USEC_PER_MSEC)     /* from one engine to the next */

struct coming {
	usec_t time;
	unsigned for_engine; /* the result of an order; 0: for whoever is there */
	struct event event;  /* EVENT_TIME: the next engine begins */
};

struct world {
	const struct scenario *scenario;
	struct agent_settings settings;
	usec_t now;
	struct coming queue[QUEUE_MAX];
	unsigned queued;
	/* the engines */
	struct engine *engine; /* NULL: dead */
	unsigned engines;
	unsigned left[3]; /* moments that the next ones have to live; NEVER dies */
	bool dying;
	/* what outlives them: kernel, systemd, handover and journal */
	struct event happened[HAPPENED_MAX];
	unsigned happenings;
	usec_t down_since;
	struct event open; /* EVENT_ESTABLISHED of the agent's connection; EVENT_TIME: none */
	struct unit_event unit;
	unsigned runs;
	bool offline;
	uint64_t reported[JOURNAL_MAX];
	struct past_record *journal;
	unsigned records;
	/* what became of it all */
	unsigned orders;
	usec_t ordered; /* the last one */
};

struct scenario {
	const char *name;
	void (*script)(struct world *world);
	enum cause cause;
	struct policy_steps steps;
	unsigned orders;
	unsigned in_vain; /* plans */
	unsigned held;    /* at most */
	usec_t late;      /* how much later the action may be */
	bool comes_back;  /* the agent, once it is restarted for the last time */
};

static void at(struct world *world, usec_t time, struct event event)
{
	struct coming *coming = &world->queue[world->queued++];

	CU_ASSERT_FATAL(world->queued <= QUEUE_MAX);
	*coming = (struct coming){ .time = time, .event = event };
	coming->event.time = time;
	if (!event_is_path(event.type))
		coming->event.agent = AGENT;
}

/* ---- what can happen */

/* Each run of the agent is a process with one connection, whose cookie is its pid. */

static void connects_at(struct world *world, usec_t time, uint32_t pid)
{
	struct event event = of_process(pid, established(pid));

	at(world, time, of_process(pid, opened(pid)));
	event.connection.facts.age = USEC_PER_MSEC;
	at(world, time + USEC_PER_MSEC, event);
}

static void peer_closes_at(struct world *world, usec_t time, uint32_t pid)
{
	at(world, time, of_process(pid, peer_fin(pid, time - START)));
}

static void unit_at(struct world *world, usec_t time, enum unit_state state, uint32_t pid,
		    unsigned run)
{
	struct event event = unit_is(state, pid);

	strcpy(event.unit.result, state == UNIT_FAILED ? "signal" : "success");
	snprintf(event.unit.invocation_id, sizeof(event.unit.invocation_id), "%032x", run);
	at(world, time, event);
}

static void route_at(struct world *world, usec_t time, bool up)
{
	at(world, time, default_route_is(up));
}

static void crash_at(struct world *world, usec_t time, uint32_t pid)
{
	at(world, time, of_process(pid, exited(SIGSEGV)));
	at(world, time + 1, of_process(pid, dying_fin(pid, SIGSEGV)));
}

/* systemd restarts the unit, and the agent connects if it is to. */
static void restart(struct world *world, const struct order *order)
{
	struct event result = { .type = EVENT_ACTION_RESULT,
				.action_result = { .order = order->number } };
	uint32_t pid = 100 + ++world->runs;

	world->orders++;
	world->ordered = world->now;
	unit_at(world, world->now + USEC_PER_MSEC, UNIT_ACTIVATING, 0, world->runs);
	unit_at(world, world->now + 2 * USEC_PER_MSEC, UNIT_ACTIVE, pid, world->runs);
	at(world, world->now + 3 * USEC_PER_MSEC, result);
	world->queue[world->queued - 1].for_engine = world->engines;
	if (world->scenario->comes_back && world->orders == world->scenario->orders)
		connects_at(world, world->now + 9 * USEC_PER_MSEC, pid);
}

/* ---- the journal */

static void write_record(struct world *world, const struct record *record)
{
	struct past_record *past = &world->journal[world->records];
	char lines[4096];

	CU_ASSERT_FATAL(world->records < JOURNAL_MAX);
	if (record->kind == RECORD_ENDED)
		world->reported[world->records] = record->cookie;
	world->records++;
	record_lines(record, lines, sizeof(lines));
	CU_ASSERT_TRUE(parse_fields(past, lines, '\n'));
	strcpy(past->boot_id, BOOT);
	past->realtime = REALTIME + world->now;
}

static unsigned count(const struct world *world, enum record_kind kind, const char *result)
{
	unsigned records = 0;

	for (unsigned i = 0; i < world->records; i++)
		if (world->journal[i].record.kind == kind &&
		    (!result || strcmp(world->journal[i].action_result, result) == 0))
			records++;
	return records;
}

static bool is_reported(const struct world *world, const struct event *event)
{
	for (unsigned i = 0; event_is_connection(event->type) && i < world->records; i++)
		if (world->reported[i] && world->reported[i] == event->connection.cookie)
			return true;
	return false;
}

/* ---- engines */

/* True if this is the moment. */
static bool dies(struct world *world)
{
	unsigned *left = &world->left[world->engines - 1];

	if (world->engines <= 2 && *left != NEVER && --*left == NEVER)
		world->dying = true;
	return world->dying;
}

static void answer_sample(struct world *world)
{
	struct event event = world->open;

	event.type = EVENT_SAMPLED;
	event.connection.facts.age = world->now - world->open.time;
	if (world->open.type == EVENT_ESTABLISHED)
		at(world, world->now, event);
	event = (struct event){ .type = EVENT_SAMPLE_DONE };
	at(world, world->now, event);
}

static void take(void *userdata, const struct outcome *outcome)
{
	struct world *world = userdata;

	if (world->dying || dies(world))
		return;
	switch (outcome->type) {
	case OUTCOME_RECORD:
		write_record(world, outcome->record);
		break;
	case OUTCOME_ORDER:
		restart(world, &outcome->order);
		break;
	case OUTCOME_CERTIFICATE:
		break;
	case OUTCOME_SAMPLE:
		answer_sample(world);
		break;
	}
}

static void die(struct world *world)
{
	world->engine = engine_free(world->engine);
	world->dying = false;
	at(world, world->now + AWAY, (struct event){ .type = EVENT_TIME });
}

static void step(struct world *world, const struct event *event)
{
	if (!world->engine)
		return;
	if (!dies(world))
		engine_step(world->engine, event, take, world);
	if (world->dying)
		die(world);
}

static void tell(struct world *world, struct event event)
{
	event.time = world->now;
	event.agent = AGENT;
	step(world, &event);
}

static void take_path(void *world, const struct event *event)
{
	tell(world, *event);
}

static void tell_history(struct world *world)
{
	struct past_events *past = malloc(sizeof(*past));

	past_events_begin(past, AGENT, world->settings.limit_interval, world->now,
			  REALTIME + world->now, BOOT);
	for (unsigned i = world->records; i > 0; i--)
		past_events_take(past, &world->journal[i - 1]);
	for (unsigned i = past->count; i > 0; i--)
		tell(world, past->events[i - 1]);
	free(past);
}

/* Starts an engine in the order of the wiring: settings, history, units, the probe's kept records,
 * open connections. */
static void begin_engine(struct world *world)
{
	struct engine_limits limits = {
		.agents = 1, .connections = 8, .processes = 8, .namespaces = 4
	};

	CU_ASSERT_EQUAL_FATAL(engine_new(&world->engine, &limits), 0);
	world->engines++;
	path_found(!world->offline, take_path, world);
	tell(world,
	     (struct event){ .type = EVENT_AGENT,
			     .watching = { .settings = &world->settings, .catching_up = true } });
	tell_history(world);
	tell(world, (struct event){ .type = EVENT_UNIT, .unit = world->unit });
	for (unsigned i = 0; i < world->happenings; i++)
		if (!is_reported(world, &world->happened[i]))
			step(world, &world->happened[i]);
	if (world->open.type == EVENT_ESTABLISHED) {
		struct event event = world->open;

		event.type = EVENT_SAMPLED;
		event.connection.facts.age = world->now - world->open.time;
		tell(world, event);
	}
	tell(world, (struct event){ .type = EVENT_SAMPLE_DONE });
	tell(world, (struct event){ .type = EVENT_CAUGHT_UP });
}

/* ---- the world */

static void happen(struct world *world, const struct coming *coming)
{
	const struct event *event = &coming->event;

	if (event->type == EVENT_TIME) {
		begin_engine(world);
		return;
	}
	if (coming->for_engine && coming->for_engine != world->engines)
		return;
	if (event->type == EVENT_UNIT)
		world->unit = event->unit;
	if (event->type == EVENT_ROUTE)
		world->offline = !event->path.up;
	if (event->type == EVENT_ESTABLISHED)
		world->open = *event;
	if (event->type == EVENT_CLOSING) {
		world->open.type = EVENT_TIME;
		world->down_since = event->time;
	}
	if (event_is_process(event->type) ||
	    (event_is_connection(event->type) && event->type != EVENT_SAMPLED)) {
		CU_ASSERT_FATAL(world->happenings < HAPPENED_MAX);
		world->happened[world->happenings++] = *event;
	}
	step(world, event);
}

/* The earliest, of several the first that was put in. */
static unsigned first_coming(const struct world *world)
{
	unsigned first = 0;

	for (unsigned i = 1; i < world->queued; i++)
		if (world->queue[i].time < world->queue[first].time)
			first = i;
	return first;
}

static void play(struct world *world)
{
	while (world->queued) {
		unsigned first = first_coming(world);
		struct coming coming = world->queue[first];
		usec_t due = world->engine ? engine_deadline(world->engine) : USEC_INFINITY;

		if (due < coming.time) {
			world->now = due > world->now ? due : world->now;
			tell(world, (struct event){ .type = EVENT_TIME });
			continue;
		}
		world->now = coming.time;
		memmove(&world->queue[first], &world->queue[first + 1],
			(--world->queued - first) * sizeof(*world->queue));
		happen(world, &coming);
	}
}

static void check_recovery(const struct world *world, const char *name)
{
	for (unsigned i = 0; i < world->records; i++) {
		const struct record *record = &world->journal[i].record;

		if (record->kind != RECORD_RECOVERED)
			continue;
		CHECK(record->downtime == world->open.time - world->down_since, name);
		CHECK(record->attempts == 1, name);
	}
}

static void check(const struct world *world, const char *name)
{
	const struct scenario *scenario = world->scenario;
	unsigned starting = count(world, RECORD_ACTION, "starting");
	unsigned interrupted = count(world, RECORD_ACTION, "interrupted");

	CHECK(world->orders == scenario->orders, name);
	CHECK(starting - interrupted == scenario->orders, name);
	CHECK(count(world, RECORD_ACTION, "done") == scenario->orders, name);
	CHECK(count(world, RECORD_ACTION, "held") <= scenario->held, name);
	CHECK(count(world, RECORD_ACTION, "did-not-help") == scenario->in_vain, name);
	CHECK(count(world, RECORD_ENDED, NULL) == 1, name);
	CHECK(count(world, RECORD_RECOVERED, NULL) == scenario->comes_back, name);
	check_recovery(world, name);
}

/* Plays it with engines that have so many moments to live. Returns how many there were; `ordered`
 * is when the last action was taken. */
static unsigned play_scenario(const struct scenario *scenario, unsigned first, unsigned second,
			      usec_t *ordered)
{
	struct world world = { .scenario = scenario, .now = START, .left = { first, second } };
	char name[96];

	snprintf(name, sizeof(name), "%s, killed at %u and %u", scenario->name, first, second);
	world.journal = calloc(JOURNAL_MAX, sizeof(*world.journal));
	agent_settings_defaults(&world.settings, "agent");
	agent_settings_assign(&world.settings, "Match", "Unit", "agent.service");
	world.settings.randomized_delay = 0;
	world.settings.keepalive = USEC_PER_HOUR; /* no idle connection is looked at */
	world.settings.limit_burst = scenario->orders ?: 1;
	world.settings.policy[CAUSE_AGENT_NOT_RECONNECTING].count = 0;
	world.settings.policy[scenario->cause] = scenario->steps;
	world.runs = 1;
	unit_at(&world, START, UNIT_ACTIVE, 101, 1);
	at(&world, START, (struct event){ .type = EVENT_TIME });
	connects_at(&world, START + USEC_PER_SEC, 101);
	scenario->script(&world);
	/* until then time goes on */
	at(&world, START + 30 * USEC_PER_MINUTE, (struct event){ .type = EVENT_SUSPENDED });
	play(&world);
	check(&world, name);
	*ordered = world.ordered;
	engine_free(world.engine);
	free(world.journal);
	return world.engines;
}

/* The wait for a verdict is over at once if an engine that died has told it. */
static bool in_time(const struct scenario *scenario, usec_t ordered, usec_t usual)
{
	return ordered + VERDICT_WAIT >= usual && ordered <= usual + 4 * AWAY + scenario->late;
}

static void play_all(const struct scenario *scenario)
{
	usec_t ordered, usual;

	CU_ASSERT_EQUAL(play_scenario(scenario, NEVER, NEVER, &usual), 1);
	for (unsigned first = 1; play_scenario(scenario, first, NEVER, &ordered) > 1; first++) {
		CHECK(in_time(scenario, ordered, usual), scenario->name);
		for (unsigned second = 1; play_scenario(scenario, first, second, &ordered) > 2;
		     second++)
			CHECK(in_time(scenario, ordered, usual), scenario->name);
	}
}

/* ---- scenarios */

static void script_crash(struct world *world)
{
	crash_at(world, START + USEC_PER_MINUTE, 101);
	unit_at(world, START + USEC_PER_MINUTE + 10 * USEC_PER_MSEC, UNIT_FAILED, 0, 1);
}

static void a_crash_is_acted_upon_once(void)
{
	play_all(&(struct scenario){
		.name = "crash",
		.script = script_crash,
		.cause = CAUSE_AGENT_CRASH,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.orders = 1,
		.comes_back = true,
	});
}

static void what_did_not_help_is_followed_up(void)
{
	play_all(&(struct scenario){
		.name = "restart in vain",
		.script = script_crash,
		.cause = CAUSE_AGENT_CRASH,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.orders = 1,
		.in_vain = 1,
	});
}

static void the_second_step_is_taken(void)
{
	play_all(&(struct scenario){
		.name = "two steps",
		.script = script_crash,
		.cause = CAUSE_AGENT_CRASH,
		.steps = { .steps = { { .type = ACTION_RESTART }, { .type = ACTION_RESTART } },
			   .count = 2 },
		.orders = 2,
		.comes_back = true,
	});
}

static void script_restarted_by_systemd(struct world *world)
{
	usec_t time = START + USEC_PER_MINUTE;
	struct event event = { .type = EVENT_EXECED, .process = { .task = agent_task(102) } };

	crash_at(world, time, 101);
	unit_at(world, time + 20 * USEC_PER_MSEC, UNIT_ACTIVATING, 0, 1);
	unit_at(world, time + 120 * USEC_PER_MSEC, UNIT_ACTIVE, 102, 2);
	at(world, time + 125 * USEC_PER_MSEC, event);
	connects_at(world, time + USEC_PER_SEC, 102);
}

/* The first word of it is that the unit is being started again. */
static void what_systemd_has_restarted_is_left_alone(void)
{
	play_all(&(struct scenario){
		.name = "restarted by systemd",
		.script = script_restarted_by_systemd,
		.cause = CAUSE_AGENT_CRASH,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.held = 1,
		.comes_back = true,
	});
}

static void script_offline(struct world *world)
{
	route_at(world, START + USEC_PER_MINUTE - 1, false);
	script_crash(world);
	route_at(world, START + 5 * USEC_PER_MINUTE, true);
}

static void a_plan_waits_for_the_host_to_be_online(void)
{
	play_all(&(struct scenario){
		.name = "offline",
		.script = script_offline,
		.cause = CAUSE_AGENT_CRASH,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.orders = 1,
		.held = 1,
		.late = 30 * USEC_PER_SEC, /* each engine gives the agent its grace */
		.comes_back = true,
	});
}

static void script_close(struct world *world)
{
	world->settings.randomized_delay = USEC_PER_MINUTE;
	peer_closes_at(world, START + 10 * USEC_PER_MINUTE, 101);
}

static void a_delay_goes_on(void)
{
	play_all(&(struct scenario){
		.name = "delay",
		.script = script_close,
		.cause = CAUSE_PEER_CLOSE,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.orders = 1,
		.comes_back = true,
	});
}

static void an_agent_that_does_not_reconnect_is_told_in_time(void)
{
	play_all(&(struct scenario){
		.name = "not reconnecting",
		.script = script_close,
		.cause = CAUSE_AGENT_NOT_RECONNECTING,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.orders = 1,
		.comes_back = true,
	});
}

static void an_agent_that_does_not_reconnect_is_acted_upon_once(void)
{
	play_all(&(struct scenario){
		.name = "not reconnecting, in vain",
		.script = script_close,
		.cause = CAUSE_AGENT_NOT_RECONNECTING,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.orders = 1,
		.in_vain = 1,
	});
}

/* The silence is reported while the plan for the close is under way. */
static void script_close_and_silence(struct world *world)
{
	script_close(world);
	world->settings.randomized_delay = 0;
	world->settings.escalate_after = world->settings.reconnect_timeout + USEC_PER_MINUTE;
	world->settings.policy[CAUSE_AGENT_NOT_RECONNECTING] =
		world->settings.policy[CAUSE_PEER_CLOSE];
}

static void an_agent_that_does_not_reconnect_has_its_turn(void)
{
	play_all(&(struct scenario){
		.name = "not reconnecting, after another plan",
		.script = script_close_and_silence,
		.cause = CAUSE_PEER_CLOSE,
		.steps = { .steps = { { .type = ACTION_RESTART } }, .count = 1 },
		.orders = 2,
		.in_vain = 1,
		.comes_back = true,
	});
}

SUITE("engine_handover", { "a crash is acted upon once", a_crash_is_acted_upon_once },
      { "what did not help is followed up", what_did_not_help_is_followed_up },
      { "the second step is taken", the_second_step_is_taken },
      { "what systemd has restarted is left alone", what_systemd_has_restarted_is_left_alone },
      { "a plan waits for the host to be online", a_plan_waits_for_the_host_to_be_online },
      { "a delay goes on", a_delay_goes_on },
      { "an agent that does not reconnect is told in time",
	an_agent_that_does_not_reconnect_is_told_in_time },
      { "an agent that does not reconnect is acted upon once",
	an_agent_that_does_not_reconnect_is_acted_upon_once },
      { "an agent that does not reconnect has its turn",
	an_agent_that_does_not_reconnect_has_its_turn })
