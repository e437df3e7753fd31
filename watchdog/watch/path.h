/* Follows the links and routes of the network namespaces that watched connections are in. Wiring of
 * sources/route_monitor for watch_loop.c. */
#pragma once

#include <systemd/sd-event.h>

#include "core/event.h"

struct watch_path;

enum { NAMESPACES_MAX = 64 }; /* followed at once, our own included */

/* Follows our own namespace from the start. `sink` takes the events; `event` is referenced. Returns
 * 0 or -errno. */
int watch_path_new(struct watch_path **ret, sd_event *event, event_sink sink, void *userdata);
struct watch_path *watch_path_free(struct watch_path *path); /* returns NULL */

/* Tells all that had happened by `time`, CLOCK_MONOTONIC. What comes before an end is so known
 * before it, however late both are read. */
void watch_path_tell(struct watch_path *path, usec_t time);

/* Follows the namespace of a connection that is about to be told of, if it is not followed yet;
 * `sink` is called from inside. What cannot be followed stays unknown to the engine, and so its
 * verdicts claim less. Returns 0; or, once a namespace, why it cannot be followed: -ENOSPC beyond
 * NAMESPACES_MAX, -EACCES or -EPERM without the capabilities for it, or another -errno. */
int watch_path_follow(struct watch_path *path, const struct event *connection);

/* The last process of `agent` has ended: lets go of the namespaces followed for it alone. */
void watch_path_leave(struct watch_path *path, uint32_t agent);
