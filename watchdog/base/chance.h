/* How likely it is that chance alone made a count as high as the one that was seen.
 *
 * Both return the logarithm to base 10 of that probability: 0 is certain, -6 one in a million. */
#pragma once

/* `count` or more independent events where `expected` (> 0) of them are: the upper tail of the
 * Poisson distribution. */
double chance_of_count(double count, double expected);

/* `marked` or more of `drawn` devices have a mark that `all_marked` of `all` devices have: the
 * upper tail of the hypergeometric distribution, Fisher's exact test to one side. */
double chance_of_share(unsigned marked, unsigned drawn, unsigned all_marked, unsigned all);
