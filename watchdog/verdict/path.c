/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/path.h"

#include <string.h>
#include <sys/socket.h>

#include "verdict/path_objects.h"

/* ---- what is the same, and what covers what */

bool path_same_address(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

bool path_prefix_covers(const struct endpoint *net, unsigned length, const struct endpoint *address)
{
	unsigned bytes = length / 8, bits = length % 8;

	if (net->family != address->family || length > 8 * sizeof(net->address))
		return false;
	if (memcmp(net->address, address->address, bytes) != 0)
		return false;
	return bits == 0 || (net->address[bytes] ^ address->address[bytes]) >> (8 - bits) == 0;
}

static bool same_destination(const struct path_event *a, const struct path_event *b)
{
	return a->rule == b->rule && path_same_address(&a->address, &b->address) &&
	       a->prefix_length == b->prefix_length && a->table == b->table &&
	       a->metric == b->metric;
}

/* What is reported of a link beside its own state, by others than the kernel's rtnetlink. */
static bool is_of_link(enum event_type type)
{
	return type == EVENT_RADIO || type == EVENT_DEVICE;
}

static bool is_about(const struct path_object *object, enum event_type type,
		     const struct path_event *path)
{
	if (object->type != type || object->path.interface != path->interface)
		return false;
	if (type == EVENT_LINK || is_of_link(type))
		return true;
	if (type == EVENT_ROUTE)
		return same_destination(&object->path, path) &&
		       path_same_address(&object->path.gateway, &path->gateway) &&
		       object->path.refuses == path->refuses &&
		       (!path->rule || object->path.partial == path->partial) &&
		       (!path->partial || path_same_address(&object->path.source, &path->source));
	return path_same_address(&object->path.address, &path->address) &&
	       object->path.prefix_length == path->prefix_length;
}

/* The state of an object that was never reported: not there; a neighbour has not failed, and a
 * radio, if there is one, has its connection. So has an interface of NetworkManager's. */
static bool up_unless_reported(enum event_type type)
{
	return type == EVENT_NEIGHBOUR || is_of_link(type);
}

static bool is_gone(const struct path_object *object)
{
	if (object->type == EVENT_LINK || is_of_link(object->type))
		return object->path.removed;
	return object->path.up == up_unless_reported(object->type);
}

/* ---- objects and their changes */

static void forget_changes_before(struct path_namespace *in, uint64_t number)
{
	const struct path_change *last = &in->changes[(number - 1) % PATH_CHANGES_MAX];

	if (number <= in->first_change)
		return;
	in->first_change = number;
	if (last->time >= in->known_since)
		in->known_since = last->time + 1;
}

static void set_up(struct path_namespace *in, struct path_object *object, bool up,
		   const struct event *event)
{
	usec_t within = event->path.within;

	if (object->path.up == up)
		return;
	if (in->next_change - in->first_change == PATH_CHANGES_MAX)
		forget_changes_before(in, in->first_change + 1);
	object->path.up = up;
	object->last_change = in->next_change++;
	in->changes[object->last_change % PATH_CHANGES_MAX] = (struct path_change){
		.time = event->time,
		.not_before = event->time - (within < event->time ? within : event->time),
		.object = (uint32_t)(object - in->objects),
		.up = up,
	};
}

static struct path_object *find(struct path_namespace *in, const struct event *event)
{
	for (uint32_t i = 0; i < in->object_count; i++)
		if (is_about(&in->objects[i], event->type, &event->path))
			return &in->objects[i];
	return NULL;
}

/* A place for a new object: one never used, or that of the object that has been gone for longest.
 * NULL if all objects are still there. */
static struct path_object *make_room(struct path_namespace *in)
{
	struct path_object *oldest = NULL;

	if (in->object_count < PATH_OBJECTS_MAX)
		return &in->objects[in->object_count++];
	for (struct path_object *object = in->objects; object < in->objects + PATH_OBJECTS_MAX;
	     object++)
		if (is_gone(object) && (!oldest || object->last_change < oldest->last_change))
			oldest = object;
	if (oldest)
		forget_changes_before(in, oldest->last_change + 1);
	return oldest;
}

static usec_t expiry_of(const struct event *event)
{
	return event->path.expires_in ? event->time + event->path.expires_in : 0;
}

static void take_new(struct path_namespace *in, const struct event *event)
{
	bool before = event->path.initial ? event->path.up : up_unless_reported(event->type);
	struct path_object *object;

	if (is_gone(&(struct path_object){ .type = event->type, .path = event->path }))
		return;
	object = make_room(in);
	if (!object) {
		in->overflowed = true;
		in->known = false;
		return;
	}
	*object = (struct path_object){
		.type = event->type,
		.path = event->path,
		.expires = expiry_of(event),
	};
	object->path.up = before;
	set_up(in, object, event->path.up, event);
}

static void take_object(struct path_namespace *in, const struct event *event)
{
	struct path_object *object = find(in, event);
	bool before;

	if (!object) {
		take_new(in, event);
		return;
	}
	before = object->path.up;
	object->path = event->path;
	object->path.up = before;
	object->expires = expiry_of(event);
	object->unconfirmed = false;
	set_up(in, object, event->path.up, event);
}

/* ---- radios */

static void note_loss(struct path_namespace *in, const struct event *event)
{
	const struct path_event *path = &event->path;

	in->losses[in->next_loss] = (struct path_loss){
		.time = event->time,
		.interface = path->interface,
		.loss = { path->radio, path->reason, path->signal },
	};
	in->next_loss = (in->next_loss + 1) % PATH_LOSSES_MAX;
}

static struct path_object *part_of_link(struct path_namespace *in, enum event_type type,
					const struct event *event)
{
	struct path_object *object = in->objects;

	while (object < in->objects + in->object_count && !is_about(object, type, &event->path))
		object++;
	return object < in->objects + in->object_count ? object : NULL;
}

/* A link that comes up has its radio: the word of that may have been missed. One that is removed
 * takes it along. */
static void take_link_of_radio(struct path_namespace *in, const struct event *event, bool was_up)
{
	struct path_object *radio = part_of_link(in, EVENT_RADIO, event);
	struct path_object *device = part_of_link(in, EVENT_DEVICE, event);

	if (radio && event->path.up && !was_up)
		set_up(in, radio, true, event);
	if (radio)
		radio->path.removed = event->path.removed;
	if (device)
		device->path.removed = event->path.removed;
}

/* ---- NetworkManager's interfaces */

/* An attempt that failed disconnects nothing. */
static void note_fall(struct path_namespace *in, const struct event *event, bool was_up)
{
	const struct path_event *path = &event->path;
	usec_t within = path->within < event->time ? path->within : 0;

	if (path->device == DEVICE_FAILED && !was_up)
		return;
	in->falls[in->next_fall] = (struct path_fall){
		.time = event->time - within,
		.interface = path->interface,
		.fall = { path->device, path->reason },
	};
	in->next_fall = (in->next_fall + 1) % PATH_FALLS_MAX;
}

static bool is_up(struct path_namespace *in, const struct event *event)
{
	const struct path_object *object = find(in, event);

	return object ? object->path.up : event->type == EVENT_DEVICE;
}

/* ---- routes that go without a report
 *
 * One of several next hops also comes back without a report (fib_sync_up()). Such a route is left
 * as it was reported: as long as it is there, routes are not known (one_table_decides()). */

static void replace_routes(struct path_namespace *in, const struct event *event)
{
	for (struct path_object *object = in->objects; object < in->objects + in->object_count;
	     object++)
		if (object->type == EVENT_ROUTE && same_destination(&object->path, &event->path) &&
		    !is_about(object, EVENT_ROUTE, &event->path))
			set_up(in, object, false, event);
}

static bool is_whole_route(const struct path_object *object)
{
	return object->type == EVENT_ROUTE && !object->path.partial && !object->path.rule;
}

/* Routes by the interface of `event` are gone. `family` 0: those of both families. */
static void drop_routes_by(struct path_namespace *in, uint8_t family, const struct event *event)
{
	for (struct path_object *object = in->objects; object < in->objects + in->object_count;
	     object++)
		if (is_whole_route(object) && object->path.interface == event->path.interface &&
		    (family == 0 || object->path.address.family == family))
			set_up(in, object, false, event);
}

static void drop_routes_from(struct path_namespace *in, const struct event *event)
{
	for (struct path_object *object = in->objects; object < in->objects + in->object_count;
	     object++)
		if (is_whole_route(object) &&
		    path_same_address(&object->path.source, &event->path.address))
			set_up(in, object, false, event);
}

/* IPv4 routes go with the address that they prefer (fib_sync_down_addr() in the kernel) and with
 * the last address of their interface (fib_disable_ip()). */
static void address_gone(struct path_namespace *in, const struct event *event)
{
	const struct path_event *path = &event->path;
	bool elsewhere = false, another = false;

	if (path->address.family != AF_INET)
		return;
	for (uint32_t i = 0; i < in->object_count; i++) {
		const struct path_object *object = &in->objects[i];

		if (object->type != EVENT_ADDRESS || !object->path.up ||
		    object->path.address.family != AF_INET)
			continue;
		elsewhere |= path_same_address(&object->path.address, &path->address);
		another |= object->path.interface == path->interface;
	}
	if (!elsewhere)
		drop_routes_from(in, event);
	if (!another)
		drop_routes_by(in, AF_INET, event);
}

/* The kernel reports IPv6 routes that go, unless net.ipv6.route.skip_notify_on_dev_down is set, but
 * not IPv4 routes (fib_table_flush()). */
static void take_consequences(struct path_namespace *in, const struct event *event, bool was_up)
{
	if (event->type == EVENT_LINK)
		take_link_of_radio(in, event, was_up);
	if (event->type == EVENT_LINK && event->path.disabled)
		drop_routes_by(in, 0, event);
	else if (event->type == EVENT_RADIO && !event->path.up)
		note_loss(in, event);
	else if (event->type == EVENT_DEVICE && !event->path.up)
		note_fall(in, event, was_up);
	else if (event->type == EVENT_ADDRESS && !event->path.up)
		address_gone(in, event);
	else if (event->type == EVENT_ROUTE && event->path.replaces)
		replace_routes(in, event);
}

/* ---- namespaces */

struct path_namespace *path_namespace_find(const struct path_table *table, uint64_t netns)
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
	struct path_namespace *in = path_namespace_find(table, netns);

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
	for (uint32_t i = 0; i < in->object_count; i++)
		in->objects[i].unconfirmed =
			!is_gone(&in->objects[i]) && !is_of_link(in->objects[i].type);
}

