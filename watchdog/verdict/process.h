/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One process of an agent. Kept for a while after its death, because a process is
 * reported dead before its sockets close. Times are CLOCK_MONOTONIC microseconds. */
#pragma once

#include "events/event.h"
#include "record/record.h"

/* A signal and its sender. */
struct signal_facts {
	int number; /* 0: none yet */
	usec_t time;
	bool from_kernel; /* a fault, the OOM killer or a terminal; then there is no sender */
	bool handled;     /* the process has a handler for it, and may go on */
	struct task sender;
};

struct process {
	struct task task;
	uint32_t agent;
	/* the last one that asks a process to end: TERM, INT, QUIT, HUP; from outside the agent, if
	 * any came from there */
	struct signal_facts stop;
	struct signal_facts stop_before; /* what `stop` took the place of; number 0: nothing */
	struct signal_facts fatal; /* the last one that ends a process: SEGV, ABRT, KILL, ... */
	usec_t paused;             /* when a signal stopped it last; 0: none was observed */
	usec_t continued;          /* when SIGCONT came last; 0: not observed */
	usec_t execed;             /* the last execve(2); 0: none was observed */
	bool oom;                  /* the OOM killer chose it */
	usec_t dumping;            /* it began to write its core dump; 0: not observed */
	bool exited;
	usec_t exited_at;
	uint32_t exit_code; /* as wait(2) encodes it */
};

/* Takes in an event_is_process() event of this process. */
void process_update(struct process *process, const struct event *event);

/* Returns the request that what the process did at `time` may come of: the last one by then; or, if
 * none had come by then, the first one that is known. NULL: none is. */
const struct signal_facts *process_stop_by(const struct process *process, usec_t time);

/* Returns since when a signal had kept the process stopped at `time`; 0: not known. */
usec_t process_paused_since(const struct process *process, usec_t time);

/* The parts of a wait(2) status. `known` is true. */
struct exit_facts exit_facts_from_code(uint32_t exit_code);

/* True for signals that ask a process to end: TERM, INT, QUIT, HUP. It may refuse or tidy up. */
bool signal_is_stop_request(int signal);

/* True for signals whose default action writes a core dump (signal(7)); not for QUIT, see above. */
bool signal_dumps_core(int signal);
