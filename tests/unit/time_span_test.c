/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/time_span.h"
#include "suite.h"

#define SEC  USEC_PER_SEC
#define MIN  USEC_PER_MINUTE
#define HOUR USEC_PER_HOUR
#define DAY  (24 * USEC_PER_HOUR)

static void reads_what_systemd_reads(void)
{
	static const struct {
		const char *text;
		usec_t usec;
	} rows[] = {
		{ "0", 0 },
		{ "90", 90 * SEC },
		{ "90s", 90 * SEC },
		{ " 5 min ", 5 * MIN },
		{ "1min 30s", 90 * SEC },
		{ "1min30", 90 * SEC },
		{ "1h5min", 65 * MIN },
		{ "2 hours 3 minutes 4 seconds", 2 * HOUR + 3 * MIN + 4 * SEC },
		{ "1hr", HOUR },
		{ "1d", DAY },
		{ "2weeks", 14 * DAY },
		{ "1M", UINT64_C(2629800) * SEC }, /* a month; minutes are m */
		{ "1m", MIN },
		{ "1month", UINT64_C(2629800) * SEC },
		{ "1y", UINT64_C(31557600) * SEC },
		{ "250ms", 250000 },
		{ "250msec", 250000 },
		{ "7us", 7 },
		{ "7usec", 7 },
		{ "7\xc2\xb5s", 7 },
		{ "1.5s", 1500000 },
		{ "1.5", 1500000 },
		{ "1.25h", 75 * MIN },
		{ "0.000001s", 1 },
		{ "0.0000001s", 0 }, /* below a microsecond */
		{ "infinity", USEC_INFINITY },
		{ " infinity ", USEC_INFINITY },
		{ "18446744073709551614us", USEC_INFINITY - 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		usec_t usec = 4711;

		CHECK(time_span_parse(rows[i].text, &usec) == 0, rows[i].text);
		CHECK(usec == rows[i].usec, rows[i].text);
	}
}

static void refuses_the_rest(void)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ "", -EINVAL },
		{ "  ", -EINVAL },
		{ "s", -EINVAL },
		{ "five", -EINVAL },
		{ "5x", -EINVAL },
		{ "5 sx", -EINVAL },
		{ "1..5s", -EINVAL },
		{ "1.s", -EINVAL },
		{ ".s", -EINVAL },
		{ "3.-1s", -EINVAL },
		{ "0x10", -EINVAL },
		{ "infinity s", -EINVAL },
		{ "5 infinity", -EINVAL },
		{ "-", -EINVAL },
		{ "-5", -ERANGE },
		{ "5s -1s", -ERANGE },
		{ "18446744073709551615us", -ERANGE }, /* that is infinity, and must be said so */
		{ "18446744073709551616us", -ERANGE },
		{ "99999999999999999999", -ERANGE },
		{ "18446744073709.551616s", -ERANGE },
		{ "600000y", -ERANGE },
		{ "500000y 500000y", -ERANGE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		usec_t usec = 4711;

		CHECK(time_span_parse(rows[i].text, &usec) == rows[i].error, rows[i].text);
		CHECK(usec == 4711, rows[i].text);
	}
}

static void tells_people_two_units_at_most(void)
{
	static const struct {
		usec_t usec;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1us" },
		{ 999, "999us" },
		{ 1499, "1ms" },
		{ 250000, "250ms" },
		{ 999600, "1s" },
		{ 1 * SEC, "1s" },
		{ 1500000, "1.5s" },
		{ 9949999, "9.9s" },
		{ 9999999, "10s" },
		{ 12300000, "12s" },
		{ 59600000, "1min" },
		{ 192 * SEC, "3min 12s" },
		{ 180 * SEC, "3min" },
		{ HOUR - 1, "1h" },
		{ 65 * MIN + 2 * SEC, "1h 5min" },
		{ 23 * HOUR + 36 * MIN, "23h 36min" },
		{ DAY - 1, "1d" },
		{ 9 * DAY + 4 * HOUR, "9d 4h" },
		{ 400 * DAY, "400d" },
		{ USEC_INFINITY, "infinity" },
		{ USEC_INFINITY - 1, "infinity" },
	};
	char text[TIME_SPAN_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		time_span_format(rows[i].usec, text, sizeof(text));
		CHECK(strcmp(text, rows[i].text) == 0, rows[i].text);
	}
}

static void is_exact_for_files(void)
{
	static const usec_t spans[] = {
		0,
		1,
		999,
		1000,
		1001,
		SEC,
		90 * SEC,
		65 * MIN,
		HOUR,
		DAY,
		DAY + 1,
		1500000,
		400 * DAY,
		USEC_INFINITY - 1,
		USEC_INFINITY,
	};
	char text[TIME_SPAN_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		usec_t usec;

		time_span_format_exact(spans[i], text, sizeof(text));
		CHECK(time_span_parse(text, &usec) == 0 && usec == spans[i], text);
	}
	time_span_format_exact(65 * MIN, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text, "65min");
}

static void never_writes_past_its_buffer(void)
{
	char text[8] = "#######";

	time_span_format(65 * MIN, text, 4);
	CU_ASSERT_STRING_EQUAL(text, "1h ");
	CU_ASSERT_STRING_EQUAL(text + 4, "###");
}

SUITE("time_span", { "reads what systemd reads", reads_what_systemd_reads },
      { "refuses the rest", refuses_the_rest },
      { "tells people two units at most", tells_people_two_units_at_most },
      { "is exact for files", is_exact_for_files },
      { "never writes past its buffer", never_writes_past_its_buffer })
