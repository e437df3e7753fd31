/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

#define TOLERANCE   (3 * USEC_PER_SEC)  /* whole seconds, and how late a hub writes */
#define START_SLACK (10 * USEC_PER_SEC) /* from SYN to CONNACK */
#define SURE_START  (6 * USEC_PER_SEC)  /* a name, TCP, TLS and CONNACK take seconds at most */
#define NOTICED_LATE                                                                               \
	(30 * USEC_PER_MINUTE)                /* 1767 s, Azure's longest; 924 s, TCP's retransmits \
					       */
#define NEAR      (15 * USEC_PER_MINUTE)      /* clocks that are looked for first */
#define WIDTH     (4 * (int64_t)USEC_PER_SEC) /* of distances that agree */
#define AMBIGUOUS (2 * USEC_PER_SEC)
#define TIME_MAX  (UINT64_C(1) << 60) /* in the year 38505; distances below it can be added */
#define DRIFT_MAX 1e-3                /* a part of one; more than any quartz drifts */

enum {
	ANCHORS_MAX = 128, /* events of a side that the clock is measured with */
	PAIRS_MAX = ANCHORS_MAX * ANCHORS_MAX,
	AGREE_MIN = 3,
	ROUNDS = 4,
	LOOK_BACK = 16, /* lines */
	BEGINNINGS = 2, /* of a line: a hub may see the next connect before the end */
	NONE = -1,
};

/* Two events that may be one: the hub's time, and how far the device's is ahead of it. */
struct pair {
	usec_t at;
	int64_t ahead;
	int64_t level; /* `ahead` without the drift that is tried */
};

struct join {
	struct pair pairs[PAIRS_MAX];
	unsigned pair_count;
	usec_t began[JOIN_LINES_MAX][BEGINNINGS]; /* when the session of a line may have begun, by
						     the hub's clock, the newest first; 0: none */
	bool used[JOIN_RECORDS_MAX];
};

static const char *const join_result_names[] = {
	[JOIN_ANSWERED] = "answered",   [JOIN_CONNECT] = "connect",
	[JOIN_DUPLICATE] = "duplicate", [JOIN_NO_DEVICE] = "no-device",
	[JOIN_BEFORE] = "before",       [JOIN_NOT_YET] = "not-yet",
	[JOIN_HOST_DOWN] = "host-down", [JOIN_CLOCK_UNKNOWN] = "clock-unknown",
	[JOIN_NO_RECORD] = "no-record", [JOIN_OVER_QUOTA] = "over-quota",
};
DEFINE_NAMES(join_result);

static const char *const join_contradiction_names[] = {
	[JOIN_AGREE] = "agree",
	[JOIN_CLOSED_BUT_RENEWED] = "closed-but-renewed",
	[JOIN_CLEAN_BUT_CRASHED] = "clean-but-crashed",
	[JOIN_REFUSED_BUT_OTHERWISE] = "refused-but-otherwise",
};
DEFINE_NAMES(join_contradiction);

int join_new(struct join **join)
{
	*join = calloc(1, sizeof(**join));
	return *join ? 0 : -ENOMEM;
}

void join_free(struct join *join)
{
	free(join);
}

static usec_t apart(usec_t a, usec_t b)
{
	return a > b ? a - b : b - a;
}

/* ---- clocks */

static bool is_silence(enum ended_by ended_by)
{
	switch (ended_by) {
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
	case ENDED_BY_LOCAL_FIN:
	case ENDED_BY_LOCAL_RESET:
		return false;
	case ENDED_BY_UNKNOWN:
	case ENDED_BY_KEEPALIVE_TIMEOUT:
	case ENDED_BY_RETRANSMIT_TIMEOUT:
	case ENDED_BY_USER_TIMEOUT:
	case ENDED_BY_PROBE_TIMEOUT:
	case ENDED_BY_UNREACHABLE:
	case ENDED_BY_ABORTED:
	case ENDED_BY_OUT_OF_MEMORY:
	case ENDED_BY_CONNECT_REFUSED:
	case ENDED_BY_CONNECT_TIMEOUT:
	case ENDED_BY_CONNECT_UNREACHABLE:
	case ENDED_BY_MAX:
	case ENDED_BY_INVALID:
		return true;
	}
	return true;
}

