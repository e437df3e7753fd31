/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A record with all that the end of a connection can have, and records as text, for the tests of
 * records. */
#pragma once

#include "record/parse.h"
#include "record/record.h"

struct record example_record(void);

/* Writes all fields into the `size` bytes at `buffer`, a line each; a test that has too many fails.
 * Returns `buffer`. */
const char *record_lines(const struct record *record, char *buffer, size_t size);

/* Reads `fields`, with a `separator` between two, as the journal's reader hands them over. Returns
 * what record_parse_end() does. */
bool parse_fields(struct past_record *past, const char *fields, char separator);
