/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The join of a hub's lines to a device's records: whatever the clocks of both say, each line has
 * an answer, no record has two lines (but the 401003 before a 404104), and a sure pair is of an end
 * with a session that began. Input: items of 16 bytes, lines and records, each sorted by time here
 * as its callers do. */
#include "hub/join.h"

#include <stdlib.h>

#include "fuzz.h"

enum { ITEM = 16, MANY = 256 };

static struct join_line lines[MANY];
static struct join_record records[MANY];
static struct join_answer answers[MANY];

static uint64_t number_at(const uint8_t *bytes, size_t size)
{
	uint64_t number = 0;

	for (size_t i = 0; i < size; i++)
		number = number << 8 | bytes[i];
	return number;
}

/* Times of any size, and many that are near each other. */
static usec_t time_at(const uint8_t *bytes)
{
	uint64_t time = number_at(bytes, 7);

	return bytes[0] & 1 ? UINT64_C(1796000000) * USEC_PER_SEC + time % USEC_PER_HOUR
			    : time << (bytes[0] & 7);
}

static struct join_line line_at(const uint8_t *item)
{
	return (struct join_line){ .time = time_at(item),
				   .session = item[8] & 3,
				   .identity = item[9] & 7,
				   .symptom = (enum hub_symptom)(item[10] % HUB_SYMPTOM_MAX) };
}

static struct join_record record_at(const uint8_t *item)
{
	return (struct join_record){
		.time = time_at(item),
		.age = number_at(item + 8, 4) << (item[15] & 31),
		.boot = item[12] & 1,
		.kind = item[12] & 2 ? RECORD_ENDED
				     : (enum record_kind)(item[13] % RECORD_KIND_MAX),
		.cause = (enum cause)(item[14] % CAUSE_MAX),
		.ended_by = (enum ended_by)(item[15] % ENDED_BY_MAX),
		.confidence = CONFIDENCE_PROVED,
	};
}

static int compare_lines(const void *a, const void *b)
{
	const struct join_line *left = a, *right = b;

	return left->time < right->time ? -1 : left->time > right->time;
}

static int compare_records(const void *a, const void *b)
{
	const struct join_record *left = a, *right = b;

	return left->time < right->time ? -1 : left->time > right->time;
}

static void check_answer(unsigned number, unsigned record_count, uint8_t *used)
{
	const struct join_answer *answer = &answers[number];

	MUST(answer->result >= 0 && answer->result < JOIN_RESULT_MAX);
	MUST((answer->result == JOIN_CONNECT) == (lines[number].symptom == HUB_CONNECT));
	if (answer->result != JOIN_ANSWERED) {
		MUST(!answer->sure);
		return;
	}
	MUST(answer->record < record_count);
	MUST(records[answer->record].kind == RECORD_ENDED);
	MUST(!answer->sure || records[answer->record].age);
	if (lines[number].symptom != HUB_NOT_AUTHORIZED)
		used[answer->record]++;
	MUST(used[answer->record] <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct join *join;
	uint8_t used[MANY] = { 0 };
	unsigned line_count = 0, record_count = 0;
	struct join_clock clock;

	MUST(join || join_new(&join) == 0);
	for (; size >= ITEM; data += ITEM, size -= ITEM)
		if (data[7] & 1 && line_count < MANY)
			lines[line_count++] = line_at(data);
		else if (record_count < MANY)
			records[record_count++] = record_at(data);
	qsort(lines, line_count, sizeof(lines[0]), compare_lines);
	qsort(records, record_count, sizeof(records[0]), compare_records);
	join_device(join, lines, line_count, records, record_count, answers, &clock);
	for (unsigned i = 0; i < line_count; i++)
		check_answer(i, record_count, used);
	join_device_time(&clock, data ? UINT64_MAX : 0);
	join_hub_time(&clock, UINT64_MAX);
	return 0;
}
