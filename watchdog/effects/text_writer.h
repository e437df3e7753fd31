/* Prints records for people: the sentence, one a line. */
#pragma once

#include <stdio.h>

#include "core/record.h"

/* Writes one line and flushes; with `colour`, the sentence in the colour journalctl gives its
 * priority. Returns 0 or -errno. */
int text_write(FILE *stream, const struct record *record, bool colour);
