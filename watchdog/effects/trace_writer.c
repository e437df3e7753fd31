/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/trace_writer.h"

#include <errno.h>

#include "events/trace.h"

int trace_write(FILE *stream, const struct event *event)
{
	char line[TRACE_LINE_SIZE];
	int length = trace_format(event, line, sizeof(line));

	if (length < 0)
		return length;
	return fprintf(stream, "%s\n", line) < 0 ? -errno : 0;
}
