/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device monitor on a bus of its own, with a mock in the place of ModemManager and
 * NetworkManager: a child with one modem and one device, whose interface is `lo`, that change as it
 * is told. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "../unit/suite.h"
#include "sources/device_monitor.h"

#define MODEM_MANAGER   "org.freedesktop.ModemManager1"
#define MODEM           MODEM_MANAGER ".Modem"
#define NETWORK_MANAGER "org.freedesktop.NetworkManager"
#define DEVICE          NETWORK_MANAGER ".Device"
#define DEVICE_PATH     "/org/freedesktop/NetworkManager/Devices/7"
#define MODEM_PATH      "/org/freedesktop/ModemManager1/Modem/0"

enum { PATIENCE_MSEC = 5000, LOOPBACK = 1 };

extern const struct source device_monitor_source;

static pid_t daemon_process, mock;
static FILE *orders; /* the mock reads them */
static sd_event *loop;
static void *monitor;
static struct event told, seen[EVENT_TYPE_MAX]; /* the last event; the last of each type */
static unsigned count;

/* ---- the mock */

static uint32_t failed_reason;

static int get_ports(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "a(su)", 2, "ttyUSB2", 3, "lo", 2);
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "s", "a mock");
}

static int get_failed_reason(sd_bus *bus, const char *path, const char *interface,
			     const char *property, sd_bus_message *reply, void *userdata,
			     sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "u", failed_reason);
}

static const sd_bus_vtable modem_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Manufacturer", "s", get_text, 0, 0),
	SD_BUS_PROPERTY("Ports", "a(su)", get_ports, 0, 0),
	SD_BUS_PROPERTY("StateFailedReason", "u", get_failed_reason, 0, 0),
	SD_BUS_SIGNAL("StateChanged", "iiu", 0),
	SD_BUS_VTABLE_END,
};

/* NetworkManager tells of two interfaces; of the one with the addresses, this device has none. */
static int get_interface(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "s", strcmp(property, "Interface") == 0 ? "lo" : "");
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "u", 100);
}

static int get_devices(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)userdata, (void)error;
	return sd_bus_message_append(reply, "ao", 1, DEVICE_PATH);
}

static const sd_bus_vtable device_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Interface", "s", get_interface, 0, 0),
	SD_BUS_PROPERTY("IpInterface", "s", get_interface, 0, 0),
	SD_BUS_PROPERTY("State", "u", get_state, 0, 0),
	SD_BUS_SIGNAL("StateChanged", "uuu", 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable network_manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Devices", "ao", get_devices, 0, 0),
	SD_BUS_PROPERTY("Version", "s", get_text, 0, 0),
	SD_BUS_VTABLE_END,
};

static int on_order(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	int before, state;
	unsigned reason;
	char line[64];

	(void)source, (void)revents, (void)fd;
	if (!fgets(line, sizeof(line), stdin))
		_exit(0);
	if (sscanf(line, "%d %d %u %u", &before, &state, &reason, &failed_reason) == 4)
		sd_bus_emit_signal(userdata, MODEM_PATH, MODEM, "StateChanged", "iiu", before,
				   state, reason);
	else if (sscanf(line, "device %d %d %u", &before, &state, &reason) == 3)
		sd_bus_emit_signal(userdata, DEVICE_PATH, DEVICE, "StateChanged", "uuu", state,
				   before, reason);
	return 0;
}

static void be_modem_manager(int from, int to)
{
	sd_event *own = NULL;
	sd_bus *bus = NULL;

	dup2(from, STDIN_FILENO);
	setvbuf(stdin, NULL, _IONBF, 0);
	if (sd_event_new(&own) < 0 || sd_bus_open_system(&bus) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, MODEM_PATH, MODEM, modem_vtable, NULL) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, DEVICE_PATH, DEVICE, device_vtable, NULL) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/NetworkManager", NETWORK_MANAGER,
				     network_manager_vtable, NULL) < 0 ||
	    sd_bus_request_name(bus, NETWORK_MANAGER, 0) < 0 ||
	    sd_bus_request_name(bus, MODEM_MANAGER, 0) < 0 ||
	    sd_bus_attach_event(bus, own, SD_EVENT_PRIORITY_NORMAL) < 0 ||
	    sd_event_add_io(own, NULL, STDIN_FILENO, EPOLLIN, on_order, bus) < 0 ||
	    write(to, "", 1) != 1)
		_exit(1);
	sd_event_loop(own);
	_exit(0);
}

