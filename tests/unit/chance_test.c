/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/chance.h"

#include <math.h>

#include "suite.h"

static bool is_near(double a, double b)
{
	return fabs(a - b) < 0.0005;
}

/* The logarithm of the sum of exp(-expected) expected^k / k! over k from count on. */
static void test_counts(void)
{
	static const struct {
		const char *name;
		double count, expected, chance;
	} rows[] = {
		{ "as expected", 3, 3, 0 },
		{ "fewer", 1, 3, 0 },
		{ "one, of rarely any", 1, 0.001, -3.00022 },
		{ "some more", 10, 3, -2.95763 },
		{ "many more", 100, 1, -158.400 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(is_near(chance_of_count(rows[i].count, rows[i].expected), rows[i].chance),
		      rows[i].name);
}

/* The sum of the Poisson distribution's upper tail, the long way. */
static void test_counts_against_a_sum(void)
{
	for (double expected = 0.5; expected < 40; expected *= 1.7)
		for (unsigned count = (unsigned)expected + 1; count < 60; count++) {
			double below = 0, term = exp(-expected), above = 0;

			for (unsigned k = 0; k < 400; k++) {
				*(k < count ? &below : &above) += term;
				term *= expected / (k + 1);
			}
			CU_ASSERT(is_near(chance_of_count(count, expected), log10(above)));
		}
}

/* Fisher's tea: 4 cups of 8 have milk first, and all 4 are told: 1 in 70. */
static void test_shares(void)
{
	static const struct {
		const char *name;
		unsigned marked, drawn, all_marked, all;
		double chance;
	} rows[] = {
		{ "the lady tasting tea", 4, 4, 4, 8, -1.84510 },
		{ "all but one cup", 3, 4, 4, 8, -0.61460 },
		{ "no more than elsewhere", 2, 4, 4, 8, 0 },
		{ "nobody is marked", 0, 4, 0, 8, 0 },
		{ "everybody is marked", 4, 4, 8, 8, 0 },
		{ "everybody is drawn", 4, 8, 4, 8, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(is_near(chance_of_share(rows[i].marked, rows[i].drawn, rows[i].all_marked,
					      rows[i].all),
			      rows[i].chance),
		      rows[i].name);
}

SUITE("chance", { "counts", test_counts }, { "counts against a sum", test_counts_against_a_sum },
      { "shares", test_shares })
