/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/open_session.h"

#include "engine/outcomes.h"

/* Of an agent whose sessions never last long enough to end an outage. */
#define SETTLE_FALLBACK (30 * USEC_PER_SEC)

/* Wakes nobody for it alone. */
#define TELL_SLACK (10 * USEC_PER_SEC)

static usec_t settle_time(const struct agent *agent)
{
	usec_t settle = agent->settings->settle;

	return settle == USEC_INFINITY ? SETTLE_FALLBACK : settle;
}

static bool is_open(const struct connection *connection)
{
	return connection && connection->serves && !connection->ended;
}

static void await(struct engine *engine, struct agent *agent, const struct connection *connection)
{
	agent->open_session.cookie = connection->cookie;
	agent->open_session.told = false;
	deadline_set_lazily(&engine->deadlines, &agent->open_session.deadline,
			    connection->up_since + settle_time(agent), TELL_SLACK);
}

void open_session_begin(struct engine *engine, struct agent *agent,
			const struct connection *connection)
{
	if (!agent->open_session.cookie)
		await(engine, agent, connection);
}

void open_session_told(struct agent *agent, uint64_t cookie)
{
	agent->open_session.cookie = cookie;
	agent->open_session.told = true;
}

bool open_session_is_told(const struct agent *agent, uint64_t cookie)
{
	return agent->open_session.told && agent->open_session.cookie == cookie;
}

static void look_for_another(struct engine *engine, struct agent *agent, usec_t time)
{
	agent->open_session.cookie = 0;
	agent->open_session.told = false;
	deadline_clear(&engine->deadlines, &agent->open_session.deadline);
	if (agent->connections_up)
		deadline_set_lazily(&engine->deadlines, &agent->open_session.deadline,
				    time + settle_time(agent), TELL_SLACK);
}

void open_session_end(struct engine *engine, struct agent *agent, uint64_t cookie, usec_t time)
{
	if (agent->open_session.cookie == cookie)
		look_for_another(engine, agent, time);
}

void open_session_check(struct engine *engine, struct agent *agent)
{
	if (agent->open_session.told)
		deadline_set_lazily(&engine->deadlines, &agent->open_session.deadline,
				    engine->now + settle_time(agent), TELL_SLACK);
}

static const struct connection *find_open(const struct engine *engine, uint32_t agent)
{
	const struct connection *connection = NULL;

	while ((connection = keyed_table_next(&engine->connections, connection)))
		if (connection->agent == agent && is_open(connection))
			return connection;
	return NULL;
}

/* The end of an outage that is told late is told at the same moment. */
static bool is_told_as_recovered(const struct agent *agent, const struct connection *connection)
{
	const struct outage *outage = &agent->outage;

	return outage->untold && !outage->under_way && outage->cookie == connection->cookie;
}

static void await_another(struct engine *engine, struct agent *agent)
{
	const struct connection *connection = find_open(engine, state_agent_number(engine, agent));

	agent->open_session.cookie = 0;
	agent->open_session.told = false;
	if (connection)
		await(engine, agent, connection);
}

static void tell(struct engine *engine, const struct agent *agent,
		 const struct connection *connection)
{
	struct record record;

	outcomes_begin_record(agent, RECORD_CONNECTED, connection->up_since, &record);
	outcomes_describe_connection(connection, &record);
	record.verdict.rung = connection->reached;
	record.belated = true;
	outcomes_send_record(engine, &record);
}

void open_session_due(struct engine *engine, struct agent *agent)
{
	const struct connection *connection = state_connection(engine, agent->open_session.cookie);

	if (!is_open(connection)) {
		await_another(engine, agent);
		return;
	}
	if (!agent->open_session.told && !is_told_as_recovered(agent, connection))
		tell(engine, agent, connection);
	agent->open_session.told = true;
}
