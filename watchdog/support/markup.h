/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text in XML and HTML. */
#pragma once

#include <stdio.h>

/* Writes `text` so that a browser shows it as it is, also inside of a quoted attribute.
 * Each byte that is not printable ASCII becomes '?'. */
void markup_text(FILE *stream, const char *text);
