/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/time_point.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/time_span.h"

enum { SPAN_SIZE = 64 };

static int span_parse(const char *text, size_t length, int64_t sign, int64_t *usec)
{
	char span[SPAN_SIZE];
	usec_t read;

	if (length >= sizeof(span))
		return -EINVAL;
	snprintf(span, sizeof(span), "%.*s", (int)length, text);
	if (time_span_parse(span, &read) < 0 || read > INT64_MAX)
		return -EINVAL;
	*usec = sign * (int64_t)read;
	return 0;
}

/* ---- a date, a time of day, or both */

/* Reads a number of exactly `digits` digits at `*text` and moves `*text` past it. Returns -1 if
 * there is none. */
static int number(const char **text, int digits)
{
	int value = 0;

	for (; digits > 0; digits--, (*text)++) {
		if (**text < '0' || **text > '9')
			return -1;
		value = 10 * value + (**text - '0');
	}
	return value;
}

static bool skip(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static int days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool read_date(const char **text, struct time_point *point)
{
	point->year = number(text, 4);
	if (point->year < 1970 || !skip(text, '-'))
		return false;
	point->month = number(text, 2);
	if (point->month < 1 || point->month > 12 || !skip(text, '-'))
		return false;
	point->day = number(text, 2);
	return point->day >= 1 && point->day <= days_of(point->year, point->month);
}

static bool read_time(const char **text, struct time_point *point)
{
	point->hour = number(text, 2);
	if (point->hour < 0 || point->hour > 23 || !skip(text, ':'))
		return false;
	point->minute = number(text, 2);
	if (point->minute < 0 || point->minute > 59)
		return false;
	if (skip(text, ':'))
		point->second = number(text, 2);
	return point->second >= 0 && point->second <= 59;
}

static int calendar_parse(const char *text, struct time_point *point)
{
	bool has_date = strlen(text) > 4 && text[4] == '-';

	point->type = TIME_POINT_CALENDAR;
	if (has_date && !read_date(&text, point))
		return -EINVAL;
	if (!has_date || (strcmp(text, "") != 0 && strcmp(text, " UTC") != 0)) {
		if (has_date && !skip(&text, ' ') && !skip(&text, 'T'))
			return -EINVAL;
		if (!read_time(&text, point))
			return -EINVAL;
	}
	point->utc = strcmp(text, " UTC") == 0;
	return *text == '\0' || point->utc ? 0 : -EINVAL;
}

/* ---- the whole */

static bool day_by_name(const char *text, struct time_point *point)
{
	static const struct {
		const char *name;
		int days;
	} names[] = { { "today", 0 }, { "yesterday", -1 }, { "tomorrow", 1 } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, text) == 0) {
			point->type = TIME_POINT_CALENDAR;
			point->days = names[i].days;
			return true;
		}
	return false;
}

int time_point_parse(const char *text, struct time_point *point)
{
	size_t length = strlen(text);
	size_t ago = strlen(" ago");

	*point = (struct time_point){ .type = TIME_POINT_FROM_NOW };
	if (strcmp(text, "now") == 0 || day_by_name(text, point))
		return 0;
	if (text[0] == '-' || text[0] == '+')
		return span_parse(text + 1, length - 1, text[0] == '-' ? -1 : 1, &point->usec);
	if (length > ago && strcmp(text + length - ago, " ago") == 0)
		return span_parse(text, length - ago, -1, &point->usec);
	if (text[0] == '@') {
		point->type = TIME_POINT_SINCE_1970;
		return span_parse(text + 1, length - 1, 1, &point->usec);
	}
	return calendar_parse(text, point);
}
