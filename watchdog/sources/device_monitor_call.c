/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "sources/device_monitor.h"
#include "support/clock.h"

void device_monitor_ask(struct device_monitor *monitor, const struct device_service *service,
			const char *path, const char *interface, sd_bus_message_handler_t take,
			void *question)
{
	sd_bus_message *call = NULL;
	sd_bus_slot *slot = NULL;
	int r;

	r = sd_bus_message_new_method_call(monitor->bus, &call, service->name, path, PROPERTIES,
					   "GetAll");
	if (r >= 0)
		r = sd_bus_message_append(call, "s", interface);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(call, false);
	if (r >= 0)
		r = sd_bus_call_async(monitor->bus, &slot, call, take, question, 0);
	sd_bus_message_unref(call);
	if (r < 0) {
		free(question);
		return;
	}
	sd_bus_slot_set_destroy_callback(slot, free);
	sd_bus_slot_set_floating(slot, true);
	sd_bus_slot_unref(slot);
}

int device_monitor_read(sd_bus_message *message,
			int (*read)(sd_bus_message *message, const char *name, void *userdata),
			void *userdata)
{
	int r = sd_bus_message_enter_container(message, 'a', "{sv}");

	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		const char *name;

		r = sd_bus_message_read(message, "s", &name);
		if (r >= 0)
			r = read(message, name, userdata);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
	}
	return r;
}

void device_monitor_tell(struct device_monitor *monitor, const struct event *event, usec_t since)
{
	struct event told = *event;

	told.time = clock_now(CLOCK_MONOTONIC);
	told.path.netns = monitor->netns;
	told.path.within = told.time - since;
	monitor->listener.event(monitor->listener.userdata, &told);
}
