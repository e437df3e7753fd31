/* connwatchd may not enter foreign network namespaces, which takes CAP_SYS_ADMIN. A service of a
 * few lines may, connwatch-namespace, and opens sockets there for it. One request a connection: a
 * namespace and a protocol go there, a netlink socket comes back. */
#pragma once

/* As network_namespace_netlink(), which it tries first; where that takes more than the caller may,
 * it asks the service and waits for 1 s at most. Returns a file descriptor; -EPERM if there is no
 * service, -EAGAIN if it does not answer, or another -errno. */
int namespace_service_open(int namespace, int protocol);

/* The service's side: takes one request from `connection` (stays the caller's) and answers it.
 * Sockets of NETLINK_ROUTE and NETLINK_SOCK_DIAG are to be had. Returns 0, also for an answer that
 * says no; or the -errno that left the request without one. */
int namespace_service_answer(int connection);
