/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/path.h"

#include <string.h>
#include <sys/socket.h>

#include "verdict/device.h"
#include "verdict/path_objects.h"

/* How long before a loss, or after it, NetworkManager tells what it has to do with it. It
 * disconnects what has no carrier only after some seconds, and what somebody asks for at once. */
#define TOLD_BEFORE  (1 * USEC_PER_SEC)
#define ASKED_AFTER  (500 * USEC_PER_MSEC)
#define REACTS_AFTER (10 * USEC_PER_SEC)

enum {
	LOOPBACK_INTERFACE = 1, /* LOOPBACK_IFINDEX in the kernel's net/flow.h */
	LOOPBACK_NET = 127,     /* RFC 1122, 3.2.1.3 */
	MAIN_TABLE = 254,       /* RT_TABLE_MAIN, rtnetlink(7) */
	MAIN_RULE = 32766,      /* priority of the rule for that table, ip-rule(8) */
};

/* ---- at one moment */

/* The objects of a namespace as they were at one moment. */
struct moment {
	const struct path_namespace *in;
	const struct endpoint *local;
	const struct endpoint *peer;
	uint32_t interface; /* index of the one that carries the local address, or did */
	bool up[PATH_OBJECTS_MAX];
	uint64_t after_change; /* the moment is just after this change, and before the next */
};

/* True if `object` is an address that makes `address` local. An address in 127/8 makes its whole
 * network local. */
static bool makes_local(const struct path_object *object, const struct endpoint *address)
{
	const struct endpoint *own = &object->path.address;

	if (object->type != EVENT_ADDRESS || address->family == 0)
		return false;
	if (own->family == AF_INET && own->address[0] == LOOPBACK_NET)
		return path_prefix_covers(own, object->path.prefix_length, address);
	return path_same_address(own, address);
}

/* A route, or a rule of `ip rule`. */
static bool leads_to(const struct path_object *object, const struct endpoint *peer)
{
	return object->type == EVENT_ROUTE &&
	       path_prefix_covers(&object->path.address, object->path.prefix_length, peer);
}

static bool is_route_to(const struct path_object *object, const struct endpoint *peer)
{
	return !object->path.rule && leads_to(object, peer);
}

/* A rule that refuses all packets to `peer`, whatever they are. */
static bool is_refusal_of(const struct path_object *object, const struct endpoint *peer)
{
	return object->path.rule && object->path.refuses && !object->path.partial &&
	       leads_to(object, peer);
}

static const struct path_object *address_of(const struct moment *moment,
					    const struct endpoint *address)
{
	for (uint32_t i = 0; i < moment->in->object_count; i++)
		if (moment->up[i] && makes_local(&moment->in->objects[i], address))
			return &moment->in->objects[i];
	return NULL;
}

/* True if `a` is a better route than `b`. */
static bool is_better(const struct path_event *a, const struct path_event *b)
{
	if (a->prefix_length != b->prefix_length)
		return a->prefix_length > b->prefix_length;
	return a->metric < b->metric;
}

static const struct path_event *best_route(const struct moment *moment)
{
	const struct path_event *best = NULL;

	for (uint32_t i = 0; i < moment->in->object_count; i++) {
		const struct path_object *object = &moment->in->objects[i];

		if (moment->up[i] && is_route_to(object, moment->peer) &&
		    (!best || is_better(&object->path, best)))
			best = &object->path;
	}
	return best;
}

static bool has_address(const struct moment *moment)
{
	return address_of(moment, moment->local);
}

static bool has_link(const struct moment *moment)
{
	for (uint32_t i = 0; i < moment->in->object_count; i++)
		if (moment->up[i] && moment->in->objects[i].type == EVENT_LINK &&
		    moment->in->objects[i].path.interface == moment->interface)
			return true;
	return false;
}

static bool has_radio(const struct moment *moment)
{
	for (uint32_t i = 0; i < moment->in->object_count; i++)
		if (!moment->up[i] && moment->in->objects[i].type == EVENT_RADIO &&
		    moment->in->objects[i].path.interface == moment->interface)
			return false;
	return true;
}

