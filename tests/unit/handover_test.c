/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/handover_memory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "support/handover_store.h"

/* Opens the same memory once more, as the next daemon would. */
static struct handover_memory *next(const struct handover_memory *memory)
{
	struct handover_memory *next = NULL;

	CU_ASSERT_EQUAL_FATAL(handover_memory_open(&next, handover_memory_descriptor(memory)), 0);
	return next;
}

static void agents_keep_their_numbers(void)
{
	struct handover_memory *one = NULL, *two;

	CU_ASSERT_EQUAL_FATAL(handover_memory_new(&one), 0);
	CU_ASSERT_EQUAL(handover_memory_number(one, "edge", 2), 1);
	CU_ASSERT_EQUAL(handover_memory_number(one, "camera", 2), 2);
	CU_ASSERT_EQUAL(handover_memory_number(one, "meter", 2), 0);
	two = next(one);
	CU_ASSERT_EQUAL(handover_memory_number(two, "camera", 2), 2);
	handover_memory_free_number(two, 1);
	CU_ASSERT_PTR_NULL(handover_memory_name(two, 1));
	CU_ASSERT_EQUAL(handover_memory_number(two, "meter", 2), 1);
	CU_ASSERT_STRING_EQUAL(handover_memory_name(one, 1), "meter");
	CU_ASSERT_EQUAL(handover_memory_number(two, "", 2), 0);
	handover_memory_free(two);
	handover_memory_free(one);
}

static void actions_are_remembered(void)
{
	uint64_t times[HANDOVER_ACTIONS_MAX];
	struct handover_memory *one = NULL, *two;

	CU_ASSERT_EQUAL_FATAL(handover_memory_new(&one), 0);
	CU_ASSERT_EQUAL(handover_memory_actions(one, 3, times), 0);
	handover_memory_take_action_back(one, 3);
	for (uint64_t time = 1; time <= HANDOVER_ACTIONS_MAX + 2; time++)
		handover_memory_note_action(one, 3, time);
	handover_memory_take_action_back(one, 3);
	two = next(one);
	CU_ASSERT_EQUAL(handover_memory_actions(two, 3, times), HANDOVER_ACTIONS_MAX);
	CU_ASSERT_EQUAL(times[0], 0); /* its place was that of the one taken back */
	CU_ASSERT_EQUAL(times[1], 3);
	CU_ASSERT_EQUAL(times[HANDOVER_ACTIONS_MAX - 1], HANDOVER_ACTIONS_MAX + 1);
	CU_ASSERT_EQUAL(handover_memory_actions(two, 4, times), 0);
	handover_memory_free_number(two, 3);
	CU_ASSERT_EQUAL(handover_memory_actions(one, 3, times), 0);
	handover_memory_free(two);
	handover_memory_free(one);
}

static void reports_are_remembered(void)
{
	static struct handover_report reports[HANDOVER_REPORTS_MAX];
	struct handover_memory *one = NULL, *two;

	CU_ASSERT_EQUAL_FATAL(handover_memory_new(&one), 0);
	CU_ASSERT_EQUAL(handover_memory_reports(one, reports), 0);
	handover_memory_begin_report(one, 77, 5);
	two = next(one);
	CU_ASSERT_EQUAL(handover_memory_reports(two, reports), 1);
	CU_ASSERT(reports[0].cookie == 77 && reports[0].time == 5 && !reports[0].written);
	handover_memory_end_report(one);
	CU_ASSERT_EQUAL(handover_memory_reports(two, reports), 1);
	CU_ASSERT(reports[0].written != 0);
	handover_memory_begin_report(one, 78, 5);
	handover_memory_confirm_report(two, 78);
	handover_memory_reports(one, reports);
	CU_ASSERT(reports[1].written != 0);
	for (uint64_t cookie = 100; cookie < 100 + HANDOVER_REPORTS_MAX; cookie++)
		handover_memory_begin_report(two, cookie, 6);
	CU_ASSERT_EQUAL(handover_memory_reports(one, reports), HANDOVER_REPORTS_MAX);
	for (size_t i = 0; i < HANDOVER_REPORTS_MAX; i++)
		CU_ASSERT_NOT_EQUAL(reports[i].cookie, 77);
	handover_memory_free(two);
	handover_memory_free(one);
}

static void the_last_records_are_kept(void)
{
	struct handover_memory *one = NULL, *two;
	char too_long[HANDOVER_RECORD_SIZE + 1] = "";
	size_t size;

	CU_ASSERT_EQUAL_FATAL(handover_memory_new(&one), 0);
	CU_ASSERT_EQUAL(handover_memory_first(one), handover_memory_end(one));
	handover_memory_keep(one, too_long, sizeof(too_long));
	CU_ASSERT_EQUAL(handover_memory_end(one), 0);
	for (uint64_t i = 0; i < HANDOVER_RECORDS_MAX + 10; i++)
		handover_memory_keep(one, &i, sizeof(i));
	two = next(one);
	CU_ASSERT_EQUAL(handover_memory_end(two), HANDOVER_RECORDS_MAX + 10);
	CU_ASSERT_EQUAL(handover_memory_first(two), 11);
	for (uint64_t i = handover_memory_first(two); i < handover_memory_end(two); i++) {
		const void *record = handover_memory_record(two, i, &size);

		CU_ASSERT_EQUAL(size, sizeof(i));
		CU_ASSERT_EQUAL(memcmp(record, &i, sizeof(i)), 0);
	}
	handover_memory_free(two);
	handover_memory_free(one);
}

