/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What services on the bus report on the interfaces of our own network namespace. Without a bus or
 * without the service there are no events. Nobody is started by being listened to. */
#include "sources/device_monitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RETRY_FIRST (1 * USEC_PER_SEC)
#define RETRY_MOST  (64 * USEC_PER_SEC)

static const struct device_service *const services[] = { &modem_service, &network_service };

enum { SERVICES = sizeof(services) / sizeof(services[0]) };

static void leave_bus(struct device_monitor *monitor)
{
	if (monitor->bus)
		sd_bus_detach_event(monitor->bus);
	monitor->bus = sd_bus_close_unref(monitor->bus);
}

static void retry_later(struct device_monitor *monitor)
{
	sd_event_source_set_time_relative(monitor->retry, monitor->retry_delay);
	sd_event_source_set_enabled(monitor->retry, SD_EVENT_ONESHOT);
	if (monitor->retry_delay < RETRY_MOST)
		monitor->retry_delay *= 2;
}

/* The bus itself is freed when the retry is due: this is called from inside it. */
static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct device_monitor *monitor = userdata;

	(void)message, (void)error;
	for (unsigned i = 0; i < SERVICES; i++)
		services[i]->gone(monitor);
	monitor->retry_delay = RETRY_FIRST;
	retry_later(monitor);
	return 0;
}

/* The bus passes on what the service tells all. Anybody may send a signal to us alone. */
static int on_state_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)error;
	if (sd_bus_message_get_destination(message))
		return 0;
	for (unsigned i = 0; i < SERVICES; i++)
		if (sd_bus_message_is_signal(message, services[i]->interface, NULL))
			services[i]->changed(userdata, message);
	return 0;
}

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *name, *owner;

	(void)error;
	if (sd_bus_message_read(message, "sss", &name, NULL, &owner) < 0 || owner[0])
		return 0;
	for (unsigned i = 0; i < SERVICES; i++)
		if (strcmp(name, services[i]->name) == 0)
			services[i]->gone(userdata);
	return 0;
}

static int follow(struct device_monitor *monitor, const struct device_service *service)
{
	char match[256];
	int r = sd_bus_match_signal_async(monitor->bus, NULL, service->name, NULL,
					  service->interface, "StateChanged", on_state_changed,
					  NULL, monitor);

	if (r < 0)
		return r;
	snprintf(match, sizeof(match),
		 "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
		 "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
		 service->name);
	return sd_bus_add_match_async(monitor->bus, NULL, match, on_owner_changed, NULL, monitor);
}

static int join_bus(struct device_monitor *monitor)
{
	int r = sd_bus_open_system_with_description(&monitor->bus, "device-monitor");

	if (r >= 0)
		r = sd_bus_attach_event(monitor->bus, monitor->listener.loop,
					SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_match_signal_async(monitor->bus, NULL, "org.freedesktop.DBus.Local",
					      "/org/freedesktop/DBus/Local",
					      "org.freedesktop.DBus.Local", "Disconnected",
					      on_disconnected, NULL, monitor);
	for (unsigned i = 0; r >= 0 && i < SERVICES; i++)
		r = follow(monitor, services[i]);
	for (unsigned i = 0; r >= 0 && i < SERVICES; i++)
		if (services[i]->joined)
			services[i]->joined(monitor);
	return r;
}

static int on_retry(sd_event_source *source, uint64_t time, void *userdata)
{
	struct device_monitor *monitor = userdata;

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
	struct device_monitor *monitor = source;

	if (!monitor)
		return;
	leave_bus(monitor);
	sd_event_source_disable_unref(monitor->retry);
	sd_event_unref(monitor->listener.loop);
	free(monitor);
}

/* A host without a bus has no such service, and nothing waits for either. */
static int open_source(void **ret, const struct source_listener *listener, const void *options)
{
	struct device_monitor *monitor = calloc(1, sizeof(*monitor));
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

const struct source device_monitor_source = {
	.name = "ModemManager or NetworkManager",
	.open = open_source,
	.close = close_source,
};
