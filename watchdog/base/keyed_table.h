/* A table of a fixed number of entries of a fixed size, found by a 64-bit key.
 *
 * Entries never move, so pointers to them stay good until they are removed. Memory is taken once;
 * entries that were never used are never touched. Every function takes constant time on average.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct keyed_table {
	unsigned char *entries;
	uint64_t *keys;      /* of each entry */
	uint32_t *buckets;   /* entry number + 1; 0: free */
	uint32_t *next_free; /* of a free entry: the next one + 1; 0: it is the last */
	uint32_t first_free; /* entry number + 1 */
	uint32_t untouched;  /* entries from here on were never used */
	uint32_t count;
	uint32_t capacity;
	uint32_t mask;
	size_t entry_size;
};

/* Returns 0, or -ENOMEM. */
int keyed_table_init(struct keyed_table *table, uint32_t capacity, size_t entry_size);
void keyed_table_release(struct keyed_table *table);

/* NULL if there is none. */
void *keyed_table_find(const struct keyed_table *table, uint64_t key);

/* A zeroed entry under `key`, which must not be in the table yet; NULL if the table is full. */
void *keyed_table_add(struct keyed_table *table, uint64_t key);

/* `entry` must be one of the table's. */
void keyed_table_remove(struct keyed_table *table, void *entry);

/* Every entry once, in no order: start with NULL, ends with NULL. Entries may be removed, but not
 * added, on the way. */
void *keyed_table_next(const struct keyed_table *table, const void *entry);
