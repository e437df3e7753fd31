/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode_record() on any bytes: it stays within them, and gives terminated texts and an event that
 * a trace can hold. */
#include "events/decode.h"

#include <errno.h>

#include "events/trace.h"
#include "fuzz.h"

static void check_text(const char *text, size_t size)
{
	MUST(strnlen(text, size) < size);
}

static void check_event(const struct event *event)
{
	struct agent_settings settings;
	char line[TRACE_LINE_SIZE], again[TRACE_LINE_SIZE];
	const char *complaint;
	struct event back;
	size_t column;

	if (event->type >= EVENT_STARTED && event->type <= EVENT_EXITED) {
		check_text(event->process.task.comm, sizeof(event->process.task.comm));
		check_text(event->process.sender.comm, sizeof(event->process.sender.comm));
	}
	MUST(trace_format(event, line, sizeof(line)) > 0);
	MUST(trace_parse(line, &back, &settings, &complaint, &column) == 1);
	MUST(trace_format(&back, again, sizeof(again)) > 0);
	MUST(strcmp(line, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event event;
	int r = decode_record(data, size, &event);

	MUST(r == 0 || r == -EBADMSG || r == -EPROTO || r == -EOPNOTSUPP || r == -ERANGE);
	if (r == 0)
		check_event(&event);
	return 0;
}
