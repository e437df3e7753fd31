/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/time_span.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define USEC_PER_DAY   (24 * USEC_PER_HOUR)
#define USEC_PER_WEEK  (7 * USEC_PER_DAY)
#define USEC_PER_MONTH (UINT64_C(2629800) * USEC_PER_SEC)  /* 30.44 days, as systemd has it */
#define USEC_PER_YEAR  (UINT64_C(31557600) * USEC_PER_SEC) /* 365.25 days */

static const struct unit {
	const char *name;
	usec_t usec;
} units[] = {
	/* A name must come before the shorter names that are its prefixes. */
	{ "seconds", USEC_PER_SEC },
	{ "second", USEC_PER_SEC },
	{ "sec", USEC_PER_SEC },
	{ "s", USEC_PER_SEC },
	{ "minutes", USEC_PER_MINUTE },
	{ "minute", USEC_PER_MINUTE },
	{ "min", USEC_PER_MINUTE },
	{ "months", USEC_PER_MONTH },
	{ "month", USEC_PER_MONTH },
	{ "msec", USEC_PER_MSEC },
	{ "ms", USEC_PER_MSEC },
	{ "m", USEC_PER_MINUTE },
	{ "M", USEC_PER_MONTH },
	{ "hours", USEC_PER_HOUR },
	{ "hour", USEC_PER_HOUR },
	{ "hr", USEC_PER_HOUR },
	{ "h", USEC_PER_HOUR },
	{ "days", USEC_PER_DAY },
	{ "day", USEC_PER_DAY },
	{ "d", USEC_PER_DAY },
	{ "weeks", USEC_PER_WEEK },
	{ "week", USEC_PER_WEEK },
	{ "w", USEC_PER_WEEK },
	{ "years", USEC_PER_YEAR },
	{ "year", USEC_PER_YEAR },
	{ "y", USEC_PER_YEAR },
	{ "usec", 1 },
	{ "us", 1 },
	{ "\u00b5s", 1 },
	{ "\u03bcs", 1 },
	{ "", USEC_PER_SEC }, /* no unit at all */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t\n\r");
}

static const struct unit *find_unit(const char *text)
{
	const struct unit *unit = units;

	while (strncmp(text, unit->name, strlen(unit->name)) != 0)
		unit++;
	return unit;
}

static int whole_part(const char *digits, usec_t unit, usec_t *total)
{
	usec_t number = 0;

	for (; is_digit(*digits); digits++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (usec_t)(*digits - '0'), &number))
			return -ERANGE;
	if (__builtin_mul_overflow(number, unit, &number) ||
	    __builtin_add_overflow(*total, number, total))
		return -ERANGE;
	return 0;
}

static int fraction(const char *digits, usec_t unit, usec_t *total)
{
	for (; is_digit(*digits); digits++) {
		unit /= 10;
		if (__builtin_add_overflow(*total, (usec_t)(*digits - '0') * unit, total))
			return -ERANGE;
	}
	return 0;
}

/* Reads one number and its unit at `*text`, adds it to `*total` and moves `*text` past it. */
static int add_term(const char **text, usec_t *total)
{
	const char *digits = *text;
	const char *end = digits + strspn(digits, "0123456789");
	const char *decimals = *end == '.' ? end + 1 : end;
	const struct unit *unit;
	int r;

	if (!is_digit(*digits) || (*end == '.' && !is_digit(*decimals)))
		return *digits == '-' && is_digit(digits[1]) ? -ERANGE : -EINVAL;
	end = skip_blanks(decimals + strspn(decimals, "0123456789"));
	unit = find_unit(end);
	*text = skip_blanks(end + strlen(unit->name));

	r = whole_part(digits, unit->usec, total);
	return r < 0 ? r : fraction(decimals, unit->usec, total);
}

int time_span_parse(const char *text, usec_t *usec)
{
	usec_t total = 0;

	text = skip_blanks(text);
	if (strncmp(text, "infinity", strlen("infinity")) == 0) {
		if (*skip_blanks(text + strlen("infinity")) != '\0')
			return -EINVAL;
		*usec = USEC_INFINITY;
		return 0;
	}
	do {
		int r = add_term(&text, &total);

		if (r < 0)
			return r;
	} while (*text);
	if (total == USEC_INFINITY)
		return -ERANGE;
	*usec = total;
	return 0;
}

/* The units that time_span_format() writes, the longest first. */
static const struct unit written[] = {
	{ "d", USEC_PER_DAY }, { "h", USEC_PER_HOUR },  { "min", USEC_PER_MINUTE },
	{ "s", USEC_PER_SEC }, { "ms", USEC_PER_MSEC }, { "us", 1 },
};
enum { written_count = sizeof(written) / sizeof(written[0]) };

static const struct unit *longest_within(usec_t usec)
{
	const struct unit *unit = written;

	while (unit->usec > usec)
		unit++;
	return unit;
}

static usec_t round_to(usec_t usec, usec_t step)
{
	usec_t rest = usec % step;

	return usec - rest + (rest >= step - rest ? step : 0);
}

/* The precision to which a span as long as `usec` is rounded. */
static usec_t precision(usec_t usec)
{
	if (usec < USEC_PER_MSEC)
		return 1;
	if (usec < USEC_PER_SEC)
		return USEC_PER_MSEC;
	if (usec < 10 * USEC_PER_SEC)
		return 100 * USEC_PER_MSEC;
	if (usec < USEC_PER_MINUTE)
		return USEC_PER_SEC;
	return longest_within(usec)[1].usec;
}

const char *time_span_format(usec_t usec, char *text, size_t size)
{
	const struct unit *unit;
	usec_t whole, rest;

	if (usec == 0 || usec > USEC_INFINITY - USEC_PER_HOUR) { /* rounding must not overflow */
		snprintf(text, size, "%s", usec == 0 ? "0" : "infinity");
		return text;
	}
	usec = round_to(usec, precision(usec));
	unit = longest_within(usec);
	whole = usec / unit->usec;
	rest = usec % unit->usec;
	if (rest == 0)
		snprintf(text, size, "%" PRIu64 "%s", whole, unit->name);
	else if (unit->usec == USEC_PER_SEC)
		snprintf(text, size, "%" PRIu64 ".%" PRIu64 "s", whole,
			 rest / (100 * USEC_PER_MSEC));
	else
		snprintf(text, size, "%" PRIu64 "%s %" PRIu64 "%s", whole, unit->name,
			 rest / unit[1].usec, unit[1].name);
	return text;
}

void time_span_format_exact(usec_t usec, char *text, size_t size)
{
	const struct unit *unit = written;

	if (usec == 0 || usec == USEC_INFINITY) {
		snprintf(text, size, "%s", usec == 0 ? "0" : "infinity");
		return;
	}
	while (usec % unit->usec != 0)
		unit++;
	snprintf(text, size, "%" PRIu64 "%s", usec / unit->usec, unit->name);
}