/* 1: a connect, -1: an end that both sides see at once, 0: neither. */
static int line_anchor(const struct join_line *line)
{
	if (line->symptom == HUB_CONNECT)
		return 1;
	return line->symptom == HUB_KEEP_ALIVE ? 0 : -1;
}

static int record_anchor(const struct join_record *record)
{
	if (record->kind == RECORD_RECOVERED)
		return 1;
	return record->kind == RECORD_ENDED && !is_silence(record->ended_by) ? -1 : 0;
}

/* Every event of many, and a part of very many, up to ANCHORS_MAX. */
static unsigned stride(unsigned count)
{
	return count / ANCHORS_MAX + 1;
}

/* Keeps the pairs at most `reach` apart. */
static void find_pairs(struct join *join, const struct join_line *lines, unsigned line_count,
		       const struct join_record *records, unsigned record_count, usec_t reach)
{
	unsigned line_step = stride(line_count), record_step = stride(record_count);

	if (reach != USEC_INFINITY) /* few are near: no line needs to be left out */
		line_step = 1;
	join->pair_count = 0;
	for (unsigned i = 0; i < line_count; i += line_step)
		for (unsigned k = 0; k < record_count; k += record_step) {
			int anchor = line_anchor(&lines[i]);

			if (!anchor || anchor != record_anchor(&records[k]) ||
			    lines[i].time > TIME_MAX || records[k].time > TIME_MAX ||
			    apart(lines[i].time, records[k].time) > reach ||
			    join->pair_count == PAIRS_MAX)
				continue;
			join->pairs[join->pair_count++] = (struct pair){
				.at = lines[i].time,
				.ahead = (int64_t)(records[k].time - lines[i].time),
			};
		}
}

static int compare_levels(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;

	return left->level < right->level ? -1 : left->level > right->level;
}

/* Time since the clock was measured, in microseconds. Any two times have one. */
static double since(const struct join_clock *clock, usec_t at)
{
	return (double)at - (double)clock->at;
}

/* At most DRIFT_MAX of any time, which an int64_t holds. */
static int64_t drifted(const struct join_clock *clock, usec_t at)
{
	return (int64_t)(clock->drift * since(clock, at));
}

/* The pairs in the fullest span of WIDTH; those around `not_near` do not count. */
static unsigned fullest(const struct join *join, const int64_t *not_near, int64_t *level)
{
	unsigned best = 0, first = 0;

	for (unsigned i = 0; i < join->pair_count; i++) {
		int64_t at = join->pairs[i].level;

		while (at - join->pairs[first].level > WIDTH)
			first++;
		if (not_near && at > *not_near - 3 * WIDTH && at < *not_near + 3 * WIDTH)
			continue;
		if (i - first + 1 > best) {
			best = i - first + 1;
			*level = join->pairs[first].level + WIDTH / 2;
		}
	}
	return best;
}

static unsigned around(const struct join *join, int64_t level)
{
	unsigned count = 0;

	for (unsigned i = 0; i < join->pair_count; i++)
		count += join->pairs[i].level >= level - WIDTH &&
			 join->pairs[i].level <= level + WIDTH;
	return count;
}

/* Measures with one drift. Returns how many agree; 0 if another distance does nearly as well. */
static unsigned try_drift(struct join *join, double drift, struct join_clock *clock)
{
	int64_t level = 0, other = 0;
	unsigned most, second;

	clock->drift = drift;
	for (unsigned i = 0; i < join->pair_count; i++)
		join->pairs[i].level = join->pairs[i].ahead - drifted(clock, join->pairs[i].at);
	qsort(join->pairs, join->pair_count, sizeof(join->pairs[0]), compare_levels);
	most = fullest(join, NULL, &level);
	second = fullest(join, &level, &other);
	if (second * 4 > most * 3) {
		if (around(join, 0) * 4 < most * 3)
			return 0;
		level = 0;
		most = around(join, 0);
	}
	clock->ahead = level;
	return most;
}