static bool is_refused(const struct moment *moment)
{
	for (uint32_t i = 0; i < moment->in->object_count; i++)
		if (moment->up[i] && is_refusal_of(&moment->in->objects[i], moment->peer) &&
		    moment->in->objects[i].path.metric < MAIN_RULE)
			return true;
	return false;
}

static bool has_route(const struct moment *moment)
{
	const struct path_event *route;

	if (address_of(moment, moment->peer))
		return true;
	if (is_refused(moment))
		return false;
	route = best_route(moment);
	return route && !route->refuses;
}

static bool has_failed(const struct moment *moment, uint32_t interface,
		       const struct endpoint *address)
{
	for (uint32_t i = 0; i < moment->in->object_count; i++) {
		const struct path_object *object = &moment->in->objects[i];

		if (!moment->up[i] && object->type == EVENT_NEIGHBOUR &&
		    object->path.interface == interface &&
		    path_same_address(&object->path.address, address))
			return true;
	}
	return false;
}

/* The next hop answers: of several equally good routes, that of one is enough. */
static bool has_next_hop(const struct moment *moment)
{
	const struct path_event *best = best_route(moment);

	if (!best || address_of(moment, moment->peer))
		return true;
	for (uint32_t i = 0; i < moment->in->object_count; i++) {
		const struct path_event *route = &moment->in->objects[i].path;

		if (moment->up[i] && is_route_to(&moment->in->objects[i], moment->peer) &&
		    !is_better(best, route) &&
		    !has_failed(moment, route->interface,
				route->gateway.family ? &route->gateway : moment->peer))
			return true;
	}
	return false;
}

/* ---- back in time */

static void look_at_present(struct moment *moment)
{
	for (uint32_t i = 0; i < moment->in->object_count; i++)
		moment->up[i] = moment->in->objects[i].path.up;
	moment->after_change = moment->in->next_change - 1;
}

/* The last change before the moment; NULL if there is none or it is older than `oldest`. */
static const struct path_change *change_since(const struct moment *moment, usec_t oldest)
{
	const struct path_change *change =
		&moment->in->changes[moment->after_change % PATH_CHANGES_MAX];

	if (moment->after_change < moment->in->first_change || change->time < oldest)
		return NULL;
	return change;
}

static void undo(struct moment *moment, const struct path_change *change)
{
	moment->up[change->object] = !change->up;
	moment->after_change--;
}

static void go_back_to(struct moment *moment, usec_t time)
{
	const struct path_change *change;

	while ((change = change_since(moment, time + 1)))
		undo(moment, change);
}

/* Likewise. Returns true if a change that was reported after `time` may have happened before it,
 * and makes a difference to `has`. */
static bool go_back_doubting(struct moment *moment, bool (*has)(const struct moment *), usec_t time)
{
	const struct path_change *change;
	bool doubtful = false;

	while ((change = change_since(moment, time + 1))) {
		bool doubted = change->not_before <= time;
		bool later = doubted && has(moment);

		undo(moment, change);
		doubtful |= doubted && has(moment) != later;
	}
	return doubtful;
}

/* True if the object can make a difference to this path. */
static bool matters(const struct moment *moment, const struct path_object *object)
{
	if (object->type == EVENT_LINK || object->type == EVENT_RADIO)
		return object->path.interface == moment->interface;
	if (object->type == EVENT_ADDRESS)
		return makes_local(object, moment->local) || makes_local(object, moment->peer);
	return object->type != EVENT_ROUTE || leads_to(object, moment->peer);
}

/* True if the routes that should have expired by `time` make a difference to `has`, at the present.
 * Whether their life was prolonged, the kernel does not report by itself. */
static bool hangs_on_expired(const struct moment *moment, bool (*has)(const struct moment *),
			     usec_t time)
{
	struct moment without = *moment;
	bool any = false;

	for (uint32_t i = 0; i < moment->in->object_count; i++) {
		usec_t expires = moment->in->objects[i].expires;

		if (!without.up[i] || !expires || expires > time)
			continue;
		without.up[i] = false;
		any = true;
	}
	return any && has(moment) != has(&without);
}

