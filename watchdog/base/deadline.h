/* What has to happen at some time: a heap of deadlines, each embedded in what it is for. */
#pragma once

#include "event.h"

struct deadline {
	usec_t when;
	uint32_t position; /* in the heap, from 1; 0: not set */
	uint16_t kind;     /* the owner's business: what it is embedded in */
	uint16_t slack;    /* seconds: so much later will do */
};

struct deadline_heap {
	struct deadline **heap; /* from 1, the one that can wait least first */
	uint32_t count;
	uint32_t capacity;
};

/* Returns 0, or -ENOMEM. `capacity`: deadlines that may be set at once. */
int deadline_heap_init(struct deadline_heap *heap, uint32_t capacity);
void deadline_heap_release(struct deadline_heap *heap);

/* Sets `deadline` to `when`, whether or not it was set before. With more deadlines than the
 * capacity it stays unset. */
void deadline_set(struct deadline_heap *heap, struct deadline *deadline, usec_t when);

/* The same, but `slack` later will do, in whole seconds: nobody needs to wake up for it alone. */
void deadline_set_lazily(struct deadline_heap *heap, struct deadline *deadline, usec_t when,
			 usec_t slack);

/* When it can wait no longer. */
usec_t deadline_latest(const struct deadline *deadline);

/* Harmless for one that is not set. */
void deadline_clear(struct deadline_heap *heap, struct deadline *deadline);

/* The one that can wait least, or NULL. */
struct deadline *deadline_first(const struct deadline_heap *heap);