static int start_mock(void)
{
	int to_mock[2], from_mock[2];
	char ready;

	if (pipe(to_mock) < 0 || pipe(from_mock) < 0)
		return -1;
	mock = fork();
	if (mock == 0)
		be_modem_manager(to_mock[0], from_mock[1]);
	close(to_mock[0]);
	close(from_mock[1]);
	orders = fdopen(to_mock[1], "w");
	return read(from_mock[0], &ready, 1) == 1 && close(from_mock[0]) == 0 ? 0 : -1;
}

/* ---- the bus */

static char directory[] = "/tmp/connwatch-device-XXXXXX";

static int start_bus(void)
{
	char address[128];
	int said[2];
	char line[256];

	if (!mkdtemp(directory) || pipe(said) < 0)
		return -1;
	snprintf(address, sizeof(address), "--address=unix:path=%s/bus", directory);
	daemon_process = fork();
	if (daemon_process == 0) {
		dup2(said[1], STDOUT_FILENO);
		execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--print-address",
		       address, (char *)NULL);
		_exit(127);
	}
	close(said[1]);
	if (read(said[0], line, sizeof(line)) <= 0)
		return -1;
	close(said[0]);
	snprintf(address, sizeof(address), "unix:path=%s/bus", directory);
	return setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
}

static void end(pid_t process)
{
	kill(process, SIGTERM);
	waitpid(process, NULL, 0);
}

/* ---- what the monitor tells */

static void take_event(void *userdata, const struct event *event)
{
	(void)userdata;
	told = seen[event->type] = *event;
	count++;
}

static void take_notice(void *userdata, const char *text, int error)
{
	(void)userdata, (void)error;
	puts(text);
}

/* Returns true if one more event has come in time. */
static bool await(unsigned before, int patience_msec)
{
	for (int waited = 0; count == before && waited < patience_msec; waited += 50)
		sd_event_run(loop, 50 * USEC_PER_MSEC);
	return count > before;
}

static void change(int before, int state, unsigned reason, unsigned failed)
{
	fprintf(orders, "%d %d %u %u\n", before, state, reason, failed);
	fflush(orders);
}

static void change_device(int before, int state, unsigned reason)
{
	fprintf(orders, "device %d %d %u\n", before, state, reason);
	fflush(orders);
}

/* A device that is connected already is told once its interface is known: then the monitor hears.
 */
static void begin(void)
{
	const struct source_listener listener = { .event = take_event, .notice = take_notice };
	struct source_listener with_loop = listener;

	CU_ASSERT_EQUAL_FATAL(start_bus(), 0);
	CU_ASSERT_EQUAL_FATAL(start_mock(), 0);
	CU_ASSERT_FATAL(sd_event_new(&loop) >= 0);
	with_loop.loop = loop;
	CU_ASSERT_EQUAL_FATAL(device_monitor_source.open(&monitor, &with_loop, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(monitor);
	CU_ASSERT_FATAL(await(0, PATIENCE_MSEC));
	CU_ASSERT(told.type == EVENT_DEVICE && told.path.interface == LOOPBACK);
	CU_ASSERT(told.path.device == DEVICE_ACTIVATED && told.path.up);
}

static const struct {
	const char *why;
	int before, state;
	unsigned reason, failed;
	enum radio radio; /* RADIO_NONE: nothing is told */
} rows[] = {
	{ "the session ended", 11, 8, 0, 0, RADIO_BEARER_LOST },
	{ "the network is lost", 8, 7, 0, 0, RADIO_UNREGISTERED },
	{ "on its way up", 7, 8, 0, 0, RADIO_NONE },
	{ "connected", 10, 11, 0, 0, RADIO_MODEM_UP },
	{ "somebody disconnects it", 11, 9, 1, 0, RADIO_MODEM_LEFT },
	{ "that is done", 9, 8, 1, 0, RADIO_NONE },
	{ "the SIM is gone", 8, -1, 3, 2, RADIO_SIM_MISSING },
	{ "the SIM fails", 8, -1, 3, 3, RADIO_SIM_FAULTY },
	{ "it fails", 8, -1, 3, 1, RADIO_MODEM_FAILED },
	{ "it is locked", 8, 2, 0, 0, RADIO_SIM_LOCKED },
	{ "it is disabled", 8, 3, 1, 0, RADIO_MODEM_DISABLED },
};

/* A change that the monitor does not tell is followed by one that it tells. */
static void test_states(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned before = count;

		change(rows[i].before, rows[i].state, rows[i].reason, rows[i].failed);
		if (rows[i].radio == RADIO_NONE)
			continue;
		CHECK(await(before, PATIENCE_MSEC), rows[i].why);
		CHECK(count == before + 1, rows[i].why);
		CHECK(told.type == EVENT_RADIO && told.path.interface == LOOPBACK, rows[i].why);
		CHECK(told.path.radio == rows[i].radio, rows[i].why);
		CHECK(told.path.up == (rows[i].radio == RADIO_MODEM_UP), rows[i].why);
	}
}

static const struct {
	const char *why;
	int before, state;
	unsigned reason;
	enum device_state device; /* DEVICE_NONE: nothing is told */
} devices[] = {
	{ "somebody disconnects it", 100, 110, 39, DEVICE_DEACTIVATING },
	{ "that is done", 110, 30, 39, DEVICE_DISCONNECTED },
	{ "on its way up", 30, 40, 0, DEVICE_NONE },
	{ "no address can be had", 70, 120, 5, DEVICE_FAILED },
	{ "that is over", 120, 30, 0, DEVICE_NONE },
	{ "connected", 90, 100, 0, DEVICE_ACTIVATED },
	{ "its link went", 100, 20, 40, DEVICE_UNAVAILABLE },
	{ "its link is back", 20, 30, 40, DEVICE_NONE },
	{ "no longer managed, which disconnects nothing", 100, 10, 36, DEVICE_NONE },
	{ "its lease ran out", 100, 120, 6, DEVICE_FAILED },
};

static void test_devices(void)
{
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		unsigned before = count;

		change_device(devices[i].before, devices[i].state, devices[i].reason);
		if (devices[i].device == DEVICE_NONE)
			continue;
		CHECK(await(before, PATIENCE_MSEC), devices[i].why);
		CHECK(count == before + 1, devices[i].why);
		CHECK(told.type == EVENT_DEVICE && told.path.interface == LOOPBACK, devices[i].why);
		CHECK(told.path.device == devices[i].device, devices[i].why);
		CHECK(told.path.up == (devices[i].device == DEVICE_ACTIVATED), devices[i].why);
		CHECK(told.path.reason == devices[i].reason, devices[i].why);
	}
}

