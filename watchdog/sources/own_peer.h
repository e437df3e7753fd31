/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a connection leads from a process to itself, as the pairs of sockets do by which event
 * loops wake their own threads: such a connection has no hub. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/endpoint.h"
#include "base/usec.h"
#include "settings/peer_pattern.h"

/* Bounds how often is looked: an agent may open thousands of connections a second. Zeroed before
 * the first use. */
struct own_peer_looks {
	usec_t since;   /* when the present second began */
	unsigned count; /* looks in it */
	usec_t next;    /* not before: a look at many sockets takes long */
};

/* Returns true if process `pid` of our own pid namespace holds the other end of its connection from
 * `local` to `peer`, or the socket that listens there; `local` without a port is not chosen yet.
 * Only peers on this host are looked for: loopback addresses, and a `peer` with the address of
 * `local`. Returns false if /proc does not show that, after too many looks in the second that
 * `now` (CLOCK_MONOTONIC) lies in, or for nine times as long as a look took that took more than 5
 * ms. */
bool own_peer_look(struct own_peer_looks *looks, pid_t pid, const struct endpoint *local,
		   const struct endpoint *peer, usec_t now);

/* What processes do with their TCP sockets now. A connection that is accepted has the port of a
 * socket that listens; the others count as opened. */
struct own_peer_use {
	bool listens;
	bool opened;
	bool wanted; /* one that was opened leads to a peer that is asked for */
};

/* Adds to `*use` what process `pid` of our own pid namespace does; `peers` are those asked for.
 * Returns 0, or -errno: its descriptors cannot be seen. */
int own_peer_look_at_use(pid_t pid, const struct peer_pattern *peers, unsigned peer_count,
			 struct own_peer_use *use);

/* Returns true if process `pid` of our own pid namespace listens for connections, and has opened
 * none: those that it accepts have the port of a socket that listens. */
bool own_peer_only_accepts(pid_t pid);
