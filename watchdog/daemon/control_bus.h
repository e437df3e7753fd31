/* org.connwatch1 on the system bus: what the daemon knows, what it is told to do, and a signal for
 * each record. Without a bus nothing is lost but this; when one comes, or comes back, we are on it.
 *
 *	/org/connwatch1              org.connwatch1.Manager
 *	/org/connwatch1/agent/NAME   org.connwatch1.Agent, NAME as sd_bus_path_encode(3) has it */
#pragma once

#include "core/tally.h"
#include "watch_loop.h"

struct control_bus;

/* Joins the bus. `tallies` and `loop` must live for as long as the bus. `reload` reads the settings
 * again and returns 0 or -errno. Returns 0 or -errno. */
int control_bus_new(struct control_bus **ret, struct watch_loop *loop,
		    const struct tallies *tallies, int (*reload)(void *userdata), void *userdata);
struct control_bus *control_bus_free(struct control_bus *bus); /* returns NULL */

/* Sends the signal of `record`, which must have been counted already. `realtime` in microseconds
 * since 1970. */
void control_bus_record(struct control_bus *bus, const struct record *record, usec_t realtime);

/* Something may have changed: properties are compared, once, before the event loop waits again. */
void control_bus_stepped(struct control_bus *bus);
