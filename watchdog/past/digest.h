/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of `connwatchctl log`: one a record, or one for like records in a row. */
#pragma once

#include "record/parse.h"

/* Kinds of records of agents that are folded at a time. With more, the one that rested for longest
 * is closed: its line comes out earlier, and nothing is lost. */
enum { DIGEST_STREAMS = 128 };

struct digest_line {
	enum record_kind kind;
	char agent[AGENT_NAME_SIZE];
	char what[ACTION_TEXT_SIZE];    /* the cause; the action; or the name of an unknown kind */
	char detail[2 * WORD_SIZE + 2]; /* how it ended; what became of the action */
	enum side side;
	enum confidence confidence; /* of the last record: it grows as a rhythm is found */
	unsigned count;             /* records in a row */
	unsigned times;             /* what they stand for: failed attempts in between count, too */
	unsigned cause_attempts;    /* of the last record */
	char outage_id[OUTAGE_ID_SIZE]; /* likewise */
	usec_t first, last;             /* times, since 1970 */
	usec_t gap_min, gap_max;        /* time from one record to the next */
	usec_t age_min, age_max;        /* of the connections; 0: not known */
	unsigned recovered;             /* how often the agent came back */
	usec_t downtime_max;
	uint64_t lost_events;
};

/* A line comes as soon as no more records can belong to it, so lines are not in the order of
 * `first`. `line` lives only for the call. */
typedef void (*digest_emit)(void *userdata, const struct digest_line *line);

/* The line that is folded at the moment, of one kind of one agent. */
struct digest_stream {
	struct digest_line line;    /* count 0: none */
	struct digest_line pending; /* an action without its result */
	uint64_t used;              /* when the last record came, by `clock` */
};

struct digest {
	digest_emit emit;
	void *userdata;
	uint64_t clock; /* records so far */
	struct digest_stream streams[DIGEST_STREAMS];
};

void digest_begin(struct digest *digest, digest_emit emit, void *userdata);

/* Takes a record of any agent, in the order of the journal. */
void digest_add(struct digest *digest, const struct past_record *past);

/* Emits the lines that are still open. */
void digest_finish(struct digest *digest);

/* The mean time between the records of the line, in microseconds, if there are at least 3, each
 * stands for itself, and no gap differs from it by more than a tenth; else 0. */
usec_t digest_period(const struct digest_line *line);
