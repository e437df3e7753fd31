/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which network namespaces the route monitor follows: our own, and those that watched connections
 * are in. */
#pragma once

#include "events/event.h"

struct route_monitor;
struct watch_path;

enum { NAMESPACES_MAX = 64 }; /* followed at once, our own included */

/* `monitor` (borrowed) follows our own namespace already. Returns 0 or -ENOMEM. */
int watch_path_new(struct watch_path **ret, struct route_monitor *monitor);
struct watch_path *watch_path_free(struct watch_path *path); /* returns NULL */

/* Follows the namespace of a connection, if it is not followed yet; to be called before the engine
 * is told of the connection. The route monitor tells its events from inside. What cannot be
 * followed stays unknown to the engine, and so its verdicts claim less. Returns 0; or, once a
 * namespace, why it cannot be followed: -ENOSPC beyond NAMESPACES_MAX, -EACCES or -EPERM without
 * the capabilities for it, or another -errno. */
int watch_path_follow(struct watch_path *path, const struct event *event);

/* The last process of `agent` has ended: lets go of the namespaces that are followed for it
 * alone. */
void watch_path_leave(struct watch_path *path, uint32_t agent);
