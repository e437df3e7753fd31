/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/engine.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "engine/agents.h"
#include "engine/connections.h"
#include "engine/endings.h"
#include "engine/lookups.h"
#include "engine/open_session.h"
#include "engine/outage.h"
#include "engine/outcomes.h"
#include "engine/policy/policy.h"
#include "engine/policy/steps.h"
#include "engine/processes.h"
#include "engine/recall.h"
#include "engine/stalls.h"
#include "engine/state.h"

/* At most this many deadlines fire one by one in a step: GAP_STEPS, and GAP_STEPS_EACH for each
 * that is set. */
enum { GAP_STEPS = 1000, GAP_STEPS_EACH = 64 };

#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* ---- new and free */

static int take_memory(struct engine *engine, const struct engine_limits *limits)
{
	uint32_t deadlines = limits->connections + 7 * limits->agents + 1;

	engine->agents = calloc((size_t)limits->agents + 1, sizeof(*engine->agents));
	if (!engine->agents ||
	    keyed_table_init(&engine->connections, limits->connections, sizeof(struct connection)) <
		    0 ||
	    keyed_table_init(&engine->endings, limits->connections, sizeof(struct ending)) < 0 ||
	    keyed_table_init(&engine->processes, limits->processes,
			     sizeof(struct tracked_process)) < 0 ||
	    path_table_init(&engine->path, limits->namespaces) < 0 ||
	    deadline_heap_init(&engine->deadlines, deadlines) < 0)
		return -ENOMEM;
	return 0;
}

int engine_new(struct engine **ret, const struct engine_limits *limits)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	engine->limits = *limits;
	engine->connections_share.size = limits->connections;
	engine->processes_share.size = limits->processes;
	TAILQ_INIT(&engine->exited);
	if (take_memory(engine, limits) < 0) {
		engine_free(engine);
		return -ENOMEM;
	}
	*ret = engine;
	return 0;
}

struct engine *engine_free(struct engine *engine)
{
	if (!engine)
		return NULL;
	path_table_release(&engine->path);
	keyed_table_release(&engine->connections);
	keyed_table_release(&engine->endings);
	keyed_table_release(&engine->processes);
	deadline_heap_release(&engine->deadlines);
	free(engine->agents);
	free(engine);
	return NULL;
}

/* ---- events that concern several parts, which must take them in this order */

static void take_agent_gone(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	if (!agent)
		return;
	connections_forget_agent(engine, event->agent);
	processes_forget_agent(engine, event->agent);
	agents_forget(engine, agent);
}

static void take_unit(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	if (!agent)
		return;
	agents_take_unit(engine, agent, event);
	endings_reconsider_agent(engine, event->agent);
	policy_take_unit(engine, agent);
}

static void take_command(struct engine *engine, const struct event *event)
{
	agents_take_command(engine, event);
	processes_take(engine, event);
}

static void take_process(struct engine *engine, const struct event *event)
{
	processes_take(engine, event);
}

static void take_signal(struct engine *engine, const struct event *event)
{
	processes_take(engine, event);
	stalls_take_signal(engine, event);
}

static void take_exit(struct engine *engine, const struct event *event)
{
	struct tracked_process *process = processes_take(engine, event);

	if (!process)
		return;
	endings_reconsider(engine, process);
	stalls_take_exit(engine, event);
	agents_take_exit(engine, &process->facts);
}

static void take_path(struct engine *engine, const struct event *event)
{
	path_take(&engine->path, event);
	if (!engine->own_netns)
		engine->own_netns = event->path.netns;
	stalls_take_path(engine, event);
	policy_take_path(engine);
}

static void take_suspended(struct engine *engine, const struct event *event)
{
	engine->resumed = event->time;
	engine->slept = event->suspended;
}

static void take_clock(struct engine *engine, const struct event *event)
{
	engine->clock = event->clock;
	policy_take_path(engine);
}

static void take_lost(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	outcomes_send_lost(engine, agent, event->time, &event->lost);
	if (agent)
		agent->lost = event->time;
	else
		engine->lost = event->time;
	outcomes_ask_for_sample(engine);
}

/* The deadlines up to the event have fired already. */
static void take_time(struct engine *engine, const struct event *event)
{
	(void)engine;
	(void)event;
}

/* ---- a step */

typedef void (*event_handler)(struct engine *engine, const struct event *event);

