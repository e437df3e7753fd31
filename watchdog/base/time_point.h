/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses points in time: the common forms of systemd.time(7). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"

enum time_point_type {
	TIME_POINT_SINCE_1970,
	TIME_POINT_FROM_NOW,
	TIME_POINT_CALENDAR, /* of the local time zone, or of UTC */
};

struct time_point {
	enum time_point_type type;
	int64_t usec;         /* SINCE_1970, FROM_NOW */
	int year, month, day; /* CALENDAR; year 0: the day of now, plus `days` */
	int days;
	int hour, minute, second;
	bool utc;
};

/* Reads "now", "today", "yesterday", "tomorrow", "2026-11-23", "2026-11-23 12:00", "12:00:30",
 * "-1h", "+5min", "2h ago", "@1700000000"; a date may end with " UTC". Returns 0, or -EINVAL. */
int time_point_parse(const char *text, struct time_point *point);
