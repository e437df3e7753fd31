/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The join of a hub's lines to a device's records: single cases, and devices that chance makes, of
 * which it is known what belongs together. */
#include "hub/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define SECOND USEC_PER_SEC
#define MINUTE USEC_PER_MINUTE
#define HOUR   USEC_PER_HOUR
#define DAY    (24 * HOUR)
#define START  (UINT64_C(1796000000) * SECOND)

enum { MANY = 8192, NOTHING = -1 };

static struct join *join;
static struct join_line lines[MANY];
static struct join_record records[MANY];
static struct join_answer answers[MANY];
static struct join_clock clock_found;
static unsigned line_count, record_count;

static void clear(void)
{
	line_count = record_count = 0;
}

static void hub(usec_t time, enum hub_symptom symptom)
{
	lines[line_count++] = (struct join_line){ .time = START + time, .symptom = symptom };
}

static void device(usec_t time, usec_t age, enum cause cause, enum ended_by ended_by)
{
	records[record_count++] = (struct join_record){ .time = START + time,
							.age = age,
							.boot = 1,
							.kind = RECORD_ENDED,
							.cause = cause,
							.ended_by = ended_by,
							.confidence = CONFIDENCE_PROVED };
}

static void back(usec_t time)
{
	records[record_count++] =
		(struct join_record){ .time = START + time, .boot = 1, .kind = RECORD_RECOVERED };
}

static void run(void)
{
	CU_ASSERT_EQUAL_FATAL(join_new(&join), 0);
	join_device(join, lines, line_count, records, record_count, answers, &clock_found);
	join_free(join);
}

/* Sessions of a device whose clock is 90 s ahead: enough to measure it. */
static void live(usec_t ahead)
{
	static const usec_t starts[] = { 0, 700, 1900, 2500, 4600 };

	for (size_t i = 0; i < 5; i++) {
		usec_t start = starts[i] * SECOND, end = start + (400 + 31 * i) * SECOND;

		hub(start, HUB_CONNECT);
		hub(end, HUB_CLOSED);
		back(start + ahead);
		device(end + ahead, end - start, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN);
	}
}

static void test_clock(void)
{
	clear();
	live(90 * SECOND);
	run();
	CU_ASSERT_TRUE(clock_found.known);
	CU_ASSERT_EQUAL((clock_found.ahead + 500000) / (int64_t)SECOND, 90);
	for (unsigned i = 1; i < line_count; i += 2) {
		CU_ASSERT_EQUAL(answers[i].result, JOIN_ANSWERED);
		CU_ASSERT_EQUAL(answers[i].record, i);
		CU_ASSERT_TRUE(answers[i].sure);
	}
}

/* A few events within seconds fit a line of any slope; no clock drifts like that, and what is read
 * by it centuries later is still a time. */
static void test_near_events_are_no_drift(void)
{
	clear();
	for (usec_t i = 0; i < 4; i++) {
		hub(i * SECOND, HUB_CONNECT);
		back(i * SECOND * 3 / 2);
	}
	hub(UINT64_C(1) << 61, HUB_CLOSED);
	device(UINT64_C(1) << 62, SECOND, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN);
	run();
	CU_ASSERT_TRUE(clock_found.known);
	CU_ASSERT_TRUE(clock_found.drift <= 1e-3 && clock_found.drift >= -1e-3);
	CU_ASSERT_EQUAL(answers[4].result, JOIN_NO_RECORD);
}

static void test_silence_is_noticed_late(void)
{
	clear();
	live(0);
	hub(6000 * SECOND, HUB_CONNECT);
	hub(7500 * SECOND, HUB_KEEP_ALIVE);
	back(6000 * SECOND);
	device(6900 * SECOND, 900 * SECOND, CAUSE_PATH_SILENT, ENDED_BY_RETRANSMIT_TIMEOUT);
	run();
	CU_ASSERT_EQUAL(answers[11].result, JOIN_ANSWERED);
	CU_ASSERT_EQUAL(answers[11].record, 11);
	CU_ASSERT_TRUE(answers[11].sure);
}

/* The hub never saw the attempts that no packet came back from: however near they are, none of its
 * lines is about them. */
