/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/unit_monitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/text.h"
#include "settings/settings.h"
#include "support/process_files.h"

#define SYSTEMD           "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE SYSTEMD ".Manager"
#define PROPERTIES        "org.freedesktop.DBus.Properties"
#define RETRY_FIRST       (1 * USEC_PER_SEC)
#define RETRY_MOST        (32 * USEC_PER_SEC)

struct watched_unit {
	struct unit_monitor *monitor;
	struct watched_unit *next;
	uint32_t agent;
	bool optional; /* nothing is said while it does not exist */
	/* what systemd told last */
	struct unit_event now;
	uint32_t job; /* number of the job under way; 0: none */
	char load_state[UNIT_WORD_SIZE];
	char slice[UNIT_NAME_SIZE];
	char control_group[CGROUP_PATH_SIZE];
	/* what we told last */
	struct unit_event told;
	bool told_once;
	char told_load_state[UNIT_WORD_SIZE];
	char told_group[CGROUP_PATH_SIZE];
	/* on the bus; all NULL without one */
	char *path;
	sd_bus_slot *changes;
	sd_bus_slot *load_call;
	sd_bus_slot *read_call;
	sd_bus_slot *job_call;
};

struct unit_monitor {
	struct source_listener listener;
	struct unit_groups groups;
	sd_event_source *retry;
	usec_t retry_delay;
	sd_bus *bus; /* NULL: not connected */
	bool lost;   /* and that is said */
	struct watched_unit *units;
};

__attribute__((format(printf, 2, 3))) static void say(struct unit_monitor *monitor,
						      const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	monitor->listener.notice(monitor->listener.userdata, text, 0);
}

/* ---- telling */

/* Tells nothing while systemd is asked for the unit's state: the answer is told. */
static void tell_state(struct watched_unit *unit)
{
	struct unit_monitor *monitor = unit->monitor;
	struct event event = { .type = EVENT_UNIT, .agent = unit->agent, .unit = unit->now };

	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): memcpy() took the padding along */
	bool is_told = unit->told_once && memcmp(&unit->now, &unit->told, sizeof unit->now) == 0;

	if (unit->read_call || is_told)
		return;
	memcpy(&unit->told, &unit->now, sizeof unit->told);
	unit->told_once = true;
	sd_event_now(monitor->listener.loop, CLOCK_MONOTONIC, &event.time);
	monitor->listener.event(monitor->listener.userdata, &event);
}

static void tell_load_state(struct watched_unit *unit)
{
	if (strcmp(unit->load_state, unit->told_load_state) == 0)
		return;
	memcpy(unit->told_load_state, unit->load_state, sizeof unit->load_state);
	if (strcmp(unit->load_state, "not-found") == 0 && !unit->optional)
		say(unit->monitor, "unit %s does not exist, waiting for it", unit->now.unit);
	else if (strcmp(unit->load_state, "not-found") != 0 &&
		 strcmp(unit->load_state, "loaded") != 0)
		say(unit->monitor, "unit %s cannot be started, its LoadState is %s", unit->now.unit,
		    unit->load_state);
}

/* "a-b.slice" lies in "/a.slice/a-b.slice", "-.slice" is the root (systemd.slice(5)). */
static void slice_path(const char *slice, char *path, size_t size)
{
	size_t used = 0;

	path[0] = '\0';
	if (strcmp(slice, "-.slice") == 0)
		return;
	for (const char *end = slice; *end && used < size; end++) {
		if (*end == '-')
			used += (size_t)snprintf(path + used, size - used, "/%.*s.slice",
						 (int)(end - slice), slice);
	}
	if (used < size)
		snprintf(path + used, size - used, "/%s", slice);
}

/* systemd escapes the names of some groups ("cpu.service" becomes "_cpu.service", see cg_escape()).
 * Such a group is expected under its plain name, and found once the unit runs. */
