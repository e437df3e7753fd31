/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/keyed_table.h"

#include <stdlib.h>

#include "suite.h"

enum { CAPACITY = 64, KEYS = 1000, MANY = 500 };

static void test_full_and_empty(void)
{
	struct keyed_table table;
	int *first;

	CU_ASSERT_EQUAL_FATAL(keyed_table_init(&table, 2, sizeof(int)), 0);
	CU_ASSERT_PTR_NULL(keyed_table_find(&table, 7));
	first = keyed_table_add(&table, 7);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	*first = 70;
	CU_ASSERT_PTR_NOT_NULL(keyed_table_add(&table, 8));
	CU_ASSERT_PTR_NULL(keyed_table_add(&table, 9));
	CU_ASSERT_PTR_EQUAL(keyed_table_find(&table, 7), first);
	keyed_table_remove(&table, first);
	CU_ASSERT_PTR_NULL(keyed_table_find(&table, 7));
	first = keyed_table_add(&table, 9);
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_EQUAL(*first, 0);
	CU_ASSERT_EQUAL(table.count, 2);
	keyed_table_release(&table);
}

static unsigned count_by_walking(const struct keyed_table *table)
{
	unsigned count = 0;

	for (void *entry = NULL; (entry = keyed_table_next(table, entry));)
		count++;
	return count;
}

/* The table against the plainest thing that does the same: an array indexed by key. */
static void compare_with_model(uint32_t capacity, uint64_t keys)
{
	uint64_t *model[KEYS] = { 0 };
	struct keyed_table table;
	unsigned held = 0;

	CU_ASSERT_EQUAL_FATAL(keyed_table_init(&table, capacity, sizeof(uint64_t)), 0);
	srandom(1);
	for (int i = 0; i < 100000; i++) {
		uint64_t key = (uint64_t)random() % keys;

		CU_ASSERT_PTR_EQUAL_FATAL(keyed_table_find(&table, key), model[key]);
		if (model[key]) {
			keyed_table_remove(&table, model[key]);
			model[key] = NULL;
			held--;
		} else {
			model[key] = keyed_table_add(&table, key);
			CU_ASSERT_FATAL((model[key] != NULL) == (held < capacity));
			held += model[key] != NULL;
		}
		CU_ASSERT_EQUAL_FATAL(table.count, held);
	}
	CU_ASSERT_EQUAL(count_by_walking(&table), held);
	keyed_table_release(&table);
}

static void test_against_model(void)
{
	compare_with_model(CAPACITY, 256);
}

/* The buckets double twice on the way to the first 500. */
static void test_growing_against_model(void)
{
	compare_with_model(MANY, KEYS);
}

SUITE("keyed_table", { "full and empty", test_full_and_empty },
      { "100,000 random steps", test_against_model },
      { "likewise, in a table that grows", test_growing_against_model })
