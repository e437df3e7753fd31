/* Asks connwatchd over D-Bus, and listens to it. Every call is bounded by a time-out. */
#pragma once

#include "bus_value.h"

struct bus_client;

/* Returns 0, or -errno if there is no system bus. */
int bus_client_open(struct bus_client **ret);
struct bus_client *bus_client_close(struct bus_client *client); /* returns NULL */

/* All there is to know, to be freed: a dictionary of the Manager's properties, with "Agents" a list
 * of dictionaries of each Agent's properties, with "OpenConnections" a list of those that
 * Manager.Snapshot() names. Returns 0; -ENOENT if connwatchd is not running; or another -errno. */
int bus_client_status(struct bus_client *client, struct value **ret);

/* Takes one signal: its member's name and the fields of its record. Returns 0 to go on, or what
 * bus_client_listen() is to return. */
typedef int (*signal_sink)(void *userdata, const char *signal, struct value *record);

/* Hands on each signal of an agent until the sink ends it, SIGINT or SIGTERM comes (returns 0) or
 * the bus is lost (-ECONNRESET). connwatchd may stop and start meanwhile. Returns otherwise
 * -errno. */
int bus_client_listen(struct bus_client *client, signal_sink sink, void *userdata);
