/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc shows of a process only to those who may trace it: of other users' processes, to those
 * with CAP_SYS_PTRACE. See also libraries.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Puts the inode of the network namespace of process `pid` into `*inode`. Returns 0, -ESRCH,
 * -EACCES or another -errno. */
int process_view_namespace(pid_t pid, uint64_t *inode);

/* Opens the network namespace of process `pid`. Returns a file descriptor, -ESTALE if that is not
 * (or no longer) the one with this `inode`, -ESRCH, -EACCES or another -errno. */
int process_view_open_namespace(pid_t pid, uint64_t inode);

/* Calls `visit` with the inode of each socket that `pid` has open, among its first 65536 files.
 * Returns 0, -ESRCH, -EACCES or another -errno. */
int process_view_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode), void *userdata);

/* Returns true if the caller has CAP_SYS_PTRACE. */
bool process_view_is_open(void);
