/* systemd's view of the agents' units, as events, over the system bus.
 *
 * Nothing here blocks. When the bus goes away the monitor says so, keeps trying to come back, and
 * then reads every unit again. systemd 240 or newer: older ones do not announce a unit's job. */
#pragma once

#include <stdint.h>
#include <systemd/sd-event.h>

#include "core/event.h"

struct unit_monitor;

/* Who is told. All are called from the event loop, never from inside a call below, and must not
 * call one themselves. */
struct unit_listener {
	/* EVENT_UNIT: a unit's state as first read, and then whenever it differs: UNIT_UNKNOWN when
	 * the bus is lost. A unit that has stopped keeps its invocation_id until it starts again,
	 * as in systemd. */
	event_sink event;

	/* The unit's control group is, or will be when it starts, `name` in `parent`. `parent` is
	 * absolute from the root of the control group tree ("/system.slice"), not of the file
	 * system. Called again only if that changes. */
	void (*control_group)(void *userdata, uint32_t agent, const char *parent, const char *name);

	/* A sentence for the operator, without a full stop: a unit that cannot be loaded (said
	 * once, it is watched all the same), the bus lost and found. */
	void (*notice)(void *userdata, const char *text);

	void *userdata;
};

/* Returns 0 and a monitor in `*ret`, to be freed with unit_monitor_free(); or -ENOMEM. That there
 * is no bus is no error: the monitor waits for it. `loop` is referenced, `listener` copied. */
int unit_monitor_new(struct unit_monitor **ret, sd_event *loop,
		     const struct unit_listener *listener);
struct unit_monitor *unit_monitor_free(struct unit_monitor *monitor); /* returns NULL */

/* Watches `unit` (a full name, "mosquitto.service") for `agent`; it need not exist yet. Returns 0,
 * -EINVAL for a name that is too long, or -ENOMEM. */
int unit_monitor_watch(struct unit_monitor *monitor, const char *unit, uint32_t agent);

/* Forgets every unit of `agent`. */
void unit_monitor_unwatch(struct unit_monitor *monitor, uint32_t agent);
