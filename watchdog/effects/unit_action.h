/* Asks systemd to restart, reload or start a unit, and waits for the job without blocking. */
#pragma once

#include <systemd/sd-event.h>

#include "core/event.h"

struct unit_actions;

/* Returns 0 and in `*ret` what unit_actions_free() frees; or -ENOMEM. `loop` is referenced. The
 * system bus is joined when it is first needed. */
int unit_actions_new(struct unit_actions **ret, sd_event *loop, event_sink sink, void *userdata);

/* Waits for nothing that is still under way; its jobs go on. Returns NULL. */
struct unit_actions *unit_actions_free(struct unit_actions *actions);

/* Starts `action` (ACTION_RESTART, ACTION_RELOAD or ACTION_START_UNIT) on `unit` for `agent`.
 * No job of another's gives way to it: of a unit that is being stopped the result is -EDEADLK
 * (TransactionIsDestructive).
 * Returns 0; the sink is then told once, later and from the event loop, by an EVENT_ACTION_RESULT
 * with the number `order`: error 0 when the job is done, -ECONNRESET when the bus or systemd went
 * away meanwhile, so that nobody knows, else -errno, and the job's result or D-Bus's word for the
 * error as its detail. Returns -EINVAL for another action, -ENOMEM, or the -errno of a bus that is
 * not there; the sink is then told nothing. */
int unit_action_start(struct unit_actions *actions, uint32_t order, uint32_t agent,
		      enum action_type action, const char *unit);