static void test_attempts_are_no_ends(void)
{
	clear();
	live(0);
	hub(6000 * SECOND, HUB_CONNECT);
	hub(7500 * SECOND, HUB_CLOSED);
	back(6000 * SECOND);
	device(7499 * SECOND, 1499 * SECOND, CAUSE_LINK_DOWN, ENDED_BY_LOCAL_FIN);
	device(7500 * SECOND, 0, CAUSE_NO_ROUTE, ENDED_BY_CONNECT_UNREACHABLE);
	device(7503 * SECOND, 3 * SECOND, CAUSE_PATH_SILENT, ENDED_BY_CONNECT_TIMEOUT);
	run();
	CU_ASSERT_EQUAL(answers[11].result, JOIN_ANSWERED);
	CU_ASSERT_EQUAL(answers[11].record, 11);
	CU_ASSERT_TRUE(answers[11].sure);
	clear();
	live(0);
	hub(6000 * SECOND, HUB_CONNECT);
	hub(7500 * SECOND, HUB_CLOSED);
	back(6000 * SECOND);
	device(7500 * SECOND, 0, CAUSE_NO_ROUTE, ENDED_BY_CONNECT_UNREACHABLE);
	device(8000 * SECOND, 0, CAUSE_NO_ROUTE, ENDED_BY_CONNECT_UNREACHABLE);
	run();
	CU_ASSERT_EQUAL(answers[11].result, JOIN_NO_RECORD);
}

static void test_token(void)
{
	clear();
	live(0);
	hub(6000 * SECOND, HUB_CONNECT);
	hub(9895 * SECOND, HUB_NOT_AUTHORIZED);
	hub(9900 * SECOND, HUB_CLOSED);
	device(9900 * SECOND, 3900 * SECOND, CAUSE_TOKEN_EXPIRED, ENDED_BY_PEER_FIN);
	run();
	CU_ASSERT_EQUAL(answers[11].result, JOIN_ANSWERED);
	CU_ASSERT_EQUAL(answers[11].record, 10);
	CU_ASSERT_EQUAL(answers[12].record, 10);
	CU_ASSERT_EQUAL(answers[12].contradiction, JOIN_AGREE);
}

static void test_why_not(void)
{
	clear();
	hub(100 * SECOND, HUB_CLOSED);
	run();
	CU_ASSERT_EQUAL(answers[0].result, JOIN_NO_DEVICE);
	clear();
	hub(0, HUB_CLEAN);
	for (unsigned i = 0; i < 5; i++) {
		hub((1000 + 777 * i * i) * SECOND, HUB_CLOSED);
		device((1000 + 777 * i * i) * SECOND, 100 * SECOND, CAUSE_AGENT_CRASH,
		       ENDED_BY_LOCAL_FIN);
	}
	hub(20000 * SECOND, HUB_KEEP_ALIVE);
	records[record_count++] = (struct join_record){ .time = START + 30000 * SECOND,
							.boot = 2,
							.kind = RECORD_WATCHING };
	records[record_count++] = (struct join_record){ .time = START + 40000 * SECOND,
							.boot = 2,
							.kind = RECORD_WATCHING };
	hub(35000 * SECOND, HUB_CLEAN);
	hub(50000 * SECOND, HUB_CLOSED);
	run();
	CU_ASSERT_EQUAL(answers[0].result, JOIN_BEFORE);
	CU_ASSERT_EQUAL(answers[6].result, JOIN_HOST_DOWN);
	CU_ASSERT_EQUAL(answers[7].result, JOIN_NO_RECORD);
	CU_ASSERT_EQUAL(answers[8].result, JOIN_NOT_YET);
}

static void test_contradictions(void)
{
	clear();
	live(0);
	hub(6000 * SECOND, HUB_CLEAN);
	device(6000 * SECOND, 0, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN);
	hub(7000 * SECOND, HUB_CLOSED);
	device(7000 * SECOND, 0, CAUSE_TOKEN_RENEWAL, ENDED_BY_LOCAL_FIN);
	run();
	CU_ASSERT_EQUAL(answers[10].contradiction, JOIN_CLEAN_BUT_CRASHED);
	CU_ASSERT_FALSE(answers[10].sure);
	CU_ASSERT_EQUAL(answers[11].contradiction, JOIN_CLOSED_BUT_RENEWED);
}

static void test_quota(void)
{
	clear();
	for (unsigned i = 0; i < JOIN_LINES_MAX + 5; i++) {
		hub(i * SECOND, HUB_CLOSED);
		device(i * SECOND, 1, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN);
	}
	run();
	CU_ASSERT_EQUAL(answers[JOIN_LINES_MAX + 4].result, JOIN_OVER_QUOTA);
}

