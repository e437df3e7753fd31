/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An agent's past as spans of time: with a connection, without one, or in trouble.
 *
 * A record says what was before it: a connection that ended at the age of 5 minutes had been up for
 * 5 minutes. Where no record says anything, the agent is presumed to be as the last record left it.
 * An agent with several connections is up while one of them is. */
#pragma once

#include "record/parse.h"

enum presence {
	PRESENCE_UNKNOWN,
	PRESENCE_DOWN,
	PRESENCE_UP,
	PRESENCE_STALLED, /* with a connection that is open but in trouble */
	PRESENCE_MAX,
	PRESENCE_INVALID = -1,
};
DECLARE_NAMES(presence);

struct span {
	usec_t from, until; /* microseconds since 1970 */
	enum presence presence;
};

/* Spans come in the order of time, without gaps or overlaps, none of them empty. `span` lives only
 * for the call. */
typedef void (*timeline_emit)(void *userdata, const struct span *span);

struct timeline {
	timeline_emit emit;
	void *userdata;
	bool begun;             /* `emitted` is set */
	usec_t emitted;         /* spans up to this time are emitted; since 1970 */
	enum presence presumed; /* from there on, until a record says otherwise */
	bool is_new_boot;       /* the last record is the first one of its boot */
	char boot_id[BOOT_ID_SIZE];
};

/* No span before `since` (since 1970) is emitted; 0: as far back as the first record says. */
void timeline_begin(struct timeline *timeline, usec_t since, timeline_emit emit, void *userdata);

/* Takes a record, in the order of the journal. All of them are of one agent. */
void timeline_add(struct timeline *timeline, const struct past_record *past);

/* Emits the rest, up to `until` (since 1970). */
void timeline_finish(struct timeline *timeline, usec_t until);
