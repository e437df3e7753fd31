/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agents' connections in the mode sock-diag. Each is followed from one look at its socket to
 * the next, and becomes the events that the probe would tell. Wiring of events/socket_look.h for
 * survey.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "events/event.h"
#include "events/socket_look.h"

struct watch_connections;

/* The process that holds a socket, and its agent. */
struct socket_holder {
	struct task task;
	uint32_t agent;
};

/* Up to `max` at once. Returns NULL without memory, as watch_connections_free() always does. */
struct watch_connections *watch_connections_new(uint32_t max);
struct watch_connections *watch_connections_free(struct watch_connections *connections);

/* A look at all sockets begins. Until the next one, events go to `sink`. */
void watch_connections_begin_look(struct watch_connections *connections, event_sink sink,
				  void *userdata);

/* Takes one look at a socket in network namespace `netns`. The socket is followed from now on if it
 * has a `holder` (NULL: no agent holds it, or it was not opened by connect()). Returns 0; or
 * -ENOBUFS if there is no room for it, and there was for the connection before. */
int watch_connections_take_look(struct watch_connections *connections, uint64_t netns,
				const struct socket_look *look, const struct socket_holder *holder);

/* Ends a look: tells what became of connections that are gone, where that is known. Returns true if
 * all that are followed are there. */
bool watch_connections_end_look(struct watch_connections *connections);

/* Tells a sample: an EVENT_SAMPLED of each connection as it was in the look that has just ended,
 * and an EVENT_SAMPLE_DONE. */
void watch_connections_sample(struct watch_connections *connections);

/* Takes the last look at a socket, from its destruction. What it means is told at the end of the
 * next look at all sockets, which shows whether a TIME_WAIT took its place. Returns false if the
 * socket is not followed. */
bool watch_connections_take_destroyed(struct watch_connections *connections,
				      const struct socket_look *look);

/* Returns true if no connection is followed; if one in network namespace `netns` is. */
bool watch_connections_none(const struct watch_connections *connections);
bool watch_connections_in(const struct watch_connections *connections, uint64_t netns);
void watch_connections_forget_agent(struct watch_connections *connections, uint32_t agent);