static void test_names(void)
{
	for (int i = 0; i < JOIN_RESULT_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(join_result_to_string(i));
	for (int i = 0; i < JOIN_CONTRADICTION_MAX; i++)
		CU_ASSERT_PTR_NOT_NULL(join_contradiction_to_string(i));
}

/* ---- devices that chance makes */

/* Each line and record keeps its truth beside it while they are sorted. */
struct true_line {
	struct join_line line;
	int end; /* number of the end; NOTHING: a connect, or a ghost */
};
struct true_record {
	struct join_record record;
	int end;
};

static struct true_line true_lines[MANY];
static struct true_record true_records[MANY];
static bool recorded[MANY];

/* splitmix64 */
static uint64_t state;

static uint64_t draw(void)
{
	uint64_t z = (state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static usec_t between(usec_t least, usec_t most)
{
	return least + draw() % (most - least + 1);
}

static bool chance(unsigned percent)
{
	return draw() % 100 < percent;
}

static int compare_lines(const void *a, const void *b)
{
	const struct true_line *left = a, *right = b;

	if (left->line.time != right->line.time)
		return left->line.time < right->line.time ? -1 : 1;
	return left->line.identity < right->line.identity   ? -1
	       : left->line.identity > right->line.identity ? 1
							    : 0;
}

static int compare_records(const void *a, const void *b)
{
	const struct true_record *left = a, *right = b;

	return left->record.time < right->record.time ? -1 : left->record.time > right->record.time;
}

static uint64_t number_of_event;

/* The hub writes whole seconds, and loses or repeats one line in a hundred. */
static void write_line(usec_t time, enum hub_symptom symptom, int end)
{
	unsigned times = chance(1) ? 0 : chance(1) ? 2 : 1;

	number_of_event++;
	while (times--)
		true_lines[line_count++] = (struct true_line){
			{ .time = time / SECOND * SECOND,
			  .symptom = symptom,
			  .identity = number_of_event },
			end,
		};
}

struct world {
	int64_t ahead;
	double drift;
};

static void write_record(const struct world *world, struct join_record record, int end)
{
	if (chance(1))
		return;
	record.boot = 1;
	record.time = (usec_t)((int64_t)record.time + world->ahead +
			       (int64_t)(world->drift * (double)(record.time - START)));
	if (end != NOTHING)
		recorded[end] = true;
	true_records[record_count++] = (struct true_record){ record, end };
}

static const struct play {
	enum cause cause;
	enum ended_by ended_by;
	enum hub_symptom symptom;
	usec_t hub_later, device_later; /* at most */
	usec_t age;                     /* 0: by chance */
} plays[] = {
	{ CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN, HUB_CLOSED, 0, 0, 0 },
	{ CAUSE_AGENT_ABORT, ENDED_BY_LOCAL_RESET, HUB_CLOSED, 0, 0, 0 },
	{ CAUSE_AGENT_STOPPED, ENDED_BY_LOCAL_FIN, HUB_CLEAN, 0, 0, 0 },
	{ CAUSE_TOKEN_EXPIRED, ENDED_BY_PEER_FIN, HUB_CLOSED, 0, 0, 65 * MINUTE },
	{ CAUSE_TOKEN_RENEWAL, ENDED_BY_LOCAL_FIN, HUB_CLEAN, 0, 0, 45 * MINUTE },
	{ CAUSE_PATH_SILENT, ENDED_BY_RETRANSMIT_TIMEOUT, HUB_KEEP_ALIVE, 6 * MINUTE, 15 * MINUTE,
	  0 },
	{ CAUSE_LINK_DOWN, ENDED_BY_UNREACHABLE, HUB_CLOSED, 6 * MINUTE, 0, 0 },
	{ CAUSE_PEER_CLOSE, ENDED_BY_PEER_FIN, HUB_SERVER_ERROR, 0, 0, 0 },
};

enum { PLAYS = sizeof(plays) / sizeof(plays[0]) };

/* One session from `start` on. Returns when the next one begins. */
static usec_t play_session(const struct world *world, const struct play *play, usec_t start,
			   int end)
{
	usec_t age = play->age   ? play->age + between(0, SECOND)
		     : chance(5) ? between(SECOND / 5, 20 * SECOND)
				 : between(MINUTE, 5 * HOUR);
	usec_t up = start + between(SECOND / 50, 2 * SECOND), over = start + age;
	usec_t seen;

	if (over < up)
		over = up + SECOND / 10;
	seen = over + between(0, play->device_later);
	write_line(up, HUB_CONNECT, NOTHING);
	write_line(over + between(0, play->hub_later) + between(0, SECOND / 2), play->symptom, end);
	write_record(world, (struct join_record){ .time = up, .kind = RECORD_RECOVERED }, NOTHING);
	write_record(world,
		     (struct join_record){ .time = seen,
					   .age = seen - start,
					   .kind = RECORD_ENDED,
					   .cause = play->cause,
					   .ended_by = play->ended_by },
		     end);
	return seen + (chance(40) ? between(SECOND / 250, SECOND) : between(SECOND, 5 * MINUTE));
}

static struct world make_world(void)
{
	struct world world = { (int64_t)between(0, 2 * SECOND) - (int64_t)SECOND, 0 };

	if (chance(20))
		world.ahead = (int64_t)between(0, 10 * MINUTE) - (int64_t)(5 * MINUTE);
	if (chance(3))
		world.ahead = -(int64_t)between(2 * HOUR, 300 * DAY);
	if (chance(20))
		world.drift = ((double)between(0, 200) - 100) * 1e-6;
	return world;
}

static void make_device(void)
{
	struct world world = make_world();
	unsigned favourite = (unsigned)(draw() % PLAYS);
	usec_t time = START + between(0, HOUR);
	int end = 0;

	clear();
	memset(recorded, 0, sizeof(recorded));
	while (time < START + 3 * DAY && end < 1000) {
		const struct play *play = &plays[chance(70) ? favourite : draw() % PLAYS];

		if (chance(1)) /* of another with the same ID, who has no journal here */
			write_line(time - between(0, HOUR), HUB_CLOSED, NOTHING);
		time = play_session(&world, play, time, end++);
	}
	qsort(true_lines, line_count, sizeof(true_lines[0]), compare_lines);
	qsort(true_records, record_count, sizeof(true_records[0]), compare_records);
	for (unsigned i = 0; i < line_count; i++)
		lines[i] = true_lines[i].line;
	for (unsigned i = 0; i < record_count; i++)
		records[i] = true_records[i].record;
}

static struct {
	unsigned wanted, right, wrong, wrong_cause, sure, sure_wrong;
} count;

static void compare_with_truth(void)
{
	for (unsigned i = 0; i < line_count; i++) {
		int end = true_lines[i].end, found = NOTHING;

		if (answers[i].result == JOIN_CONNECT || answers[i].result == JOIN_DUPLICATE)
			continue;
		if (answers[i].result == JOIN_ANSWERED)
			found = true_records[answers[i].record].end;
		count.wanted += end != NOTHING && recorded[end];
		count.right += found != NOTHING && found == end;
		count.wrong += found != NOTHING && found != end;
		count.sure += answers[i].sure;
		if (found != NOTHING && found != end && answers[i].sure &&
		    records[answers[i].record].cause != CAUSE_INVALID)
			count.sure_wrong++;
	}
}

static void test_many(void)
{
	enum { DEVICES = 2000 };

	for (state = 100000; state < 100000 + DEVICES; state++) {
		uint64_t seed = state;

		make_device();
		run();
		compare_with_truth();
		state = seed;
	}
	printf("\n    %u ends, %u answered right, %u wrong, %u sure, %u of these wrong: precision "
	       "%.4f, recall %.4f\n",
	       count.wanted, count.right, count.wrong, count.sure, count.sure_wrong,
	       (double)count.right / (count.right + count.wrong),
	       (double)count.right / count.wanted);
	CU_ASSERT_TRUE(count.right * 100.0 >= 99.0 * (count.right + count.wrong));
	CU_ASSERT_TRUE(count.right * 100.0 >= 99.0 * count.wanted);
	/* A lost line and a lost record within seconds of each other can look like one session. */
	CU_ASSERT_TRUE(count.sure_wrong * UINT64_C(10000) <= count.sure);
}

SUITE("join", { "clock", test_clock },
      { "near events are no drift", test_near_events_are_no_drift },
      { "silence is noticed late", test_silence_is_noticed_late },
      { "attempts are no ends", test_attempts_are_no_ends }, { "token", test_token },
      { "why not", test_why_not }, { "contradictions", test_contradictions },
      { "quota", test_quota }, { "names", test_names }, { "many devices", test_many })
