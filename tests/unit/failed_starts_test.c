/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/failed_starts.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "suite.h"

static char directory[] = "/tmp/connwatch-starts-XXXXXX", path[64];

static void make_place(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/failed-starts", directory);
}

static void write_text(const char *text)
{
	FILE *file = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
}

static void test_file(void)
{
	static const struct {
		const char *name, *text;
		unsigned failed;
	} rows[] = {
		{ "empty", "", 0 },
		{ "a number", "7\n", 7 },
		{ "cut off", "7", 0 },
		{ "no number", "seven\n", 0 },
		{ "more than a start a second for 11 days", "1000001\n", 0 },
		{ "longer than any number", "00000000000000000000000000000007\n", 0 },
	};

	make_place();
	CU_ASSERT_EQUAL(failed_starts_read(path), 0);
	CU_ASSERT_EQUAL(failed_starts_write(path, 0), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_text(rows[i].text);
		CHECK(failed_starts_read(path) == rows[i].failed, rows[i].name);
	}
	CU_ASSERT_EQUAL(failed_starts_write(path, 12), 0);
	CU_ASSERT_EQUAL(failed_starts_read(path), 12);
	CU_ASSERT_EQUAL(failed_starts_write(path, 3), 0);
	CU_ASSERT_EQUAL(failed_starts_read(path), 3);
	CU_ASSERT_EQUAL(failed_starts_write(path, UINT32_MAX), 0);
	CU_ASSERT_EQUAL(failed_starts_read(path), 1000000);
	CU_ASSERT_EQUAL(failed_starts_write(path, 0), 0);
	CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
	rmdir(directory);
	CU_ASSERT_EQUAL(failed_starts_write(path, 1), -ENOENT);
}

static void test_pause(void)
{
	static const struct {
		unsigned failed, seconds;
	} rows[] = { { 0, 0 },  { 5, 0 },   { 6, 2 },   { 7, 4 },   { 8, 8 },
		     { 9, 16 }, { 10, 32 }, { 11, 60 }, { 12, 60 }, { UINT32_MAX, 60 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CU_ASSERT_EQUAL(failed_starts_pause(rows[i].failed), rows[i].seconds);
}

SUITE("failed starts", { "file", test_file }, { "pause", test_pause })
