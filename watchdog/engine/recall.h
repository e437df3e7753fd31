/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Past events from the journal: after them the agent is as if this engine had seen its past. They
 * have no outcome. Events of agents that are not watched are ignored. */
#pragma once

#include "engine/state.h"

/* Takes an EVENT_HISTORY_SESSION: a session for the agent's rhythms. */
void recall_take_session(struct engine *engine, const struct event *event);

/* Takes an EVENT_HISTORY_TROUBLE: a verdict since the agent's last recovery. */
void recall_take_trouble(struct engine *engine, const struct event *event);

/* Takes an EVENT_HISTORY_ACTION: a record of an action, with its outcome. */
void recall_take_action(struct engine *engine, const struct event *event);

/* Takes an EVENT_HISTORY_OPEN: an open session that the journal has, or one that did not outlive
 * its boot, whose end is told now. */
void recall_take_open(struct engine *engine, const struct event *event);

/* Takes an EVENT_HISTORY_SPENT: an action that counts for the limit, whatever the journal says. */
void recall_take_spent(struct engine *engine, const struct event *event);
