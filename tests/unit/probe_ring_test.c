/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of the probe's ring, with a file in the place of the ring and us in that of the
 * kernel. */
#include "sources/probe_ring.h"

#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "suite.h"

enum { SIZE = 4096, RECORD_MOST = 336, STOP = -7 };

struct world {
	struct probe_ring *ring;
	int file;
	char *pages;   /* the consumer's, the producer's, the data */
	unsigned word; /* of the kernel */
	void *consumed, *produced;
	char *data;
	/* what came out */
	unsigned count;
	size_t size;
	unsigned char last[SIZE];
	unsigned stop_at; /* the sink wants no more after so many; 0: it wants all */
};

static uint64_t position(const struct world *world, const void *at)
{
	return world->word == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
}

static void set_position(const struct world *world, void *at, uint64_t position)
{
	if (world->word == 4)
		*(uint32_t *)at = (uint32_t)position;
	else
		*(uint64_t *)at = position;
}

static bool begin_at(struct world *world, unsigned word, uint64_t start)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	*world = (struct world){ .file = memfd_create("ring", MFD_CLOEXEC), .word = word };
	if (ftruncate(world->file, (off_t)(2 * page + SIZE)) < 0)
		return false;
	world->pages =
		mmap(NULL, 2 * page + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, world->file, 0);
	if (world->pages == MAP_FAILED)
		return false;
	world->consumed = world->pages;
	world->produced = world->pages + page;
	world->data = world->pages + 2 * page;
	set_position(world, world->consumed, start);
	set_position(world, world->produced, start);
	return probe_ring_open(&world->ring, world->file, SIZE, word) == 0;
}

static bool begin(struct world *world)
{
	return begin_at(world, 8, 0);
}

static void end(struct world *world)
{
	probe_ring_close(world->ring);
	munmap(world->pages, 2 * (size_t)sysconf(_SC_PAGESIZE) + SIZE);
	close(world->file);
}

/* As bpf_ringbuf_reserve() and bpf_ringbuf_submit() do; the bytes count up from `first`. */
static void produce(struct world *world, size_t size, uint32_t bits, unsigned char first)
{
	uint64_t at = position(world, world->produced);
	uint32_t length = (uint32_t)size | bits;

	memcpy(world->data + at % SIZE, &length, sizeof(length));
	for (size_t i = 0; i < size; i++)
		world->data[(at + BPF_RINGBUF_HDR_SZ + i) % SIZE] = (char)(first + i);
	set_position(world, world->produced, at + (BPF_RINGBUF_HDR_SZ + size + 7) / 8 * 8);
}

static int take(void *userdata, void *record, size_t size)
{
	struct world *world = userdata;

	world->count++;
	world->size = size;
	memcpy(world->last, record, size);
	return world->count == world->stop_at ? STOP : 0;
}

static bool is_whole(const struct world *world, size_t size, unsigned char first)
{
	for (size_t i = 0; i < size; i++)
		if (world->last[i] != (unsigned char)(first + i))
			return false;
	return world->size == size;
}

static int consume(struct world *world)
{
	return probe_ring_consume(world->ring, UINT64_MAX, take, world);
}

/* Records of all lengths, so that one of each begins and ends at every place around the end. */
static void test_goes_round(void)
{
	struct world world;
	unsigned sent = 0;

	CU_ASSERT_FATAL(begin(&world));
	for (unsigned round = 0; round < 20; round++)
		for (size_t size = 1; size <= RECORD_MOST; size++) {
			produce(&world, size, 0, (unsigned char)sent);
			CU_ASSERT_EQUAL_FATAL(consume(&world), 0);
			CU_ASSERT_TRUE_FATAL(is_whole(&world, size, (unsigned char)sent));
			CU_ASSERT_EQUAL_FATAL(position(&world, world.consumed),
					      position(&world, world.produced));
			CU_ASSERT_EQUAL_FATAL(world.count, ++sent);
		}
	end(&world);
}

static void test_empty(void)
{
	struct world world;

	CU_ASSERT_FATAL(begin(&world));
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_EQUAL(world.count, 0);
	end(&world);
}

static void test_waits_for_one_under_way(void)
{
	struct world world;

	CU_ASSERT_FATAL(begin(&world));
	produce(&world, 40, 0, 1);
	produce(&world, 40, BPF_RINGBUF_BUSY_BIT, 2);
	produce(&world, 40, 0, 3);
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_EQUAL(world.count, 1);
	CU_ASSERT_EQUAL(position(&world, world.consumed), 48);
	*(uint32_t *)(world.data + 48) = 40;
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_EQUAL(world.count, 3);
	CU_ASSERT_TRUE(is_whole(&world, 40, 3));
	end(&world);
}

