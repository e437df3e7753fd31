/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses and formats time spans as in systemd.time(7). */
#pragma once

#include <stddef.h>

#include "base/usec.h"

enum { TIME_SPAN_TEXT_SIZE = 32 };

/* Reads "90", "1min 30s", "1.5h", "infinity" into `*usec`, in microseconds; a number without a
 * unit counts in seconds. Returns 0, or
 *   -EINVAL  not a time span
 *   -ERANGE  negative, or too long for usec_t
 * and then leaves `*usec` alone. */
int time_span_parse(const char *text, usec_t *usec);

/* Formats `usec` for people: rounded to two units ("1h 5min", "3min 12s", "1.5s", "250ms", "0",
 * "infinity"). `text` is always terminated; TIME_SPAN_TEXT_SIZE bytes are enough. Returns `text`.
 */
const char *time_span_format(usec_t usec, char *text, size_t size);

/* Formats `usec` for files: exactly, in the longest unit that makes it a whole number ("65min",
 * "90s"). `text` is always terminated; TIME_SPAN_TEXT_SIZE bytes are enough. */
void time_span_format_exact(usec_t usec, char *text, size_t size);
