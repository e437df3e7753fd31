/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of the mobile connections of our own network namespace, as EVENT_RADIO, as
 * ModemManager reports it on the bus. Without a bus or without ModemManager there are no events. A
 * modem's interface is one of its ports: what pppd makes of a serial port is not known. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>

#include "sources/source.h"
#include "support/clock.h"

#define MODEM_MANAGER "org.freedesktop.ModemManager1"
#define MODEM         "org.freedesktop.ModemManager1.Modem"
#define PROPERTIES    "org.freedesktop.DBus.Properties"
#define RETRY_FIRST   (1 * USEC_PER_SEC)
#define RETRY_MOST    (64 * USEC_PER_SEC)

/* MMModemState, MMModemStateChangeReason, MMModemStateFailedReason and MMModemPortType of
 * ModemManager's interface. */
enum {
	STATE_FAILED = -1,
	STATE_LOCKED = 2,
	STATE_ENABLED = 6,
	STATE_SEARCHING = 7,
	STATE_REGISTERED = 8,
	STATE_DISCONNECTING = 9,
	STATE_CONNECTED = 11,
	REQUESTED_BY_USER = 1,
	FAILED_WITHOUT_SIM = 2,
	FAILED_BY_SIM = 3,
	PORT_NET = 2,
	PORTS_MAX = 4, /* interfaces of a modem; of more, the rest is not told */
	LOST_MAX = 8,  /* of more, nobody tells that they may be back when ModemManager goes */
};

struct modem_monitor {
	struct source_listener listener;
	uint64_t netns;
	sd_event_source *retry;
	usec_t retry_delay;
	sd_bus *bus;             /* NULL: not connected */
	uint32_t lost[LOST_MAX]; /* interfaces told as without their connection; 0: unused */
};

/* A change of a modem's state, whose interfaces are asked for. */
struct change {
	struct modem_monitor *monitor;
	usec_t time;
	int state;
	uint32_t reason;
};

/* What is read of a modem. */
struct modem {
	uint32_t failed_reason;
	unsigned count;
	uint32_t interfaces[PORTS_MAX];
};

/* ---- telling */

static void note_lost(struct modem_monitor *monitor, uint32_t interface, bool is_lost)
{
	uint32_t *free_place = NULL;

	for (unsigned i = 0; i < LOST_MAX; i++) {
		if (monitor->lost[i] == interface)
			monitor->lost[i] = 0;
		if (!monitor->lost[i])
			free_place = &monitor->lost[i];
	}
	if (is_lost && free_place)
		*free_place = interface;
}

static void tell(struct modem_monitor *monitor, uint32_t interface, enum radio radio, usec_t since)
{
	usec_t now = clock_now(CLOCK_MONOTONIC);
	const struct event event = {
		.type = EVENT_RADIO,
		.time = now,
		.path = {
			.netns = monitor->netns,
			.interface = interface,
			.up = radio_is_up(radio),
			.radio = radio,
			.within = now - since,
		},
	};

	note_lost(monitor, interface, !event.path.up);
	monitor->listener.event(monitor->listener.userdata, &event);
}

/* ---- a modem's state */

static enum radio radio_of(const struct change *change, const struct modem *modem)
{
	switch (change->state) {
	case STATE_CONNECTED:
		return RADIO_MODEM_UP;
	case STATE_DISCONNECTING:
		return RADIO_MODEM_LEFT;
	case STATE_REGISTERED:
		return RADIO_BEARER_LOST;
	case STATE_SEARCHING:
	case STATE_ENABLED:
		return RADIO_UNREGISTERED;
	case STATE_LOCKED:
		return RADIO_SIM_LOCKED;
	case STATE_FAILED:
		return modem->failed_reason == FAILED_WITHOUT_SIM ? RADIO_SIM_MISSING
		       : modem->failed_reason == FAILED_BY_SIM    ? RADIO_SIM_FAULTY
								  : RADIO_MODEM_FAILED;
	default:
		return RADIO_MODEM_DISABLED;
	}
}

/* Reads a variant with the ports: names, and what they are for. */
static int read_ports(sd_bus_message *message, struct modem *modem)
{
	const char *name;
	uint32_t type;
	int r;

	r = sd_bus_message_enter_container(message, 'v', "a(su)");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "(su)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(message, "(su)", &name, &type)) > 0) {
		uint32_t interface = type == PORT_NET ? if_nametoindex(name) : 0;

		if (interface && modem->count < PORTS_MAX)
			modem->interfaces[modem->count++] = interface;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_property(sd_bus_message *message, struct modem *modem)
{
	const char *name;
	int r = sd_bus_message_read(message, "s", &name);

	if (r < 0)
		return r;
	if (strcmp(name, "Ports") == 0)
		return read_ports(message, modem);
	if (strcmp(name, "StateFailedReason") == 0)
		return sd_bus_message_read(message, "v", "u", &modem->failed_reason);
	return sd_bus_message_skip(message, "v");
}

static int read_modem(sd_bus_message *message, struct modem *modem)
{
	int r = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = read_property(message, modem);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r;
}

static int on_modem(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const struct change *change = userdata;
	struct modem modem = { 0 };

	(void)error;
	/* an error: the modem has gone, and its interface with it */
	if (sd_bus_message_is_method_error(message, NULL) || read_modem(message, &modem) < 0)
		return 0;
	for (unsigned i = 0; i < modem.count; i++)
		tell(change->monitor, modem.interfaces[i], radio_of(change, &modem), change->time);
	return 0;
}

/* A modem on its way up has no connection yet, and lost none. What is on its way down by itself is
 * told where it ends up. */
static bool is_news(int before, int state, uint32_t reason)
{
	if (state == STATE_CONNECTED)
		return true;
	if (state == STATE_DISCONNECTING)
		return reason == REQUESTED_BY_USER;
	return state < before && before != STATE_DISCONNECTING;
}

static int on_state_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct modem_monitor *monitor = userdata;
	struct change *change;
	sd_bus_slot *call = NULL;
	int before, state;
	uint32_t reason;

	(void)error;
	if (sd_bus_message_read(message, "iiu", &before, &state, &reason) < 0 ||
	    !is_news(before, state, reason))
		return 0;
	change = malloc(sizeof(*change));
	if (!change)
		return 0;
	*change = (struct change){ monitor, clock_now(CLOCK_MONOTONIC), state, reason };
	if (sd_bus_call_method_async(monitor->bus, &call, MODEM_MANAGER,
				     sd_bus_message_get_path(message), PROPERTIES, "GetAll",
				     on_modem, change, "s", MODEM) < 0) {
		free(change);
		return 0;
	}
	sd_bus_slot_set_destroy_callback(call, free);
	sd_bus_slot_set_floating(call, true);
	sd_bus_slot_unref(call);
	return 0;
}

