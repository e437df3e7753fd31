/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/back_off.h"

#include "suite.h"

static void test_doubles(void)
{
	static const unsigned wanted_msec[] = { 100,  200,   400,   800,   1600,  3200,
						6400, 12800, 25600, 51200, 60000, 60000 };
	struct back_off back_off = { 0 };
	usec_t now = USEC_PER_HOUR;

	for (size_t i = 0; i < sizeof(wanted_msec) / sizeof(*wanted_msec); i++) {
		usec_t delay = back_off_next(&back_off, now);

		CU_ASSERT_EQUAL(delay, wanted_msec[i] * USEC_PER_MSEC);
		now += delay + 50 * USEC_PER_MSEC;
	}
}

static void test_long_life(void)
{
	struct back_off back_off = { 0 };
	usec_t now = USEC_PER_HOUR;

	now += back_off_next(&back_off, now) + BACK_OFF_RESET - 1;
	CU_ASSERT_EQUAL(back_off_next(&back_off, now), 2 * BACK_OFF_FIRST);
	now = back_off.started + BACK_OFF_RESET;
	CU_ASSERT_EQUAL(back_off_next(&back_off, now), BACK_OFF_FIRST);
}

/* The next pause is asked for at the very time of the last. */
static void test_no_life(void)
{
	struct back_off back_off = { 0 };

	back_off_next(&back_off, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(back_off_next(&back_off, USEC_PER_HOUR), 2 * BACK_OFF_FIRST);
}

SUITE("back-off", { "twice as long each time", test_doubles },
      { "a long life ends it", test_long_life }, { "no life does not", test_no_life })