static void tell_control_group(struct watched_unit *unit)
{
	struct unit_monitor *monitor = unit->monitor;
	char group[2 * CGROUP_PATH_SIZE];
	size_t length;
	char *name;

	if (unit->control_group[0]) {
		snprintf(group, sizeof group, "%s", unit->control_group);
	} else if (unit->slice[0]) {
		slice_path(unit->slice, group, CGROUP_PATH_SIZE);
		length = strlen(group);
		snprintf(group + length, sizeof group - length, "/%s", unit->now.unit);
	} else {
		return;
	}
	name = strrchr(group, '/');
	if (!name || strlen(group) >= sizeof unit->told_group || !strcmp(group, unit->told_group))
		return;
	text_copy(unit->told_group, sizeof unit->told_group, group);
	*name++ = '\0';
	monitor->groups.found(monitor->groups.userdata, unit->agent, group[0] ? group : "/", name);
}

/* ---- reading */

#define TEXT_PROPERTY(name, member)                                   \
	{                                                             \
		name, offsetof(struct watched_unit, member),          \
			sizeof(((struct watched_unit *)NULL)->member) \
	}

static const struct {
	const char *name;
	size_t offset;
	size_t size;
} text_properties[] = {
	TEXT_PROPERTY("SubState", now.sub_state),     TEXT_PROPERTY("Result", now.result),
	TEXT_PROPERTY("LoadState", load_state),       TEXT_PROPERTY("Slice", slice),
	TEXT_PROPERTY("ControlGroup", control_group),
};

static int read_state(sd_bus_message *message, struct watched_unit *unit)
{
	const char *text;
	int r = sd_bus_message_read(message, "v", "s", &text);

	if (r >= 0)
		unit->now.state = unit_state_from_string(text);
	if (unit->now.state == UNIT_STATE_INVALID)
		unit->now.state = UNIT_UNKNOWN;
	return r;
}

static int read_invocation(sd_bus_message *message, struct watched_unit *unit)
{
	const uint8_t *bytes;
	char *hex = unit->now.invocation_id;
	size_t count;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "ay");
	if (r < 0)
		return r;
	r = sd_bus_message_read_array(message, 'y', (const void **)&bytes, &count);
	if (r < 0)
		return r;
	memset(hex, 0, INVOCATION_ID_SIZE);
	for (size_t i = 0; i < count && 2 * i + 2 < INVOCATION_ID_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return sd_bus_message_exit_container(message);
}

/* Fills the whole of `text`, so that two events can be compared byte by byte. */
static void set_text(char *text, size_t size, const char *value)
{
	memset(text, 0, size);
	snprintf(text, size, "%s", value);
}

static int on_job_type(sd_bus_message *reply, void *userdata, sd_bus_error *error);

/* The property has the job's number, not its type. The type is asked for, and is "unknown" until
 * the answer comes. */
static int read_job(sd_bus_message *message, struct watched_unit *unit)
{
	const char *path;
	uint32_t job;
	int r = sd_bus_message_read(message, "v", "(uo)", &job, &path);

	if (r < 0 || job == unit->job)
		return r;
	unit->job = job;
	set_text(unit->now.job, sizeof unit->now.job, job ? "unknown" : "");
	unit->job_call = sd_bus_slot_unref(unit->job_call);
	if (!job)
		return 0;
	return sd_bus_call_method_async(unit->monitor->bus, &unit->job_call, SYSTEMD, path,
					PROPERTIES, "Get", on_job_type, unit, "ss", SYSTEMD ".Job",
					"JobType");
}

static int on_job_type(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct watched_unit *unit = userdata;
	const char *type;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_read(reply, "v", "s", &type) < 0)
		return 0;
	set_text(unit->now.job, sizeof unit->now.job, type);
	tell_state(unit);
	return 0;
}

static int read_text(sd_bus_message *message, struct watched_unit *unit, const char *name)
{
	const char *value;
	int r;

	for (size_t i = 0; i < sizeof text_properties / sizeof *text_properties; i++) {
		if (strcmp(name, text_properties[i].name) != 0)
			continue;
		r = sd_bus_message_read(message, "v", "s", &value);
		if (r >= 0)
			set_text((char *)unit + text_properties[i].offset, text_properties[i].size,
				 value);
		return r;
	}
	return sd_bus_message_skip(message, "v");
}

