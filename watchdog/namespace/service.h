/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service connwatch-namespace: connwatchd may not enter foreign network namespaces, which takes
 * CAP_SYS_ADMIN. The service may, and does little else: it opens sockets there. Each connection to
 * it is one request: a namespace and a protocol go there, a netlink socket comes back. */
#pragma once

/* Opens a netlink socket as network_namespace_netlink(), which it tries first. If the caller may
 * not do that, asks the service and waits for 1 s at most. Returns a file descriptor; -EPERM if
 * there is no service, -EAGAIN if it does not answer, or another -errno. */
int namespace_service_open(int namespace, int protocol);

/* Takes one request from `connection` (stays the caller's) in the service, and answers it with a
 * socket of NETLINK_ROUTE or NETLINK_SOCK_DIAG. Returns 0, also for an answer that refuses; or the
 * -errno that left the request without an answer. */
int namespace_service_answer(int connection);
