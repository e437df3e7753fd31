/* The way to the peer: what is known of the links, addresses, routes and neighbours of network
 * namespaces, now and a while back.
 *
 * Memory is taken once. A namespace that holds more than there is room for is not known; nothing
 * is ever half known. */
#pragma once

#include "event.h"
#include "keyed_table.h"

struct path_table {
	struct keyed_table namespaces; /* by inode */
};

/* One condition for packets to get through, over a span of time. */
struct path_part {
	bool there;    /* at the end of the span */
	usec_t lost;   /* when it first went within the span; 0: it did not */
	usec_t back;   /* when it last came within the span; 0: it did not */
	bool doubtful; /* what is told as a change after the span may have been within it */
};

struct path_view {
	bool known;        /* the parts below are right */
	bool covered;      /* and no change within the span went by unseen */
	bool routes_known; /* route and next_hop are right: one table and one next hop decide */
	/* that carries the local address, or did at first; empty: not known, nor is `link` */
	char interface[INTERFACE_NAME_SIZE];
	bool disabled;             /* it was set down, or removed; not merely unplugged */
	struct path_part link;     /* the interface is up and has a carrier */
	struct path_part address;  /* the local address is one of ours, wherever */
	struct path_part route;    /* a route leads to the peer */
	struct path_part next_hop; /* it has not failed to answer ARP or ND; tells
				      something only while there is a route */
};

/* Room for this many namespaces at once. Returns 0, or -ENOMEM. */
int path_table_init(struct path_table *table, uint32_t namespaces);
void path_table_release(struct path_table *table);

/* Takes in an event_is_path() event. */
void path_take(struct path_table *table, const struct event *event);

/* How the way from `local` to `peer` (ports do not count; a `local` of family 0 is one not chosen
 * yet) was in the namespace `netns` from `since` to `until`. What is not known is false. */
void path_look(const struct path_table *table, uint64_t netns, const struct endpoint *local,
	       const struct endpoint *peer, usec_t since, usec_t until, struct path_view *view);

/* True if nothing that is known of is missing at the end of the span. */
bool path_is_whole(const struct path_view *view);
