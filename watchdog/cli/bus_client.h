/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The D-Bus client of connwatchd: its status, its signals, and what it is told to do. Every call
 * has a timeout. */
#pragma once

#include <stdbool.h>

#include "cli/bus_value.h"
#include "cli/command.h"

struct bus_client;

/* Returns 0, or -errno if there is no system bus. */
int bus_client_open(struct bus_client **ret);
struct bus_client *bus_client_close(struct bus_client *client); /* returns NULL */

/* Reads the whole status into `*ret`, which the caller frees: a dictionary of the Manager's
 * properties with "Agents", a list of dictionaries of each Agent's properties, each with
 * "OpenConnections", the list of its connections in Manager.Snapshot(). Returns 0, -ENOENT if
 * connwatchd is not running, or another -errno. */
int bus_client_status(struct bus_client *client, struct value **ret);

/* Reads the agents into `*ret`, which the caller frees: a list of dictionaries of each Agent's
 * properties. Returns as bus_client_status(). */
int bus_client_agents(struct bus_client *client, struct value **ret);

/* Has the actions of `agent` held, or taken again. Returns 0, -ENOENT if connwatchd is not running,
 * -ESRCH if it has no such agent, -EACCES if the caller may not, or another -errno. */
int bus_client_hold(struct bus_client *client, const char *agent, bool hold);

/* Has the settings read again. Returns as bus_client_hold(). */
int bus_client_reload(struct bus_client *client);

/* Prints why a call failed with `error` of these, except for -ESRCH, and returns the exit status.
 */
int bus_client_exit_status(const struct command *command, int error);

/* Receives one signal: the name of its member and the fields of its record. Returns 0 to continue,
 * or the value that bus_client_listen() returns. */
typedef int (*signal_sink)(void *userdata, const char *signal, struct value *record);

/* Passes each signal of an agent to `sink` until the sink ends it, SIGINT or SIGTERM arrives
 * (returns 0) or the bus is lost (-ECONNRESET). connwatchd may stop and start meanwhile. Otherwise
 * returns -errno. */
int bus_client_listen(struct bus_client *client, signal_sink sink, void *userdata);
