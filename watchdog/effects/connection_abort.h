/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Destroys a dead connection, so that the agent notices at once instead of a quarter of an hour
 * later (tcp_retries2, tcp(7)). A connection that works is left alone. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* Destroys (SOCK_DESTROY) the socket `cookie` in the network namespace `netns` (an inode number),
 * which is that of the process with the pid `pid` and the start `started` (clock ticks after boot,
 * struct task; 0: not known, then not compared), after one last look: sent data must be waiting for
 * an answer, and the peer must have been silent for `silence` microseconds. The agent's next or
 * waiting call fails with ECONNABORTED. The process only leads to the namespace: before Linux 5.10
 * a cookie is unique in its namespace alone (sock_gen_cookie()), and the number of a namespace may
 * be given again. Returns 0, or
 *
 * - -ESRCH: the socket or the process no longer exists
 * - -ESTALE: the process is in another network namespace
 * - -EALREADY: the connection works: nothing is unanswered for that long, or it is closing
 * - -EPERM: CAP_NET_ADMIN is missing, or for another namespace CAP_SYS_ADMIN and the service
 * - -EOPNOTSUPP: the kernel lacks CONFIG_INET_DIAG_DESTROY
 *
 * or another -errno. */
int connection_abort(uint64_t netns, pid_t pid, uint64_t started, uint64_t cookie,
		     uint64_t silence);
