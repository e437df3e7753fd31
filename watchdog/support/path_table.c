/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/path_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A power of two. For the 16384 entries that its users have at most, a few in each. */
enum { BUCKETS = 4096 };

LIST_HEAD(chain, path_entry);

struct path_table {
	uint64_t seed;
	struct chain buckets[BUCKETS];
};

/* FNV-1a, from a random start. */
static uint32_t bucket_of(const struct path_table *table, const char *path)
{
	uint64_t hash = table->seed;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001B3);
	return (uint32_t)(hash >> 32 ^ hash) % BUCKETS;
}

int path_table_new(struct path_table **ret)
{
	struct path_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uintptr_t)table; /* early in the boot */
	*ret = table;
	return 0;
}

struct path_table *path_table_free(struct path_table *table)
{
	free(table);
	return NULL;
}

void path_table_insert(struct path_table *table, struct path_entry *entry)
{
	LIST_INSERT_HEAD(&table->buckets[bucket_of(table, entry->path)], entry, chain);
}

void path_table_remove(struct path_entry *entry)
{
	LIST_REMOVE(entry, chain);
}

struct path_entry *path_table_find(const struct path_table *table, const char *path, uint32_t owner)
{
	struct path_entry *entry = NULL;

	while ((entry = path_table_next_of(table, path, entry)))
		if (entry->owner == owner)
			break;
	return entry;
}

static struct path_entry *first_from(const struct path_table *table, uint32_t bucket)
{
	while (bucket < BUCKETS && LIST_EMPTY(&table->buckets[bucket]))
		bucket++;
	return bucket < BUCKETS ? LIST_FIRST(&table->buckets[bucket]) : NULL;
}

struct path_entry *path_table_next(const struct path_table *table, const struct path_entry *entry)
{
	if (!entry)
		return first_from(table, 0);
	return LIST_NEXT(entry, chain) ?: first_from(table, bucket_of(table, entry->path) + 1);
}

struct path_entry *path_table_next_of(const struct path_table *table, const char *path,
				      const struct path_entry *entry)
{
	struct path_entry *next = entry ? LIST_NEXT(entry, chain)
					: LIST_FIRST(&table->buckets[bucket_of(table, path)]);

	while (next && strcmp(next->path, path) != 0)
		next = LIST_NEXT(next, chain);
	return next;
}
