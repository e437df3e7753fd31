/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks systemd to restart, reload or start a unit, and waits for the job without blocking. */
#pragma once

#include <systemd/sd-event.h>

#include "events/event.h"

struct unit_actions;

/* Returns 0 and stores the object in `*ret`, to be freed by unit_actions_free(); or -ENOMEM. Takes
 * a reference to `loop`. Connects to the system bus when it is first needed. */
int unit_actions_new(struct unit_actions **ret, sd_event *loop, event_sink sink, void *userdata);

/* Frees `actions` without waiting for their jobs, which continue in systemd. Returns NULL. */
struct unit_actions *unit_actions_free(struct unit_actions *actions);

/* Starts `action` (ACTION_RESTART, ACTION_RELOAD or ACTION_START_UNIT) on `unit` for `agent`. The
 * job never replaces a job of somebody else: for a unit that is being stopped, the result is
 * -EDEADLK (TransactionIsDestructive); where the unit's start limit refuses its restart, -EDQUOT.
 * Returns 0; later, from the event loop, the sink then gets
 * one EVENT_ACTION_RESULT with the number `order`: its error is 0 when the job is done, -ECONNRESET
 * when the bus or systemd went away, so that the result is unknown, or another -errno; its detail
 * is the result of the job or the D-Bus error name. Returns -EINVAL for another action, -ENOMEM, or
 * the -errno of a missing bus; the sink then gets nothing. */
int unit_action_start(struct unit_actions *actions, uint32_t order, uint32_t agent,
		      enum action_type action, const char *unit);