static void other_memory_is_refused(void)
{
	struct handover_memory *memory;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL(handover_memory_open(&memory, ends[0]), -ESTALE);
	CU_ASSERT_EQUAL(handover_memory_open(&memory, -1), -EBADF);
	close(ends[0]);
	close(ends[1]);
}

/* Overwrites `size` bytes at `at` of the memory, which begins with the names. */
static void spoil(const struct handover_memory *memory, off_t at, size_t size)
{
	char rubbish[HANDOVER_NAME_SIZE];

	memset(rubbish, 'x', sizeof(rubbish));
	CU_ASSERT_EQUAL(pwrite(handover_memory_descriptor(memory), rubbish, size, at),
			(ssize_t)size);
}

static void rubbish_is_refused(void)
{
	static const struct {
		const char *proves, *found;
		size_t size; /* of the rubbish: 0: none */
	} rows[] = {
		{ "what is whole is taken", "a record", 0 },
		{ "one byte of a record", "a record", 1 },
		{ "a name without an end", NULL, HANDOVER_NAME_SIZE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct handover_memory *one = NULL, *two = NULL;
		off_t at = 0;

		CU_ASSERT_EQUAL_FATAL(handover_memory_new(&one), 0);
		handover_memory_keep(one, "a record", 9);
		if (rows[i].found) {
			char page[1 << 20];
			ssize_t n = pread(handover_memory_descriptor(one), page, sizeof(page), 0);

			at = (char *)memmem(page, (size_t)n, rows[i].found, 9) - page;
		}
		spoil(one, at, rows[i].size);
		CHECK(handover_memory_open(&two, handover_memory_descriptor(one)) ==
			      (rows[i].size ? -ESTALE : 0),
		      rows[i].proves);
		CHECK((two == NULL) == (rows[i].size > 0), rows[i].proves);
		handover_memory_free(two);
		handover_memory_free(one);
	}
}

/* The writing end lives as long as the descriptor that it was packed into. */
static void what_is_packed_stays_open(void)
{
	int ends[2], found[2], stored;
	char byte = 0;

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	stored = handover_store_pack("v1", 2, ends, 2);
	CU_ASSERT_FATAL(stored >= 0);
	close(ends[1]);
	for (int time = 0; time < 2; time++) {
		CU_ASSERT_EQUAL_FATAL(handover_store_unpack(stored, "v1", 2, found, 2), 2);
		CU_ASSERT_EQUAL(write(found[1], "x", 1), 1);
		CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
		close(found[0]);
		close(found[1]);
	}
	close(stored);
	CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void another_version_is_refused(void)
{
	int ends[2], found[2], stored;
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	stored = handover_store_pack("v1", 2, ends, 2);
	CU_ASSERT_FATAL(stored >= 0);
	CU_ASSERT_EQUAL(handover_store_unpack(stored, "v2", 2, found, 2), -ESTALE);
	CU_ASSERT_EQUAL(handover_store_unpack(stored, "v1+", 3, found, 2), -ESTALE);
	CU_ASSERT_EQUAL(handover_store_unpack(stored, "v1", 2, found, 1), -ESTALE);
	CU_ASSERT_EQUAL(handover_store_unpack(ends[0], "v1", 2, found, 2), -ESTALE);
	close(stored);
	close(ends[1]);
	CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 0); /* nothing was left open */
	close(ends[0]);
	CU_ASSERT_EQUAL(handover_store_pack("v1", 2, found, HANDOVER_DESCRIPTORS_MAX + 1), -E2BIG);
}

static bool is_closed(int reader)
{
	char byte;

	return read(reader, &byte, 1) == 0;
}

/* As two daemons use it: both have both ends. */
static void a_shelf_holds_what_was_put_last(void)
{
	int first[2], second[2], found[2];
	struct handover_shelf shelf;
	uint64_t number = 0;

	CU_ASSERT_EQUAL_FATAL(handover_shelf_open(&shelf), 0);
	CU_ASSERT_EQUAL(handover_shelf_get(&shelf, &number, found, 2), -ESTALE);
	CU_ASSERT_FATAL(pipe(first) == 0 && pipe(second) == 0);
	CU_ASSERT_EQUAL(handover_shelf_put(&shelf, 1, &first[1], 1), 0);
	close(first[1]);
	CU_ASSERT_EQUAL(handover_shelf_put(&shelf, 2, &second[1], 1), 0);
	close(second[1]);
	CU_ASSERT(is_closed(first[0]));
	CU_ASSERT_EQUAL_FATAL(handover_shelf_get(&shelf, &number, found, 2), 1);
	CU_ASSERT_EQUAL(number, 2);
	close(found[0]);
	CU_ASSERT_EQUAL(handover_shelf_put(&shelf, 3, NULL, 0), 0);
	CU_ASSERT(is_closed(second[0]));
	CU_ASSERT_EQUAL(handover_shelf_get(&shelf, &number, found, 2), 0);
	CU_ASSERT_EQUAL(number, 3);
	close(first[0]);
	close(second[0]);
	close(shelf.ends[0]);
	close(shelf.ends[1]);
}

SUITE("handover", { "rubbish is refused", rubbish_is_refused },
      { "agents keep their numbers", agents_keep_their_numbers },
      { "a shelf holds what was put last", a_shelf_holds_what_was_put_last },
      { "actions are remembered", actions_are_remembered },
      { "reports are remembered", reports_are_remembered },
      { "the last records are kept", the_last_records_are_kept },
      { "other memory is refused", other_memory_is_refused },
      { "what is packed stays open", what_is_packed_stays_open },
      { "another version is refused", another_version_is_refused })
