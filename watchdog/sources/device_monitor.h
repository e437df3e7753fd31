/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the device monitor: the connection to the bus, and what the services on it share. */
#pragma once

#include <systemd/sd-bus.h>

#include "sources/source.h"

#define PROPERTIES "org.freedesktop.DBus.Properties"

enum {
	DEVICES_MAX = 16,
	LOST_MAX = 8, /* of more, nobody tells that they may be back when ModemManager goes */
};

/* An object of NetworkManager's. */
struct known_device {
	uint32_t number;    /* at the end of its path */
	uint32_t interface; /* 0: an unused place */
};

struct device_monitor {
	struct source_listener listener;
	uint64_t netns;
	sd_event_source *retry;
	usec_t retry_delay;
	sd_bus *bus;             /* NULL: not connected */
	uint32_t lost[LOST_MAX]; /* interfaces with a modem that was told as without its
				    connection; 0: unused */
	struct known_device devices[DEVICES_MAX];
};

/* A service whose objects each send the signal StateChanged. */
struct device_service {
	const char *name;      /* on the bus */
	const char *interface; /* of the signal */

	/* We have come to the bus: the service may be there. NULL: nothing is to be done. */
	void (*joined)(struct device_monitor *monitor);

	/* Takes that signal. */
	void (*changed)(struct device_monitor *monitor, sd_bus_message *message);

	/* The service has gone, or the bus: nobody tells any more. */
	void (*gone)(struct device_monitor *monitor);
};

extern const struct device_service modem_service;
extern const struct device_service network_service;

/* Asks for the properties that the object at `path` has by `interface`; `take` gets the reply with
 * `question`, which is malloc()ed, and freed in any case. A service that has gone is not started by
 * that. */
void device_monitor_ask(struct device_monitor *monitor, const struct device_service *service,
			const char *path, const char *interface, sd_bus_message_handler_t take,
			void *question);

/* Hands each property of a reply to `read`, which gets its name with `userdata` and takes its value
 * from the message, or skips it. Returns 0 or more, or -errno. */
int device_monitor_read(sd_bus_message *message,
			int (*read)(sd_bus_message *message, const char *name, void *userdata),
			void *userdata);

/* Tells an event of our network namespace. It came up at `since`, CLOCK_MONOTONIC; its time is
 * now. */
void device_monitor_tell(struct device_monitor *monitor, const struct event *event, usec_t since);
