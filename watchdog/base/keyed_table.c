/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/keyed_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* As many buckets are in use at first, if there are more: a quarter of a page. */
enum { BUCKETS_FIRST = 256 };

/* The bits of a word of `in_use`. */
enum { BITS = 64 };

/* Half of the buckets stay empty, so that a probe sequence is short. */
static uint32_t bucket_count(uint32_t capacity)
{
	uint32_t count = 4;

	while (count < capacity * 2)
		count *= 2;
	return count;
}

/* Fibonacci hashing: consecutive keys (cookies, pids) spread evenly. */
static uint32_t home_bucket(const struct keyed_table *table, uint64_t key)
{
	return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & table->mask;
}

int keyed_table_init(struct keyed_table *table, uint32_t capacity, size_t entry_size)
{
	uint32_t buckets = bucket_count(capacity);

	*table = (struct keyed_table){
		.entries = calloc(capacity, entry_size),
		.keys = calloc(capacity + capacity / BITS + 1, sizeof(*table->keys)),
		.buckets = calloc(buckets, sizeof(*table->buckets)),
		.capacity = capacity,
		.mask = (buckets < BUCKETS_FIRST ? buckets : BUCKETS_FIRST) - 1,
		.mask_max = buckets - 1,
		.entry_size = entry_size,
	};
	if (table->entries && table->keys && table->buckets) {
		table->in_use = table->keys + capacity;
		return 0;
	}
	keyed_table_release(table);
	return -ENOMEM;
}

void keyed_table_release(struct keyed_table *table)
{
	free(table->entries);
	free(table->keys);
	free(table->buckets);
	*table = (struct keyed_table){ 0 };
}

static bool is_in_use(const struct keyed_table *table, uint32_t number)
{
	return table->in_use[number / BITS] >> number % BITS & 1;
}

static void *entry_at(const struct keyed_table *table, uint32_t number)
{
	return table->entries + (size_t)number * table->entry_size;
}

static uint32_t number_of(const struct keyed_table *table, const void *entry)
{
	size_t offset = (size_t)((const unsigned char *)entry - table->entries);

	return (uint32_t)(offset / table->entry_size);
}

/* The bucket that holds `key`, or the free one where it would go. */
static uint32_t find_bucket(const struct keyed_table *table, uint64_t key)
{
	uint32_t bucket = home_bucket(table, key);

	while (table->buckets[bucket] && table->keys[table->buckets[bucket] - 1] != key)
		bucket = (bucket + 1) & table->mask;
	return bucket;
}

void *keyed_table_find(const struct keyed_table *table, uint64_t key)
{
	uint32_t held = table->buckets[find_bucket(table, key)];

	return held ? entry_at(table, held - 1) : NULL;
}

/* Doubles the buckets in use: entries that are spread over more of them touch more pages. */
static void add_buckets(struct keyed_table *table)
{
	memset(table->buckets, 0, (table->mask + (size_t)1) * sizeof(*table->buckets));
	table->mask = table->mask * 2 + 1;
	for (uint32_t number = 0; number < table->untouched; number++)
		if (is_in_use(table, number))
			table->buckets[find_bucket(table, table->keys[number])] = number + 1;
}

void *keyed_table_add(struct keyed_table *table, uint64_t key)
{
	uint32_t number;

	if (table->count > table->mask / 2 && table->mask < table->mask_max)
		add_buckets(table);
	if (table->first_free) {
		number = table->first_free - 1;
		table->first_free = (uint32_t)table->keys[number];
		memset(entry_at(table, number), 0, table->entry_size);
	} else if (table->untouched < table->capacity) {
		number = table->untouched++;
	} else {
		return NULL;
	}
	table->buckets[find_bucket(table, key)] = number + 1;
	table->keys[number] = key;
	table->in_use[number / BITS] |= UINT64_C(1) << number % BITS;
	table->count++;
	return entry_at(table, number);
}

/* Closes the gap at `gap`: each entry after it that can stand nearer to its home bucket moves. */
static void close_gap(struct keyed_table *table, uint32_t gap)
{
	for (uint32_t at = (gap + 1) & table->mask; table->buckets[at];
	     at = (at + 1) & table->mask) {
		uint32_t home = home_bucket(table, table->keys[table->buckets[at] - 1]);

		if (((at - home) & table->mask) < ((at - gap) & table->mask))
			continue;
		table->buckets[gap] = table->buckets[at];
		gap = at;
	}
	table->buckets[gap] = 0;
}

void keyed_table_remove(struct keyed_table *table, void *entry)
{
	uint32_t number = number_of(table, entry);

	close_gap(table, find_bucket(table, table->keys[number]));
	table->keys[number] = table->first_free;
	table->in_use[number / BITS] &= ~(UINT64_C(1) << number % BITS);
	table->first_free = number + 1;
	table->count--;
}

void *keyed_table_next(const struct keyed_table *table, const void *entry)
{
	for (uint32_t number = entry ? number_of(table, entry) + 1 : 0; number < table->untouched;
	     number++)
		if (is_in_use(table, number))
			return entry_at(table, number);
	return NULL;
}
