#include "support/handover.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "support/descriptor_parcel.h"

/* Opens what `handover` holds once more, as the next process would. */
static struct handover *next(const struct handover *handover)
{
	struct handover *next = NULL;

	CU_ASSERT_EQUAL_FATAL(handover_open(&next, handover_descriptor(handover)), 0);
	return next;
}

static void agents_keep_their_numbers(void)
{
	struct handover *one = NULL, *two;

	CU_ASSERT_EQUAL_FATAL(handover_new(&one), 0);
	CU_ASSERT_EQUAL(handover_number(one, "edge", 2), 1);
	CU_ASSERT_EQUAL(handover_number(one, "camera", 2), 2);
	CU_ASSERT_EQUAL(handover_number(one, "meter", 2), 0);
	two = next(one);
	CU_ASSERT_EQUAL(handover_number(two, "camera", 2), 2);
	handover_free_number(two, 1);
	CU_ASSERT_PTR_NULL(handover_name(two, 1));
	CU_ASSERT_EQUAL(handover_number(two, "meter", 2), 1);
	CU_ASSERT_STRING_EQUAL(handover_name(one, 1), "meter");
	CU_ASSERT_EQUAL(handover_number(two, "", 2), 0);
	handover_free(two);
	handover_free(one);
}

static void reports_are_remembered(void)
{
	static struct handover_report reports[HANDOVER_REPORTS_MAX];
	struct handover *one = NULL, *two;

	CU_ASSERT_EQUAL_FATAL(handover_new(&one), 0);
	CU_ASSERT_EQUAL(handover_reports(one, reports), 0);
	handover_report_begin(one, 77, 5);
	two = next(one);
	CU_ASSERT_EQUAL(handover_reports(two, reports), 1);
	CU_ASSERT(reports[0].cookie == 77 && reports[0].time == 5 && !reports[0].written);
	handover_report_end(one);
	CU_ASSERT_EQUAL(handover_reports(two, reports), 1);
	CU_ASSERT_TRUE(reports[0].written);
	handover_report_begin(one, 78, 5);
	handover_report_confirm(two, 78);
	handover_reports(one, reports);
	CU_ASSERT_TRUE(reports[1].written);
	for (uint64_t cookie = 100; cookie < 100 + HANDOVER_REPORTS_MAX; cookie++)
		handover_report_begin(two, cookie, 6);
	CU_ASSERT_EQUAL(handover_reports(one, reports), HANDOVER_REPORTS_MAX);
	for (size_t i = 0; i < HANDOVER_REPORTS_MAX; i++)
		CU_ASSERT_NOT_EQUAL(reports[i].cookie, 77);
	handover_free(two);
	handover_free(one);
}

static void the_last_records_are_kept(void)
{
	struct handover *one = NULL, *two;
	char too_long[HANDOVER_RECORD_SIZE + 1] = "";
	size_t size;

	CU_ASSERT_EQUAL_FATAL(handover_new(&one), 0);
	CU_ASSERT_EQUAL(handover_first(one), handover_end(one));
	handover_keep(one, too_long, sizeof(too_long));
	CU_ASSERT_EQUAL(handover_end(one), 0);
	for (uint64_t i = 0; i < HANDOVER_RECORDS_MAX + 10; i++)
		handover_keep(one, &i, sizeof(i));
	two = next(one);
	CU_ASSERT_EQUAL(handover_end(two), HANDOVER_RECORDS_MAX + 10);
	CU_ASSERT_EQUAL(handover_first(two), 11);
	for (uint64_t i = handover_first(two); i < handover_end(two); i++) {
		const void *record = handover_record(two, i, &size);

		CU_ASSERT_EQUAL(size, sizeof(i));
		CU_ASSERT_EQUAL(memcmp(record, &i, sizeof(i)), 0);
	}
	handover_free(two);
	handover_free(one);
}

static void other_memory_is_refused(void)
{
	struct handover *handover;
	int ends[2];

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL(handover_open(&handover, ends[0]), -ESTALE);
	CU_ASSERT_EQUAL(handover_open(&handover, -1), -EBADF);
	close(ends[0]);
	close(ends[1]);
}

/* The writing end lives as long as the parcel does. */
static void a_parcel_keeps_what_is_in_it(void)
{
	int ends[2], found[2], parcel;
	char byte = 0;

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	parcel = descriptor_parcel_pack("v1", 2, ends, 2);
	CU_ASSERT_FATAL(parcel >= 0);
	close(ends[1]);
	for (int time = 0; time < 2; time++) {
		CU_ASSERT_EQUAL_FATAL(descriptor_parcel_unpack(parcel, "v1", 2, found, 2), 2);
		CU_ASSERT_EQUAL(write(found[1], "x", 1), 1);
		CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
		close(found[0]);
		close(found[1]);
	}
	close(parcel);
	CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void a_parcel_of_another_kind_is_refused(void)
{
	int ends[2], found[2], parcel;
	char byte;

	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	parcel = descriptor_parcel_pack("v1", 2, ends, 2);
	CU_ASSERT_FATAL(parcel >= 0);
	CU_ASSERT_EQUAL(descriptor_parcel_unpack(parcel, "v2", 2, found, 2), -ESTALE);
	CU_ASSERT_EQUAL(descriptor_parcel_unpack(parcel, "v1+", 3, found, 2), -ESTALE);
	CU_ASSERT_EQUAL(descriptor_parcel_unpack(parcel, "v1", 2, found, 1), -ESTALE);
	CU_ASSERT_EQUAL(descriptor_parcel_unpack(ends[0], "v1", 2, found, 2), -ESTALE);
	close(parcel);
	close(ends[1]);
	CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 0); /* nothing was left open */
	close(ends[0]);
	CU_ASSERT_EQUAL(descriptor_parcel_pack("v1", 2, found, PARCEL_MAX + 1), -E2BIG);
}

SUITE("handover", { "agents keep their numbers", agents_keep_their_numbers },
      { "reports are remembered", reports_are_remembered },
      { "the last records are kept", the_last_records_are_kept },
      { "other memory is refused", other_memory_is_refused },
      { "a parcel keeps what is in it", a_parcel_keeps_what_is_in_it },
      { "a parcel of another kind is refused", a_parcel_of_another_kind_is_refused })
