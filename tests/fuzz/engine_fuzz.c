/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policy keeps its promises, whatever happens, in any order, and whenever the engine dies. The
 * input makes the choices of the world that policy_property_test.c has, too. */
#include "tests/unit/policy_world.h"

#include <stdio.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *world = world_new((struct choices){ .input = data, .left = size });
	const char *broken;

	while (world_choices_left(world) > 0 && !world_broken_promise(world))
		world_step(world);
	broken = world_broken_promise(world);
	if (broken)
		fprintf(stderr, "broken: %s\n", broken);
	MUST(!broken);
	world_free(world);
	return 0;
}
