/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Obstacles to an action, for good or for now. They are the static texts of
 * CONNWATCH_ACTION_HELD_BY. */
#pragma once

#include "engine/state.h"

/* Returns what forbids the agent's plan to take any more steps: "confidence", "operator",
 * "dry-run", "did-not-help", "stopped", "masked", "start-limit" or "limit"; NULL: nothing. */
const char *obstacles_for_good(const struct engine *engine, const struct agent *agent);

/* Returns what forbids `action` at present: "offline" (not if another unit than the agent's is to
 * be started), "bus" or "systemd". An event will show when
 * that changes. NULL: nothing. */
const char *obstacles_for_now(const struct engine *engine, const struct agent *agent,
			      const struct action *action);

/* Returns the obstacle `held_by`, text of a record, as static text if it is one of
 * obstacles_for_now(); else NULL. */
const char *obstacles_that_pass(const char *held_by);

/* True if the agent's WhileOffline= is `hold`, and nothing can reach the peer that the plan's
 * verdict is about. */
bool obstacles_host_is_offline(const struct engine *engine, const struct agent *agent);
