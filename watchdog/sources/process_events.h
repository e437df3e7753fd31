/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forks, execs, core dumps and exits of every process of the host, by the proc connector
 * (linux/cn_proc.h). Needs CAP_NET_ADMIN and the initial pid and user namespaces. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "events/event.h"

struct process_events;

enum process_notice_type {
	PROCESS_FORKED,
	PROCESS_EXECED,
	PROCESS_DUMPING, /* it is about to write its core dump, if it writes one */
	PROCESS_EXITED,  /* one thread of it */
};

struct process_notice {
	enum process_notice_type type;
	usec_t time;
	pid_t pid;          /* thread group */
	pid_t thread;       /* PROCESS_EXITED: which one; the first has the number of the group */
	pid_t parent;       /* PROCESS_FORKED: thread group */
	uint32_t exit_code; /* PROCESS_EXITED: of the thread, as wait(2) encodes it */
};

/* Takes one notice. It lives for the call only. */
typedef void (*notice_sink)(void *userdata, const struct process_notice *notice);

/* Asks the kernel for process events. Returns 0 and the source in `*ret`, to be freed with
 * process_events_close(); -EPERM without CAP_NET_ADMIN; -EOPNOTSUPP if the kernel does not answer
 * (no CONFIG_PROC_EVENTS, or a pid or user namespace of our own); or another -errno. */
int process_events_open(struct process_events **ret);
struct process_events *process_events_close(struct process_events *events); /* returns NULL */
DEFINE_CLEANUP(struct process_events *, process_events_close);

/* Returns the descriptor that becomes readable when there are events. Owned by the source. */
int process_events_fd(const struct process_events *events);

/* Hands on the events that have come, without waiting. Returns 0, -ENOBUFS if some were lost (call
 * again for the rest), or another -errno. */
int process_events_drain(struct process_events *events, notice_sink sink, void *userdata);

/* Reads one netlink message (its header included) of `size` bytes, aligned as a struct nlmsghdr.
 * Returns 0, -EBADMSG if it is shorter than it says, or -ENOMSG if it is none of the types above.
 */
int process_events_parse(const void *message, size_t size, struct process_notice *notice);