static double within(double value, double limit)
{
	if (value > limit)
		return limit;
	return value < -limit ? -limit : value;
}

/* A line through the pairs that agree, by least squares; never steeper than a clock drifts. */
static void fit_line(const struct join *join, struct join_clock *clock, int64_t reach)
{
	double n = 0, x = 0, y = 0, xx = 0, xy = 0, slope = 0;

	for (unsigned i = 0; i < join->pair_count; i++) {
		double at = since(clock, join->pairs[i].at);
		int64_t off =
			join->pairs[i].ahead - drifted(clock, join->pairs[i].at) - clock->ahead;

		if (off < -reach || off > reach)
			continue;
		n++;
		x += at;
		y += (double)off;
		xx += at * at;
		xy += at * (double)off;
	}
	clock->events = (unsigned)n;
	if (n < AGREE_MIN)
		return;
	if (n * xx - x * x > 0)
		slope = (n * xy - x * y) / (n * xx - x * x);
	slope = within(clock->drift + slope, DRIFT_MAX) - clock->drift;
	clock->ahead += (int64_t)((y - slope * x) / n);
	clock->drift += slope;
}

static void measure_clock(struct join *join, struct join_clock *clock)
{
	static const double drifts[] = { 0,      25e-6,   -25e-6, 50e-6,  -50e-6,
					 100e-6, -100e-6, 200e-6, -200e-6 };
	struct join_clock best = *clock, tried = *clock;
	unsigned most = 0;

	for (size_t i = 0; i < sizeof(drifts) / sizeof(drifts[0]); i++) {
		unsigned agree = try_drift(join, drifts[i], &tried);

		if (agree > most + most / 8) { /* a drift must explain more than none does */
			most = agree;
			best = tried;
		}
	}
	if (most < AGREE_MIN)
		return;
	*clock = best;
	clock->known = true;
	for (unsigned round = 0; round < ROUNDS; round++)
		fit_line(join, clock, WIDTH);
	clock->error = (usec_t)WIDTH / 2;
}

static void align(struct join *join, const struct join_line *lines, unsigned line_count,
		  const struct join_record *records, unsigned record_count,
		  struct join_clock *clock)
{
	*clock = (struct join_clock){ .at = lines[0].time, .error = TOLERANCE };
	find_pairs(join, lines, line_count, records, record_count, NEAR);
	if (join->pair_count == PAIRS_MAX) /* that many ends are no measure */
		return;
	measure_clock(join, clock);
	if (clock->known)
		return;
	find_pairs(join, lines, line_count, records, record_count, USEC_INFINITY);
	measure_clock(join, clock);
}

usec_t join_device_time(const struct join_clock *clock, usec_t time)
{
	int64_t ahead = clock->ahead + drifted(clock, time);

	return ahead < 0 && time < (usec_t)-ahead ? 0 : time + (usec_t)ahead;
}

/* The drift of a clock is that small that it may be read at either time. */
usec_t join_hub_time(const struct join_clock *clock, usec_t time)
{
	int64_t ahead = clock->ahead + drifted(clock, time);

	return ahead > 0 && time < (usec_t)ahead ? 0 : time - (usec_t)ahead;
}

/* ---- sessions */

static bool was_before(const struct join_line *lines, unsigned number)
{
	for (unsigned i = number; i-- > 0 && lines[i].time == lines[number].time;)
		if (lines[number].identity && lines[i].identity == lines[number].identity)
			return true;
	return false;
}

/* Azure IoT Hub writes 401003 before the 404104 of an expired token: both are one end. Returns the
 * line that the end is told by, or NONE. */
static int told_later(const struct join_line *lines, unsigned count, unsigned number)
{
	if (lines[number].symptom != HUB_NOT_AUTHORIZED)
		return NONE;
	for (unsigned i = number + 1;
	     i < count && lines[i].time - lines[number].time <= USEC_PER_MINUTE; i++) {
		if (lines[i].symptom == HUB_CONNECT)
			return NONE;
		if (lines[i].symptom == HUB_CLOSED)
			return (int)i;
	}
	return NONE;
}

