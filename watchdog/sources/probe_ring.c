/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ebpf/probe_record.h"
#include "support/cleanup.h"

/* What may lie around the end of the ring: the decoder refuses longer ones. */
enum { RECORD_MOST = sizeof(struct probe_connection) };

/* The kernel's Documentation/bpf/ringbuf.rst: a page with the consumer's position, one with the
 * producer's, and the data. Positions are of the kernel's `unsigned long`. Ours never wrap. */
struct probe_ring {
	size_t page;
	size_t size;
	bool wraps;           /* the kernel's positions have 32 bits */
	uint64_t position;    /* ours in the place of what is in `consumed` */
	void *consumed;       /* MAP_FAILED: not mapped */
	const void *produced; /* likewise; the data are a page behind it */
	const char *data;
	uint64_t whole[(RECORD_MOST + sizeof(uint64_t) - 1) / sizeof(uint64_t)];
};

DEFINE_CLEANUP(struct probe_ring *, probe_ring_close);

static uint64_t load(const struct probe_ring *ring, const void *position)
{
	return ring->wraps ? __atomic_load_n((const uint32_t *)position, __ATOMIC_ACQUIRE)
			   : __atomic_load_n((const uint64_t *)position, __ATOMIC_ACQUIRE);
}

/* Gives the kernel the room before `position` back. */
static void move_to(struct probe_ring *ring, uint64_t position)
{
	ring->position = position;
	if (ring->wraps)
		__atomic_store_n((uint32_t *)ring->consumed, (uint32_t)position, __ATOMIC_RELEASE);
	else
		__atomic_store_n((uint64_t *)ring->consumed, position, __ATOMIC_RELEASE);
}

int probe_ring_open(struct probe_ring **ret, int map, size_t size, unsigned word)
{
	_cleanup_(probe_ring_close_held) struct probe_ring *ring = malloc(sizeof(*ring));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!ring)
		return -ENOMEM;
	*ring = (struct probe_ring){
		.page = page, .size = size, .wraps = word == 4, .produced = MAP_FAILED
	};
	ring->consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (ring->consumed == MAP_FAILED)
		return -errno;
	ring->produced = mmap(NULL, page + size, PROT_READ, MAP_SHARED, map, (off_t)page);
	if (ring->produced == MAP_FAILED)
		return -errno;
	ring->data = (const char *)ring->produced + page;
	ring->position = load(ring, ring->consumed);
	*ret = STEAL_POINTER(ring);
	return 0;
}

struct probe_ring *probe_ring_close(struct probe_ring *ring)
{
	if (!ring)
		return NULL;
	if (ring->consumed != MAP_FAILED)
		munmap(ring->consumed, ring->page);
	if (ring->produced != MAP_FAILED)
		munmap((void *)ring->produced, ring->page + ring->size);
	free(ring);
	return NULL;
}

/* The record at `offset`, in one piece. */
static void *whole_record(struct probe_ring *ring, size_t offset, size_t size)
{
	size_t first = ring->size - offset;

	if (size <= first)
		return (void *)(ring->data + offset);
	memcpy(ring->whole, ring->data + offset, first);
	memcpy((char *)ring->whole + first, ring->data, size - first);
	return ring->whole;
}

/* One that goes around the end, and is longer than any of ours, is handed on cut. */
static int hand_on(struct probe_ring *ring, uint64_t position, size_t size, probe_ring_sink sink,
		   void *userdata)
{
	size_t offset = (size_t)(position + BPF_RINGBUF_HDR_SZ) & (ring->size - 1);

	if (size > ring->size - offset && size > RECORD_MOST)
		size = RECORD_MOST;
	return sink(userdata, whole_record(ring, offset, size), size);
}

static uint64_t room_of(size_t size)
{
	return (BPF_RINGBUF_HDR_SZ + size + 7) & ~UINT64_C(7);
}

uint64_t probe_ring_end(const struct probe_ring *ring)
{
	uint64_t produced = load(ring, ring->produced);

	/* never further behind than the ring is long */
	return ring->wraps ? ring->position + (uint32_t)(produced - ring->position) : produced;
}

bool probe_ring_is_past(const struct probe_ring *ring, uint64_t end)
{
	return ring->position >= end;
}

int probe_ring_consume(struct probe_ring *ring, uint64_t end, probe_ring_sink sink, void *userdata)
{
	int r = 0;

	while (r >= 0 && ring->position < end && ring->position < probe_ring_end(ring)) {
		uint64_t position = ring->position;
		const uint32_t *header = (const void *)(ring->data + (position & (ring->size - 1)));
		uint32_t length = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		size_t size = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (length & BPF_RINGBUF_BUSY_BIT) /* it is still being written */
			break;
		if (!(length & BPF_RINGBUF_DISCARD_BIT))
			r = hand_on(ring, position, size, sink, userdata);
		move_to(ring, position + room_of(size));
	}
	return r < 0 ? r : 0;
}