/* engine_test.c steps an event of every type, so that none is missing here. */
static const event_handler handlers[EVENT_TYPE_MAX] = {
	[EVENT_TIME] = take_time,
	[EVENT_AGENT] = agents_take_settings,
	[EVENT_AGENT_GONE] = take_agent_gone,
	[EVENT_UNIT] = take_unit,
	[EVENT_OPENED] = connections_take_opened,
	[EVENT_FOUND] = connections_take_opened,
	[EVENT_ESTABLISHED] = connections_take_established,
	[EVENT_SPOKEN] = connections_take_spoken,
	[EVENT_LOGIN] = connections_take_login,
	[EVENT_CERTIFICATE] = connections_take_certificate,
	[EVENT_VERIFIED] = connections_take_verified,
	[EVENT_CLOSING] = connections_take_end,
	[EVENT_ENDED] = connections_take_end,
	[EVENT_RESET_SENT] = endings_take_reset,
	[EVENT_RETRANSMIT] = stalls_take_retransmit,
	[EVENT_HEALED] = stalls_take_healed,
	[EVENT_NEVER_OPENED] = connections_take_never_opened,
	[EVENT_VANISHED] = connections_take_vanished,
	[EVENT_SAMPLED] = connections_take_sampled,
	[EVENT_SAMPLE_DONE] = stalls_take_sample_done,
	[EVENT_COMMAND] = take_command,
	[EVENT_STARTED] = take_process,
	[EVENT_EXECED] = take_process,
	[EVENT_SIGNALED] = take_signal,
	[EVENT_DUMPING] = take_signal,
	[EVENT_EXITED] = take_exit,
	[EVENT_LOOKUP] = lookups_take,
	[EVENT_NAMESPACE] = take_path,
	[EVENT_LINK] = take_path,
	[EVENT_ADDRESS] = take_path,
	[EVENT_ROUTE] = take_path,
	[EVENT_NEIGHBOUR] = take_path,
	[EVENT_RADIO] = take_path,
	[EVENT_DEVICE] = take_path,
	[EVENT_SUSPENDED] = take_suspended,
	[EVENT_CLOCK] = take_clock,
	[EVENT_ACTION_RESULT] = policy_take_result,
	[EVENT_LOST] = take_lost,
	[EVENT_HISTORY_SESSION] = recall_take_session,
	[EVENT_HISTORY_TROUBLE] = recall_take_trouble,
	[EVENT_HISTORY_ACTION] = recall_take_action,
	[EVENT_HISTORY_OPEN] = recall_take_open,
	[EVENT_HISTORY_SPENT] = recall_take_spent,
	[EVENT_CAUGHT_UP] = agents_take_caught_up,
};

static void deadline_due(struct engine *engine, struct deadline *deadline)
{
	switch ((enum deadline_kind)deadline->kind) {
	case DEADLINE_OF_CONNECTION:
		connections_due(engine, CONTAINER_OF(deadline, struct connection, deadline));
		break;
	case DEADLINE_OF_AGENT:
		agents_due(engine, CONTAINER_OF(deadline, struct agent, deadline));
		break;
	case DEADLINE_OF_LOOKUPS:
		lookups_due(engine, CONTAINER_OF(deadline, struct agent, lookups.deadline));
		break;
	case DEADLINE_OF_CLIMB:
		connections_climb_due(engine, CONTAINER_OF(deadline, struct agent, climb.deadline));
		break;
	case DEADLINE_OF_TOKEN:
		stalls_token_due(engine, CONTAINER_OF(deadline, struct agent, token.deadline));
		break;
	case DEADLINE_OF_OUTAGE:
		outage_settle(engine, CONTAINER_OF(deadline, struct agent, outage.deadline));
		break;
	case DEADLINE_OF_OPEN_SESSION:
		open_session_due(engine,
				 CONTAINER_OF(deadline, struct agent, open_session.deadline));
		break;
	case DEADLINE_OF_PLAN:
		steps_due(engine, CONTAINER_OF(deadline, struct agent, plan.deadline));
		break;
	case DEADLINE_OF_PATH:
		stalls_path_due(engine);
		break;
	}
}

/* Each deadline fires at its own time. In a gap so long that repeating deadlines would fire without
 * end (a wrong clock, a forged trace), those after the first GAP_STEPS fire at its end. */
static void run_deadlines(struct engine *engine, usec_t time)
{
	uint64_t patience = GAP_STEPS + (uint64_t)GAP_STEPS_EACH * engine->deadlines.count;
	struct deadline *first;

	while ((first = deadline_first(&engine->deadlines)) && first->when <= time) {
		usec_t when = patience > 0 ? first->when : time;

		patience -= patience > 0;
		if (when > engine->now)
			engine->now = when;
		deadline_clear(&engine->deadlines, first);
		deadline_due(engine, first);
	}
}

/* A connection that found no room in the engine's tables, of which there is one in a step. */
static void tell_refused(struct engine *engine)
{
	const struct lost_event lost = { .records = 1 };
	const struct agent *agent = state_agent(engine, engine->refused);

	engine->refused = 0;
	if (agent)
		outcomes_send_lost(engine, agent, engine->now, &lost);
}

void engine_step(struct engine *engine, const struct event *event, outcome_sink sink,
		 void *userdata)
{
	engine->sink = sink;
	engine->sink_userdata = userdata;
	/* Path events are time-ranged, and what is lost or systemd tells may be ahead of records
	 * that wait: older connection events may still arrive, so fire no deadline yet. */
	if (!event_is_path(event->type) && event->type != EVENT_LOST && event->type != EVENT_UNIT)
		run_deadlines(engine, event->time);
	if (event->time > engine->now)
		engine->now = event->time;
	processes_forget_exited(engine);
	if (event->type >= 0 && event->type < EVENT_TYPE_MAX)
		handlers[event->type](engine, event);
	tell_refused(engine);
	engine->sink = NULL;
}

/* ---- what the caller asks between steps */

usec_t engine_deadline(const struct engine *engine)
{
	const struct deadline *first = deadline_first(&engine->deadlines);

	return first ? deadline_latest(first) : USEC_INFINITY;
}

bool engine_is_due(const struct engine *engine, usec_t time)
{
	const struct deadline *first = deadline_first(&engine->deadlines);

	return first && first->when <= time;
}

enum clock_state engine_clock(const struct engine *engine)
{
	return engine->clock;
}

bool engine_verdicts_pending(const struct engine *engine)
{
	return engine->endings.count > 0;
}

bool engine_revival_pending(const struct engine *engine)
{
	return policy_revival_pending(engine);
}

bool engine_orphans_open(const struct engine *engine)
{
	return state_orphans_open(engine);
}

bool engine_agent_absent(const struct engine *engine, uint32_t number)
{
	return number && number <= engine->limits.agents && engine->agents[number].absent;
}

bool engine_agent_alive(const struct engine *engine, uint32_t number)
{
	return state_agent_lives(engine, number);
}
