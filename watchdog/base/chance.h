/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probability that a count is as high as the observed one by chance alone.
 *
 * Both functions return its logarithm to base 10: 0 is certain, -6 one in a million. */
#pragma once

/* `count` or more independent events, where `expected` (> 0) is the mean: the upper tail of the
 * Poisson distribution. */
double chance_of_count(double count, double expected);

/* `marked` or more of `drawn` devices have a mark that `all_marked` of `all` devices have: the
 * upper tail of the hypergeometric distribution (Fisher's exact test, one-sided). */
double chance_of_share(unsigned marked, unsigned drawn, unsigned all_marked, unsigned all);