/* Anybody on the bus can send a signal to the monitor alone. */
static void test_others_are_not_heard(void)
{
	const struct device_monitor *opened = monitor;
	sd_bus_message *signal = NULL;
	const char *to = NULL;
	sd_bus *other = NULL;
	unsigned before = count;

	CU_ASSERT_FATAL(sd_bus_get_unique_name(opened->bus, &to) >= 0);
	CU_ASSERT_FATAL(sd_bus_open_system(&other) >= 0);
	CU_ASSERT(sd_bus_message_new_signal(other, &signal, DEVICE_PATH, DEVICE, "StateChanged") >=
		  0);
	CU_ASSERT(sd_bus_message_append(signal, "uuu", 110, 100, 39) >= 0);
	CU_ASSERT(sd_bus_send_to(other, signal, to, NULL) >= 0);
	/* the answer to that says that the bus has passed on the signal */
	CU_ASSERT(sd_bus_call_method(other, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				     "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL) >= 0);
	sd_bus_message_unref(signal);
	sd_bus_flush_close_unref(other);
	change_device(100, 120, 6);
	CU_ASSERT(await(before, PATIENCE_MSEC));
	CU_ASSERT(count == before + 1 && told.path.device == DEVICE_FAILED);
}

/* A service that is gone tells neither when the modem is back nor what becomes of a device. */
static void test_services_go(void)
{
	unsigned before = count;

	end(mock);
	fclose(orders);
	CU_ASSERT(await(before, PATIENCE_MSEC) && await(before + 1, PATIENCE_MSEC));
	CU_ASSERT_EQUAL(seen[EVENT_RADIO].path.radio, RADIO_MODEM_UP);
	CU_ASSERT_EQUAL(seen[EVENT_DEVICE].path.device, DEVICE_NONE);
	CU_ASSERT_TRUE(seen[EVENT_DEVICE].path.removed);
}

static void test_end(void)
{
	char path[64];

	device_monitor_source.close(monitor);
	sd_event_unref(loop);
	end(daemon_process);
	snprintf(path, sizeof(path), "%s/bus", directory);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(directory), 0);
}

SUITE("device_monitor", { "a bus and a device", begin }, { "states of a modem", test_states },
      { "states of a device", test_devices }, { "others are not heard", test_others_are_not_heard },
      { "services go", test_services_go }, { "the end", test_end })
