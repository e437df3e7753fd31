/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/control_bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/control_bus_objects.h"
#include "effects/field_list.h"
#include "support/cleanup.h"
#include "support/clock.h"

#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"

/* The delay before reconnecting, so that a bus that drops us at once does not keep us busy. */
#define REJOIN_DELAY (1 * USEC_PER_SEC)

static void say(const char *text, int error)
{
	fprintf(stderr, "connwatchd: %s: %s\n", text, strerror(-error));
}

/* Returns true if the connection is ready. Signals sent earlier would be queued and outdated. */
static bool is_connected(const struct control_bus *bus)
{
	return bus->bus && sd_bus_is_ready(bus->bus) > 0;
}

/* ---- what has changed */

static void look_at_agent(void *userdata, const struct agent_snapshot *snapshot)
{
	struct bus_agent *agents = userdata, *agent = &agents[snapshot->number];

	agent->number = snapshot->number;
	memcpy(agent->name_text, snapshot->settings->name, sizeof(agent->name_text));
	text_make_printable(
		agent->name_text); /* a file name may have any bytes; D-Bus accepts only UTF-8 */
	memcpy(agent->unit_text, snapshot->unit, sizeof(agent->unit_text));
	agent->absent = snapshot->absent;
	agent->connections = snapshot->connections_up;
	agent->connected = snapshot->connections_up > 0;
	agent->attempts = snapshot->attempts;
	agent->down_since = snapshot->down_since;
	agent->failed_at = snapshot->failed ? rung_to_string(snapshot->failed) : "";
	agent->failed_since = snapshot->failed ? snapshot->failed_since : 0;
	agent->unit_state = snapshot->unit_state;
	agent->limit_burst = snapshot->settings->limit_burst;
	agent->limit_interval = snapshot->settings->limit_interval;
	agent->next_action = snapshot->next_action;
}

enum { PROPERTIES_MAX = 28 };

struct changes {
	const char *names[PROPERTIES_MAX + 1]; /* the last one is NULL */
	unsigned count;
};

