/* A trace: the events just before engine_step(), one line of text an event.
 *
 *     # a comment
 *     12.345678 ended agent=1 cookie=77 peer=192.0.2.7:8883 state_before=ESTABLISHED error=104
 *
 * The time in seconds with six decimals, the event's name, then KEY=VALUE in any order; what is
 * left out is zero. A field goes by its member's name, a span of time carries its unit
 * ("age=65min"). Values are escaped as \xNN where they hold blanks, backslashes or bytes that are
 * not printable ASCII. An `agent` line carries its settings as Section.Key=VALUE. */
#pragma once

#include <stddef.h>

#include "event.h"
#include "settings.h"

enum { TRACE_LINE_SIZE = 8192 };

/* One event as one line without its line break. Returns its length, or -ENOSPC if it does not
 * fit into `size` bytes. Exact: trace_parse() of the line gives the same event. */
int trace_format(const struct event *event, char *line, size_t size);

/* Reads one line (terminated, without its line break). `settings` gets the settings of an `agent`
 * line, and the event then points to it; it must outlive the event.
 * Returns 1 for an event, 0 for a blank line or comment, or -EINVAL with a static text in
 * `*complaint` and the column (from 1) in `*column`. */
int trace_parse(const char *line, struct event *event, struct agent_settings *settings,
		const char **complaint, size_t *column);
