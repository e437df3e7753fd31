/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A heap of deadlines. Each deadline is embedded in the object whose time runs out. */
#pragma once

#include "base/usec.h"

struct deadline {
	usec_t when;
	uint32_t position; /* in the heap, from 1; 0: not set */
	uint16_t kind;     /* chosen by the owner: the type of the object that embeds it */
	uint16_t slack;    /* seconds by which it may be late */
};

struct deadline_heap {
	struct deadline **heap; /* from index 1; the earliest deadline_latest() is at the top */
	uint32_t count;
	uint32_t capacity;
};

/* Allocates the heap for up to `capacity` deadlines that are set at once. Returns 0, or -ENOMEM. */
int deadline_heap_init(struct deadline_heap *heap, uint32_t capacity);
void deadline_heap_release(struct deadline_heap *heap);

/* Sets `deadline` to `when`, replacing an earlier time. The deadline stays unset if the heap is
 * full. */
void deadline_set(struct deadline_heap *heap, struct deadline *deadline, usec_t when);

/* Like deadline_set(), but the deadline may be handled up to `slack` microseconds later (kept in
 * whole seconds), so that it causes no wake-up of its own. */
void deadline_set_lazily(struct deadline_heap *heap, struct deadline *deadline, usec_t when,
			 usec_t slack);

/* The latest time at which `deadline` must be handled: its time plus its slack. */
usec_t deadline_latest(const struct deadline *deadline);

/* Unsets `deadline`; does nothing if it is not set. */
void deadline_clear(struct deadline_heap *heap, struct deadline *deadline);

/* The deadline with the earliest deadline_latest(), or NULL if none is set. */
struct deadline *deadline_first(const struct deadline_heap *heap);
