/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/deadline.h"

#include <stdlib.h>

#include "suite.h"

enum { DEADLINES = 100 };

static void test_order(void)
{
	struct deadline deadlines[DEADLINES] = { 0 };
	struct deadline_heap heap;
	usec_t last = 0;

	CU_ASSERT_EQUAL_FATAL(deadline_heap_init(&heap, DEADLINES), 0);
	CU_ASSERT_PTR_NULL(deadline_first(&heap));
	srandom(1);
	for (int i = 0; i < 5000; i++) {
		struct deadline *deadline = &deadlines[random() % DEADLINES];

		if (random() % 3)
			deadline_set(&heap, deadline, (usec_t)random() % 1000);
		else
			deadline_clear(&heap, deadline);
	}
	for (struct deadline *first; (first = deadline_first(&heap));) {
		CU_ASSERT_FATAL(first->when >= last);
		last = first->when;
		deadline_clear(&heap, first);
	}
	for (int i = 0; i < DEADLINES; i++)
		CU_ASSERT_EQUAL(deadlines[i].position, 0);
	deadline_heap_release(&heap);
}

static void test_no_room(void)
{
	struct deadline one = { 0 }, two = { 0 };
	struct deadline_heap heap;

	CU_ASSERT_EQUAL_FATAL(deadline_heap_init(&heap, 1), 0);
	deadline_set(&heap, &one, 5);
	deadline_set(&heap, &two, 3);
	CU_ASSERT_PTR_EQUAL(deadline_first(&heap), &one);
	CU_ASSERT_EQUAL(two.position, 0);
	deadline_set(&heap, &one, 9);
	CU_ASSERT_EQUAL(deadline_first(&heap)->when, 9);
	deadline_heap_release(&heap);
}

static void test_slack(void)
{
	struct deadline lazy = { 0 }, later = { 0 };
	struct deadline_heap heap;

	CU_ASSERT_EQUAL_FATAL(deadline_heap_init(&heap, 2), 0);
	deadline_set_lazily(&heap, &lazy, 1, 12 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(deadline_latest(&lazy), 12 * USEC_PER_SEC + 1);
	deadline_set(&heap, &later, 2);
	CU_ASSERT_PTR_EQUAL(deadline_first(&heap), &later);
	deadline_set_lazily(&heap, &lazy, 1, USEC_PER_SEC - 1);
	CU_ASSERT_PTR_EQUAL(deadline_first(&heap), &lazy);
	deadline_heap_release(&heap);
}

SUITE("deadline", { "come out in order", test_order }, { "no room", test_no_room },
      { "the one that can wait comes later", test_slack })
