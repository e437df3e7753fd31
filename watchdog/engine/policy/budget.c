/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/budget.h"

/* The action `burst` actions ago must have left the interval. */
usec_t budget_wait(const struct budget *budget, const struct agent_settings *settings, usec_t now)
{
	unsigned burst = settings->limit_burst < BUDGET_MAX ? settings->limit_burst : BUDGET_MAX;
	usec_t oldest, next;

	if (burst == 0)
		return USEC_INFINITY;
	oldest = budget->taken[(budget->next + BUDGET_MAX - burst) % BUDGET_MAX];
	if (oldest == 0)
		return 0;
	if (settings->limit_interval >= USEC_INFINITY - oldest)
		return USEC_INFINITY;
	next = oldest + settings->limit_interval + 1;
	return next > now ? next - now : 0;
}

void budget_spend(struct budget *budget, usec_t now)
{
	budget->taken[budget->next] = now;
	budget->next = (budget->next + 1) % BUDGET_MAX;
}

void budget_recall(struct budget *budget, usec_t time)
{
	unsigned at = budget->next;

	for (unsigned i = 0; i < BUDGET_MAX; i++)
		if (budget->taken[i] == time)
			return;
	budget_spend(budget, time);
	for (unsigned i = 1; i < BUDGET_MAX; i++) {
		unsigned before = (at + BUDGET_MAX - 1) % BUDGET_MAX;

		if (budget->taken[before] <= time)
			return;
		budget->taken[at] = budget->taken[before];
		budget->taken[before] = time;
		at = before;
	}
}

void budget_take_back(struct budget *budget)
{
	budget->next = (budget->next + BUDGET_MAX - 1) % BUDGET_MAX;
	budget->taken[budget->next] = 0;
}