static bool belongs_to(const struct path_fall *fall, usec_t lost)
{
	usec_t after = device_was_asked(fall->fall.reason) ? ASKED_AFTER : REACTS_AFTER;

	return fall->time && fall->time + TOLD_BEFORE >= lost && fall->time <= lost + after;
}

/* What NetworkManager first told about the loss. */
static struct device_fall fall_at(const struct moment *moment, usec_t lost)
{
	const struct path_fall *first = NULL;

	for (unsigned i = 0; lost && i < PATH_FALLS_MAX; i++) {
		const struct path_fall *fall = &moment->in->falls[i];

		if (fall->interface == moment->interface && belongs_to(fall, lost) &&
		    (!first || fall->time < first->time))
			first = fall;
	}
	return first ? first->fall : (struct device_fall){ 0 };
}

static struct path_part look_back(struct moment *moment, bool (*has)(const struct moment *),
				  usec_t since, usec_t until)
{
	const struct path_change *change;
	struct path_part part = { 0 };
	usec_t last_lost = 0;
	bool later;

	look_at_present(moment);
	part.doubtful = hangs_on_expired(moment, has, until);
	part.doubtful |= go_back_doubting(moment, has, until);
	part.there = later = has(moment);
	while ((change = change_since(moment, since))) {
		bool earlier;

		undo(moment, change);
		if (!matters(moment, &moment->in->objects[change->object]))
			continue;
		earlier = has(moment);
		if (earlier && !later)
			part.lost = change->time;
		if (!last_lost)
			last_lost = part.lost;
		if (!earlier && later && !part.back)
			part.back = change->time;
		later = earlier;
	}
	part.fall = fall_at(moment, part.there ? part.lost : last_lost);
	return part;
}

/* The interface that had the address most recently; 0: none. */
static uint32_t last_interface_of(const struct path_namespace *in, const struct endpoint *address)
{
	const struct path_object *last = NULL;

	for (uint32_t i = 0; i < in->object_count; i++)
		if (makes_local(&in->objects[i], address) &&
		    (!last || in->objects[i].last_change > last->last_change))
			last = &in->objects[i];
	return last ? last->path.interface : 0;
}

/* The newest loss of the interface's radio from `since` to `until`, or the oldest; NULL: none. */
static const struct path_loss *find_loss(const struct moment *moment, usec_t since, usec_t until,
					 bool newest)
{
	const struct path_loss *found = NULL;

	for (unsigned i = 0; i < PATH_LOSSES_MAX; i++) {
		const struct path_loss *loss = &moment->in->losses[i];

		if (!loss->time || loss->interface != moment->interface || loss->time < since ||
		    loss->time > until)
			continue;
		if (!found || (newest ? loss->time >= found->time : loss->time < found->time))
			found = loss;
	}
	return found;
}

/* Of one that is gone, what counts is the absence that lasts: those before may have been roams. */
static void describe_loss(const struct moment *moment, usec_t until, struct path_view *view)
{
	const struct path_loss *newest = find_loss(moment, 0, until, true), *first = newest;
	usec_t since = view->radio.there || view->radio.back < view->radio.lost ? view->radio.lost
										: view->radio.back;

	if (!newest || (view->radio.there && !view->radio.lost))
		return;
	if (since)
		first = find_loss(moment, since, until, false) ?: newest;
	if (!view->radio.there && radio_is_of_modem(newest->loss.radio))
		first = newest;
	view->loss = first->loss;
}

static const struct path_object *link_of(const struct moment *moment, uint32_t interface)
{
	for (uint32_t i = 0; i < moment->in->object_count; i++)
		if (moment->in->objects[i].type == EVENT_LINK &&
		    moment->in->objects[i].path.interface == interface)
			return &moment->in->objects[i];
	return NULL;
}

/* Which interface would lead to the peer is not known while there is none with a route or with the
 * address: then it is any that NetworkManager fails to connect. */
