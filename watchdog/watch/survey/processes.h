/* Which processes are the agents', and what becomes of them, without eBPF: those that are asked
 * for, their descendants, and all in the control groups. Wiring of sources/process_events for
 * watch_survey.c. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "core/event.h"

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

/* Becomes readable when there is something to take in. */
int watch_processes_fd(const struct watch_processes *processes);

/* `pid` and its descendants are `agent`'s from now on. Returns 0, -ESRCH or another -errno. */
int watch_processes_add(struct watch_processes *processes, pid_t pid, uint32_t agent);

/* What is in the control group at `path` (absolute, in the file system) and below is `agent`'s, as
 * soon as the group is there. Returns 0 or -ENOMEM. */
int watch_processes_add_group(struct watch_processes *processes, const char *path, uint32_t agent);
void watch_processes_forget_group(struct watch_processes *processes, const char *path,
				  uint32_t agent);
void watch_processes_forget_agent(struct watch_processes *processes, uint32_t agent);

/* True if there is nothing to watch. */
bool watch_processes_none(const struct watch_processes *processes);

/* Takes in what the kernel has told. `sink` is called from inside. Returns 1 if a process ended, 0,
 * or -errno (-ENOBUFS: something was lost). */
int watch_processes_drain(struct watch_processes *processes, event_sink sink, void *userdata);

/* Looks for those that nobody told of, and at how each one stands. `sink` is called from inside. */
void watch_processes_refresh(struct watch_processes *processes, event_sink sink, void *userdata);

/* Each one, in no order: start with NULL, ends with NULL. */
const struct agent_process *watch_processes_next(const struct watch_processes *processes,
						 const struct agent_process *process);
