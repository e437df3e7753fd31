/* Destroys a connection that is dead, so that the agent learns it at once instead of a quarter of
 * an hour later (tcp_retries2, tcp(7)); never one that is well. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Destroys (SOCK_DESTROY) the socket with this `cookie` in the network namespace `netns` (an
 * inode), which is that of process `pid`, after one last look at it: it must be waiting for an
 * answer, and the peer must have been silent for `silence` microseconds. The agent's next or
 * waiting call fails with ECONNABORTED. Returns 0, or
 *
 * - -ESRCH: there is no such socket, or no such process, any more
 * - -ESTALE: the process is in another network namespace
 * - -EALREADY: it is well: nothing is unanswered, not for so long, or it is closing
 * - -EPERM: CAP_NET_ADMIN is missing, or for another namespace CAP_SYS_ADMIN and the service
 * - -EOPNOTSUPP: the kernel cannot (CONFIG_INET_DIAG_DESTROY)
 *
 * or another -errno. */
int connection_abort(uint64_t netns, pid_t pid, uint64_t cookie, uint64_t silence);