static void find_changes(const struct bus_agent *old, const struct bus_agent *new,
			 struct changes *changes)
{
#define STATE(name, member)                                        \
	{                                                          \
		name, offsetof(struct bus_agent, member),          \
			sizeof(((struct bus_agent *)NULL)->member) \
	}
	static const struct {
		const char *name;
		size_t offset;
		size_t size;
	} states[] = {
		STATE("Unit", unit_text),
		STATE("Connected", connected),
		STATE("Connections", connections),
		STATE("Peer", connections),
		STATE("Attempts", attempts),
		STATE("DownSince", down_since),
		STATE("ActionsHeld", actions_held),
		STATE("FailedAt", failed_at),
		STATE("FailedSince", failed_since),
		STATE("Absent", absent),
		STATE("UnitState", unit_state),
		STATE("ActionLimitBurst", limit_burst),
		STATE("NextAction", next_action),
		STATE("ActionLimitIntervalUSec", limit_interval),
	};
	static const char *const of_records[] = {
		"LastCause",    "LastEndedBy",    "LastConfidence", "LastMessage",  "LastTime",
		"EndedByCause", "StalledByCause", "Recoveries",     "DowntimeUSec", "Actions",
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (memcmp((const char *)old + states[i].offset,
			   (const char *)new + states[i].offset, states[i].size) != 0)
			changes->names[changes->count++] = states[i].name;
	for (size_t i = 0; i < sizeof(of_records) / sizeof(*of_records); i++)
		if (old->records != new->records)
			changes->names[changes->count++] = of_records[i];
}

static void tell_changes(struct control_bus *bus, const struct bus_agent *old,
			 const struct bus_agent *new)
{
	_cleanup_free_ char *path = agent_object_path(new->name);
	struct changes changes = { .count = 0 };

	find_changes(old, new, &changes);
	if (changes.count > 0 && path && is_connected(bus))
		sd_bus_emit_properties_changed_strv(bus->bus, path, AGENT_INTERFACE,
						    (char **)changes.names);
}

static void tell_gone(struct control_bus *bus, const struct bus_agent *agent)
{
	_cleanup_free_ char *path = agent_object_path(agent->name_text);

	if (path && is_connected(bus))
		sd_bus_emit_interfaces_removed(bus->bus, path, AGENT_INTERFACE, NULL);
}

static void tell_new(struct control_bus *bus, const struct bus_agent *agent)
{
	_cleanup_free_ char *path = agent_object_path(agent->name);

	if (path && is_connected(bus))
		sd_bus_emit_interfaces_added(bus->bus, path, AGENT_INTERFACE, NULL);
}

/* Stores the current state of agent `number`. Returns true if it is a different agent than before.
 */
static bool take_agent(struct control_bus *bus, uint32_t number, const struct bus_agent *now)
{
	struct bus_agent *agent = &bus->agents[number], old = *agent;
	const struct tally *tally = tallies_find(bus->tallies, now->name_text);
	bool same = old.number == now->number && strcmp(old.name_text, now->name_text) == 0;

	*agent = *now;
	agent->bus = bus;
	agent->actions_held = watch_loop_actions_held(bus->loop, number);
	agent->name = agent->name_text;
	agent->unit = agent->unit_text;
	agent->records = tally ? tally->records : 0;
	if (same && agent->number)
		tell_changes(bus, &old, agent);
	if (!same && old.number)
		tell_gone(bus, &old);
	if (!same && agent->number)
		tell_new(bus, agent);
	return !same;
}

static void look(struct control_bus *bus)
{
	struct bus_agent now[TALLIES_MAX + 1] = { 0 };
	struct snapshot_sink sink = { .agent = look_at_agent, .userdata = now };
	uint64_t lost_events = bus->tallies->lost_events;
	bool others = false;

	watch_loop_snapshot(bus->loop, &sink, NULL);
	for (uint32_t number = 1; number <= TALLIES_MAX; number++)
		if (bus->agents[number].number || now[number].number)
			others |= take_agent(bus, number, &now[number]);
	if (others && is_connected(bus))
		sd_bus_emit_properties_changed(bus->bus, BUS_PATH, MANAGER_INTERFACE, "Agents",
					       NULL);
	if (lost_events == bus->lost_events)
		return;
	bus->lost_events = lost_events;
	if (is_connected(bus))
		sd_bus_emit_properties_changed(bus->bus, BUS_PATH, MANAGER_INTERFACE, "LostEvents",
					       NULL);
}

static int on_look(sd_event_source *source, void *userdata)
{
	(void)source;
	look(userdata);
	return 0;
}

void control_bus_stepped(struct control_bus *bus)
{
	sd_event_source_set_enabled(bus->look, SD_EVENT_ONESHOT);
}

/* ---- signals */

static const char *const signals[RECORD_KIND_MAX] = {
	[RECORD_ENDED] = "ConnectionEnded",
	[RECORD_STALLED] = "ConnectionStalled",
	[RECORD_RECOVERED] = "Recovered",
	[RECORD_ACTION] = "ActionTaken",
};

/* Returns true for fields that may repeat: they are always lists. */
static bool is_list(const char *name)
{
	return strcmp(name, "CONNWATCH_EVIDENCE") == 0 || strcmp(name, "CONNWATCH_RULED_OUT") == 0;
}

/* Appends the values of field `i` and of the fields after it with the same name. Returns their
 * number, or -errno. */
static int append_list(sd_bus_message *signal, const struct field_list *fields, unsigned i)
{
	size_t prefix = strcspn(fields->fields[i], "=") + 1;
	unsigned end = i;
	int r = sd_bus_message_open_container(signal, 'v', "as");

	if (r >= 0)
		r = sd_bus_message_open_container(signal, 'a', "s");
	for (; end < fields->count && r >= 0 &&
	       strncmp(fields->fields[i], fields->fields[end], prefix) == 0;
	     end++)
		r = sd_bus_message_append(signal, "s", fields->fields[end] + prefix);
	if (r >= 0)
		r = sd_bus_message_close_container(signal);
	if (r >= 0)
		r = sd_bus_message_close_container(signal);
	return r < 0 ? r : (int)(end - i);
}

static int append_field(sd_bus_message *signal, const struct field_list *fields, unsigned i)
{
	char name[64];
	size_t length = strcspn(fields->fields[i], "=");
	int used = 1, r;

	snprintf(name, sizeof(name), "%.*s", (int)length, fields->fields[i]);
	r = sd_bus_message_open_container(signal, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(signal, "s", name);
	if (r >= 0 && is_list(name))
		r = used = append_list(signal, fields, i);
	else if (r >= 0)
		r = sd_bus_message_append(signal, "v", "s", fields->fields[i] + length + 1);
	if (r >= 0)
		r = sd_bus_message_close_container(signal);
	return r < 0 ? r : used;
}

static int append_fields(sd_bus_message *signal, const struct record *record, usec_t realtime)
{
	struct field_list fields;
	int r;

	field_list_fill(&fields, record);
	r = sd_bus_message_open_container(signal, 'a', "{sv}");
	for (unsigned i = 0; r >= 0 && i < fields.count; i += (unsigned)r)
		r = append_field(signal, &fields, i);
	if (r >= 0)
		r = sd_bus_message_append(signal, "{sv}{sv}", "__REALTIME_TIMESTAMP", "t", realtime,
					  "__MONOTONIC_TIMESTAMP", "t", record->time);
	return r < 0 ? r : sd_bus_message_close_container(signal);
}

void control_bus_record(struct control_bus *bus, const struct record *record, usec_t realtime)
{
	_cleanup_free_ char *path = NULL;
	sd_bus_message *signal = NULL;
	int r;

	if (!signals[record->kind] || !*record->agent || !is_connected(bus))
		return;
	path = agent_object_path(record->agent);
	r = path ? sd_bus_message_new_signal(bus->bus, &signal, path, AGENT_INTERFACE,
					     signals[record->kind])
		 : -ENOMEM;
	if (r >= 0)
		r = append_fields(signal, record, realtime);
	if (r >= 0)
		r = sd_bus_send(bus->bus, signal, NULL);
	if (r < 0)
		say("cannot send a signal", r);
	sd_bus_message_unref(signal);
}

/* ---- the bus */

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control_bus *bus = userdata;

	(void)message, (void)error;
	sd_event_source_set_time_relative(bus->rejoin, REJOIN_DELAY);
	return sd_event_source_set_enabled(bus->rejoin, SD_EVENT_ONESHOT);
}

static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct control_bus *bus = userdata;
	int r = -sd_bus_message_get_errno(reply);

