/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a process is kept from running, looked up at the moment when that matters. */
#pragma once

#include <sys/types.h>

#include "base/usec.h"
#include "base/vocabulary.h"

/* The last answer: the connections of one process often need it at the same time. Zeroed before the
 * first use. */
struct task_state_cache {
	pid_t pid;
	uint64_t started;
	usec_t time;
	enum task_state state;
};

/* Looks up the process with the pid `pid` of our own pid namespace and the start `started` (clock
 * ticks after boot; 0: not known, then not compared): /proc/PID/stat for stopped and traced ones,
 * and the freezers of its control groups (version 2, and 1), for which a process may be frozen
 * while it seems to sleep. `now`: CLOCK_MONOTONIC, microseconds; an answer for the same pid that is
 * not older than 50 ms is given again. Returns TASK_STATE_UNKNOWN for pid 0 or where /proc cannot
 * be read, and TASK_STATE_DEAD for a process that is no more, even if another has its pid. */
enum task_state task_state_look(struct task_state_cache *cache, pid_t pid, uint64_t started,
				usec_t now);
