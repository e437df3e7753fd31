/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the engine's orders to the effects that carry them out, and from their results back to
 * events. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "engine/engine.h"

struct watch_actions;

/* `restart` and `userdata` as in struct watch_options; `agents` is the highest number of an agent.
 * `sink` gets each result from the event loop, never from inside the call that gave the order: the
 * engine must not be stepped from inside its own outcome. `event` is referenced. Returns 0 or
 * -errno. */
int watch_actions_new(struct watch_actions **ret, sd_event *event, uint32_t agents,
		      int (*restart)(void *userdata, const struct order *order), void *userdata,
		      event_sink sink, void *sink_userdata);
struct watch_actions *watch_actions_free(struct watch_actions *actions); /* returns NULL */

/* Carries `order` out, or begins to. `stalled_after` is how long a connection must have been silent
 * to be aborted, in microseconds. The result follows as one EVENT_ACTION_RESULT. */
void watch_actions_carry_out(struct watch_actions *actions, const struct order *order,
			     usec_t stalled_after);

/* Reports the result of a restart that `restart` took on: 0 or -errno. */
void watch_actions_done(struct watch_actions *actions, uint32_t agent, uint32_t order, int error);

/* Returns true while systemd carries an order out. */
bool watch_actions_by_systemd(const struct watch_actions *actions);
/* No longer waits for what systemd carries out: the result of each such order is -EINPROGRESS. */
void watch_actions_forgo(struct watch_actions *actions);

/* Returns true while a result is not handed on yet. */
bool watch_actions_pending(const struct watch_actions *actions);
