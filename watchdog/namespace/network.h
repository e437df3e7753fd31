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

/* Opens a netlink socket of `protocol` (netlink(7)) in the namespace that `fd` refers to: it
 * belongs there for good, whoever uses it. The caller's thread never leaves its own namespace.
 * Returns a file descriptor; -EPERM for a foreign namespace without CAP_SYS_ADMIN, or another
 * -errno. */
int network_namespace_netlink(int fd, int protocol);
