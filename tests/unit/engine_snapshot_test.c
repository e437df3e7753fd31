/* What the engine tells of itself. */
#include "core/engine_snapshot.h"
#include "core/verdict.h"

#include <arpa/inet.h>
#include <string.h>

#include "suite.h"

struct seen {
	unsigned agents;
	struct agent_snapshot agent;
	unsigned connections;
	struct connection_snapshot connection;
};

static void see_agent(void *userdata, const struct agent_snapshot *agent)
{
	struct seen *seen = userdata;

	seen->agents++;
	seen->agent = *agent;
}

static void see_connection(void *userdata, const struct connection_snapshot *connection)
{
	struct seen *seen = userdata;

	seen->connections++;
	seen->connection = *connection;
}

static struct seen look(const struct engine *engine)
{
	struct seen seen = { 0 };

	engine_snapshot(engine, &(struct snapshot_sink){ see_agent, see_connection, &seen });
	return seen;
}

static void ignore(void *userdata, const struct outcome *outcome)
{
	(void)userdata, (void)outcome;
}

static struct event connection_event(enum event_type type, enum tcp_state state)
{
	return (struct event){
		.type = type,
		.time = USEC_PER_SEC,
		.agent = 2,
		.connection = {
			.cookie = 99,
			.peer = { .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } },
			.facts = { .state = state },
		},
	};
}

static void test_all(void)
{
	struct engine_limits limits = {
		.agents = 3, .connections = 4, .processes = 4, .namespaces = 4
	};
	struct agent_settings settings;
	struct event agent = { .type = EVENT_AGENT,
			       .agent = 2,
			       .watching = { .settings = &settings } };
	struct event opened = connection_event(EVENT_OPENED, TCP_STATE_SYN_SENT);
	struct event established = connection_event(EVENT_ESTABLISHED, TCP_STATE_ESTABLISHED);
	struct event refused = connection_event(EVENT_ENDED, TCP_STATE_CLOSE);
	struct engine *engine;
	struct seen seen;

	CU_ASSERT_EQUAL_FATAL(engine_new(&engine, &limits), 0);
	CU_ASSERT_EQUAL(look(engine).agents, 0);

	agent_settings_defaults(&settings, "agent");
	engine_step(engine, &agent, ignore, NULL);
	engine_step(engine, &opened, ignore, NULL);
	seen = look(engine);
	CU_ASSERT_EQUAL(seen.agents, 1);
	CU_ASSERT_EQUAL(seen.agent.number, 2);
	CU_ASSERT_EQUAL(seen.agent.connections_up, 0);
	CU_ASSERT_EQUAL(seen.connections, 1);
	CU_ASSERT_FALSE(seen.connection.up);

	engine_step(engine, &established, ignore, NULL);
	seen = look(engine);
	CU_ASSERT_EQUAL(seen.agent.connections_up, 1);
	CU_ASSERT_TRUE(seen.connection.up);
	CU_ASSERT_EQUAL(seen.connection.peer.port, 8883);

	engine_step(engine, &refused, ignore, NULL);
	engine_step(engine, &(struct event){ .time = 2 * VERDICT_WAIT }, ignore, NULL);
	seen = look(engine);
	CU_ASSERT_EQUAL(seen.connections, 0);
	CU_ASSERT_EQUAL(seen.agent.down_since, USEC_PER_SEC);
	engine_free(engine);
}

SUITE("snapshot", { "an agent and its connection", test_all })
