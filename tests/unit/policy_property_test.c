/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No restart storm is possible: a million random events break no promise of the policy. The seed is
 * fixed; POLICY_SEED= and POLICY_EVENTS= change the run. tests/fuzz/engine_fuzz.c looks for events
 * that do. */
#include <stdlib.h>

#include "policy_world.h"
#include "suite.h"

static unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void test_promises(void)
{
	unsigned long events = from_environment("POLICY_EVENTS", 100000);
	struct choices choices = { .random = from_environment("POLICY_SEED", 1) | 1 };
	struct world *world = world_new(choices);
	const char *broken;

	for (unsigned long i = 0; i < events && !world_broken_promise(world); i++)
		world_step(world);
	broken = world_broken_promise(world);
	CHECK(!broken, broken ?: "");
	CHECK(world_orders(world) > 100, "the run acted at all");
	CHECK(world_offline_starts(world) > 10, "also while it was offline");
	CHECK(world_deaths(world) > 10, "and its engines died");
	world_free(world);
}

SUITE("policy_property", { "no promise is broken", test_promises })
