/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links, addresses, routes and failing neighbours of network namespaces, as events, over rtnetlink.
 *
 * Each namespace is listed first, as events/event.h says of EVENT_NAMESPACE; its changes follow.
 * When changes were missed because too many came at once, it is listed anew. Times are those of
 * reading; path.within tells how much earlier the change may have been. An IPv6 route that expires
 * is told as gone when the kernel no longer uses it (route_monitor_expiry.h). Not told: routes of
 * the table `local`, routes for one type of service only, and rules (ip-rule(8)) other than by the
 * tables they lead to.
 *
 * A namespace lives on for as long as it is monitored: remove it when the last agent has left. */
#pragma once

#include "base/cleanup.h"
#include "sources/source.h"

struct route_monitor;

/* No options. Monitors our own network namespace from the start. */
extern const struct source route_monitor_source;

/* Opens a monitor without namespaces. Returns 0 and the monitor in `*ret`, to be freed with
 * route_monitor_close(); or -errno. `sink` is called from inside the functions below and must not
 * call them. */
int route_monitor_open(struct route_monitor **ret, event_sink sink, void *userdata);
struct route_monitor *route_monitor_close(struct route_monitor *monitor); /* returns NULL */
DEFINE_CLEANUP(struct route_monitor *, route_monitor_close);

/* Returns the descriptor that becomes readable when there are changes. Owned by the monitor. */
int route_monitor_fd(const struct route_monitor *monitor);

/* Tells the changes that have come, without waiting, and what has expired. Returns 0; or -errno of
 * the first namespace that cannot be monitored any longer, after having removed it. */
int route_monitor_drain(struct route_monitor *monitor);

/* Returns when route_monitor_drain() is to be called, if not before; USEC_INFINITY: never. */
usec_t route_monitor_deadline(const struct route_monitor *monitor);

/* Returns the time (CLOCK_MONOTONIC) up to which all changes are told: that of the last
 * route_monitor_drain() that read them all. */
usec_t route_monitor_told_until(const struct route_monitor *monitor);

/* Monitors the network namespace `fd` (of /proc/PID/ns/net; stays the caller's) from now on.
 * Returns 0, also if it is monitored already; -EPERM for a foreign namespace without CAP_SYS_ADMIN
 * or connwatch-namespace.service, or another -errno. */
int route_monitor_add(struct route_monitor *monitor, int fd);

/* Returns true if the namespace with this inode is monitored. */
bool route_monitor_knows(const struct route_monitor *monitor, uint64_t netns);

/* No longer monitors the namespace. Does nothing if it is not monitored. */
void route_monitor_remove(struct route_monitor *monitor, uint64_t netns);
