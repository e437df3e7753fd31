/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends a signal to a process, and never to a later one with the same pid. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Sends `signal` to the process that has the pid `pid` and started at `started`, in clock ticks
 * after boot (struct task). Returns 0, -ESRCH if that process is gone or `started` is 0 (not
 * known), -EPERM, or -EINVAL for an invalid signal. */
int process_signal(pid_t pid, uint64_t started, int signal);