/* systemd names the main process by its pid alone. By the time of an action that may be another's,
 * so its start is read at once. */
static int read_main_process(sd_bus_message *message, struct watched_unit *unit)
{
	struct process_status status = { 0 };
	int r = sd_bus_message_read(message, "v", "u", &unit->now.main_pid);

	if (r >= 0 && unit->now.main_pid)
		process_status_read((pid_t)unit->now.main_pid, &status);
	unit->now.main_started = status.started;
	return r;
}

static int read_property(sd_bus_message *message, struct watched_unit *unit)
{
	const char *name;
	int r = sd_bus_message_read(message, "s", &name);

	if (r < 0)
		return r;
	if (strcmp(name, "ActiveState") == 0)
		return read_state(message, unit);
	if (strcmp(name, "InvocationID") == 0)
		return read_invocation(message, unit);
	if (strcmp(name, "MainPID") == 0)
		return read_main_process(message, unit);
	if (strcmp(name, "Job") == 0)
		return read_job(message, unit);
	if (strcmp(name, "StartLimitBurst") == 0)
		return sd_bus_message_read(message, "v", "u", &unit->now.start_limit_burst);
	if (strcmp(name, "StartLimitIntervalUSec") == 0)
		return sd_bus_message_read(message, "v", "t", &unit->now.start_limit_interval);
	return read_text(message, unit, name);
}

static int read_properties(sd_bus_message *message, struct watched_unit *unit)
{
	int r = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = read_property(message, unit);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r;
}

static int on_properties(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct watched_unit *unit = userdata;

	(void)error;
	unit->read_call = sd_bus_slot_unref(unit->read_call);
	/* systemd stops or starts: its name's new owner brings us here again */
	if (sd_bus_message_is_method_error(reply, NULL))
		return 0;
	if (read_properties(reply, unit) < 0)
		say(unit->monitor, "cannot understand systemd's properties of unit %s",
		    unit->now.unit);
	unit->now.masked = strcmp(unit->load_state, "masked") == 0;
	unit->now.missing = strcmp(unit->load_state, "not-found") == 0;
	tell_load_state(unit);
	tell_control_group(unit);
	tell_state(unit);
	return 0;
}

/* Reads the properties of all interfaces, that of the unit and that of its type: an empty name
 * stands for all. */
static void read_unit(struct watched_unit *unit)
{
	unit->read_call = sd_bus_slot_unref(unit->read_call);
	sd_bus_call_method_async(unit->monitor->bus, &unit->read_call, SYSTEMD, unit->path,
				 PROPERTIES, "GetAll", on_properties, unit, "s", "");
}

/* With Restart=, a unit passes through "failed" or "inactive" before "auto-restart"
 * (service_enter_dead()): systemd's next answer tells whether it stays there. */
static bool may_be_passing(const struct watched_unit *unit)
{
	return unit->now.state == UNIT_FAILED || unit->now.state == UNIT_INACTIVE;
}

/* systemd sends the properties of the unit's type first and those of every unit last: "clients may
 * rely on this order to get atomic behaviour" (bus_unit_send_change_signal()). */
static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct watched_unit *unit = userdata;
	char invocation[INVOCATION_ID_SIZE];
	const char *interface;

	(void)error;
	if (sd_bus_message_get_destination(message)) /* anybody may send one to us alone */
		return 0;
	memcpy(invocation, unit->now.invocation_id, sizeof invocation);
	if (sd_bus_message_read(message, "s", &interface) < 0 || read_properties(message, unit) < 0)
		return 0;
	if (strcmp(interface, SYSTEMD ".Unit") != 0)
		return 0;
	/* a new run may have a new control group, which no signal tells */
	if (may_be_passing(unit) ||
	    memcmp(invocation, unit->now.invocation_id, sizeof invocation) != 0)
		read_unit(unit);
	tell_state(unit);
	return 0;
}

/* ---- finding: a unit's object path comes from its first name, which may be another */

