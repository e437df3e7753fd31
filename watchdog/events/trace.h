/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trace: the events that go into engine_step(), as text, one line each.
 *
 *     # a comment
 *     12.345678 ended agent=1 cookie=77 peer=192.0.2.7:8883 state_before=ESTABLISHED error=104
 *
 * A line is the time in seconds with up to six decimals, the type of the event, and KEY=VALUE in
 * any order; what is left out is zero. A key is the name of the member in struct event. A span of
 * time has its unit ("age=65min"). In a value, blanks, backslashes and bytes that are not printable
 * ASCII are written as \xNN. An `agent` line holds the settings, too, as Section.Key=VALUE.
 *
 * The format is a contract: old traces must stay readable. Keys may be added. */
#pragma once

#include <stddef.h>

#include "events/event.h"
#include "settings/settings.h"

enum { TRACE_LINE_SIZE = 8192 };

/* Writes `event`, of a valid type, as a line without its line break into `line` of `size` bytes.
 * trace_parse() of that line gives the same event. Returns the length of the line, or -ENOSPC if it
 * does not fit. */
int trace_format(const struct event *event, char *line, size_t size);

/* Reads one line, terminated and without its line break, into `*event`. The settings of an `agent`
 * line go into `*settings`; the event then points there, so `*settings` must outlive it.
 *
 * Returns 1 for an event, 0 for a blank line or a comment, or -EINVAL for a malformed line: then
 * `*complaint` is a static text and `*column` is where, counted from 1. */
int trace_parse(const char *line, struct event *event, struct agent_settings *settings,
		const char **complaint, size_t *column);