/* ---- the bus */

/* Nobody reports on these modems any more: what their link says counts. */
static void forget_lost(struct modem_monitor *monitor)
{
	for (unsigned i = 0; i < LOST_MAX; i++)
		if (monitor->lost[i])
			tell(monitor, monitor->lost[i], RADIO_MODEM_UP, clock_now(CLOCK_MONOTONIC));
}

static void leave_bus(struct modem_monitor *monitor)
{
	if (monitor->bus)
		sd_bus_detach_event(monitor->bus);
	monitor->bus = sd_bus_close_unref(monitor->bus);
}

static void retry_later(struct modem_monitor *monitor)
{
	sd_event_source_set_time_relative(monitor->retry, monitor->retry_delay);
	sd_event_source_set_enabled(monitor->retry, SD_EVENT_ONESHOT);
	if (monitor->retry_delay < RETRY_MOST)
		monitor->retry_delay *= 2;
}

/* The bus itself is freed when the retry is due: this is called from inside it. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct modem_monitor *monitor = userdata;

	(void)message, (void)error;
	forget_lost(monitor);
	monitor->retry_delay = RETRY_FIRST;
	retry_later(monitor);
	return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *owner;

	(void)error;
	if (sd_bus_message_read(message, "sss", NULL, NULL, &owner) >= 0 && !owner[0])
		forget_lost(userdata);
	return 0;
}

static int join_bus(struct modem_monitor *monitor)
{
	int r = sd_bus_open_system_with_description(&monitor->bus, "modem-monitor");

	if (r >= 0)
		r = sd_bus_attach_event(monitor->bus, monitor->listener.loop,
					SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_match_signal_async(monitor->bus, NULL, "org.freedesktop.DBus.Local",
					      "/org/freedesktop/DBus/Local",
					      "org.freedesktop.DBus.Local", "Disconnected",
					      on_disconnected, NULL, monitor);
	if (r >= 0)
		r = sd_bus_match_signal_async(monitor->bus, NULL, MODEM_MANAGER, NULL, MODEM,
					      "StateChanged", on_state_changed, NULL, monitor);
	if (r >= 0)
		r = sd_bus_add_match_async(monitor->bus, NULL,
					   "type='signal',sender='org.freedesktop.DBus',"
					   "path='/org/freedesktop/DBus',"
					   "interface='org.freedesktop.DBus',"
					   "member='NameOwnerChanged',arg0='" MODEM_MANAGER "'",
					   on_owner_changed, NULL, monitor);
	return r;
}

static int on_retry(sd_event_source *source, uint64_t time, void *userdata)
{
	struct modem_monitor *monitor = userdata;

	(void)source, (void)time;
	leave_bus(monitor);
	if (join_bus(monitor) < 0) {
		leave_bus(monitor);
		retry_later(monitor);
	}
	return 0;
}

/* ---- as a source of the loop */

static void close_source(void *source)
{
	struct modem_monitor *monitor = source;

	if (!monitor)
		return;
	leave_bus(monitor);
	sd_event_source_disable_unref(monitor->retry);
	sd_event_unref(monitor->listener.loop);
	free(monitor);
}

/* A host without a bus has no ModemManager, and nothing waits for either. */
static int open_source(void **ret, const struct source_listener *listener, const void *options)
{
	struct modem_monitor *monitor = calloc(1, sizeof(*monitor));
	struct stat own;
	int r;

	(void)options;
	*ret = NULL;
	if (!monitor)
		return 0;
	monitor->listener = *listener;
	monitor->retry_delay = RETRY_FIRST;
	sd_event_ref(listener->loop);
	r = stat("/proc/self/ns/net", &own) < 0 ? -errno : 0;
	monitor->netns = r < 0 ? 0 : own.st_ino;
	if (r >= 0)
		r = sd_event_add_time(listener->loop, &monitor->retry, CLOCK_MONOTONIC,
				      USEC_INFINITY, 0, on_retry, monitor);
	if (r >= 0)
		r = sd_event_source_set_enabled(monitor->retry, SD_EVENT_OFF);
	if (r >= 0)
		r = join_bus(monitor);
	if (r < 0)
		close_source(monitor);
	else
		*ret = monitor;
	return 0;
}

const struct source modem_monitor_source = {
	.name = "ModemManager",
	.open = open_source,
	.close = close_source,
};
