/* Prints records where a person or a program reads them. */
#pragma once

#include "core/record.h"

enum output {
	OUTPUT_NONE,
	OUTPUT_TEXT, /* sentences to standard error */
	OUTPUT_JSON, /* one object a line to standard output */
};

/* "text" or "json"; OUTPUT_NONE for anything else. */
enum output output_from_string(const char *string);

/* `realtime` is the record's time in microseconds since 1970; USEC_INFINITY: not known. */
void output_record(enum output output, const struct record *record, usec_t realtime);
