#include "path.h"

#include <string.h>
#include <sys/socket.h>

enum {
	THINGS_MAX = 1024,      /* links, addresses, routes and failed neighbours of a namespace */
	CHANGES_MAX = 1024,     /* that are remembered of a namespace */
	LOOPBACK_INTERFACE = 1, /* LOOPBACK_IFINDEX in the kernel's net/flow.h */
	LOOPBACK_NET = 127,     /* RFC 1122, 3.2.1.3 */
	MAIN_TABLE = 254,       /* RT_TABLE_MAIN, rtnetlink(7) */
};

/* A link, an address, a route or a neighbour, as last told. It keeps its place when it is gone, so
 * that the past can be told, until the place is needed. */
struct thing {
	enum event_type type;
	struct path_event path;
	uint64_t last_change; /* number of its last change, from 1; 0: none */
	bool unconfirmed;     /* not yet told again since changes went by unseen */
};

/* Number `thing` became what `up` says: at some moment from `not_before` to `time`. */
struct change {
	usec_t time;
	usec_t not_before;
	uint32_t thing;
	bool up;
};

struct path_namespace {
	bool known;
	bool overflowed;
	usec_t known_since;
	uint32_t thing_count;
	uint64_t first_change; /* the oldest that is remembered; numbers begin with 1 */
	uint64_t next_change;
	struct thing things[THINGS_MAX];
	struct change changes[CHANGES_MAX]; /* by number, as a ring */
};

/* ---- what is the same, and what covers what */

