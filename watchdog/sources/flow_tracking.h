/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this host's own connection tracking knows of a connection: ctnetlink, in the network
 * namespace that connwatch is in. The firewall and the NAT of containers are there.
 *
 * It is asked once when a connection begins, and again when it is in trouble; never in between, and
 * never in a way that would load a module of the kernel. */
#pragma once

#include <stddef.h>

#include "base/endpoint.h"
#include "base/usec.h"
#include "events/event.h"

struct mnl_socket;

enum { TRACKED_MOST = 1024 };

/* A connection as the network knows it: where answers come from, and where they go. */
struct translation {
	struct endpoint from, to;
};

struct tracked {
	uint64_t cookie; /* 0: the entry is free */
	struct translation first;
	uint16_t known; /* enum tracking */
};

/* Zeroed before the first use. */
struct flow_tracking {
	struct mnl_socket *socket;
	bool refused;       /* it cannot be asked here */
	bool here;          /* the kernel has connection tracking */
	uint32_t questions; /* so far: the number of each is in its answer */
	usec_t since;       /* when the present second began */
	unsigned asked;     /* beginnings in it */
	struct tracked list[TRACKED_MOST];
};

/* Takes note of an event of a connection, and asks if that is worth it. Returns what is known, of
 * enum tracking; 0: nothing, or nothing that the event may be judged by. `now`:
 * CLOCK_MONOTONIC. */
uint16_t flow_tracking_note(struct flow_tracking *tracking, const struct event *event, usec_t now);

/* Reads an answer to the question for an entry: the `size` bytes at `message`. Returns 0; -ENOENT:
 * there is no such entry; or another -errno. */
int flow_tracking_parse(const void *message, size_t size, struct translation *translation);

void flow_tracking_close(struct flow_tracking *tracking);