static bool is_same_session(const struct join_line *connect, const struct join_line *end)
{
	return !end->session || !connect->session || connect->session == end->session;
}

/* The last connects before each line. Whether a line before has ended one of them is not asked:
 * lines get lost, and what is asked of a record is that it began with one of them. */
static void find_beginnings(struct join *join, const struct join_line *lines, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned found = 0;

		memset(join->began[i], 0, sizeof(join->began[i]));
		for (unsigned k = i; k-- > 0 && i - k <= LOOK_BACK && found < BEGINNINGS;)
			if (lines[k].symptom == HUB_CONNECT && !was_before(lines, k) &&
			    is_same_session(&lines[k], &lines[i]))
				join->began[i][found++] = lines[k].time;
	}
}

/* True if one side may have noticed the end long after the other. */
static bool may_be_late(const struct join_line *line, const struct join_record *record)
{
	enum side side = cause_side(record->cause);

	if (line->symptom != HUB_KEEP_ALIVE && line->symptom != HUB_CLOSED)
		return false;
	return is_silence(record->ended_by) || side == SIDE_NETWORK || side == SIDE_HOST;
}

/* How a line and a record fit. */
enum fit {
	FIT_NOT,
	FIT_LATE, /* they began together, and one side noticed the end later */
	FIT_END,  /* they ended together, which may be chance */
	FIT_BOTH,
};

/* How far apart both sides saw the session begin, by the nearest of the `most` last beginnings. */
static usec_t start_apart(const struct join *join, const struct join_clock *clock, unsigned number,
			  unsigned most, const struct join_record *record)
{
	usec_t start = record->time > record->age ? record->time - record->age : 0;
	usec_t least = USEC_INFINITY;

	for (unsigned i = 0; i < most && join->began[number][i]; i++) {
		usec_t off = apart(join_device_time(clock, join->began[number][i]), start);

		least = off < least ? off : least;
	}
	return least;
}

/* An attempt of which no packet came back: the hub knew nobody who could end. */
static bool hub_never_saw(const struct join_record *record)
{
	return record->ended_by == ENDED_BY_CONNECT_REFUSED ||
	       record->ended_by == ENDED_BY_CONNECT_TIMEOUT ||
	       record->ended_by == ENDED_BY_CONNECT_UNREACHABLE;
}

static bool is_end(const struct join_record *record)
{
	return record->kind == RECORD_ENDED && !hub_never_saw(record);
}

/* `*off` is by how much they differ. */
static enum fit fit_of(const struct join *join, const struct join_clock *clock,
		       const struct join_line *line, unsigned number,
		       const struct join_record *record, usec_t *off)
{
	usec_t end_off = apart(join_device_time(clock, line->time), record->time), start_off;
	usec_t tolerance = TOLERANCE + clock->error;

	if (!is_end(record))
		return FIT_NOT;
	if (!join->began[number][0] || !record->age) {
		*off = tolerance + end_off;
		return end_off <= tolerance ? FIT_END : FIT_NOT;
	}
	start_off = start_apart(join, clock, number, BEGINNINGS, record);
	*off = usec_later(start_off, end_off);
	if (start_off > tolerance + START_SLACK) /* or the line of its connect is lost */
		return end_off <= tolerance ? FIT_END : FIT_NOT;
	if (end_off <= tolerance)
		return FIT_BOTH;
	return may_be_late(line, record) && end_off <= NOTICED_LATE ? FIT_LATE : FIT_NOT;
}

/* ---- answers */

static enum join_contradiction contradiction_of(enum hub_symptom symptom, enum cause cause)
{
	if (symptom == HUB_CLOSED && cause == CAUSE_TOKEN_RENEWAL)
		return JOIN_CLOSED_BUT_RENEWED;
	if (symptom == HUB_CLEAN && (cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_OOM))
		return JOIN_CLEAN_BUT_CRASHED;
	if (symptom == HUB_NOT_AUTHORIZED && cause_side(cause) == SIDE_AGENT &&
	    cause != CAUSE_TOKEN_RENEWAL)
		return JOIN_REFUSED_BUT_OTHERWISE;
	return JOIN_AGREE;
}