static void test_passes_discarded_ones_over(void)
{
	struct world world;

	CU_ASSERT_FATAL(begin(&world));
	produce(&world, 40, BPF_RINGBUF_DISCARD_BIT, 1);
	produce(&world, 40, 0, 2);
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_EQUAL(world.count, 1);
	CU_ASSERT_TRUE(is_whole(&world, 40, 2));
	end(&world);
}

/* The record that the sink stops at is taken: the next call goes on behind it. */
static void test_stops_when_told(void)
{
	struct world world;

	CU_ASSERT_FATAL(begin(&world));
	world.stop_at = 1;
	produce(&world, 40, 0, 1);
	produce(&world, 40, 0, 2);
	CU_ASSERT_EQUAL(consume(&world), STOP);
	CU_ASSERT_EQUAL(world.count, 1);
	CU_ASSERT_EQUAL(position(&world, world.consumed), 48);
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_EQUAL(world.count, 2);
	CU_ASSERT_TRUE(is_whole(&world, 40, 2));
	end(&world);
}

/* What comes later stays for the next call; so does what is behind a record that is under way. */
static void test_reads_up_to_an_end(void)
{
	struct world world;
	uint64_t end_of_two;

	CU_ASSERT_FATAL(begin(&world));
	produce(&world, 40, 0, 1);
	produce(&world, 40, BPF_RINGBUF_BUSY_BIT, 2);
	end_of_two = probe_ring_end(world.ring);
	produce(&world, 40, 0, 3);
	CU_ASSERT_EQUAL(probe_ring_consume(world.ring, end_of_two, take, &world), 0);
	CU_ASSERT_FALSE(probe_ring_is_past(world.ring, end_of_two));
	*(uint32_t *)(world.data + 48) = 40;
	CU_ASSERT_EQUAL(probe_ring_consume(world.ring, end_of_two, take, &world), 0);
	CU_ASSERT_TRUE(probe_ring_is_past(world.ring, end_of_two));
	CU_ASSERT_EQUAL(world.count, 2);
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_EQUAL(world.count, 3);
	end(&world);
}

/* None of ours is so long; it is cut where it goes around the end, and the next one is found. */
static void test_cuts_what_is_too_long(void)
{
	struct world world;

	CU_ASSERT_FATAL(begin(&world));
	produce(&world, SIZE - 200, BPF_RINGBUF_DISCARD_BIT, 0);
	CU_ASSERT_EQUAL(consume(&world), 0);
	produce(&world, 1000, 0, 1);
	produce(&world, 40, 0, 2);
	world.stop_at = 1;
	CU_ASSERT_EQUAL(consume(&world), STOP);
	CU_ASSERT_TRUE(is_whole(&world, RECORD_MOST, 1));
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_TRUE(is_whole(&world, 40, 2));
	end(&world);
}

/* 6.6 and newer, and 6.1 as it is maintained, have another position right behind the producer's. */
static void test_reads_a_kernel_of_32_bits(void)
{
	struct world world;
	uint64_t end_of_one;

	CU_ASSERT_FATAL(begin_at(&world, 4, UINT32_MAX - 55)); /* it wraps behind the first */
	((uint32_t *)world.produced)[1] = UINT32_MAX - 55;
	produce(&world, 40, 0, 1);
	end_of_one = probe_ring_end(world.ring);
	produce(&world, 40, 0, 2);
	produce(&world, 40, BPF_RINGBUF_BUSY_BIT, 3);
	CU_ASSERT_EQUAL(probe_ring_consume(world.ring, end_of_one, take, &world), 0);
	CU_ASSERT_TRUE(probe_ring_is_past(world.ring, end_of_one));
	CU_ASSERT_TRUE(is_whole(&world, 40, 1));
	CU_ASSERT_EQUAL(position(&world, world.consumed), UINT32_MAX - 7);
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_TRUE(is_whole(&world, 40, 2));
	CU_ASSERT_EQUAL(position(&world, world.consumed), 40);
	CU_ASSERT_EQUAL(consume(&world), 0);
	CU_ASSERT_EQUAL(world.count, 2);
	end(&world);
}

SUITE("probe_ring", { "hands on nothing from an empty ring", test_empty },
      { "hands on records whole wherever they lie", test_goes_round },
      { "waits for a record that is under way", test_waits_for_one_under_way },
      { "passes discarded records over", test_passes_discarded_ones_over },
      { "stops behind the record when it is told to", test_stops_when_told },
      { "reads up to an end", test_reads_up_to_an_end },
      { "cuts a record that is too long", test_cuts_what_is_too_long },
      { "reads the ring of a kernel of 32 bits", test_reads_a_kernel_of_32_bits })
