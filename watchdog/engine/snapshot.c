/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/snapshot.h"

#include "engine/state.h"

static void show_agents(const struct engine *engine, const struct snapshot_sink *sink)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++) {
		const struct agent *agent = &engine->agents[number];
		struct agent_snapshot snapshot = {
			.number = number,
			.settings = agent->settings,
			.mode = agent->mode,
			.unit = agent->unit.unit,
			.absent = agent->absent,
			.connections_up = agent->connections_up,
			.down_since = agent->down_since,
			.in_outage = agent->outage.under_way || agent->outage.resumed,
			.attempts = agent->attempts,
			.failed = agent->attempt.failed,
			.failed_since = agent->attempt.failed_since,
		};

		if (agent->settings)
			sink->agent(sink->userdata, &snapshot);
	}
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