	(void)error;
	if (r < 0 && !bus->refused)
		say("the system bus does not let us be " BUS_NAME, r);
	bus->refused = r < 0;
	return 0;
}

static int add_objects(struct control_bus *bus)
{
	int r = sd_bus_add_object_vtable(bus->bus, NULL, BUS_PATH, MANAGER_INTERFACE,
					 manager_objects, bus);

	if (r >= 0)
		r = sd_bus_add_fallback_vtable(bus->bus, NULL, AGENT_PATH, AGENT_INTERFACE,
					       agent_objects, agent_object_find, bus);
	if (r >= 0)
		r = sd_bus_add_node_enumerator(bus->bus, NULL, AGENT_PATH, agent_objects_list, bus);
	if (r >= 0)
		r = sd_bus_add_object_manager(bus->bus, NULL, BUS_PATH);
	return r;
}

/* Connects to the bus, or waits for its socket to appear (sd_bus_set_watch_bind(3)). */
static int start_bus(struct control_bus *bus)
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	int r = sd_bus_set_address(bus->bus, address ? address : SYSTEM_BUS);

	if (r >= 0)
		r = sd_bus_set_bus_client(bus->bus, true);
	if (r >= 0)
		r = sd_bus_set_watch_bind(bus->bus, true);
	if (r >= 0)
		r = sd_bus_set_description(bus->bus, "control-bus");
	return r < 0 ? r : sd_bus_start(bus->bus);
}

/* ---- what callers may cost */