static enum join_result why_none(const struct join_clock *clock, usec_t time,
				 const struct join_record *records, unsigned count)
{
	usec_t tolerance = TOLERANCE + clock->error;

	if (count == 0)
		return JOIN_NO_DEVICE;
	time = join_device_time(clock, time);
	if (time + tolerance < records[0].time)
		return JOIN_BEFORE;
	if (time > records[count - 1].time + tolerance)
		return JOIN_NOT_YET;
	for (unsigned i = 1; i < count; i++)
		if (records[i].boot != records[i - 1].boot && records[i - 1].time <= time &&
		    time <= records[i].time)
			return JOIN_HOST_DOWN;
	return clock->known ? JOIN_NO_RECORD : JOIN_CLOCK_UNKNOWN;
}

/* How far from a line a record may be that fits as `least`. */
static usec_t reach_of(const struct join_clock *clock, enum fit least)
{
	return least >= FIT_END ? TOLERANCE + clock->error : NOTICED_LATE;
}

/* The first record that is at most `reach` before `time`. */
static unsigned first_near(const struct join_record *records, unsigned count, usec_t time,
			   usec_t reach)
{
	unsigned low = 0, high = count;
	usec_t from = time > reach ? time - reach : 0;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (records[middle].time < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Finds the record that fits best, among those that are not used and fit as `least` or better.
 * Returns its index or NONE. */
static int find_record(const struct join *join, const struct join_clock *clock,
		       const struct join_line *line, unsigned number,
		       const struct join_record *records, unsigned count, enum fit least)
{
	usec_t time = join_device_time(clock, line->time), best_off = USEC_INFINITY, off = 0;
	usec_t reach = reach_of(clock, least);
	int best = NONE;

	for (unsigned i = first_near(records, count, time, reach);
	     i < count && records[i].time <= time + reach; i++)
		if (!join->used[i] &&
		    fit_of(join, clock, line, number, &records[i], &off) >= least &&
		    off < best_off) {
			best_off = off;
			best = (int)i;
		}
	return best;
}

/* What is joined: the two sides of one device. */
struct sides {
	struct join *join;
	const struct join_clock *clock;
	const struct join_line *lines;
	const struct join_record *records;
	unsigned line_count, record_count;
};

/* True if no other record than `found` may be that of line `number`: none ended near it, or fits as
 * `least`. */
static bool is_only_one(const struct sides *sides, unsigned number, enum fit least, unsigned found)
{
	const struct join_record *records = sides->records;
	const struct join_line *line = &sides->lines[number];
	usec_t time = join_device_time(sides->clock, line->time), off;
	usec_t reach = usec_later(reach_of(sides->clock, least), TOLERANCE + START_SLACK);

	for (unsigned i = first_near(records, sides->record_count, time, reach);
	     i < sides->record_count && records[i].time <= time + reach; i++)
		if (i != found && is_end(&records[i]) &&
		    (apart(records[i].time, time) <= TOLERANCE + START_SLACK ||
		     fit_of(sides->join, sides->clock, line, number, &records[i], &off) >= least))
			return false;
	return true;
}

/* True if the hub saw one connect between the end before and this one: otherwise the line may be
 * about another session. */
static bool has_own_connect(const struct join_line *lines, unsigned number)
{
	unsigned connects = 0;

	for (unsigned i = number; i-- > 0;) {
		if (was_before(lines, i))
			continue;
		if (lines[i].symptom == HUB_CONNECT)
			connects++;
		else if (lines[i].symptom != HUB_NOT_AUTHORIZED)
			break;
	}
	return connects == 1;
}

/* True if another session ended so near that its record could be taken for this one's. */
static bool is_crowded(const struct join_line *lines, unsigned count, unsigned number)
{
	static const int ways[] = { -1, 1 };

	for (size_t way = 0; way < 2; way++)
		for (int i = (int)number + ways[way];
		     i >= 0 && i < (int)count &&
		     apart(lines[i].time, lines[number].time) <= TOLERANCE + START_SLACK;
		     i += ways[way])
			if (lines[i].symptom != HUB_CONNECT &&
			    lines[i].symptom != HUB_NOT_AUTHORIZED &&
			    !was_before(lines, (unsigned)i) &&
			    (!lines[i].identity || lines[i].identity != lines[number].identity))
				return true;
	return false;
}

/* True if the pair is sure: the record fits the line by both its ends, or as a silence that the hub
 * noticed late, and nothing else could have been meant. */
static bool is_sure(const struct sides *sides, unsigned number, enum fit least, unsigned found)
{
	const struct join_line *lines = sides->lines;

	return sides->clock->known && is_only_one(sides, number, least, found) &&
	       has_own_connect(lines, number) && !is_crowded(lines, sides->line_count, number) &&
	       start_apart(sides->join, sides->clock, number, 1, &sides->records[found]) <=
		       SURE_START &&
	       (least == FIT_BOTH ||
		(least == FIT_LATE && lines[number].symptom == HUB_KEEP_ALIVE));
}

/* Tries to answer line `number`; leaves its answer as it is if no record fits as `least`. */
static void try_to_answer(const struct sides *sides, unsigned number, enum fit least,
			  struct join_answer *answer)
{
	const struct join_line *line = &sides->lines[number];
	int found = find_record(sides->join, sides->clock, line, number, sides->records,
				sides->record_count, least);

	if (found == NONE)
		return;
	sides->join->used[found] = true;
	*answer = (struct join_answer){
		.result = JOIN_ANSWERED,
		.record = (unsigned)found,
		.sure = is_sure(sides, number, least, (unsigned)found),
		.contradiction = contradiction_of(line->symptom, sides->records[found].cause),
	};
}

/* The best fits first: a record that fits one line well is not taken by another before. */
static void answer_lines(const struct sides *sides, struct join_answer *answers)
{
	static const struct {
		enum fit least;
		bool keep_alive; /* these lines alone */
	} turns[] = {
		{ FIT_BOTH, false }, { FIT_END, false }, { FIT_LATE, true }, { FIT_LATE, false }
	};

	for (size_t turn = 0; turn < sizeof(turns) / sizeof(turns[0]); turn++)
		for (unsigned i = 0; i < sides->line_count; i++)
			if (answers[i].result == JOIN_NO_RECORD &&
			    (!turns[turn].keep_alive ||
			     sides->lines[i].symptom == HUB_KEEP_ALIVE) &&
			    told_later(sides->lines, sides->line_count, i) == NONE)
				try_to_answer(sides, i, turns[turn].least, &answers[i]);
}

void join_device(struct join *join, const struct join_line *lines, unsigned line_count,
		 const struct join_record *records, unsigned record_count,
		 struct join_answer *answers, struct join_clock *clock)
{
	unsigned joined = line_count < JOIN_LINES_MAX ? line_count : JOIN_LINES_MAX;

	*clock = (struct join_clock){ .known = false };
	if (record_count > JOIN_RECORDS_MAX)
		record_count = JOIN_RECORDS_MAX;
	memset(join->used, 0, sizeof(join->used));
	if (joined && record_count)
		align(join, lines, joined, records, record_count, clock);
	find_beginnings(join, lines, joined);
	memset(answers, 0, line_count * sizeof(*answers));
	for (unsigned i = 0; i < line_count; i++)
		answers[i].result = i >= joined                       ? JOIN_OVER_QUOTA
				    : lines[i].symptom == HUB_CONNECT ? JOIN_CONNECT
				    : was_before(lines, i)            ? JOIN_DUPLICATE
								      : JOIN_NO_RECORD;
	answer_lines(&(struct sides){ join, clock, lines, records, joined, record_count }, answers);
	for (unsigned i = 0; i < joined; i++) {
		int later = told_later(lines, joined, i);

		if (answers[i].result == JOIN_NO_RECORD && later != NONE)
			answers[i] = answers[later];
		else if (answers[i].result == JOIN_NO_RECORD)
			answers[i].result = why_none(clock, lines[i].time, records, record_count);
	}
}
