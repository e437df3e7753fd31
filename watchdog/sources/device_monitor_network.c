/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What NetworkManager does with interfaces, as EVENT_DEVICE. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "sources/device_monitor.h"
#include "support/clock.h"

#define NETWORK_MANAGER "org.freedesktop.NetworkManager"
#define DEVICE          NETWORK_MANAGER ".Device"
#define DEVICE_PATH     "/org/freedesktop/NetworkManager/Devices/"

/* NMDeviceState of NetworkManager's interface. */
enum {
	STATE_UNAVAILABLE = 20,
	STATE_DISCONNECTED = 30,
	STATE_ACTIVATED = 100,
	STATE_DEACTIVATING = 110,
	STATE_FAILED = 120,
};

/* An object of NetworkManager's is asked for its interface, and what was known of it meanwhile. */
struct question {
	struct device_monitor *monitor;
	usec_t time;
	uint32_t number;         /* of the object */
	enum device_state state; /* DEVICE_NONE: nothing happened to it */
	uint16_t reason;
};

/* What is read of a device. The interface that has the addresses is another one than the device
 * where it is made by pppd. */
struct properties {
	uint32_t state;
	uint32_t interface;
	uint32_t ip_interface;
};

static bool is_up(enum device_state state)
{
	return state == DEVICE_NONE || state == DEVICE_ACTIVATED;
}

static void tell(struct device_monitor *monitor, const struct known_device *device,
		 enum device_state state, uint16_t reason, usec_t since)
{
	const struct event event = {
		.type = EVENT_DEVICE,
		.path = {
			.interface = device->interface,
			.up = is_up(state),
			.removed = state == DEVICE_NONE,
			.device = state,
			.reason = reason,
		},
	};

	device_monitor_tell(monitor, &event, since);
}

/* ---- devices, by the number at the end of their path */

static struct known_device *find_device(struct device_monitor *monitor, uint32_t number)
{
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		if (monitor->devices[i].interface && monitor->devices[i].number == number)
			return &monitor->devices[i];
	return NULL;
}

/* One that there is no room for is asked for each time. */
static void know_device(struct device_monitor *monitor, uint32_t number, uint32_t interface)
{
	struct known_device *device = find_device(monitor, number);

	for (unsigned i = 0; i < DEVICES_MAX && !device; i++)
		if (!monitor->devices[i].interface)
			device = &monitor->devices[i];
	if (device)
		*device = (struct known_device){ number, interface };
}

static int read_property(sd_bus_message *message, const char *name, void *userdata)
{
	struct properties *properties = userdata;
	bool is_ip = strcmp(name, "IpInterface") == 0;
	const char *value;
	int r;

	if (strcmp(name, "State") == 0)
		return sd_bus_message_read(message, "v", "u", &properties->state);
	if (!is_ip && strcmp(name, "Interface") != 0)
		return sd_bus_message_skip(message, "v");
	r = sd_bus_message_read(message, "v", "s", &value);
	if (r >= 0)
		*(is_ip ? &properties->ip_interface : &properties->interface) =
			if_nametoindex(value);
	return r;
}

static int on_device(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const struct question *question = userdata;
	struct properties properties = { 0 };
	struct known_device device;

	(void)error;
	if (sd_bus_message_is_method_error(message, NULL) ||
	    device_monitor_read(message, read_property, &properties) < 0)
		return 0;
	device.number = question->number;
	device.interface = properties.ip_interface ?: properties.interface;
	if (!device.interface)
		return 0;
	know_device(question->monitor, device.number, device.interface);
	if (question->state != DEVICE_NONE)
		tell(question->monitor, &device, question->state, question->reason, question->time);
	else if (properties.state == STATE_ACTIVATED)
		tell(question->monitor, &device, DEVICE_ACTIVATED, 0, question->time);
	return 0;
}

