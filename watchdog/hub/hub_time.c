/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub/hub_time.h"

#include <stddef.h>

/* Reads exactly `count` digits. Returns NULL if they are not there. */
static const char *digits(const char *text, unsigned count, int64_t *number)
{
	*number = 0;
	for (unsigned i = 0; i < count; i++, text++) {
		if (*text < '0' || *text > '9')
			return NULL;
		*number = *number * 10 + (*text - '0');
	}
	return text;
}

/* Days since 1970-01-01, Gregorian: a year begins in March, so that its odd day is the last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	month += month <= 2 ? 9 : -3;
	return year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 -
	       719468;
}

static const char *date_and_time(const char *text, int64_t *seconds)
{
	static const char between[] = { '-', '-', 'T', ':', ':', '\0' };
	static const int64_t most[] = { 9999, 12, 31, 23, 59, 60 };
	int64_t part[6];

	for (unsigned i = 0; i < 6; i++) {
		text = digits(text, i == 0 ? 4 : 2, &part[i]);
		if (!text || part[i] > most[i] || (i < 3 && part[i] == 0))
			return NULL;
		if (i < 5 && *text != between[i] && !(i == 2 && *text == ' '))
			return NULL;
		text += i < 5;
	}
	*seconds = days_since_1970(part[0], part[1], part[2]) * 86400 + part[3] * 3600 +
		   part[4] * 60 + part[5];
	return text;
}

static const char *fraction(const char *text, int64_t *usec)
{
	int64_t unit = 100000;

	*usec = 0;
	if ((*text != '.' && *text != ',') || text[1] < '0' || text[1] > '9')
		return text;
	for (text++; *text >= '0' && *text <= '9'; text++, unit /= 10)
		*usec += (*text - '0') * unit;
	return text;
}

/* How far the clock is ahead of UTC. */
static const char *zone(const char *text, int64_t *seconds)
{
	const char *end = NULL, *minutes_at;
	int64_t hours, minutes;

	*seconds = 0;
	if (*text == 'Z')
		return text + 1;
	if (*text == '+' || *text == '-')
		end = digits(text + 1, 2, &hours);
	if (!end)
		return text;
	minutes_at = digits(end + (*end == ':'), 2, &minutes);
	if (!minutes_at)
		return text;
	*seconds = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return minutes_at;
}

const char *hub_time_iso(const char *text, usec_t *time)
{
	int64_t seconds, usec, ahead;

	text = date_and_time(text, &seconds);
	if (!text)
		return NULL;
	text = zone(fraction(text, &usec), &ahead);
	if (seconds < ahead)
		return NULL;
	*time = (usec_t)(seconds - ahead) * USEC_PER_SEC + (usec_t)usec;
	return text;
}

const char *hub_time_number(const char *text, usec_t *time)
{
	unsigned count = 0;
	uint64_t number = 0;

	for (; *text >= '0' && *text <= '9' && count < 14; text++, count++)
		number = number * 10 + (uint64_t)(*text - '0');
	if (count == 0 || (*text >= '0' && *text <= '9'))
		return NULL;
	*time = number * (count > 10 ? USEC_PER_MSEC : USEC_PER_SEC);
	return text;
}
