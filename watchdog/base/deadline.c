/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/deadline.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int deadline_heap_init(struct deadline_heap *heap, uint32_t capacity)
{
	*heap = (struct deadline_heap){
		.heap = calloc((size_t)capacity + 1, sizeof(*heap->heap)),
		.capacity = capacity,
	};
	return heap->heap ? 0 : -ENOMEM;
}

void deadline_heap_release(struct deadline_heap *heap)
{
	free(heap->heap);
	*heap = (struct deadline_heap){ 0 };
}

usec_t deadline_latest(const struct deadline *deadline)
{
	return deadline->when + deadline->slack * USEC_PER_SEC;
}

static bool is_before(const struct deadline *one, const struct deadline *other)
{
	return deadline_latest(one) < deadline_latest(other);
}

static void place(struct deadline_heap *heap, uint32_t position, struct deadline *deadline)
{
	heap->heap[position] = deadline;
	deadline->position = position;
}

static void sift_up(struct deadline_heap *heap, struct deadline *deadline)
{
	uint32_t at = deadline->position;

	for (; at > 1 && is_before(deadline, heap->heap[at / 2]); at /= 2)
		place(heap, at, heap->heap[at / 2]);
	place(heap, at, deadline);
}

static void sift_down(struct deadline_heap *heap, struct deadline *deadline)
{
	uint32_t at = deadline->position;

	while (at * 2 <= heap->count) {
		uint32_t child = at * 2;

		if (child < heap->count && is_before(heap->heap[child + 1], heap->heap[child]))
			child++;
		if (!is_before(heap->heap[child], deadline))
			break;
		place(heap, at, heap->heap[child]);
		at = child;
	}
	place(heap, at, deadline);
}

void deadline_set(struct deadline_heap *heap, struct deadline *deadline, usec_t when)
{
	deadline_set_lazily(heap, deadline, when, 0);
}

void deadline_set_lazily(struct deadline_heap *heap, struct deadline *deadline, usec_t when,
			 usec_t slack)
{
	deadline_clear(heap, deadline);
	if (heap->count == heap->capacity)
		return;
	slack /= USEC_PER_SEC;
	deadline->when = when;
	deadline->slack = slack < UINT16_MAX ? (uint16_t)slack : UINT16_MAX;
	deadline->position = ++heap->count;
	sift_up(heap, deadline);
}

void deadline_clear(struct deadline_heap *heap, struct deadline *deadline)
{
	uint32_t position = deadline->position;
	struct deadline *last;

	if (!position)
		return;
	deadline->position = 0;
	last = heap->heap[heap->count--];
	if (last == deadline)
		return;
	place(heap, position, last);
	sift_up(heap, last);
	sift_down(heap, last);
}

struct deadline *deadline_first(const struct deadline_heap *heap)
{
	return heap->count ? heap->heap[1] : NULL;
}
