/* Records events into a trace file (core/trace.h). */
#pragma once

#include <stdio.h>

#include "core/event.h"

/* Writes one event as a line. Returns 0 or -errno. */
int trace_write(FILE *stream, const struct event *event);
