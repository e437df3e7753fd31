/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The unit of time in all pure folders. */
#pragma once

#include <stdint.h>

/* Microseconds. Points in time are on CLOCK_MONOTONIC, which does not advance while the host is
 * suspended. */
typedef uint64_t usec_t;
#define USEC_INFINITY   UINT64_MAX
#define USEC_PER_MSEC   UINT64_C(1000)
#define USEC_PER_SEC    UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR   (60 * USEC_PER_MINUTE)

/* Returns the later of two points in time, or the longer of two spans. */
static inline usec_t usec_later(usec_t a, usec_t b)
{
	return a > b ? a : b;
}
