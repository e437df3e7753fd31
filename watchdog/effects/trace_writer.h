/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes events to a trace file (events/trace.h). */
#pragma once

#include <stdio.h>

#include "events/event.h"

/* Writes one event as a line. Returns 0 or -errno. */
int trace_write(FILE *stream, const struct event *event);
