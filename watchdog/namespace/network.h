/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets in other network namespaces. */
#pragma once

/* Opens a netlink socket of `protocol` (netlink(7)) in the namespace that `fd` refers to. The
 * socket stays in that namespace, whoever uses it, and the caller's thread in its own. Returns a
 * file descriptor; -EPERM for a foreign namespace without CAP_SYS_ADMIN, or another -errno. */
int network_namespace_netlink(int fd, int protocol);
