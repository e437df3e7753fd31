/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agents' processes without eBPF: those that are asked for, their descendants, and all in the
 * agents' control groups. Wiring of sources/process_events.h for survey.c. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "events/event.h"

struct watch_processes;

struct agent_process {
	struct task task;
	uint32_t agent;
	uint32_t exit_code; /* of the thread that ended last */
	bool leader_ended;  /* its first thread; others may go on */
	bool stopped;       /* by a signal */
	bool missing;       /* /proc does not have it any more */
};

/* Up to `max` processes at once. Returns 0; -EPERM, -EOPNOTSUPP as process_events_open(); or
 * another -errno. */
int watch_processes_new(struct watch_processes **ret, uint32_t max);
struct watch_processes *watch_processes_free(struct watch_processes *processes); /* returns NULL */

/* Returns the descriptor that becomes readable when there is something to drain. */
int watch_processes_fd(const struct watch_processes *processes);

/* Watches `pid` and its descendants for `agent`. Returns 0, -ESRCH or another -errno. */
int watch_processes_add(struct watch_processes *processes, pid_t pid, uint32_t agent);

/* Watches everything in the control group at `path` (absolute, in the file system) and below for
 * `agent`, as soon as the group is there. Returns 0 or -ENOMEM. */
int watch_processes_add_group(struct watch_processes *processes, const char *path, uint32_t agent);
void watch_processes_forget_group(struct watch_processes *processes, const char *path,
				  uint32_t agent);
void watch_processes_forget_agent(struct watch_processes *processes, uint32_t agent);

/* Returns true if nothing is watched. */
bool watch_processes_none(const struct watch_processes *processes);

/* Takes process events without waiting, and tells `sink` what they mean for agents. Returns 1 if an
 * agent's process ended, 0 if none did, or -errno (-ENOBUFS: events were lost). */
int watch_processes_drain(struct watch_processes *processes, event_sink sink, void *userdata);

/* Looks into /proc and the control groups for processes that no event told of, and at the state of
 * each process. Tells `sink`. */
void watch_processes_refresh(struct watch_processes *processes, event_sink sink, void *userdata);

/* Returns the process after `process`, in no order; the first one for NULL. Returns NULL at the
 * end. */
const struct agent_process *watch_processes_next(const struct watch_processes *processes,
						 const struct agent_process *process);