/* Every object was reported: one that was not is gone. */
static void complete_namespace(struct path_namespace *in, const struct event *event)
{
	if (in->overflowed)
		return;
	in->known = true;
	in->known_since = event->time;
	for (struct path_object *object = in->objects; object < in->objects + in->object_count;
	     object++) {
		if (!object->unconfirmed)
			continue;
		set_up(in, object, up_unless_reported(object->type), event);
		object->path.removed = true;
		object->unconfirmed = false;
	}
}

/* ---- the table */

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
	struct path_namespace *in = path_namespace_find(table, event->path.netns);
	bool was_up = in && is_up(in, event);

	if (event->type == EVENT_NAMESPACE && !event->path.up)
		begin_namespace(table, event->path.netns);
	else if (in && event->type == EVENT_NAMESPACE)
		complete_namespace(in, event);
	else if (in && !in->overflowed) {
		take_object(in, event);
		take_consequences(in, event, was_up);
	}
}

static bool has_part(const struct path_table *table, uint64_t netns, uint32_t interface,
		     enum event_type type)
{
	const struct path_namespace *in = path_namespace_find(table, netns);

	for (uint32_t i = 0; in && i < in->object_count; i++)
		if (in->objects[i].type == type && !in->objects[i].path.removed &&
		    in->objects[i].path.interface == interface)
			return true;
	return false;
}

bool path_has_radio(const struct path_table *table, uint64_t netns, uint32_t interface)
{
	return has_part(table, netns, interface, EVENT_RADIO);
}

bool path_has_device(const struct path_table *table, uint64_t netns, uint32_t interface)
{
	return has_part(table, netns, interface, EVENT_DEVICE);
}
