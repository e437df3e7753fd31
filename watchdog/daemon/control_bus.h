/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.connwatch1 on the system bus: the daemon's state, its methods, and a signal for each record.
 * The daemon works without a bus, and connects when one appears or comes back.
 *
 *	/org/connwatch1              org.connwatch1.Manager
 *	/org/connwatch1/agent/NAME   org.connwatch1.Agent, NAME encoded by sd_bus_path_encode(3) */
#pragma once

#include "record/tally.h"
#include "watch/loop.h"

struct control_bus;

/* Connects to the bus, now or when there is one. `tallies` and `loop` must outlive the object.
 * `reload` reloads the settings and returns 0 or -errno. Returns 0 or -errno. */
int control_bus_new(struct control_bus **ret, struct watch_loop *loop,
		    const struct tallies *tallies, int (*reload)(void *userdata), void *userdata);
struct control_bus *control_bus_free(struct control_bus *bus); /* returns NULL */

/* Sends the signal of `record`, which must have been counted already. `realtime` is in microseconds
 * since 1970. */
void control_bus_record(struct control_bus *bus, const struct record *record, usec_t realtime);

/* Marks the state as possibly changed: the properties are compared once before the event loop waits
 * again. */
void control_bus_stepped(struct control_bus *bus);
