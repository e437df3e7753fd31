#include "policy_budget.h"

/* The action `burst` actions ago must have left the interval. */
bool policy_budget_allows(const struct policy_budget *budget, const struct agent_settings *settings,
			  usec_t now)
{
	unsigned burst = settings->limit_burst < BUDGET_MAX ? settings->limit_burst : BUDGET_MAX;
	usec_t oldest;

	if (burst == 0)
		return false;
	oldest = budget->taken[(budget->next + BUDGET_MAX - burst) % BUDGET_MAX];
	return oldest == 0 || (now > oldest && now - oldest > settings->limit_interval);
}

void policy_budget_spend(struct policy_budget *budget, usec_t now)
{
	budget->taken[budget->next] = now;
	budget->next = (budget->next + 1) % BUDGET_MAX;
}

void policy_budget_take_back(struct policy_budget *budget)
{
	budget->next = (budget->next + BUDGET_MAX - 1) % BUDGET_MAX;
	budget->taken[budget->next] = 0;
}
