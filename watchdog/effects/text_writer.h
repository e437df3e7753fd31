/* Prints records for people: the sentence, one a line. */
#pragma once

#include <stdio.h>

#include "core/record.h"

/* True if `stream` is a terminal that wants colour: no TERM=dumb, no NO_COLOR (no-color.org). */
bool text_wants_colour(FILE *stream);

/* Writes one line and flushes; with `colour`, the sentence in the colour journalctl gives its
 * priority. Returns 0 or -errno. */
int text_write(FILE *stream, const struct record *record, bool colour);
