/* From the engine's orders to the effects that carry them out, and from their results back to
 * events. Wiring for watch_loop.c. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "core/engine.h"

struct watch_actions;

/* `restart` and `userdata` as in struct watch_options; `agents` is how many there are at most.
 * `sink` takes the results, always from the event loop: the engine must not be stepped from inside
 * its own outcome. `event` is referenced. Returns 0 or -errno. */
int watch_actions_new(struct watch_actions **ret, sd_event *event, uint32_t agents,
		      int (*restart)(void *userdata, const struct order *order), void *userdata,
		      event_sink sink, void *sink_userdata);
struct watch_actions *watch_actions_free(struct watch_actions *actions); /* returns NULL */

/* Carries `order` out, or begins to. `stalled_after` is how long a connection must have been silent
 * to be aborted, in microseconds. Its result is told once, as an EVENT_ACTION_RESULT. */
void watch_actions_carry_out(struct watch_actions *actions, const struct order *order,
			     usec_t stalled_after);

/* Reports what became of a restart that `restart` took on: 0 or -errno. */
void watch_actions_done(struct watch_actions *actions, uint32_t agent, uint32_t order, int error);

/* True while systemd carries an order out. */
bool watch_actions_by_systemd(const struct watch_actions *actions);
/* Waits no longer for what systemd carries out: the result of each is -EINPROGRESS. */
void watch_actions_forgo(struct watch_actions *actions);

/* True while a result is on its way to the sink. */
bool watch_actions_pending(const struct watch_actions *actions);
