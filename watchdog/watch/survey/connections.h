/* The agents' connections in the mode sock-diag: each is followed from one look at its socket to
 * the next, and what becomes of it is told in the probe's events. Wiring of core/socket_look for
 * watch_survey.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/event.h"
#include "core/socket_look.h"

struct watch_connections;

/* Whose a socket is. */
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

/* This socket is there, in network namespace `netns`. It is followed from now on if it has a
 * `holder` (NULL: it is nobody's, or was not opened by us). Returns 0, or -ENOBUFS if there is no
 * room for it: the first time, not for each that finds none after that. */
int watch_connections_take_look(struct watch_connections *connections, uint64_t netns,
				const struct socket_look *look, const struct socket_holder *holder);

/* What became of those that are gone can now be said, where it is known. Returns true if all that
 * are followed are there. */
bool watch_connections_end_look(struct watch_connections *connections);

/* Tells how each one stood in the look that has just ended, and that these were all. */
void watch_connections_sample(struct watch_connections *connections);

/* The last look at a socket, as it was destroyed. What that means is said at the end of the next
 * look at all of them: is there a TIME_WAIT in its place? Returns false if nobody follows it. */
bool watch_connections_take_destroyed(struct watch_connections *connections,
				      const struct socket_look *look);

/* Whether none is followed; whether one in network namespace `netns` is. */
bool watch_connections_none(const struct watch_connections *connections);
bool watch_connections_in(const struct watch_connections *connections, uint64_t netns);
void watch_connections_forget_agent(struct watch_connections *connections, uint32_t agent);