static bool same_address(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static bool prefix_covers(const struct endpoint *net, unsigned length,
			  const struct endpoint *address)
{
	unsigned bytes = length / 8, bits = length % 8;

	if (net->family != address->family || length > 8 * sizeof(net->address))
		return false;
	if (memcmp(net->address, address->address, bytes) != 0)
		return false;
	return bits == 0 || (net->address[bytes] ^ address->address[bytes]) >> (8 - bits) == 0;
}

/* True if `thing` is an address that makes `address` one of our own. All of 127/8 is. */
static bool makes_local(const struct thing *thing, const struct endpoint *address)
{
	const struct endpoint *own = &thing->path.address;

	if (thing->type != EVENT_ADDRESS || address->family == 0)
		return false;
	if (own->family == AF_INET && own->address[0] == LOOPBACK_NET)
		return prefix_covers(own, thing->path.prefix_length, address);
	return same_address(own, address);
}

static bool same_destination(const struct path_event *a, const struct path_event *b)
{
	return same_address(&a->address, &b->address) && a->prefix_length == b->prefix_length &&
	       a->table == b->table && a->metric == b->metric;
}

static bool is_about(const struct thing *thing, enum event_type type, const struct path_event *path)
{
	if (thing->type != type || thing->path.interface != path->interface)
		return false;
	switch (type) {
	case EVENT_LINK:
		return true;
	case EVENT_ROUTE:
		return same_destination(&thing->path, path) &&
		       same_address(&thing->path.gateway, &path->gateway) &&
		       thing->path.refuses == path->refuses &&
		       (!path->partial || same_address(&thing->path.source, &path->source));
	default:
		return same_address(&thing->path.address, &path->address) &&
		       thing->path.prefix_length == path->prefix_length;
	}
}

/* What a thing is when nobody has told of it: not there; a neighbour has not failed. */
static bool up_unless_told(enum event_type type)
{
	return type == EVENT_NEIGHBOUR;
}

static bool is_gone(const struct thing *thing)
{
	if (thing->type == EVENT_LINK)
		return thing->path.removed;
	return thing->path.up == up_unless_told(thing->type);
}

/* ---- things and their changes */

static void forget_changes_before(struct path_namespace *in, uint64_t number)
{
	const struct change *last = &in->changes[(number - 1) % CHANGES_MAX];

	if (number <= in->first_change)
		return;
	in->first_change = number;
	if (last->time >= in->known_since)
		in->known_since = last->time + 1;
}

static void set_up(struct path_namespace *in, struct thing *thing, bool up,
		   const struct event *event)
{
	usec_t within = event->path.within;

	if (thing->path.up == up)
		return;
	if (in->next_change - in->first_change == CHANGES_MAX)
		forget_changes_before(in, in->first_change + 1);
	thing->path.up = up;
	thing->last_change = in->next_change++;
	in->changes[thing->last_change % CHANGES_MAX] = (struct change){
		.time = event->time,
		.not_before = event->time - (within < event->time ? within : event->time),
		.thing = (uint32_t)(thing - in->things),
		.up = up,
	};
}

static struct thing *find(struct path_namespace *in, const struct event *event)
{
	for (uint32_t i = 0; i < in->thing_count; i++)
		if (is_about(&in->things[i], event->type, &event->path))
			return &in->things[i];
	return NULL;
}

/* A place for a new thing: one never used, or that of what has been gone for longest. NULL if
 * everything is still there. */
static struct thing *make_room(struct path_namespace *in)
{
	struct thing *oldest = NULL;

	if (in->thing_count < THINGS_MAX)
		return &in->things[in->thing_count++];
	for (struct thing *thing = in->things; thing < in->things + THINGS_MAX; thing++)
		if (is_gone(thing) && (!oldest || thing->last_change < oldest->last_change))
			oldest = thing;
	if (oldest)
		forget_changes_before(in, oldest->last_change + 1);
	return oldest;
}

static void take_new(struct path_namespace *in, const struct event *event)
{
	bool before = event->path.initial ? event->path.up : up_unless_told(event->type);
	struct thing *thing;

	if (is_gone(&(struct thing){ .type = event->type, .path = event->path }))
		return;
	thing = make_room(in);
	if (!thing) {
		in->overflowed = true;
		in->known = false;
		return;
	}
	*thing = (struct thing){ .type = event->type, .path = event->path };
	thing->path.up = before;
	set_up(in, thing, event->path.up, event);
}

static void take_thing(struct path_namespace *in, const struct event *event)
{
	struct thing *thing = find(in, event);
	bool before;

	if (!thing) {
		take_new(in, event);
		return;
	}
	before = thing->path.up;
	thing->path = event->path;
	thing->path.up = before;
	thing->unconfirmed = false;
	set_up(in, thing, event->path.up, event);
}

/* ---- what goes without being told
 *
 * One of several next hops also comes back without being told (fib_sync_up()). Such a route is left
 * as it was told: while it is there, what it says counts for nothing. */

static void replace_routes(struct path_namespace *in, const struct event *event)
{
	for (struct thing *thing = in->things; thing < in->things + in->thing_count; thing++)
		if (thing->type == EVENT_ROUTE && same_destination(&thing->path, &event->path) &&
		    !is_about(thing, EVENT_ROUTE, &event->path))
			set_up(in, thing, false, event);
}

static bool is_whole_route(const struct thing *thing)
{
	return thing->type == EVENT_ROUTE && !thing->path.partial;
}

/* Those by the interface that `event` is of. `family` 0: of both. */
static void drop_routes_by(struct path_namespace *in, uint8_t family, const struct event *event)
{
	for (struct thing *thing = in->things; thing < in->things + in->thing_count; thing++)
		if (is_whole_route(thing) && thing->path.interface == event->path.interface &&
		    (family == 0 || thing->path.address.family == family))
			set_up(in, thing, false, event);
}

static void drop_routes_from(struct path_namespace *in, const struct event *event)
{
	for (struct thing *thing = in->things; thing < in->things + in->thing_count; thing++)
		if (is_whole_route(thing) &&
		    same_address(&thing->path.source, &event->path.address))
			set_up(in, thing, false, event);
}

/* IPv4 routes go with the address that they prefer (the kernel's fib_sync_down_addr()) and with
 * their interface's last address (fib_disable_ip()). */
static void address_gone(struct path_namespace *in, const struct event *event)
{
	const struct path_event *path = &event->path;
	bool elsewhere = false, another = false;

	if (path->address.family != AF_INET)
		return;
	for (uint32_t i = 0; i < in->thing_count; i++) {
		const struct thing *thing = &in->things[i];

		if (thing->type != EVENT_ADDRESS || !thing->path.up ||
		    thing->path.address.family != AF_INET)
			continue;
		elsewhere |= same_address(&thing->path.address, &path->address);
		another |= thing->path.interface == path->interface;
	}
	if (!elsewhere)
		drop_routes_from(in, event);
	if (!another)
		drop_routes_by(in, AF_INET, event);
}

/* The kernel tells of IPv6 routes that go, unless net.ipv6.route.skip_notify_on_dev_down is set,
 * but not of IPv4 routes (fib_table_flush()). */
static void take_consequences(struct path_namespace *in, const struct event *event)
{
	if (event->type == EVENT_LINK && event->path.disabled)
		drop_routes_by(in, 0, event);
	else if (event->type == EVENT_ADDRESS && !event->path.up)
		address_gone(in, event);
	else if (event->type == EVENT_ROUTE && event->path.replaces)
		replace_routes(in, event);
}

/* ---- namespaces */

static struct path_namespace *find_namespace(const struct path_table *table, uint64_t netns)
{
	return keyed_table_find(&table->namespaces, netns);
}

static void drop_unknown_namespace(struct path_table *table)
{
	struct path_namespace *in = NULL;

	while ((in = keyed_table_next(&table->namespaces, in))) {
		if (in->known)
			continue;
		keyed_table_remove(&table->namespaces, in);
		return;
	}
}

static void begin_namespace(struct path_table *table, uint64_t netns)
{
	struct path_namespace *in = find_namespace(table, netns);

	if (!in && table->namespaces.count == table->namespaces.capacity)
		drop_unknown_namespace(table);
	if (!in)
		in = keyed_table_add(&table->namespaces, netns);
	if (!in)
		return;
	if (in->next_change == 0)
		in->first_change = in->next_change = 1;
	in->known = false;
	in->overflowed = false;
	for (uint32_t i = 0; i < in->thing_count; i++)
		in->things[i].unconfirmed = !is_gone(&in->things[i]);
}

/* All there is was told: what was not is gone. */
static void complete_namespace(struct path_namespace *in, const struct event *event)
{
	if (in->overflowed)
		return;
	in->known = true;
	in->known_since = event->time;
	for (struct thing *thing = in->things; thing < in->things + in->thing_count; thing++) {
		if (!thing->unconfirmed)
			continue;
		set_up(in, thing, up_unless_told(thing->type), event);
		thing->path.removed = true;
		thing->unconfirmed = false;
	}
}

/* ---- from outside: taking */

int path_table_init(struct path_table *table, uint32_t namespaces)
{
	return keyed_table_init(&table->namespaces, namespaces, sizeof(struct path_namespace));
}

void path_table_release(struct path_table *table)
{
	keyed_table_release(&table->namespaces);
}

void path_take(struct path_table *table, const struct event *event)
{
	struct path_namespace *in = find_namespace(table, event->path.netns);

	if (event->type == EVENT_NAMESPACE && !event->path.up)
		begin_namespace(table, event->path.netns);
	else if (in && event->type == EVENT_NAMESPACE)
		complete_namespace(in, event);
	else if (in && !in->overflowed) {
		take_thing(in, event);
		take_consequences(in, event);
	}
}

/* ---- looking: at one moment */

struct sight {
	const struct path_namespace *in;
	const struct endpoint *local;
	const struct endpoint *peer;
	uint32_t interface;    /* that carries the local address, or did */
	bool up[THINGS_MAX];   /* at the moment looked at */
	uint64_t after_change; /* the moment: just after this one and before the next */
};

static bool is_route_to(const struct thing *thing, const struct endpoint *peer)
{
	return thing->type == EVENT_ROUTE &&
	       prefix_covers(&thing->path.address, thing->path.prefix_length, peer);
}

static const struct thing *address_of(const struct sight *sight, const struct endpoint *address)
{
	for (uint32_t i = 0; i < sight->in->thing_count; i++)
		if (sight->up[i] && makes_local(&sight->in->things[i], address))
			return &sight->in->things[i];
	return NULL;
}

static bool is_better(const struct path_event *route, const struct path_event *than)
{
	if (route->prefix_length != than->prefix_length)
		return route->prefix_length > than->prefix_length;
	return route->metric < than->metric;
}

static const struct path_event *best_route(const struct sight *sight)
{
	const struct path_event *best = NULL;

	for (uint32_t i = 0; i < sight->in->thing_count; i++) {
		const struct thing *thing = &sight->in->things[i];

		if (sight->up[i] && is_route_to(thing, sight->peer) &&
		    (!best || is_better(&thing->path, best)))
			best = &thing->path;
	}
	return best;
}

static bool has_address(const struct sight *sight)
{
	return address_of(sight, sight->local);
}

static bool has_link(const struct sight *sight)
{
	for (uint32_t i = 0; i < sight->in->thing_count; i++)
		if (sight->up[i] && sight->in->things[i].type == EVENT_LINK &&
		    sight->in->things[i].path.interface == sight->interface)
			return true;
	return false;
}

static bool has_route(const struct sight *sight)
{
	const struct path_event *route;

	if (address_of(sight, sight->peer))
		return true;
	route = best_route(sight);
	return route && !route->refuses;
}

static bool has_failed(const struct sight *sight, uint32_t interface,
		       const struct endpoint *address)
{
	for (uint32_t i = 0; i < sight->in->thing_count; i++) {
		const struct thing *thing = &sight->in->things[i];

		if (!sight->up[i] && thing->type == EVENT_NEIGHBOUR &&
		    thing->path.interface == interface &&
		    same_address(&thing->path.address, address))
			return true;
	}
	return false;
}

/* Of routes that are equally good, one will do. */
static bool has_next_hop(const struct sight *sight)
{
	const struct path_event *best = best_route(sight);

	if (!best || address_of(sight, sight->peer))
		return true;
	for (uint32_t i = 0; i < sight->in->thing_count; i++) {
		const struct path_event *route = &sight->in->things[i].path;

		if (sight->up[i] && is_route_to(&sight->in->things[i], sight->peer) &&
		    !is_better(best, route) &&
		    !has_failed(sight, route->interface,
				route->gateway.family ? &route->gateway : sight->peer))
			return true;
	}
	return false;
}

/* ---- looking: over time */

static void look_at_present(struct sight *sight)
{
	for (uint32_t i = 0; i < sight->in->thing_count; i++)
		sight->up[i] = sight->in->things[i].path.up;
	sight->after_change = sight->in->next_change - 1;
}

/* The last change before the moment, if there is one and it is not older than `oldest`. */
static const struct change *change_since(const struct sight *sight, usec_t oldest)
{
	const struct change *change = &sight->in->changes[sight->after_change % CHANGES_MAX];

	if (sight->after_change < sight->in->first_change || change->time < oldest)
		return NULL;
	return change;
}

static void undo(struct sight *sight, const struct change *change)
{
	sight->up[change->thing] = !change->up;
	sight->after_change--;
}

static void go_back_to(struct sight *sight, usec_t time)
{
	const struct change *change;

	while ((change = change_since(sight, time + 1)))
		undo(sight, change);
}

/* Likewise. Returns true if what is told as a change since then may have been there already. */
static bool go_back_doubting(struct sight *sight, bool (*has)(const struct sight *), usec_t time)
{
	const struct change *change;
	bool doubtful = false;

	while ((change = change_since(sight, time + 1))) {
		bool doubted = change->not_before <= time;
		bool later = doubted && has(sight);

		undo(sight, change);
		doubtful |= doubted && has(sight) != later;
	}
	return doubtful;
}

/* Most changes are somebody else's. */
static bool matters(const struct sight *sight, const struct thing *thing)
{
	switch (thing->type) {
	case EVENT_LINK:
		return thing->path.interface == sight->interface;
	case EVENT_ADDRESS:
		return makes_local(thing, sight->local) || makes_local(thing, sight->peer);
	case EVENT_ROUTE:
		return is_route_to(thing, sight->peer);
	default:
		return true;
	}
}

static struct path_part look_back(struct sight *sight, bool (*has)(const struct sight *),
				  usec_t since, usec_t until)
{
	const struct change *change;
	struct path_part part = { 0 };
	bool later;

	look_at_present(sight);
	part.doubtful = go_back_doubting(sight, has, until);
	part.there = later = has(sight);
	while ((change = change_since(sight, since))) {
		bool earlier;

		undo(sight, change);
		if (!matters(sight, &sight->in->things[change->thing]))
			continue;
		earlier = has(sight);
		if (earlier && !later)
			part.lost = change->time;
		if (!earlier && later && !part.back)
			part.back = change->time;
		later = earlier;
	}
	return part;
}

/* The interface whose address it was most recently; 0: there is none. */
static uint32_t last_interface_of(const struct path_namespace *in, const struct endpoint *address)
{
	const struct thing *last = NULL;

	for (uint32_t i = 0; i < in->thing_count; i++)
		if (makes_local(&in->things[i], address) &&
		    (!last || in->things[i].last_change > last->last_change))
			last = &in->things[i];
	return last ? last->path.interface : 0;
}

/* The one that carried the connection at first, even if its address has moved since. */
static uint32_t choose_interface(struct sight *sight, usec_t since)
{
	const struct path_event *route;
	const struct thing *address;
	uint32_t last = last_interface_of(sight->in, sight->local);

	look_at_present(sight);
	go_back_to(sight, since);
	if (address_of(sight, sight->peer))
		return LOOPBACK_INTERFACE;
	address = address_of(sight, sight->local);
	if (address)
		return address->path.interface;
	route = best_route(sight);
	return last || !route ? last : route->interface;
}

static void name_interface(const struct sight *sight, struct path_view *view)
{
	for (uint32_t i = 0; i < sight->in->thing_count; i++) {
		const struct thing *thing = &sight->in->things[i];

		if (thing->type != EVENT_LINK || thing->path.interface != sight->interface)
			continue;
		memcpy(view->interface, thing->path.interface_name, sizeof(view->interface));
		view->disabled = thing->path.disabled;
	}
}

/* Which of several tables or next hops a packet takes is not ours to tell. */
static bool one_way_at_a_time(const struct sight *sight, usec_t since)
{
	const struct path_namespace *in = sight->in;

	for (uint32_t i = 0; i < in->thing_count; i++) {
		const struct thing *thing = &in->things[i];
		const struct path_event *path = &thing->path;
		bool was_there = thing->last_change >= in->first_change &&
				 in->changes[thing->last_change % CHANGES_MAX].time >= since;

		if (is_route_to(thing, sight->peer) && (path->up || was_there) &&
		    (path->table != MAIN_TABLE || path->partial))
			return false;
	}
	return true;
}

void path_look(const struct path_table *table, uint64_t netns, const struct endpoint *local,
	       const struct endpoint *peer, usec_t since, usec_t until, struct path_view *view)
{
	const struct path_namespace *in = find_namespace(table, netns);
	struct sight sight = { .in = in, .local = local, .peer = peer };

	*view = (struct path_view){ 0 };
	if (!in || !in->known)
		return;
	view->known = true;
	view->covered = since >= in->known_since;
	sight.interface = choose_interface(&sight, since);
	name_interface(&sight, view);
	view->link = look_back(&sight, has_link, since, until);
	view->address = look_back(&sight, has_address, since, until);
	view->routes_known = one_way_at_a_time(&sight, since);
	if (!view->routes_known)
		return;
	view->route = look_back(&sight, has_route, since, until);
	view->next_hop = look_back(&sight, has_next_hop, since, until);
}

bool path_is_whole(const struct path_view *view)
{
	return (!*view->interface || view->link.there) && view->address.there &&
	       (!view->routes_known || view->route.there);
}
