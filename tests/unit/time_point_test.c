/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/time_point.h"
#include "suite.h"

static void forms_of_systemd_time(void)
{
	static const struct {
		const char *text;
		struct time_point point;
	} rows[] = {
		{ "now", { .type = TIME_POINT_FROM_NOW } },
		{ "-1h", { .type = TIME_POINT_FROM_NOW, .usec = -INT64_C(3600000000) } },
		{ "+5min", { .type = TIME_POINT_FROM_NOW, .usec = 300000000 } },
		{ "2h 30min ago", { .type = TIME_POINT_FROM_NOW, .usec = -INT64_C(9000000000) } },
		{ "@1700000000",
		  { .type = TIME_POINT_SINCE_1970, .usec = INT64_C(1700000000000000) } },
		{ "today", { .type = TIME_POINT_CALENDAR } },
		{ "yesterday", { .type = TIME_POINT_CALENDAR, .days = -1 } },
		{ "tomorrow", { .type = TIME_POINT_CALENDAR, .days = 1 } },
		{ "2026-11-23", { TIME_POINT_CALENDAR, 0, 2026, 11, 23, 0, 0, 0, 0, false } },
		{ "2026-11-23 UTC", { TIME_POINT_CALENDAR, 0, 2026, 11, 23, 0, 0, 0, 0, true } },
		{ "2026-11-23 12:30",
		  { TIME_POINT_CALENDAR, 0, 2026, 11, 23, 0, 12, 30, 0, false } },
		{ "2026-11-23T12:30:59 UTC",
		  { TIME_POINT_CALENDAR, 0, 2026, 11, 23, 0, 12, 30, 59, true } },
		{ "2024-02-29", { TIME_POINT_CALENDAR, 0, 2024, 2, 29, 0, 0, 0, 0, false } },
		{ "23:59", { TIME_POINT_CALENDAR, 0, 0, 0, 0, 0, 23, 59, 0, false } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct time_point *wanted = &rows[i].point;
		struct time_point read;

		CHECK(time_point_parse(rows[i].text, &read) == 0, rows[i].text);
		CHECK(read.type == wanted->type && read.usec == wanted->usec, rows[i].text);
		CHECK(read.year == wanted->year && read.month == wanted->month &&
			      read.day == wanted->day && read.days == wanted->days,
		      rows[i].text);
		CHECK(read.hour == wanted->hour && read.minute == wanted->minute &&
			      read.second == wanted->second && read.utc == wanted->utc,
		      rows[i].text);
	}
}

static void nonsense_is_refused(void)
{
	static const char *const rows[] = {
		"",           "soon",        "-",
		"--1h",       "1h",          "@",
		"@-5",        "2026-13-01",  "2026-02-30",
		"2023-02-29", "2026-11-23 ", "2026-11-23 24:00",
		"12:60",      "12:00:60",    "12",
		"1969-12-31", "2026-11-23x", "-infinity",
		"12:00 CET",  " ago",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct time_point read;

		CHECK(time_point_parse(rows[i], &read) == -EINVAL, rows[i]);
	}
}

SUITE("time_point", { "forms of systemd.time(7)", forms_of_systemd_time },
      { "nonsense is refused", nonsense_is_refused })
