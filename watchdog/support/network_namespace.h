/* Network namespaces, named by the inode of their /proc/PID/ns/net. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Puts the inode of the network namespace of process `pid` into `*inode`. Returns 0, -ESRCH,
 * -EACCES (CAP_SYS_PTRACE is missing) or another -errno. */
int network_namespace_of(pid_t pid, uint64_t *inode);

/* Opens the network namespace of process `pid`. Returns a file descriptor, -ESTALE if that is not
 * (or no longer) the one with this `inode`, -ESRCH, -EACCES (CAP_SYS_PTRACE is missing) or another
 * -errno. */
int network_namespace_open(pid_t pid, uint64_t inode);

/* Calls `call` inside the namespace that `fd` refers to; the caller's thread never leaves its own.
 * Returns what `call` returns; -EPERM for a foreign namespace without CAP_SYS_ADMIN, or another
 * -errno. */
int network_namespace_call(int fd, int (*call)(void *), void *userdata);
