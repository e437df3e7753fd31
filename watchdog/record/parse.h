/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the fields of a record, as the journal returns them, back into a struct record.
 *
 * Fields may be forged, truncated or of a newer version. Whatever they hold, each member of the
 * result stays within its type; a value that is not understood leaves its member "not known", and
 * is listed in `strange`. */
#pragma once

#include "record/record.h"

enum { WORD_SIZE = 32, BOOT_ID_SIZE = 33 };

struct past_record {
	struct record record; /* `time`: set by the caller to when journald received it; a 0
				 becomes `happened` */
	usec_t happened;      /* CLOCK_MONOTONIC of that boot; 0: an older version left it out */
	usec_t realtime;      /* CLOCK_REALTIME; set by the caller */
	char boot_id[BOOT_ID_SIZE];
	char message[MESSAGE_SIZE];
	/* Values as they were written, also those that this version does not know; "": none */
	char kind[WORD_SIZE];
	char cause[WORD_SIZE];
	char ended_by[WORD_SIZE];
	char action[ACTION_TEXT_SIZE];
	char action_result[WORD_SIZE];
	char action_held_by[WORD_SIZE];
	char exit_code[WORD_SIZE];
	char exit_status[WORD_SIZE];
	uint32_t error;        /* ERRNO */
	struct tokens strange; /* each "FIELD=value" that was not understood */
};

/* Makes `*past` empty: nothing is known yet. */
void record_parse_begin(struct past_record *past);

/* Takes one field, "NAME=value" of `size` bytes, which need not be terminated. Fields may come in
 * any order; those that are not of connwatch's records are ignored. */
void record_parse_field(struct past_record *past, const char *field, size_t size);

/* Ends the record after its last field. Returns true if it is one of connwatch; a kind that this
 * version does not know is RECORD_KIND_INVALID. */
bool record_parse_end(struct past_record *past);

/* Whether the session had come up, according to CONNWATCH_ENDED_BY and CONNWATCH_RUNG. */
bool past_came_up(const struct past_record *past);

/* Whether it tells of a session that was open at the end of an earlier boot than its own. */
bool past_is_of_earlier_boot(const struct past_record *past);

/* Whether the end is one of an outage's failed attempts: the session had not come up, or was too
 * short to end the outage. */
bool past_is_attempt(const struct past_record *past);
