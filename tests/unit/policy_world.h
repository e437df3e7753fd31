/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A world of agents for the engine: random events, and after each the promises of the policy are
 * checked on what came out. Now and then the engine dies, between two events or in the middle of
 * what comes out, and another one goes on with what the journal has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct world;

/* The source of random choices. */
struct choices {
	const uint8_t *input; /* the bytes of these; NULL: xorshift */
	size_t left;          /* bytes of the input that are not used up; then all is 0 */
	uint64_t random;      /* the state of xorshift, not 0 */
};

/* Returns a new world, to be freed with world_free(); `choices.input` stays the caller's and must
 * outlive it. There is no world without memory: then the program ends. */
struct world *world_new(struct choices choices);
struct world *world_free(struct world *world); /* returns NULL */

/* Lets some time pass and makes an event. If that was too much for the engine, another follows. */
void world_step(struct world *world);

/* The promise that was last broken; NULL: none. */
const char *world_broken_promise(const struct world *world);

/* How many bytes of the input are left. */
size_t world_choices_left(const struct world *world);

/* How much happened so far. */
unsigned world_orders(const struct world *world);
unsigned world_offline_starts(const struct world *world); /* of other units, while offline */
unsigned world_deaths(const struct world *world);         /* of engines */
