/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of mobile connections, as EVENT_RADIO, as ModemManager reports it. A modem's
 * interface is one of its ports: what pppd makes of a serial port is not known. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "sources/device_monitor.h"
#include "support/clock.h"

#define MODEM "org.freedesktop.ModemManager1.Modem"

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
};

/* A change of a modem's state, whose interfaces are asked for. */
struct change {
	struct device_monitor *monitor;
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

static void note_lost(struct device_monitor *monitor, uint32_t interface, bool is_lost)
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

static void tell(struct device_monitor *monitor, uint32_t interface, enum radio radio, usec_t since)
{
	const struct event event = {
		.type = EVENT_RADIO,
		.path = { .interface = interface, .up = radio_is_up(radio), .radio = radio },
	};

	note_lost(monitor, interface, !event.path.up);
	device_monitor_tell(monitor, &event, since);
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

static int read_property(sd_bus_message *message, const char *name, void *userdata)
{
	struct modem *modem = userdata;

	if (strcmp(name, "Ports") == 0)
		return read_ports(message, modem);
	if (strcmp(name, "StateFailedReason") == 0)
		return sd_bus_message_read(message, "v", "u", &modem->failed_reason);
	return sd_bus_message_skip(message, "v");
}

static int on_modem(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const struct change *change = userdata;
	struct modem modem = { 0 };

	(void)error;
	/* an error: the modem has gone, and its interface with it */
	if (sd_bus_message_is_method_error(message, NULL) ||
	    device_monitor_read(message, read_property, &modem) < 0)
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

static void modem_changed(struct device_monitor *monitor, sd_bus_message *message)
{
	struct change *change;
	int before, state;
	uint32_t reason;

	if (sd_bus_message_read(message, "iiu", &before, &state, &reason) < 0 ||
	    !is_news(before, state, reason))
		return;
	change = malloc(sizeof(*change));
	if (!change)
		return;
	*change = (struct change){ monitor, clock_now(CLOCK_MONOTONIC), state, reason };
	device_monitor_ask(monitor, &modem_service, sd_bus_message_get_path(message), MODEM,
			   on_modem, change);
}

/* Nobody reports on these modems any more: what their link says counts. */
static void forget_lost(struct device_monitor *monitor)
{
	for (unsigned i = 0; i < LOST_MAX; i++)
		if (monitor->lost[i])
			tell(monitor, monitor->lost[i], RADIO_MODEM_UP, clock_now(CLOCK_MONOTONIC));
}

const struct device_service modem_service = {
	.name = "org.freedesktop.ModemManager1",
	.interface = MODEM,
	.changed = modem_changed,
	.gone = forget_lost,
};
