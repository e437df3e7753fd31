#include "deadline.h"

#include <errno.h>
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

static void place(struct deadline_heap *heap, uint32_t position, struct deadline *deadline)
{
	heap->heap[position] = deadline;
	deadline->position = position;
}

static void sift_up(struct deadline_heap *heap, struct deadline *deadline)
{
	uint32_t at = deadline->position;

	for (; at > 1 && heap->heap[at / 2]->when > deadline->when; at /= 2)
		place(heap, at, heap->heap[at / 2]);
	place(heap, at, deadline);
}

static void sift_down(struct deadline_heap *heap, struct deadline *deadline)
{
	uint32_t at = deadline->position;

	while (at * 2 <= heap->count) {
		uint32_t child = at * 2;

		if (child < heap->count && heap->heap[child + 1]->when < heap->heap[child]->when)
			child++;
		if (heap->heap[child]->when >= deadline->when)
			break;
		place(heap, at, heap->heap[child]);
		at = child;
	}
	place(heap, at, deadline);
}

void deadline_set(struct deadline_heap *heap, struct deadline *deadline, usec_t when)
{
	deadline_clear(heap, deadline);
	if (heap->count == heap->capacity)
		return;
	deadline->when = when;
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
