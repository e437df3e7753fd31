/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name lookups of agents without a connection: whether they fail, and what is reported of
 * that. */
#pragma once

#include "engine/state.h"

/* Takes an EVENT_LOOKUP. While a connection of the agent is up, lookups do not matter. */
void lookups_take(struct engine *engine, const struct event *event);

/* The agent has an address: it sent a SYN, or a connection is up. Its lookups do not fail any more;
 * `up`: the outage is over, and the next one is reported anew. */
void lookups_succeeded(struct engine *engine, struct agent *agent, bool up);

/* The deadline of the agent's lookups has come: a question went unanswered for too long, what
 * failed may be reported, or it is so long ago that it says nothing about the present. */
void lookups_due(struct engine *engine, struct agent *agent);

/* Returns true if the agent may look up names unseen: the host has a way to do so, since the last
 * session ended none of its lookups was seen, and not each of its last two sessions began with one
 * that was. */
bool lookups_may_hide(const struct agent *agent);
