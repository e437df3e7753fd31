/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside route_monitor.c: when to look again at routes that expire.
 *
 * From the moment on at which an IPv6 route expires, the kernel does not use it (find_match()). It
 * tells so only when it removes the route, up to net.ipv6.route.gc_interval (30 s) later, and never
 * that a router advertisement has prolonged its life (fib6_set_expires()), which also brings back
 * one that has expired and is still there. So the routes are listed again when one of them should
 * have expired, and now and then until none is left that has. Times are CLOCK_MONOTONIC. */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>

#include "base/usec.h"

struct route_expiry {
	bool looking;  /* the routes are being listed */
	bool lingers;  /* a route has expired and was not removed by the last look */
	usec_t looked; /* when the last look began */
	usec_t before; /* and the one before that */
	usec_t next;   /* when one of the routes expires; USEC_INFINITY: none does */
	usec_t pause;  /* until the next look at what lingers */
};

/* Forgets everything: all routes are being listed anew from `now` on. */
void route_expiry_forget(struct route_expiry *expiry, usec_t now);

/* What a message about a route says of its end. */
struct route_end {
	bool expired;
	usec_t span; /* until it expires, or since it did; 0, and not expired: it does neither */
};
struct route_end route_end_of(const struct nlmsghdr *header);

/* Takes in that at `now` there is a route that ends so. */
void route_expiry_take(struct route_expiry *expiry, const struct route_end *end, usec_t now);

/* Returns true if the routes are to be listed at `now`. */
bool route_expiry_is_due(const struct route_expiry *expiry, usec_t now);

/* Returns when they are next, if nothing else happens; USEC_INFINITY: they are not. */
usec_t route_expiry_deadline(const struct route_expiry *expiry);

/* They are being listed from `now` on; the list is complete. */
void route_expiry_begin(struct route_expiry *expiry, usec_t now);
void route_expiry_complete(struct route_expiry *expiry);
