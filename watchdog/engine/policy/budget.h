/* ActionLimitBurst= in ActionLimitIntervalSec=: how often an agent may be acted upon. */
#pragma once

#include <stdbool.h>

#include "settings.h"

/* A burst counts up to this many. */
enum { BUDGET_MAX = 64 };

struct policy_budget {
	usec_t taken[BUDGET_MAX]; /* when the last actions were, as a ring; 0: none */
	unsigned next;
};

/* True if one more action at `now` keeps to at most `limit_burst` in any `limit_interval`. */
bool policy_budget_allows(const struct policy_budget *budget, const struct agent_settings *settings,
			  usec_t now);
void policy_budget_spend(struct policy_budget *budget, usec_t now);
/* The last one did not happen. */
void policy_budget_take_back(struct policy_budget *budget);
