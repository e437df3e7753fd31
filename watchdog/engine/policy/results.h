/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results of actions: reported by an effect, or shown by connections and units. */
#pragma once

#include "engine/state.h"

/* Takes an EVENT_ACTION_RESULT: reports the result of the order that its agent's plan waits for;
 * the next step is due EscalateAfterSec= later. Ignores results of other orders. After a loss of
 * the bus (-ECONNRESET) the unit's next state shows the result: UNANSWERED_ORDER. */
void results_take(struct engine *engine, const struct event *event);

/* Reports what became of UNANSWERED_ORDER, as far as the unit or the connection shows it. An action
 * that did not happen is uncounted and becomes the plan's next step again. Returns false, and
 * reports nothing, while systemd is still at work on a restart. */
bool results_settle(struct engine *engine, struct agent *agent);

/* The same, at once: the trouble is over. While systemd is at work, the result is uncertain. */
void results_settle_now(struct engine *engine, struct agent *agent);
