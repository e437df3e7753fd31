/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside path.[ch]: what is known of a network namespace. Included by path.c, which takes in the
 * events, and path_look.c, which looks back. */
#pragma once

#include "verdict/path.h"

enum {
	PATH_OBJECTS_MAX = 1024, /* links, addresses, routes and failed neighbours of a namespace */
	PATH_CHANGES_MAX = 1024, /* of a namespace that are remembered */
	PATH_LOSSES_MAX = 16,    /* of the radios of a namespace, likewise */
	PATH_FALLS_MAX = 8,      /* of interfaces that NetworkManager disconnected, likewise */
};

/* A link, its radio, what NetworkManager did with it, an address, a route or a neighbour, as last
 * reported. It keeps its place when it is gone, so that the past can be looked at, until the place
 * is needed. */
struct path_object {
	enum event_type type;
	struct path_event path;
	usec_t expires;       /* a route ends then, unless its life is prolonged; 0: it does not */
	uint64_t last_change; /* number of its last change, from 1; 0: none */
	bool unconfirmed;     /* not yet reported again after a gap in the reports */
};

/* The object with number `object` became what `up` says, at some moment from `not_before` to
 * `time`. */
struct path_change {
	usec_t time;
	usec_t not_before;
	uint32_t object;
	bool up;
};

struct path_loss {
	usec_t time; /* 0: none */
	uint32_t interface;
	struct radio_loss loss;
};

struct path_fall {
	usec_t time; /* 0: none */
	uint32_t interface;
	struct device_fall fall;
};

struct path_namespace {
	bool known;      /* every object and every change from `known_since` on */
	bool overflowed; /* it has more objects than there is room for */
	usec_t known_since;
	uint32_t object_count;
	uint64_t first_change; /* number of the oldest that is remembered; numbers begin with 1 */
	uint64_t next_change;
	unsigned next_loss;
	struct path_loss losses[PATH_LOSSES_MAX]; /* the newest ones, as a ring */
	unsigned next_fall;
	struct path_fall falls[PATH_FALLS_MAX]; /* likewise */
	struct path_object objects[PATH_OBJECTS_MAX];
	struct path_change changes[PATH_CHANGES_MAX]; /* by number, as a ring */
};

/* NULL if nothing is known of the namespace. Owned by the table. */
struct path_namespace *path_namespace_find(const struct path_table *table, uint64_t netns);

/* True if the two addresses are equal; their ports do not count. */
bool path_same_address(const struct endpoint *a, const struct endpoint *b);

/* True if `address` lies in the network `net` of prefix length `length`. */
bool path_prefix_covers(const struct endpoint *net, unsigned length,
			const struct endpoint *address);
