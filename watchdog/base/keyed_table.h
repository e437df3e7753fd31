/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash table with a fixed number of entries of a fixed size and 64-bit keys.
 *
 * Entries never move, so a pointer to an entry is valid until the entry is removed.
 * keyed_table_init() allocates all memory; pages that the most entries that there ever were do not
 * need are never touched. Every function takes constant time on average. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct keyed_table {
	unsigned char *entries;
	uint64_t *keys;      /* of each entry; of a free one: the next free one + 1, or 0 */
	uint32_t *buckets;   /* entry number + 1; 0: free */
	uint64_t *in_use;    /* a bit for each entry; a part of the memory of `keys` */
	uint32_t first_free; /* entry number + 1 */
	uint32_t untouched;  /* entries from here on were never used */
	uint32_t count;
	uint32_t capacity;
	uint32_t mask;     /* number of the last bucket in use: they double with the entries */
	uint32_t mask_max; /* of the last one that there is */
	size_t entry_size;
};

/* Returns 0, or -ENOMEM. */
int keyed_table_init(struct keyed_table *table, uint32_t capacity, size_t entry_size);
void keyed_table_release(struct keyed_table *table);

/* Returns the entry under `key`, or NULL. */
void *keyed_table_find(const struct keyed_table *table, uint64_t key);

/* Adds a zeroed entry under `key`, which must not be in the table yet. Returns NULL if the table is
 * full. */
void *keyed_table_add(struct keyed_table *table, uint64_t key);

/* Removes `entry`, which must be in the table. */
void keyed_table_remove(struct keyed_table *table, void *entry);

/* Iterates over all entries, in no order: pass NULL first, then the last result, until NULL.
 * Entries may be removed meanwhile, but not added. */
void *keyed_table_next(const struct keyed_table *table, const void *entry);