static int on_loaded(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct watched_unit *unit = userdata;
	struct unit_monitor *monitor = unit->monitor;
	const char *path;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL)) {
		say(monitor, "cannot ask systemd about unit %s: %s", unit->now.unit,
		    sd_bus_message_get_error(reply)->message);
		return 0;
	}
	if (sd_bus_message_read(reply, "o", &path) < 0)
		return 0;
	if (monitor->lost)
		say(monitor, "the system bus is there again");
	monitor->lost = false;
	monitor->retry_delay = RETRY_FIRST;
	if (!unit->path || strcmp(path, unit->path) != 0) {
		free(unit->path);
		unit->path = strdup(path);
		if (!unit->path)
			return -ENOMEM;
		unit->changes = sd_bus_slot_unref(unit->changes);
		sd_bus_match_signal_async(monitor->bus, &unit->changes, SYSTEMD, path, PROPERTIES,
					  "PropertiesChanged", on_changed, NULL, unit);
	}
	read_unit(unit);
	return 0;
}

static void load_unit(struct watched_unit *unit)
{
	unit->load_call = sd_bus_slot_unref(unit->load_call);
	sd_bus_call_method_async(unit->monitor->bus, &unit->load_call, SYSTEMD, SYSTEMD_PATH,
				 MANAGER_INTERFACE, "LoadUnit", on_loaded, unit, "s",
				 unit->now.unit);
}

static void load_units(struct unit_monitor *monitor)
{
	for (struct watched_unit *unit = monitor->units; unit; unit = unit->next)
		load_unit(unit);
}

/* ---- the bus */

static void leave_unit(struct watched_unit *unit)
{
	unit->changes = sd_bus_slot_unref(unit->changes);
	unit->load_call = sd_bus_slot_unref(unit->load_call);
	unit->read_call = sd_bus_slot_unref(unit->read_call);
	unit->job_call = sd_bus_slot_unref(unit->job_call);
	free(unit->path);
	unit->path = NULL;
	unit->job = 0;
	memset(unit->now.job, 0, sizeof unit->now.job);
}

static void leave_bus(struct unit_monitor *monitor)
{
	for (struct watched_unit *unit = monitor->units; unit; unit = unit->next)
		leave_unit(unit);
	monitor->bus = sd_bus_close_unref(monitor->bus);
}

static void retry_later(struct unit_monitor *monitor)
{
	if (!monitor->lost)
		say(monitor, "no system bus, the state of units is not known until it is there");
	monitor->lost = true;
	sd_event_source_set_time_relative(monitor->retry, monitor->retry_delay);
	sd_event_source_set_enabled(monitor->retry, SD_EVENT_ONESHOT);
	if (monitor->retry_delay < RETRY_MOST)
		monitor->retry_delay *= 2;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct unit_monitor *monitor = userdata;

	(void)message;
	(void)error;
	retry_later(monitor);
	for (struct watched_unit *unit = monitor->units; unit; unit = unit->next) {
		leave_unit(unit);
		unit->now.state = UNIT_UNKNOWN;
		if (unit->told_once)
			tell_state(unit);
	}
	return 0;
}

/* Loads all units again when a daemon-reload has ended: units may have come, moved to another slice
 * or changed names. */
static int on_reloading(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	int begins;

	(void)error;
	if (sd_bus_message_get_destination(message))
		return 0;
	if (sd_bus_message_read(message, "b", &begins) >= 0 && !begins)
		load_units(userdata);
	return 0;
}

/* systemd sends signals about units to subscribers only, and forgets those when it loses the bus.
 */
static void subscribe(struct unit_monitor *monitor)
{
	sd_bus_call_method_async(monitor->bus, NULL, SYSTEMD, SYSTEMD_PATH, MANAGER_INTERFACE,
				 "Subscribe", NULL, NULL, "");
	load_units(monitor);
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *owner;

	(void)error;
	if (sd_bus_message_read(message, "sss", NULL, NULL, &owner) >= 0 && owner[0])
		subscribe(userdata);
	return 0;
}

