/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's snapshot of its own state. */
#include "engine/snapshot.h"

#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

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

static struct seen look(const struct bench *bench)
{
	struct seen seen = { 0 };

	engine_snapshot(bench->engine, &(struct snapshot_sink){ see_agent, see_connection, &seen });
	return seen;
}

static void test_all(void)
{
	struct bench bench;
	struct seen seen;
	usec_t down;

	bench_begin_alone(&bench);
	bench.agent = 2;
	CU_ASSERT_EQUAL(look(&bench).agents, 0);

	bench_watch(&bench);
	bench_step(&bench, opened(99));
	seen = look(&bench);
	CU_ASSERT_EQUAL(seen.agents, 1);
	CU_ASSERT_EQUAL(seen.agent.number, 2);
	CU_ASSERT_EQUAL(seen.agent.connections_up, 0);
	CU_ASSERT_EQUAL(seen.connections, 1);
	CU_ASSERT_FALSE(seen.connection.up);

	bench_step(&bench, established(99));
	seen = look(&bench);
	CU_ASSERT_EQUAL(seen.agent.connections_up, 1);
	CU_ASSERT_TRUE(seen.connection.up);
	CU_ASSERT_EQUAL(seen.connection.peer.port, 8883);

	down = bench.now;
	bench_step(&bench,
		   connection_event(EVENT_ENDED, 99, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE));
	bench_pass(&bench, 2 * VERDICT_WAIT);
	seen = look(&bench);
	CU_ASSERT_EQUAL(seen.connections, 0);
	CU_ASSERT_EQUAL(seen.agent.down_since, down);
	bench_end(&bench);
}

SUITE("snapshot", { "an agent and its connection", test_all })
