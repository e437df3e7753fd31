/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clocks, in microseconds. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Returns what `clock` shows: CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME or a time spent, as
 * clock_gettime(2). */
static inline uint64_t clock_now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}