/* Returns the number of the object at `path`; 0: it is none of a device. */
static uint32_t number_of(const char *path)
{
	size_t length = strlen(DEVICE_PATH);

	return strncmp(path, DEVICE_PATH, length) == 0 ? (uint32_t)strtoul(path + length, NULL, 10)
						       : 0;
}

static void ask(struct device_monitor *monitor, const char *path, enum device_state state,
		uint16_t reason)
{
	struct question *question = malloc(sizeof(*question));

	if (!question)
		return;
	*question = (struct question){
		.monitor = monitor,
		.time = clock_now(CLOCK_MONOTONIC),
		.number = number_of(path),
		.state = state,
		.reason = reason,
	};
	device_monitor_ask(monitor, &network_service, path, DEVICE, on_device, question);
}

/* ---- what NetworkManager reports */

/* What became of a connected interface, or of an attempt to connect one. An interface that is no
 * longer managed keeps what it has. */
static enum device_state what_became(uint32_t before, uint32_t state)
{
	switch (state) {
	case STATE_ACTIVATED:
		return DEVICE_ACTIVATED;
	case STATE_FAILED:
		return DEVICE_FAILED;
	case STATE_DEACTIVATING:
		return DEVICE_DEACTIVATING;
	case STATE_DISCONNECTED:
		return before >= STATE_ACTIVATED && before < STATE_FAILED ? DEVICE_DISCONNECTED
									  : DEVICE_NONE;
	case STATE_UNAVAILABLE:
		return before >= STATE_ACTIVATED && before < STATE_FAILED ? DEVICE_UNAVAILABLE
									  : DEVICE_NONE;
	default:
		return DEVICE_NONE;
	}
}

static void device_changed(struct device_monitor *monitor, sd_bus_message *message)
{
	const char *path = sd_bus_message_get_path(message);
	uint32_t state, before, reason;
	enum device_state became;
	struct known_device *device;

	if (sd_bus_message_read(message, "uuu", &state, &before, &reason) < 0 || !number_of(path))
		return;
	became = what_became(before, state);
	device = find_device(monitor, number_of(path));
	/* a connection may bring another interface for its addresses */
	if (!device || became == DEVICE_ACTIVATED)
		ask(monitor, path, became, (uint16_t)reason);
	else if (became != DEVICE_NONE)
		tell(monitor, device, became, (uint16_t)reason, clock_now(CLOCK_MONOTONIC));
}

/* ---- NetworkManager comes and goes */

static int read_devices(sd_bus_message *message, const char *name, void *userdata)
{
	const struct question *question = userdata;
	const char *path;
	int r;

	if (strcmp(name, "Devices") != 0)
		return sd_bus_message_skip(message, "v");
	r = sd_bus_message_enter_container(message, 'v', "ao");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "o");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(message, "o", &path)) > 0)
		if (number_of(path))
			ask(question->monitor, path, DEVICE_NONE, 0);
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int on_network_manager(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)error;
	/* an error: it is not there; when it comes, it tells of each device by itself */
	if (!sd_bus_message_is_method_error(message, NULL))
		device_monitor_read(message, read_devices, userdata);
	return 0;
}

static void ask_for_devices(struct device_monitor *monitor)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return;
	question->monitor = monitor;
	device_monitor_ask(monitor, &network_service, "/org/freedesktop/NetworkManager",
			   NETWORK_MANAGER, on_network_manager, question);
}

/* Nobody tells of these devices any more. */
static void forget_devices(struct device_monitor *monitor)
{
	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		struct known_device *device = &monitor->devices[i];

		if (device->interface)
			tell(monitor, device, DEVICE_NONE, 0, clock_now(CLOCK_MONOTONIC));
		*device = (struct known_device){ 0 };
	}
}

const struct device_service network_service = {
	.name = NETWORK_MANAGER,
	.interface = DEVICE,
	.joined = ask_for_devices,
	.changed = device_changed,
	.gone = forget_devices,
};
