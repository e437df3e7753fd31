/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/probe_overflow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	uint64_t seen; /* the kernel's count at the last look */
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

static int append(struct probe_overflow *overflow, const struct batch *batch, size_t count)
{
	struct entry *longer =
		reallocarray(overflow->entries, overflow->count + ENTRIES_AT_ONCE, sizeof(*longer));

	if (!longer)
		return -ENOMEM;
	overflow->entries = longer;
	for (size_t i = 0; i < count; i++)
		longer[overflow->count++] = (struct entry){
			.key = batch->keys[i],
			.time_nsec = batch->records[i].header.time_nsec,
		};
	return 0;
}

/* Reads the whole map, up to the number of entries that it is made for. Returns 0 or -errno. */
static int read_map(struct probe_overflow *overflow)
{
	_cleanup_free_ struct batch *batch = malloc(sizeof(*batch));
	uint32_t at, count;
	bool begun = false;
	int r = batch ? 0 : -ENOMEM;

	while (r == 0 && overflow->count < OVERFLOW_RECORDS) {
		count = ENTRIES_AT_ONCE;
		r = bpf_map_lookup_batch(overflow->map, begun ? &at : NULL, &at, batch->keys,
					 batch->records, &count, NULL);
		if ((r == 0 || r == -ENOENT) && append(overflow, batch, count) < 0)
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

bool probe_overflow_is_behind(const struct probe_overflow *overflow)
{
	return overflow->taken < overflow->count;
}

uint64_t probe_overflow_next_look(const struct probe_overflow *overflow)
{
	return overflow->looks + 1;
}

bool probe_overflow_is_past(const struct probe_overflow *overflow, uint64_t look)
{
	return overflow->looks >= look && !probe_overflow_is_behind(overflow);
}

void probe_overflow_look(struct probe_overflow *overflow)
{
	uint64_t overflowed = __atomic_load_n(&overflow->bpf->bss->overflowed, __ATOMIC_ACQUIRE);

	if (probe_overflow_is_behind(overflow))
		return;
	overflow->looks++;
	if (overflowed == overflow->seen)
		return;
	drop_entries(overflow);
	if (read_map(overflow) < 0) {
		drop_entries(overflow);
		return;
	}
	overflow->seen = overflowed;
	if (overflow->count > 0)
		qsort(overflow->entries, overflow->count, sizeof(*overflow->entries), by_time);
}

/* ---- taking */

/* Removes the record from the map and gives its agent the room back. */
static void remove_record(struct probe_overflow *overflow, const struct overflow_key *key,
			  uint32_t agent)
{
	struct probe_bpf__bss *counts = overflow->bpf->bss;
	int64_t *used = (int64_t *)&counts->overflow_used[agent % PROBE_AGENTS];

	if (bpf_map_delete_elem(overflow->map, key) < 0)
		return;
	__atomic_fetch_sub(used, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&counts->overflow_used_by_all, 1, __ATOMIC_RELAXED);
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

/* All that were seen are taken. If nothing has come since, the map is empty: a daemon that died
 * between the removal of a record and its count leaves no trace. */
static void end_look(struct probe_overflow *overflow)
{
	struct probe_bpf__bss *counts = overflow->bpf->bss;

	drop_entries(overflow);
	if (__atomic_load_n(&counts->overflowed, __ATOMIC_ACQUIRE) != overflow->seen)
		return;
	memset(counts->overflow_used, 0, sizeof(counts->overflow_used));
	counts->overflow_used_by_all = 0;
}

void probe_overflow_take(struct probe_overflow *overflow, unsigned most, overflow_sink sink,
			 void *userdata)
{
	for (; most > 0 && probe_overflow_is_behind(overflow); most--)
		take_entry(overflow, &overflow->entries[overflow->taken++].key, sink, userdata);
	if (overflow->entries && !probe_overflow_is_behind(overflow))
		end_look(overflow);
}
