/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/snapshot.h"

#include <string.h>

#include "engine/policy/budget.h"
#include "engine/policy/systemd.h"
#include "engine/state.h"

/* Result= tells only of a unit that had not failed before. */
static bool has_reached_limit(const struct engine *engine, const struct agent *agent)
{
	return agent->start_refused || strcmp(agent->unit.result, "start-limit-hit") == 0 ||
	       (agent->unit.state == UNIT_FAILED && systemd_would_refuse(agent, engine->now));
}

static const char *unit_state(const struct engine *engine, const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;
	bool dead = unit->state == UNIT_INACTIVE || unit->state == UNIT_FAILED;

	if (!*unit->unit)
		return "";
	if (!agent->has_unit)
		return unit_state_to_string(UNIT_UNKNOWN);
	if (dead && unit->missing)
		return "not-found";
	if (dead && unit->masked)
		return "masked";
	if (has_reached_limit(engine, agent))
		return "start-limit";
	return unit_state_to_string(unit->state);
}

static usec_t next_action(const struct engine *engine, const struct agent *agent)
{
	usec_t wait = budget_wait(&agent->budget, agent->settings, engine->now);

	return wait == 0 || wait == USEC_INFINITY ? wait : engine->now + wait;
}

static void show_agent(const struct engine *engine, uint32_t number,
		       const struct snapshot_sink *sink)
{
	const struct agent *agent = &engine->agents[number];
	struct agent_snapshot snapshot = {
		.number = number,
		.settings = agent->settings,
		.mode = agent->mode,
		.unit = agent->unit.unit,
		.unit_state = unit_state(engine, agent),
		.absent = agent->absent,
		.connections_up = agent->connections_up,
		.down_since = agent->down_since,
		.in_outage = agent->outage.under_way || agent->outage.untold,
		.attempts = agent->attempts,
		.failed = agent->attempt.failed,
		.failed_since = agent->attempt.failed_since,
		.certificates_unread = agent->certificates_unread,
		.next_action = next_action(engine, agent),
	};

	sink->agent(sink->userdata, &snapshot);
}

static void show_agents(const struct engine *engine, const struct snapshot_sink *sink)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++)
		if (engine->agents[number].settings)
			show_agent(engine, number, sink);
}

static struct path_view path_now(const struct engine *engine, const struct connection *connection)
{
	static const struct socket_facts heard_now = { 0 };

	return state_path(engine, connection, &heard_now, engine->now);
}

static usec_t token_ends(const struct engine *engine, const struct connection *connection)
{
	const struct token *token = &engine->agents[connection->agent].token;

	return token->cookie == connection->cookie ? token->ends : 0;
}

static void show_connections(const struct engine *engine, const struct snapshot_sink *sink)
{
	const struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection))) {
		struct connection_snapshot snapshot = {
			.cookie = connection->cookie,
			.netns = connection->netns,
			.agent = connection->agent,
			.up = connection->up,
			.serves = connection->serves,
			.ended = connection->ended,
			.up_since = connection->up_since,
			.stalled = connection->stalled,
			.local = connection->local,
			.peer = connection->peer,
			.owner = state_owner(connection),
			.path = path_now(engine, connection),
			.token_ends = token_ends(engine, connection),
		};

		sink->connection(sink->userdata, &snapshot);
	}
}

void engine_snapshot(const struct engine *engine, const struct snapshot_sink *sink)
{
	if (sink->agent)
		show_agents(engine, sink);
	if (sink->connection)
		show_connections(engine, sink);
}
