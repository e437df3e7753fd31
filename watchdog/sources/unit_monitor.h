/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd's view of the agents' units, as events, over the system bus.
 *
 * Nothing here blocks. When the bus goes away the monitor says so, keeps trying to come back, and
 * then reads every unit again. systemd 240 or newer: older ones do not announce a unit's job. */
#pragma once

#include "sources/source.h"

struct unit_monitor;

/* Options: a struct unit_groups. A missing bus is no error: the monitor waits for it. It attaches
 * itself to the event loop.
 *
 * Its events are EVENT_UNIT: a unit's state as first read, and then whenever it differs;
 * UNIT_UNKNOWN when the bus is lost. A unit that has stopped keeps its invocation_id until it
 * starts again, as in systemd. Its notices are a unit that cannot be loaded (said once, it is
 * watched all the same), and the bus lost and found. */
extern const struct source unit_monitor_source;

/* Takes where the units' control groups are. Called from the event loop, never from inside a call
 * below, and must not make one. */
struct unit_groups {
	/* The unit's control group is, or will be when it starts, `name` in `parent`. `parent` is
	 * absolute from the root of the control group tree ("/system.slice"), not of the file
	 * system. Called again only if that changes. */
	void (*found)(void *userdata, uint32_t agent, const char *parent, const char *name);
	void *userdata;
};

/* Returns 0 and a monitor in `*ret`, to be freed with unit_monitor_free(); or -ENOMEM. `listener`
 * and `groups` are copied, the loop is referenced. */
int unit_monitor_new(struct unit_monitor **ret, const struct source_listener *listener,
		     const struct unit_groups *groups);
struct unit_monitor *unit_monitor_free(struct unit_monitor *monitor); /* returns NULL */

/* Watches the unit `name` (a full name, "mosquitto.service") for `agent`; it need not exist yet,
 * and if it is `optional`, there is no notice of that. Returns 0, -EINVAL for a name that is too
 * long, or -ENOMEM. */
int unit_monitor_watch(struct unit_monitor *monitor, const char *name, uint32_t agent,
		       bool optional);

/* Forgets every unit of `agent`. */
void unit_monitor_unwatch(struct unit_monitor *monitor, uint32_t agent);
