/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash table of entries that belong to a path in the file system and to an owner. Whoever may
 * name directories cannot choose names that fall together: the hash has a random seed. */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

struct path_table;

/* The first member of an entry, which the caller allocates and frees. */
struct path_entry {
	LIST_ENTRY(path_entry) chain;
	uint32_t owner;
	const char *path; /* the caller's; does not change while the entry is in the table */
};

/* Returns 0 and an empty table in `*ret`, to be freed with path_table_free(); or -errno. */
int path_table_new(struct path_table **ret);
struct path_table *path_table_free(struct path_table *table); /* its entries stay; returns NULL */

/* `entry` must not be in the table yet, nor another one of the same path and owner. */
void path_table_insert(struct path_table *table, struct path_entry *entry);
void path_table_remove(struct path_entry *entry);

/* Returns the entry of `path` and `owner`, or NULL. */
struct path_entry *path_table_find(const struct path_table *table, const char *path,
				   uint32_t owner);

/* Iterates over all entries, in no order: pass NULL first, then the last result, until NULL. To
 * remove an entry, ask for the next one before. */
struct path_entry *path_table_next(const struct path_table *table, const struct path_entry *entry);

/* Iterates likewise over the entries of `path`, of all owners. */
struct path_entry *path_table_next_of(const struct path_table *table, const char *path,
				      const struct path_entry *entry);
