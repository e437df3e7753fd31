/* Text in XML and HTML. */
#pragma once

#include <stdio.h>

/* Writes `text` so that it is only ever text, also inside of a quoted attribute. */
void markup_text(FILE *stream, const char *text);
