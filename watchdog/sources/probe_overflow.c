/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_overflow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "ebpf/probe.skel.h"
#include "ebpf/probe_record.h"
#include "ebpf/watch_keys.h"
#include "support/cleanup.h"

/* Entries that are read in one system call. More of them than are in one bucket of the map. */
enum { ENTRIES_AT_ONCE = 512 };

/* The probe's union record: a connection's is the longest one. */
union record {
	struct probe_header header;
	struct probe_connection connection;
	struct probe_process process;
};

struct batch {
	struct overflow_key keys[ENTRIES_AT_ONCE];
	union record records[ENTRIES_AT_ONCE];
};

/* A record in the map. */
struct entry {
	struct overflow_key key;
	uint64_t time_nsec;
};

struct probe_overflow {
	struct probe_bpf *bpf;
	int map;
	uint64_t seen;              /* the kernel's count before the last look */
	uint64_t put[PROBE_AGENTS]; /* likewise, by agent */
	bool in_step;               /* these two were of the same moment */
	bool left;                  /* some records came while it looked: they are for the next */
	uint64_t looks;
	struct entry *entries; /* those that were seen; NULL: none */
	size_t count, taken;
};

int probe_overflow_new(struct probe_overflow **ret, struct probe_bpf *bpf)
{
	struct probe_overflow *overflow = malloc(sizeof(*overflow));

	if (!overflow)
		return -ENOMEM;
	*overflow = (struct probe_overflow){
		.bpf = bpf,
		.map = bpf_map__fd(bpf->maps.overflow),
	};
	*ret = overflow;
	return 0;
}

static void drop_entries(struct probe_overflow *overflow)
{
	free(overflow->entries);
	overflow->entries = NULL;
	overflow->count = overflow->taken = 0;
}

struct probe_overflow *probe_overflow_free(struct probe_overflow *overflow)
{
	if (overflow)
		drop_entries(overflow);
	free(overflow);
	return NULL;
}

/* ---- looking */

/* The map is not read in one moment: of what comes meanwhile, a record may be seen and one before
 * it may not. So the look ends at `until`, the time when it began. */
static int append(struct probe_overflow *overflow, const struct batch *batch, size_t count,
		  uint64_t until)
{
	struct entry *longer =
		reallocarray(overflow->entries, overflow->count + ENTRIES_AT_ONCE, sizeof(*longer));

	if (!longer)
		return -ENOMEM;
	overflow->entries = longer;
	for (size_t i = 0; i < count; i++) {
		uint64_t time = batch->records[i].header.time_nsec;

		if (time < until)
			longer[overflow->count++] = (struct entry){ batch->keys[i], time };
		else
			overflow->left = true;
	}
	return 0;
}

/* Reads the whole map, up to the number of entries that it is made for. Returns 0 or -errno. */
static int read_map(struct probe_overflow *overflow, uint64_t until)
{
	_cleanup_free_ struct batch *batch = malloc(sizeof(*batch));
	uint32_t at, count;
	bool begun = false;
	int r = batch ? 0 : -ENOMEM;

	while (r == 0 && overflow->count < OVERFLOW_RECORDS) {
		count = ENTRIES_AT_ONCE;
		r = bpf_map_lookup_batch(overflow->map, begun ? &at : NULL, &at, batch->keys,
					 batch->records, &count, NULL);
		if ((r == 0 || r == -ENOENT) && append(overflow, batch, count, until) < 0)
			r = -ENOMEM;
		begun = true;
	}
	return r == -ENOENT ? 0 : r;
}

static int by_time(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return left->time_nsec < right->time_nsec ? -1 : left->time_nsec > right->time_nsec;
}

static bool is_taken(const struct probe_overflow *overflow)
{
	return overflow->taken == overflow->count;
}

bool probe_overflow_is_behind(const struct probe_overflow *overflow)
{
	return !is_taken(overflow) || overflow->left;
}

uint64_t probe_overflow_next_look(const struct probe_overflow *overflow)
{
	return overflow->looks + 1;
}

bool probe_overflow_is_past(const struct probe_overflow *overflow, uint64_t look)
{
	return overflow->looks >= look && is_taken(overflow);
}

/* The kernel counts a record for its agent before it is in the map, and for all when it is. */
static void read_counts(struct probe_overflow *overflow, uint64_t overflowed)
{
	const struct probe_bpf__bss *counts = overflow->bpf->bss;
	uint64_t sum = 0;

	for (size_t i = 0; i < PROBE_AGENTS; i++) {
		overflow->put[i] = __atomic_load_n(&counts->overflow_put[i], __ATOMIC_RELAXED);
		sum += overflow->put[i];
	}
	overflow->seen = overflowed;
	overflow->in_step = sum == overflowed;
}

/* As bpf_ktime_get_ns(), which the records have their times from. */
static uint64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Returns false if nothing could be read: the next look has to. */
static bool look_into_map(struct probe_overflow *overflow, uint64_t overflowed)
{
	drop_entries(overflow);
	read_counts(overflow, overflowed);
	overflow->left = false;
	if (read_map(overflow, now_nsec()) < 0) {
		drop_entries(overflow);
		overflow->left = true;
		return false;
	}
	if (overflow->count > 0)
		qsort(overflow->entries, overflow->count, sizeof(*overflow->entries), by_time);
	return true;
}

void probe_overflow_look(struct probe_overflow *overflow)
{
	uint64_t overflowed = __atomic_load_n(&overflow->bpf->bss->overflowed, __ATOMIC_ACQUIRE);

	if (!is_taken(overflow))
		return;
	if ((overflowed != overflow->seen || overflow->left) &&
	    !look_into_map(overflow, overflowed))
		return;
	overflow->looks++;
}

/* ---- taking */

/* Removes the record from the map and gives its agent the room back. */
static void remove_record(struct probe_overflow *overflow, const struct overflow_key *key,
			  uint32_t agent)
{
	struct probe_bpf__bss *counts = overflow->bpf->bss;

	if (bpf_map_delete_elem(overflow->map, key) < 0)
		return;
	counts->overflow_taken[agent % PROBE_AGENTS]++;
	counts->overflow_taken_by_all++;
}

/* The record is read anew: the kernel may have added the RST to it. */
static void take_entry(struct probe_overflow *overflow, const struct overflow_key *key,
		       overflow_sink sink, void *userdata)
{
	union record record;

	if (bpf_map_lookup_elem(overflow->map, key, &record) < 0)
		return;
	sink(userdata, &record, record.header.size);
	remove_record(overflow, key, record.header.agent);
}

static void set_at_least(__u64 *count, uint64_t least)
{
	if (*count < least)
		*count = least;
}

/* All records that were in the map before the look are taken: a daemon that died between the
 * removal of one and its count leaves no trace. */
static void end_look(struct probe_overflow *overflow)
{
	struct probe_bpf__bss *counts = overflow->bpf->bss;

	drop_entries(overflow);
	if (!overflow->in_step)
		return;
	for (size_t i = 0; i < PROBE_AGENTS; i++)
		set_at_least(&counts->overflow_taken[i], overflow->put[i]);
	set_at_least(&counts->overflow_taken_by_all, overflow->seen);
}

void probe_overflow_take(struct probe_overflow *overflow, unsigned most, overflow_sink sink,
			 void *userdata)
{
	for (; most > 0 && !is_taken(overflow); most--)
		take_entry(overflow, &overflow->entries[overflow->taken++].key, sink, userdata);
	if (overflow->entries && is_taken(overflow))
		end_look(overflow);
}