static int join_bus(struct unit_monitor *monitor)
{
	int r;

	r = sd_bus_open_system_with_description(&monitor->bus, "unit-monitor");
	if (r < 0)
		return r;
	/* the loop handles one message at a time, and one agent's records without end */
	r = sd_bus_attach_event(monitor->bus, monitor->listener.loop, SD_EVENT_PRIORITY_IMPORTANT);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(monitor->bus, NULL, "org.freedesktop.DBus.Local",
				      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
				      "Disconnected", on_disconnected, NULL, monitor);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(monitor->bus, NULL, SYSTEMD, SYSTEMD_PATH, MANAGER_INTERFACE,
				      "Reloading", on_reloading, NULL, monitor);
	if (r < 0)
		return r;
	r = sd_bus_add_match_async(monitor->bus, NULL,
				   "type='signal',sender='org.freedesktop.DBus',"
				   "path='/org/freedesktop/DBus',"
				   "interface='org.freedesktop.DBus',"
				   "member='NameOwnerChanged',arg0='" SYSTEMD "'",
				   on_owner_changed, NULL, monitor);
	if (r < 0)
		return r;
	subscribe(monitor);
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t time, void *userdata)
{
	struct unit_monitor *monitor = userdata;

	(void)source;
	(void)time;
	leave_bus(monitor);
	if (join_bus(monitor) < 0) {
		leave_bus(monitor);
		retry_later(monitor);
	}
	return 0;
}

/* ---- from outside */

int unit_monitor_new(struct unit_monitor **ret, const struct source_listener *listener,
		     const struct unit_groups *groups)
{
	struct unit_monitor *monitor = calloc(1, sizeof *monitor);
	int r;

	if (!monitor)
		return -ENOMEM;
	monitor->listener = *listener;
	monitor->groups = *groups;
	sd_event_ref(listener->loop);
	monitor->retry_delay = RETRY_FIRST;
	r = sd_event_add_time_relative(listener->loop, &monitor->retry, CLOCK_MONOTONIC, 0, 0,
				       on_retry, monitor);
	if (r < 0) {
		unit_monitor_free(monitor);
		return r;
	}
	*ret = monitor;
	return 0;
}

static void free_unit(struct watched_unit *unit)
{
	leave_unit(unit);
	free(unit);
}

struct unit_monitor *unit_monitor_free(struct unit_monitor *monitor)
{
	struct watched_unit *unit;

	if (!monitor)
		return NULL;
	while ((unit = monitor->units)) {
		monitor->units = unit->next;
		free_unit(unit);
	}
	leave_bus(monitor);
	sd_event_source_disable_unref(monitor->retry);
	sd_event_unref(monitor->listener.loop);
	free(monitor);
	return NULL;
}

int unit_monitor_watch(struct unit_monitor *monitor, const char *name, uint32_t agent,
		       bool optional)
{
	struct watched_unit *unit;

	if (strlen(name) >= sizeof unit->now.unit)
		return -EINVAL;
	unit = calloc(1, sizeof *unit);
	if (!unit)
		return -ENOMEM;
	unit->monitor = monitor;
	unit->agent = agent;
	unit->optional = optional;
	text_copy(unit->now.unit, sizeof unit->now.unit, name);
	unit->next = monitor->units;
	monitor->units = unit;
	if (monitor->bus)
		load_unit(unit);
	return 0;
}

void unit_monitor_unwatch(struct unit_monitor *monitor, uint32_t agent)
{
	struct watched_unit **link = &monitor->units;

	while (*link) {
		struct watched_unit *unit = *link;

		if (unit->agent != agent) {
			link = &unit->next;
			continue;
		}
		*link = unit->next;
		free_unit(unit);
	}
}

/* ---- as a source of the loop */

static int open_source(void **ret, const struct source_listener *listener, const void *options)
{
	struct unit_monitor *monitor = NULL;
	int r = unit_monitor_new(&monitor, listener, options);

	if (r < 0)
		listener->notice(listener->userdata, "cannot watch units", r);
	*ret = monitor;
	return r;
}

static void close_source(void *source)
{
	unit_monitor_free(source);
}

const struct source unit_monitor_source = {
	.name = "systemd",
	.open = open_source,
	.close = close_source,
};
