/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bus_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"
#include "cli/stop_signals.h"

#define NAME              "org.connwatch1"
#define PATH              "/org/connwatch1"
#define MANAGER_INTERFACE NAME ".Manager"
#define AGENT_INTERFACE   NAME ".Agent"
#define NO_SUCH_AGENT     NAME ".NoSuchAgent"

struct bus_client {
	sd_bus *bus;
	signal_sink sink;
	void *userdata;
	sd_event *event; /* while it listens */
};

int bus_client_open(struct bus_client **ret)
{
	struct bus_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	r = sd_bus_open_system_with_description(&client->bus, "connwatchctl");
	if (r < 0) {
		bus_client_close(client);
		return r;
	}
	*ret = client;
	return 0;
}

struct bus_client *bus_client_close(struct bus_client *client)
{
	if (!client)
		return NULL;
	sd_bus_flush_close_unref(client->bus);
	free(client);
	return NULL;
}

/* ---- status */

#define _cleanup_value_ _cleanup_(value_free_held)

static void release_message(sd_bus_message **message)
{
	sd_bus_message_unref(*message);
}

static void release_error(sd_bus_error *error)
{
	sd_bus_error_free(error);
}

/* The name has no owner, or the owner could not be started: connwatchd is not running. */
static int call_error(const sd_bus_error *error, int r)
{
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		return -ENOENT;
	return sd_bus_error_has_name(error, NO_SUCH_AGENT) ? -ESRCH : r;
}

/* Calls a method with `argument`, unless it is NULL, and reads its single result into `*ret`. NULL:
 * it has none. */
static int call(struct bus_client *client, const char *interface, const char *method,
		const char *argument, struct value **ret)
{
	_cleanup_(release_error) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(release_message) sd_bus_message *reply = NULL;
	int r = argument ? sd_bus_call_method(client->bus, NAME, PATH, interface, method, &error,
					      &reply, "s", argument)
			 : sd_bus_call_method(client->bus, NAME, PATH, interface, method, &error,
					      &reply, "");

	if (r < 0)
		return call_error(&error, r);
	return ret ? value_read(reply, ret) : 0;
}

/* Removes the value `name` from `whole` and returns it; NULL if there is none. */
static struct value *take_out(struct value *whole, const char *name)
{
	struct value *before = NULL, *part = whole->first;

	while (part && strcmp(part->name, name) != 0) {
		before = part;
		part = part->next;
	}
	if (!part)
		return NULL;
	if (before)
		before->next = part->next;
	else
		whole->first = part->next;
	if (whole->last == part)
		whole->last = before;
	part->next = NULL;
	free(part->name);
	part->name = NULL;
	return part;
}

/* Moves the properties of each agent from `objects`, which has them by path, then by interface, to
 * the list `agents`. */
static int take_agents(struct value *objects, struct value *agents)
{
	int r = 0;

	for (struct value *object = objects->first; r >= 0 && object; object = object->next) {
		struct value *agent = take_out(object, AGENT_INTERFACE);

		if (agent)
			r = value_add(agents, NULL, agent);
	}
	return r;
}

int bus_client_agents(struct bus_client *client, struct value **ret)
{
	_cleanup_value_ struct value *objects = NULL, *agents = value_new(VALUE_LIST);
	int r = agents ? call(client, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
			      NULL, &objects)
		       : -ENOMEM;

	if (r >= 0)
		r = take_agents(objects, agents);
	if (r >= 0)
		*ret = STEAL_POINTER(agents);
	return r < 0 ? r : 0;
}

/* Moves each connection of the agent from `connections` to the agent. */
static int give_connections(struct value *agent, struct value *connections)
{
	const char *name = value_text(agent, "Name");
	struct value *mine = value_new(VALUE_LIST), *next;
	struct value others = { .type = VALUE_LIST };
	int r = mine ? 0 : -ENOMEM;

	for (struct value *part = connections->first; r >= 0 && part; part = next) {
		next = part->next;
		part->next = NULL;
		r = value_add(strcmp(value_text(part, "Agent"), name) == 0 ? mine : &others, NULL,
			      part);
	}
	connections->first = others.first;
	connections->last = others.last;
	return r < 0 ? r : value_add(agent, "OpenConnections", mine);
}

int bus_client_status(struct bus_client *client, struct value **ret)
{
	_cleanup_value_ struct value *status = NULL, *agents = NULL, *connections = NULL;
	int r = call(client, "org.freedesktop.DBus.Properties", "GetAll", MANAGER_INTERFACE,
		     &status);

	if (r >= 0)
		r = bus_client_agents(client, &agents);
	if (r >= 0)
		r = call(client, MANAGER_INTERFACE, "Snapshot", NULL, &connections);
	if (r < 0)
		return r;
	for (struct value *agent = agents->first; r >= 0 && agent; agent = agent->next)
		r = give_connections(agent, connections);
	value_free(take_out(status, "Agents"));
	if (r >= 0)
		r = value_add(status, "Agents", STEAL_POINTER(agents));
	if (r >= 0)
		*ret = STEAL_POINTER(status);
	return r;
}

/* ---- what connwatchd is told to do */

int bus_client_hold(struct bus_client *client, const char *agent, bool hold)
{
	return call(client, MANAGER_INTERFACE, hold ? "HoldActions" : "ResumeActions", agent, NULL);
}

int bus_client_reload(struct bus_client *client)
{
	return call(client, MANAGER_INTERFACE, "Reload", NULL, NULL);
}

int bus_client_exit_status(const struct command *command, int error)
{
	switch (-error) {
	case 0:
		return EXIT_SUCCESS;
	case ENOENT:
		command_complain(command, "connwatchd is not running");
		return EXIT_UNAVAILABLE;
	case ESRCH:
		return EXIT_NO_INPUT;
	case EPERM:
	case EACCES:
		command_complain(command, "only root may do this");
		return EXIT_NO_PERMISSION;
	default:
		command_complain(command, "cannot ask connwatchd: %s", strerror(-error));
		return EXIT_UNAVAILABLE;
	}
}

/* ---- listening */

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct bus_client *client = userdata;
	_cleanup_value_ struct value *record = NULL;
	int r = value_read(message, &record);

	(void)error;
	if (r >= 0)
		r = client->sink(client->userdata, sd_bus_message_get_member(message), record);
	if (r < 0)
		sd_event_exit(client->event, r);
	return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct bus_client *client = userdata;

	(void)message, (void)error;
	return sd_event_exit(client->event, -ECONNRESET);
}

static int listen_on(struct bus_client *client)
{
	int r = sd_bus_add_match(client->bus, NULL,
				 "type='signal',sender='" NAME "',interface='" AGENT_INTERFACE "'",
				 on_signal, client);

	if (r >= 0)
		r = sd_bus_match_signal(client->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
					"org.freedesktop.DBus.Local", "Disconnected",
					on_disconnected, client);
	if (r >= 0)
		r = stop_signals_end_loop(client->event);
	if (r >= 0)
		r = sd_bus_attach_event(client->bus, client->event, SD_EVENT_PRIORITY_NORMAL);
	return r < 0 ? r : sd_event_loop(client->event);
}

int bus_client_listen(struct bus_client *client, signal_sink sink, void *userdata)
{
	int r = sd_event_new(&client->event);

	if (r < 0)
		return r;
	client->sink = sink;
	client->userdata = userdata;
	r = listen_on(client);
	sd_bus_detach_event(client->bus);
	client->event = sd_event_unref(client->event);
	return r;
}
