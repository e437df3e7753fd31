/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The path to the peer: links, their radios, addresses, routes and neighbours of network
 * namespaces, now and a while back.
 *
 * Memory is taken once. A namespace with more objects than there is room for is not known: there is
 * no half knowledge. Times are CLOCK_MONOTONIC microseconds. */
#pragma once

#include "base/keyed_table.h"
#include "events/event.h"

struct path_table {
	struct keyed_table namespaces; /* by inode */
};

/* What NetworkManager told of an interface that it disconnected, or could not connect. */
struct device_fall {
	enum device_state state; /* DEVICE_NONE: nothing */
	uint16_t reason;         /* as in struct path_event */
};

/* One condition for packets to get through, over a span of time. */
struct path_part {
	bool there;    /* at the end of the span */
	usec_t lost;   /* when it was first lost within the span; 0: it was not */
	usec_t back;   /* when it last came back within the span; 0: it did not */
	bool doubtful; /* a change that was reported after the span may have happened within it; or
			  it hangs on a route that should have expired by the end of the span, and
			  no report says so or else */
	struct device_fall fall; /* what NetworkManager did about the time when the absence that
				    lasts, or else the first, began; not later, if somebody
				    asked it to */
};

/* What was reported of a radio that lost its connection. */
struct radio_loss {
	enum radio radio; /* RADIO_NONE: nothing was */
	uint16_t reason;  /* as in struct path_event */
	int signal;       /* likewise */
};

struct path_view {
	bool known;        /* the parts below are right */
	bool covered;      /* and no change within the span was missed */
	bool routes_known; /* route and next_hop are right: one table and one next hop decide */
	/* that carries the local address, or did at first; empty: not known, nor is `link` */
	char interface[INTERFACE_NAME_SIZE];
	bool disabled;          /* the interface was set down or removed, not merely unplugged */
	struct path_part link;  /* the interface is up and has a carrier */
	struct path_part radio; /* the link's radio has its connection, as far as reported: one
				   that nobody reports on counts as there */
	struct radio_loss loss; /* of `radio`: what began its present absence, or the first one
				   within the span if it is there. Of a modem, which goes down
				   by steps, the last of them */
	struct device_fall attempt; /* NetworkManager tried to connect an interface and failed, and
				       no more was told since */
	char attempted[INTERFACE_NAME_SIZE]; /* which: `interface`, unless that is not known */
	struct path_part address;  /* the local address is one of ours, on any interface */
	struct path_part route;    /* a route leads to the peer */
	struct path_part next_hop; /* has not failed to answer ARP or ND; counts only while there is
				      a route */
};

/* Takes room for `namespaces` namespaces at once. Returns 0 or -ENOMEM. */
int path_table_init(struct path_table *table, uint32_t namespaces);
void path_table_release(struct path_table *table);

/* Takes in an event_is_path() event. */
void path_take(struct path_table *table, const struct event *event);

/* Fills in `*view` with the path from `local` to `peer` in the namespace `netns`, as it was from
 * `since` to `until`. Ports do not count; a `local` of family 0 is not chosen yet. All that is not
 * known is false. */
void path_look(const struct path_table *table, uint64_t netns, const struct endpoint *local,
	       const struct endpoint *peer, usec_t since, usec_t until, struct path_view *view);

/* True if the interface has a radio, as far as reported. */
bool path_has_radio(const struct path_table *table, uint64_t netns, uint32_t interface);

/* True if NetworkManager has told of the interface. */
bool path_has_device(const struct path_table *table, uint64_t netns, uint32_t interface);

/* True if the part was there for the whole span. */
static inline bool path_part_stayed(const struct path_part *part)
{
	return part->there && !part->lost && !part->doubtful;
}

/* True if nothing that is known of the path is missing at the end of the span. */
bool path_is_whole(const struct path_view *view);

/* Returns when the link, its radio, the address or the route was lost last within the span; 0: none
 * was. */
usec_t path_last_lost(const struct path_view *view);
