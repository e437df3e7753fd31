/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/output.h"

#include <string.h>

#include "effects/json_writer.h"
#include "effects/text_writer.h"
#include "support/terminal.h"

enum output output_from_string(const char *string)
{
	if (strcmp(string, "text") == 0)
		return OUTPUT_TEXT;
	return strcmp(string, "json") == 0 ? OUTPUT_JSON : OUTPUT_NONE;
}

void output_record(enum output output, const struct record *record, usec_t realtime)
{
	switch (output) {
	case OUTPUT_NONE:
		break;
	case OUTPUT_TEXT:
		text_write(stderr, record, terminal_wants_colour(stderr));
		break;
	case OUTPUT_JSON:
		json_write(stdout, record, realtime);
		break;
	}
}