/* The first to see a message. What it costs is known when on_answered() runs, before the next
 * message is read. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control_bus *bus = userdata;
	const char *sender = sd_bus_message_get_sender(message);

	if (!sd_bus_message_is_method_call(message, NULL, NULL) || !sender)
		return 0;
	sd_event_source_set_enabled(bus->answered, SD_EVENT_ONESHOT);
	if (bus_budget_begin(&bus->budget, sender, clock_now(CLOCK_MONOTONIC),
			     clock_now(CLOCK_PROCESS_CPUTIME_ID)))
		return 0;
	return sd_bus_error_set_const(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
				      "You ask too often: ask again in a second");
}

/* Messages wait in the bus while nobody reads them. */
static int on_answered(sd_event_source *source, void *userdata)
{
	struct control_bus *bus = userdata;
	usec_t pause = bus_budget_end(&bus->budget, clock_now(CLOCK_MONOTONIC),
				      clock_now(CLOCK_PROCESS_CPUTIME_ID));

	(void)source;
	if (!pause || sd_bus_detach_event(bus->bus) < 0)
		return 0;
	sd_event_source_set_time_relative(bus->resume, pause);
	return sd_event_source_set_enabled(bus->resume, SD_EVENT_ONESHOT);
}

static int on_resume(sd_event_source *source, uint64_t time, void *userdata)
{
	struct control_bus *bus = userdata;

	(void)source, (void)time;
	if (!bus->bus || sd_bus_get_event(bus->bus))
		return 0;
	if (sd_bus_attach_event(bus->bus, watch_loop_event(bus->loop), SD_EVENT_PRIORITY_NORMAL) >=
	    0)
		return 0;
	return on_disconnected(NULL, bus, NULL);
}

static int join_bus(struct control_bus *bus)
{
	int r = sd_bus_new(&bus->bus);

	if (r >= 0)
		r = sd_bus_add_filter(bus->bus, NULL, on_message, bus);
	if (r >= 0)
		r = add_objects(bus);
	if (r >= 0)
		r = start_bus(bus);
	if (r >= 0)
		r = sd_bus_attach_event(bus->bus, watch_loop_event(bus->loop),
					SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_match_signal_async(
			bus->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
			"org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, bus);
	if (r >= 0)
		r = sd_bus_request_name_async(bus->bus, NULL, BUS_NAME, 0, on_name, bus);
	return r;
}

static int on_rejoin(sd_event_source *source, uint64_t time, void *userdata)
{
	struct control_bus *bus = userdata;
	int r;

	(void)source, (void)time;
	bus->bus = sd_bus_close_unref(bus->bus);
	r = join_bus(bus);
	if (r < 0)
		say("cannot join the system bus", r);
	return 0;
}

/* Adds the event sources. The comparison of properties runs before messages are answered, so that
 * the answers are up to date. */
static int add_sources(struct control_bus *bus)
{
	sd_event *event = watch_loop_event(bus->loop);
	int r = sd_event_add_defer(event, &bus->look, on_look, bus);

	if (r >= 0)
		r = sd_event_source_set_priority(bus->look, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_add_defer(event, &bus->answered, on_answered, bus);
	if (r >= 0)
		r = sd_event_source_set_enabled(bus->answered, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(bus->answered, SD_EVENT_PRIORITY_IMPORTANT - 1);
	if (r >= 0)
		r = sd_event_add_time(event, &bus->resume, CLOCK_MONOTONIC, UINT64_MAX, 0,
				      on_resume, bus);
	if (r >= 0)
		r = sd_event_source_set_enabled(bus->resume, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(event, &bus->rejoin, CLOCK_MONOTONIC, 0, 0, on_rejoin, bus);
	return r;
}

int control_bus_new(struct control_bus **ret, struct watch_loop *loop,
		    const struct tallies *tallies, int (*reload)(void *userdata), void *userdata)
{
	struct control_bus *bus = calloc(1, sizeof(*bus));
	int r;

	if (!bus)
		return -ENOMEM;
	bus->loop = loop;
	bus->tallies = tallies;
	bus->reload = reload;
	bus->userdata = userdata;
	r = add_sources(bus);
	if (r < 0) {
		control_bus_free(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

struct control_bus *control_bus_free(struct control_bus *bus)
{
	if (!bus)
		return NULL;
	sd_event_source_disable_unref(bus->look);
	sd_event_source_disable_unref(bus->answered);
	sd_event_source_disable_unref(bus->resume);
	sd_event_source_disable_unref(bus->rejoin);
	sd_bus_flush_close_unref(bus->bus);
	keyed_table_release(&bus->sampled);
	free(bus);
	return NULL;
}
