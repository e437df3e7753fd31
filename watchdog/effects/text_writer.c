/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/text_writer.h"

#include <errno.h>
#include <syslog.h>

#define PLAIN "\x1b[0m"

static const char *colour_of(int priority)
{
	if (priority <= LOG_ERR)
		return "\x1b[1;31m"; /* red */
	if (priority == LOG_WARNING)
		return "\x1b[1;33m"; /* yellow */
	if (priority == LOG_NOTICE)
		return "\x1b[1m"; /* bold */
	return "";
}

int text_write(FILE *stream, const struct record *record, bool colour)
{
	const char *start = colour ? colour_of(record_priority(record)) : "";
	char message[MESSAGE_SIZE];

	fprintf(stream, "%s%s%s\n", start, record_message(record, message), start[0] ? PLAIN : "");
	return fflush(stream) == 0 ? 0 : -errno;
}
