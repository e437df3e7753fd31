/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints records as `journalctl -o json` would: one object a line, every value a string, a repeated
 * field an array of strings. */
#pragma once

#include <stdio.h>

#include "record/record.h"

/* Writes one line and flushes. __MONOTONIC_TIMESTAMP is the record's time; __REALTIME_TIMESTAMP is
 * `realtime` in microseconds since 1970, left out if `realtime` is USEC_INFINITY (as in a replay).
 * Returns 0 or -errno. */
int json_write(FILE *stream, const struct record *record, usec_t realtime);
