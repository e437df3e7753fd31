/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/chance.h"

#include <math.h>

/* A term smaller than this, relative to the first, no longer changes the sum. */
static const double negligible = 1e-12;

static double log_factorial(double n)
{
	int sign;

	return lgamma_r(n + 1, &sign);
}

/* Each term is the one before times expected / k, so the sum is the first term times a series. */
double chance_of_count(double count, double expected)
{
	double term = 1, sum = 1;

	if (count <= expected)
		return 0;
	for (double k = count + 1; term > negligible * sum; k++) {
		term *= expected / k;
		sum += term;
	}
	return (count * log(expected) - expected - log_factorial(count) + log(sum)) / M_LN10;
}

static double log_choices(double n, double k)
{
	return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

double chance_of_share(unsigned marked, unsigned drawn, unsigned all_marked, unsigned all)
{
	double most = drawn < all_marked ? drawn : all_marked;
	double rest = (double)all - drawn - all_marked;
	double term = 1, sum = 1, first;

	if ((double)marked * all <= (double)drawn * all_marked)
		return 0;
	first = log_choices(all_marked, marked) +
		log_choices((double)all - all_marked, (double)drawn - marked) -
		log_choices(all, drawn);
	for (double k = marked; k < most && term > negligible * sum; k++) {
		term *= (all_marked - k) * (drawn - k) / ((k + 1) * (rest + k + 1));
		sum += term;
	}
	return (first + log(sum)) / M_LN10;
}
