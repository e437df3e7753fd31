/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ActionLimitBurst= in ActionLimitIntervalSec=: how often an agent may be acted upon. */
#pragma once

#include "settings/settings.h"

/* ActionLimitBurst= counts up to this many. */
enum { BUDGET_MAX = 64 };

/* All 0 at the beginning. */
struct budget {
	usec_t taken[BUDGET_MAX]; /* when the last actions were taken, as a ring; 0: none */
	unsigned next;
};

/* Returns how long after `now` one more action keeps to at most `settings->limit_burst` actions in
 * any span of `settings->limit_interval`: 0: at once; USEC_INFINITY: never. */
usec_t budget_wait(const struct budget *budget, const struct agent_settings *settings, usec_t now);

/* Counts an action that is taken at `now`. */
void budget_spend(struct budget *budget, usec_t now);

/* Counts an action that was taken at `time`, in the order of time. The journal and the handover may
 * both tell of it: one that is counted already is not counted again. */
void budget_recall(struct budget *budget, usec_t time);

/* Uncounts the action that was counted last: it did not happen. */
void budget_take_back(struct budget *budget);
