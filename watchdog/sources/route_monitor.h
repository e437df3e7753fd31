/* Links, addresses, routes and failing neighbours of network namespaces, as events, over rtnetlink.
 *
 * Each namespace is listed first, as event.h says of EVENT_NAMESPACE; its changes follow as they
 * come. What was missed because too much came at once is found by listing it anew. Times are those
 * of reading; path.within tells how much earlier it may have been. Not told: routes of the table
 * `local`, routes for one type of service only, and rules (ip-rule(8)) other than by the tables
 * they lead to.
 *
 * A namespace lives on for as long as it is monitored: remove it when the last agent has left. */
#pragma once

#include "core/event.h"

struct route_monitor;

/* Returns 0 and a monitor of nothing in `*ret`, to be freed with route_monitor_close(); or -errno.
 * `sink` is called from inside the functions below and must call none of them. */
int route_monitor_open(struct route_monitor **ret, event_sink sink, void *userdata);
struct route_monitor *route_monitor_close(struct route_monitor *monitor); /* returns NULL */

/* Becomes readable when there is something to be told. Owned by the monitor. */
int route_monitor_fd(const struct route_monitor *monitor);

/* Tells what has come, without waiting. Returns 0, or the first -errno of a namespace that is no
 * longer told of for that reason; it is removed. */
int route_monitor_drain(struct route_monitor *monitor);

/* All that happened before that time (CLOCK_MONOTONIC) is told: that of the last call of
 * route_monitor_drain(), unless too much had come for one call. */
usec_t route_monitor_told_until(const struct route_monitor *monitor);

/* Monitors the network namespace `fd` (of /proc/PID/ns/net; stays the caller's) from now on.
 * Returns 0, also if it is monitored already; -EPERM for a foreign namespace without CAP_SYS_ADMIN
 * or connwatch-namespace.service, or another -errno. */
int route_monitor_add(struct route_monitor *monitor, int fd);

/* True if the namespace with this inode is monitored. */
bool route_monitor_knows(const struct route_monitor *monitor, uint64_t netns);

/* Harmless for one that is not monitored. */
void route_monitor_remove(struct route_monitor *monitor, uint64_t netns);
