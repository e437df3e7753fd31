/* An agent's past as spans of time: with a connection, without one, or in trouble.
 *
 * A record tells of the time before it: a connection that ended at the age of 5 minutes had been up
 * for that long. Where no record tells, what the last one said is taken to hold on. An agent with
 * several connections is up while one of them is. */
#pragma once

#include "record_parse.h"

enum presence {
	PRESENCE_UNKNOWN,
	PRESENCE_DOWN,
	PRESENCE_UP,
	PRESENCE_STALLED, /* open but in trouble */
	PRESENCE_MAX,
	PRESENCE_INVALID = -1,
};
DECLARE_NAMES(presence);

struct span {
	usec_t from, until; /* since 1970 */
	enum presence presence;
};

/* Spans come in order, without gaps and without overlaps, none of them empty. */
typedef void (*timeline_emit)(void *userdata, const struct span *span);

struct timeline {
	timeline_emit emit;
	void *userdata;
	bool begun;
	usec_t told; /* spans are out up to here */
	enum presence presumed;
	char boot_id[BOOT_ID_SIZE];
};

/* Nothing before `since` is told; with 0 all that the first record knows of. */
void timeline_begin(struct timeline *timeline, usec_t since, timeline_emit emit, void *userdata);

/* Takes the records of one agent, in the order of the journal. */
void timeline_add(struct timeline *timeline, const struct past_record *past);

/* Tells the rest, up to `until`. */
void timeline_finish(struct timeline *timeline, usec_t until);
