/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_budget.h"

#include <stdio.h>

#include "suite.h"

#define SECOND USEC_PER_SEC
#define MSEC   USEC_PER_MSEC

static struct bus_budget budget;
static usec_t used;

static void begin(void)
{
	budget = (struct bus_budget){ 0 };
	used = 7 * SECOND;
}

/* Returns the pause after a call that takes `length` of processor time; USEC_INFINITY: refused. */
static usec_t call(const char *sender, usec_t now, usec_t length)
{
	bool taken = bus_budget_begin(&budget, sender, now, used);
	usec_t pause;

	used += taken ? length : 10;
	pause = bus_budget_end(&budget, now, used);
	return taken ? pause : USEC_INFINITY;
}

static void test_one_has_half(void)
{
	begin();
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(call(":1.7", 10 * SECOND + i, 10 * MSEC), 0);
	CU_ASSERT_EQUAL(call(":1.7", 10 * SECOND + 9, 10 * MSEC), USEC_INFINITY);
	CU_ASSERT_EQUAL(call(":1.8", 10 * SECOND + 9, 10 * MSEC), 0);
	CU_ASSERT_EQUAL(call(":1.7", 11 * SECOND, 10 * MSEC), 0); /* another second */
}

static void test_all_have_a_tenth(void)
{
	begin();
	CU_ASSERT_EQUAL(call(":1.7", 10 * SECOND, 40 * MSEC), 0);
	CU_ASSERT_EQUAL(call(":1.8", 10 * SECOND + 50 * MSEC, 40 * MSEC), 0);
	CU_ASSERT_EQUAL(call(":1.9", 10 * SECOND + 100 * MSEC, 40 * MSEC), 900 * MSEC);
	CU_ASSERT_EQUAL(call(":1.9", 11 * SECOND, 40 * MSEC), 0);
}

/* Refusals cost as well, and their number has no end. */
static void test_refusals_count(void)
{
	unsigned calls = 0;

	begin();
	while (calls < 100000 && (calls == 0 || budget.spent < 100 * MSEC)) {
		call(":1.7", 10 * SECOND, 10 * MSEC);
		calls++;
	}
	CU_ASSERT_EQUAL(calls, 5 + 5000);
}

static void test_many_senders_share(void)
{
	char name[16];

	begin();
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), ":1.%u", i);
		CU_ASSERT_EQUAL(call(name, 10 * SECOND, 10), 0);
	}
	CU_ASSERT_EQUAL(call(":1.200", 10 * SECOND, 60 * MSEC), 0);
	CU_ASSERT_EQUAL(call(":1.201", 10 * SECOND, 60 * MSEC), USEC_INFINITY);
	CU_ASSERT_EQUAL(call(":1.1", 10 * SECOND, 10), 0);
}

SUITE("bus budget", { "one has half", test_one_has_half },
      { "all have a tenth", test_all_have_a_tenth }, { "refusals count", test_refusals_count },
      { "many senders share", test_many_senders_share })
