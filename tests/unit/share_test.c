/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/share.h"

#include "suite.h"

enum { SIZE = 1024, KEPT = SIZE / 4, REST = SIZE - KEPT, FLOOR = SIZE / 4 / 64 };

static uint32_t take_all(struct share *share, uint32_t owner)
{
	uint32_t taken = 0;

	while (share_take(share, owner))
		taken++;
	return taken;
}

static void one_leaves_a_fifth(void)
{
	struct share share = { .size = SIZE };
	uint32_t taken = take_all(&share, 1);

	CU_ASSERT_TRUE(taken >= REST * 4 / 5 && taken <= REST * 4 / 5 + 1);
	CU_ASSERT_TRUE(share_take(&share, 2));
	CU_ASSERT_FALSE(share_take(&share, 1));
}

static void what_is_given_back_can_be_taken(void)
{
	struct share share = { .size = SIZE };

	take_all(&share, 1);
	share_give(&share, 1);
	CU_ASSERT_TRUE(share_take(&share, 1));
	CU_ASSERT_FALSE(share_take(&share, 1));
}

/* 63 take what they can get, one after the other. */
static void many_that_take_all_leave_the_first_entries(void)
{
	struct share share = { .size = SIZE };

	for (uint32_t owner = 1; owner < 64; owner++)
		CU_ASSERT_TRUE(take_all(&share, owner) >= FLOOR);
	CU_ASSERT_EQUAL(take_all(&share, 64), FLOOR);
	CU_ASSERT_TRUE(share.used <= SIZE);
}

static void a_full_table_has_no_share(void)
{
	struct share share = { .size = SIZE };

	for (uint32_t owner = 1; owner < SHARE_OWNERS; owner++)
		take_all(&share, owner);
	CU_ASSERT_EQUAL(share.used, SIZE);
	CU_ASSERT_FALSE(share_take(&share, 0));
}

SUITE("share", { "one leaves a fifth", one_leaves_a_fifth },
      { "what is given back can be taken", what_is_given_back_can_be_taken },
      { "many that take all leave the first entries", many_that_take_all_leave_the_first_entries },
      { "a full table has no share", a_full_table_has_no_share })
