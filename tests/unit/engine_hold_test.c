/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operator holds an agent's actions, and lets go again. */
#include <string.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

static void hold(struct bench *bench, bool held)
{
	bench_step(bench, (struct event){ .type = EVENT_AGENT,
					  .watching = { .settings = &bench->settings,
							.actions_held = held } });
}

/* The peer refuses a connection. */
static void refuse(struct bench *bench, uint64_t cookie)
{
	bench_step(bench, opened(cookie));
	bench_step(bench, refused(cookie));
	bench_pass(bench, 2 * VERDICT_WAIT);
}

static unsigned times_held(const struct bench *bench)
{
	unsigned times = 0;

	for (unsigned i = 0; i < bench->records; i++)
		times += strcmp(bench->record[i].action_held_by ?: "", "operator") == 0;
	return times;
}

static void test_hold(void)
{
	struct bench bench;

	bench_begin_alone(&bench);
	bench.settings.randomized_delay = 0;
	bench_restart_on(&bench, CAUSE_CONNECT_REFUSED);

	hold(&bench, true);
	refuse(&bench, 1);
	CU_ASSERT_EQUAL(times_held(&bench), 1);
	CU_ASSERT_EQUAL(bench.orders, 0);

	bench.now += USEC_PER_MINUTE;
	hold(&bench, false);
	refuse(&bench, 2);
	CU_ASSERT_EQUAL(times_held(&bench), 1);
	CU_ASSERT_EQUAL(bench.orders, 1);
	bench_end(&bench);
}

SUITE("hold", { "held, then taken", test_hold })
