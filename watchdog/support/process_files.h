/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One process, from /proc. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_status {
	char comm[16];
	char state; /* as proc(5): 'T' stopped by a signal, 'Z' dead */
	unsigned threads;
	uint64_t started; /* in clock ticks after boot; a later process with the pid has another */
};

/* Reads /proc/PID/stat. Returns 0, -ESRCH, or -EBADMSG if it is not as proc(5) describes. */
int process_status_read(pid_t pid, struct process_status *status);

/* Reads the text of that file, `size` bytes without a null byte. Returns 0 or -EBADMSG. */
int process_status_parse(const char *text, size_t size, struct process_status *status);

/* Opens the process that has the pid `pid` and started at `started` (struct process_status): never
 * a later one with the same pid. Returns a descriptor of pidfd_open(2), to be closed by the caller,
 * -ESRCH if the process is gone or `started` is 0 (not known), or another -errno. */
int process_open(pid_t pid, uint64_t started);
