/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keeps a process from its work, looked at when it may hang, never otherwise. */
#pragma once

#include <sys/types.h>

#include "base/usec.h"
#include "events/event.h"

/* The last answer: the connections of one process often need it at the same time. Zeroed before the
 * first use. */
struct hardship_cache {
	pid_t pid;
	uint64_t started;
	usec_t time;
	struct hardship hardship;
};

/* Looks at the process with the pid `pid` of our own pid namespace and the start `started` (clock
 * ticks after boot; 0: not known): at its tasks (of many, the first 64), at its control groups of
 * version 2 and 1, and, by the service connwatch-process, at where a task of it sleeps and at the
 * file systems it writes to. Waits for the service, for 1 s each time at most. `now`:
 * CLOCK_MONOTONIC; an answer for the same process that is not older than 50 ms is given again. Zero
 * for a process that is gone. */
struct hardship hardship_look(struct hardship_cache *cache, pid_t pid, uint64_t started,
			      usec_t now);