static void find_attempt(const struct moment *moment, struct path_view *view)
{
	const struct path_object *link, *last = NULL;

	for (uint32_t i = 0; i < moment->in->object_count; i++) {
		const struct path_object *object = &moment->in->objects[i];

		if (object->type == EVENT_DEVICE && object->path.device == DEVICE_FAILED &&
		    (!moment->interface || object->path.interface == moment->interface) &&
		    (!last || object->last_change > last->last_change))
			last = object;
	}
	link = last ? link_of(moment, last->path.interface) : NULL;
	if (!link)
		return;
	view->attempt = (struct device_fall){ DEVICE_FAILED, last->path.reason };
	memcpy(view->attempted, link->path.interface_name, sizeof(view->attempted));
}

static void name_interface(const struct moment *moment, struct path_view *view)
{
	const struct path_object *link = link_of(moment, moment->interface);

	if (!link)
		return;
	memcpy(view->interface, link->path.interface_name, sizeof(view->interface));
	view->disabled = link->path.disabled;
}

/* True if the object leaves open which way a packet to `peer` takes: another table, one of several
 * next hops, a rule that looks at more than the destination. */
static bool leaves_open(const struct path_object *object, const struct endpoint *peer)
{
	const struct path_event *path = &object->path;

	if (!leads_to(object, peer) || is_refusal_of(object, peer))
		return false;
	return path->rule || path->table != MAIN_TABLE || path->partial;
}

/* True if nothing but the main table, with one next hop a route, decided on the path. */
static bool one_table_decides(const struct moment *moment, usec_t since)
{
	const struct path_namespace *in = moment->in;

	for (uint32_t i = 0; i < in->object_count; i++) {
		const struct path_object *object = &in->objects[i];
		bool was_there = object->last_change >= in->first_change &&
				 in->changes[object->last_change % PATH_CHANGES_MAX].time >= since;

		if ((object->path.up || was_there) && leaves_open(object, moment->peer))
			return false;
	}
	return true;
}

/* The interface that carried the connection at `since`, even if route or address have moved after
 * that: the one that the route leaves by; where that is not known, the one with the address. */
static uint32_t choose_interface(struct moment *moment, usec_t since, bool routes_known)
{
	const struct path_event *route;
	const struct path_object *address;

	look_at_present(moment);
	go_back_to(moment, since);
	if (address_of(moment, moment->peer))
		return LOOPBACK_INTERFACE;
	route = best_route(moment);
	if (route && !route->refuses && routes_known)
		return route->interface;
	address = address_of(moment, moment->local);
	return address ? address->path.interface : last_interface_of(moment->in, moment->local);
}

void path_look(const struct path_table *table, uint64_t netns, const struct endpoint *local,
	       const struct endpoint *peer, usec_t since, usec_t until, struct path_view *view)
{
	const struct path_namespace *in = path_namespace_find(table, netns);
	struct moment moment = { .in = in, .local = local, .peer = peer };

	*view = (struct path_view){ 0 };
	if (!in || !in->known)
		return;
	view->known = true;
	view->covered = since >= in->known_since;
	view->routes_known = one_table_decides(&moment, since);
	moment.interface = choose_interface(&moment, since, view->routes_known);
	name_interface(&moment, view);
	view->link = look_back(&moment, has_link, since, until);
	view->radio = look_back(&moment, has_radio, since, until);
	describe_loss(&moment, until, view);
	find_attempt(&moment, view);
	view->address = look_back(&moment, has_address, since, until);
	if (!view->routes_known)
		return;
	view->route = look_back(&moment, has_route, since, until);
	view->next_hop = look_back(&moment, has_next_hop, since, until);
}

bool path_is_whole(const struct path_view *view)
{
	return (!*view->interface || (view->link.there && view->radio.there)) &&
	       view->address.there && (!view->routes_known || view->route.there);
}

usec_t path_last_lost(const struct path_view *view)
{
	usec_t lost = view->link.lost > view->radio.lost ? view->link.lost : view->radio.lost;

	if (view->address.lost > lost)
		lost = view->address.lost;
	return lost > view->route.lost ? lost : view->route.lost;
}
