/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints records where a person or a program reads them. */
#pragma once

#include "record/record.h"

enum output {
	OUTPUT_NONE,
	OUTPUT_TEXT, /* sentences to standard error */
	OUTPUT_JSON, /* one object a line to standard output */
};

/* Returns the output that "text" or "json" names; OUTPUT_NONE for anything else. */
enum output output_from_string(const char *string);

/* Prints one record. `realtime` is its time in microseconds since 1970; USEC_INFINITY: not known.
 */
void output_record(enum output output, const struct record *record, usec_t realtime);
