/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks and their end, for a test that is one long play and no suite. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the test because the system did not do what it takes; errno says why. */
static inline void __attribute__((noreturn)) give_up(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* Says whether `what` holds, which begins with the name of the test. Counts what does not. */
static inline void check(bool holds, const char *what, int *failures)
{
	printf("%-4s  %s\n", holds ? "ok" : "FAIL", what);
	*failures += !holds;
}
