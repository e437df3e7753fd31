/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's tables are of a fixed size: an agent that fills them leaves the others their share.
 */
#include <signal.h>
#include <stdlib.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

enum { QUIET = 2, QUIET_COOKIE = 1 << 20, QUIET_PID = 77, MANY = 5000 };

static struct event process_event(enum event_type type, uint32_t pid)
{
	return (struct event){ .type = type,
			       .process.task = { .pid = pid, .in_agent = true, .comm = "one" } };
}

/* One of these at random: a connection more, a process more, an end of either. */
static void flood(struct bench *bench, unsigned *seed)
{
	uint64_t cookie = 1 + (unsigned)rand_r(seed) % 64;
	uint32_t pid = 1000 + (unsigned)rand_r(seed) % 64;

	switch (rand_r(seed) % 8) {
	case 0:
		bench_step(bench, process_event(EVENT_EXITED, pid));
		break;
	case 1:
		bench_step(bench, peer_fin(cookie, USEC_PER_SEC));
		break;
	case 2:
	case 3:
	case 4:
		bench_step(bench, process_event(EVENT_STARTED, pid));
		break;
	default:
		bench_open(bench, cookie);
		break;
	}
	bench->records = bench->orders = 0;
}

/* Its connection and its process are tracked: their end is a crash, and nothing else. */
static void crash_of_the_quiet_one(struct bench *bench)
{
	struct event open = opened(QUIET_COOKIE), up = established(QUIET_COOKIE);
	struct event killed = process_event(EVENT_EXITED, QUIET_PID);
	struct event end = dying_fin(QUIET_COOKIE, SIGKILL);

	bench->agent = QUIET;
	bench_step(bench, process_event(EVENT_STARTED, QUIET_PID));
	open.connection.owner.pid = up.connection.owner.pid = QUIET_PID;
	bench_step(bench, open);
	bench_step(bench, up);
	end.connection.owner.pid = end.connection.current.pid = QUIET_PID;
	bench_step(bench, end);
	killed.process.task.exit_code = SIGKILL;
	bench_step(bench, killed);
	bench_step(bench, connection_event(EVENT_ENDED, QUIET_COOKIE, TCP_STATE_FIN_WAIT2,
					   TCP_STATE_CLOSE)); /* it is forgotten */
	bench_pass(bench, 2 * VERDICT_WAIT);
	CU_ASSERT_STRING_EQUAL(bench_record(bench, RECORD_ENDED, 0)->agent, "quiet");
	CU_ASSERT_EQUAL(bench_record(bench, RECORD_ENDED, 0)->verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(bench_count(bench, RECORD_EVIDENCE_LOST), 0);
	bench->records = bench->orders = 0;
	bench->agent = 1;
}

static void another_agent_has_room_beside_a_flood(void)
{
	struct agent_settings quiet;
	struct bench bench;
	unsigned seed = 1;

	bench_begin(&bench);
	agent_settings_defaults(&quiet, "quiet");
	bench.agent = QUIET;
	bench_step(&bench,
		   (struct event){ .type = EVENT_AGENT, .watching = { .settings = &quiet } });
	bench_step(&bench, (struct event){ .type = EVENT_CAUGHT_UP });
	bench.agent = 1;
	for (unsigned i = 0; i < MANY; i++) {
		flood(&bench, &seed);
		if (i % 50 == 0)
			crash_of_the_quiet_one(&bench);
		bench.now += USEC_PER_MSEC;
	}
	bench_end(&bench);
}

SUITE("engine_shares",
      { "another agent has room beside a flood", another_agent_has_room_beside_a_flood })
