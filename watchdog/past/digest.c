/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "past/digest.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { PERIODIC_COUNT = 3 };

void digest_begin(struct digest *digest, digest_emit emit, void *userdata)
{
	*digest = (struct digest){ .emit = emit, .userdata = userdata };
}

/* ---- a record as a line of its own */

static void describe_action(struct digest_line *line, const struct past_record *past)
{
	bool held = past->action_held_by[0] != '\0';

	snprintf(line->what, sizeof(line->what), "%s", past->action);
	snprintf(line->detail, sizeof(line->detail), "%s%s%s", past->action_result,
		 held ? ": " : "", past->action_held_by);
}

static void describe(struct digest_line *line, const struct past_record *past)
{
	const struct record *record = &past->record;

	switch (record->kind) {
	case RECORD_ENDED:
	case RECORD_STALLED:
		memcpy(line->what, past->cause, sizeof(past->cause));
		memcpy(line->detail, past->ended_by, sizeof(past->ended_by));
		line->side = cause_side(record->verdict.cause);
		line->age_min = line->age_max = record->socket.age;
		break;
	case RECORD_ACTION:
		describe_action(line, past);
		break;
	case RECORD_EVIDENCE_LOST:
		line->lost_events = record->lost_events;
		break;
	case RECORD_RECOVERED:
	case RECORD_WATCHING:
	case RECORD_CONNECTED:
		break;
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		memcpy(line->what, past->kind, sizeof(past->kind));
		break;
	}
}

static struct digest_line line_of(const struct past_record *past)
{
	struct digest_line line = {
		.kind = past->record.kind,
		.side = SIDE_NONE,
		.confidence = past->record.verdict.confidence,
		.count = 1,
		.first = past->realtime,
		.last = past->realtime,
		.gap_min = USEC_INFINITY,
	};

	line.times = line.cause_attempts = past->record.cause_attempts;
	if (!line.times)
		line.times = 1;
	memcpy(line.outage_id, past->record.outage_id, sizeof(line.outage_id));
	memcpy(line.agent, past->record.agent, sizeof(line.agent));
	describe(&line, past);
	return line;
}

/* ---- folding */

/* True if both fold into one line. How connections ended may differ; the result of an action may
 * not. */
static bool is_like(const struct digest_line *a, const struct digest_line *b)
{
	return strcmp(a->what, b->what) == 0 &&
	       (a->kind != RECORD_ACTION || strcmp(a->detail, b->detail) == 0);
}

static usec_t lower_known(usec_t a, usec_t b)
{
	return b == 0 || (a != 0 && a < b) ? a : b;
}

/* How many attempts `next` stands for: those since the last one of its outage that has a record. */
static unsigned times_between(const struct digest_line *line, const struct digest_line *next)
{
	bool goes_on = strcmp(line->outage_id, next->outage_id) == 0;

	if (goes_on && next->cause_attempts > line->cause_attempts)
		return next->cause_attempts - line->cause_attempts;
	return next->times;
}

static void fold(struct digest_line *line, const struct digest_line *next)
{
	usec_t gap = next->first > line->last ? next->first - line->last : 0;

	if (strcmp(line->detail, next->detail) != 0)
		text_copy(line->detail, sizeof(line->detail), "various");
	line->confidence = next->confidence;
	if (gap < line->gap_min)
		line->gap_min = gap;
	if (gap > line->gap_max)
		line->gap_max = gap;
	line->age_min = lower_known(line->age_min, next->age_min);
	if (next->age_max > line->age_max)
		line->age_max = next->age_max;
	line->count++;
	line->times += times_between(line, next);
	line->cause_attempts = next->cause_attempts;
	memcpy(line->outage_id, next->outage_id, sizeof(line->outage_id));
	line->last = next->last;
	line->lost_events += next->lost_events;
}

static void close_line(struct digest *digest, struct digest_line *line)
{
	if (line->count)
		digest->emit(digest->userdata, line);
	line->count = 0;
}

static void close_stream(struct digest *digest, struct digest_stream *stream)
{
	close_line(digest, &stream->line);
	close_line(digest, &stream->pending);
}

static struct digest_stream *find_stream(struct digest *digest, enum record_kind kind,
					 const char *agent)
{
	for (unsigned i = 0; i < DIGEST_STREAMS; i++) {
		struct digest_stream *stream = &digest->streams[i];
		const struct digest_line *line =
			stream->line.count ? &stream->line : &stream->pending;

		if (line->count && line->kind == kind && strcmp(line->agent, agent) == 0)
			return stream;
	}
	return NULL;
}

/* A free stream, or the one that rested for longest, which is closed. */
static struct digest_stream *take_stream(struct digest *digest)
{
	struct digest_stream *oldest = &digest->streams[0];

	for (unsigned i = 1; i < DIGEST_STREAMS; i++)
		if (digest->streams[i].used < oldest->used)
			oldest = &digest->streams[i];
	close_stream(digest, oldest);
	return oldest;
}

/* A recovery is part of the line of the verdict before it. */
static void add_recovery(struct digest *digest, const struct past_record *past)
{
	const struct record *record = &past->record;
	bool healed = record->verdict.cause != CAUSE_UNKNOWN;
	struct digest_stream *stream =
		find_stream(digest, healed ? RECORD_STALLED : RECORD_ENDED, record->agent);

	if (!stream)
		return;
	stream->line.recovered++;
	if (record->downtime > stream->line.downtime_max)
		stream->line.downtime_max = record->downtime;
}

static void add_line(struct digest *digest, struct digest_stream *stream,
		     const struct digest_line *next)
{
	if (stream->line.count && is_like(&stream->line, next)) {
		fold(&stream->line, next);
		return;
	}
	close_line(digest, &stream->line);
	stream->line = *next;
}

/* An action has two records. The first one waits, because the second one repeats it and has the
 * result. */
static void add_action(struct digest *digest, struct digest_stream *stream,
		       struct digest_line *next)
{
	bool starting = strcmp(next->detail, "starting") == 0;

	if (!starting && stream->pending.count && strcmp(stream->pending.what, next->what) == 0) {
		next->first = next->last = stream->pending.first;
		stream->pending.count = 0;
	}
	close_line(digest, &stream->pending);
	if (starting)
		stream->pending = *next;
	else
		add_line(digest, stream, next);
}

void digest_add(struct digest *digest, const struct past_record *past)
{
	struct digest_line next = line_of(past);
	struct digest_stream *stream;

	if (past->record.kind == RECORD_RECOVERED) {
		add_recovery(digest, past);
		return;
	}
	stream = find_stream(digest, next.kind, next.agent) ?: take_stream(digest);
	stream->used = ++digest->clock;
	if (next.kind == RECORD_ACTION)
		add_action(digest, stream, &next);
	else
		add_line(digest, stream, &next);
}

void digest_finish(struct digest *digest)
{
	for (unsigned i = 0; i < DIGEST_STREAMS; i++)
		close_stream(digest, &digest->streams[i]);
}

usec_t digest_period(const struct digest_line *line)
{
	usec_t mean;

	if (line->count < PERIODIC_COUNT || line->times != line->count)
		return 0;
	mean = (line->last - line->first) / (line->count - 1);
	if (line->last < line->first || line->gap_max - mean > mean / 10 ||
	    mean - line->gap_min > mean / 10)
		return 0;
	return mean;
}
