/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints records for people: their sentences, one a line. */
#pragma once

#include <stdio.h>

#include "record/record.h"

/* Writes one line and flushes; with `colour`, in the colour that journalctl uses for the record's
 * priority. Returns 0 or -errno. */
int text_write(FILE *stream, const struct record *record, bool colour);
