/* The way back: from the fields that the journal has kept to the record that they were.
 *
 * Fields may be forged, cut short, or of a newer version. Whatever comes, the record stays within
 * its types; what is not understood is left at "not known" and listed in `strange`. */
#pragma once

#include "record.h"

enum { WORD_SIZE = 32, BOOT_ID_SIZE = 33 };

struct past_record {
	struct record
		record;  /* its `time` is when journald got it, if read there, else `happened` */
	usec_t happened; /* CLOCK_MONOTONIC of its boot; 0: an older version does not tell */
	usec_t realtime; /* since 1970; left to the reader */
	char boot_id[BOOT_ID_SIZE];
	char message[MESSAGE_SIZE];
	/* The words as they were written, also those that this version does not know; or "". */
	char kind[WORD_SIZE];
	char cause[WORD_SIZE];
	char ended_by[WORD_SIZE];
	char action[ACTION_TEXT_SIZE];
	char action_result[WORD_SIZE];
	char action_held_by[WORD_SIZE];
	char exit_code[WORD_SIZE];
	char exit_status[WORD_SIZE];
	uint32_t error;        /* ERRNO */
	struct tokens strange; /* "FIELD=value" of what was not understood */
};

void record_parse_begin(struct past_record *past);

/* Takes "NAME=value", of `size` bytes, in any order. Fields of others are passed over. */
void record_parse_field(struct past_record *past, const char *field, size_t size);

/* Once there are no more fields. True if it was a record of connwatch's; one of a kind that this
 * version does not know has RECORD_KIND_INVALID. */
bool record_parse_end(struct past_record *past);

/* True unless it is about a connection that never came up. */
bool past_came_up(const struct past_record *past);
