/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/obstacles.h"

#include <string.h>

#include "engine/policy/systemd.h"

/* After so many plans in a row that did not help with a cause, none is made for it any more. */
enum { UNHELPFUL_MAX = 2 };

/* Without an address of its hub the agent cannot connect, whatever is done to it. A plan about the
 * lookups themselves does not ask for that. */
static bool lookups_fail(const struct agent *agent)
{
	return agent->lookups.settled && !cause_is_of_names(agent->plan.cause);
}

/* A hub refuses tokens, and an agent certificates, as long as a clock is wrong. A host that has no
 * time service at all is not meant: it would be offline for ever. */
static bool clock_is_to_be_set(const struct engine *engine)
{
	return engine->clock == CLOCK_AWAITED || engine->clock == CLOCK_PAST;
}

bool obstacles_host_is_offline(const struct engine *engine, const struct agent *agent)
{
	const struct record *about = &agent->plan.record;

	if (!agent->settings->hold_while_offline)
		return false;
	return lookups_fail(agent) || clock_is_to_be_set(engine) ||
	       (about->peer.family &&
		state_is_offline(engine, about->netns, &about->peer, engine->now));
}

const char *obstacles_for_good(const struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;

	if (plan->record.verdict.confidence == CONFIDENCE_SUSPECTED)
		return "confidence";
	if (agent->actions_held)
		return "operator";
	if (agent->settings->dry_run)
		return "dry-run";
	if (agent->unhelpful[plan->cause] >= UNHELPFUL_MAX)
		return "did-not-help";
	if (systemd_stopped(agent))
		return "stopped";
	if (agent->has_unit && agent->unit.masked)
		return "masked";
	if (systemd_gave_up(agent) || (plan->record.action.type == ACTION_RESTART &&
				       systemd_would_refuse(agent, engine->now)))
		return "start-limit";
	if (budget_wait(&agent->budget, agent->settings, engine->now))
		return "limit";
	return NULL;
}

/* What is done to the agent is in vain while nothing can reach the hub. What another unit does may
 * be what brings the network back. */
static bool is_for_agent(const struct agent *agent, const struct action *action)
{
	return action->type != ACTION_START_UNIT || strcmp(action->unit, agent->unit.unit) == 0;
}

const char *obstacles_for_now(const struct engine *engine, const struct agent *agent,
			      const struct action *action)
{
	if (is_for_agent(agent, action) && obstacles_host_is_offline(engine, agent))
		return "offline";
	if (systemd_is_away(agent, action))
		return "bus";
	return systemd_at_work(agent) ? "systemd" : NULL;
}

const char *obstacles_that_pass(const char *held_by)
{
	static const char *const obstacles[] = { "offline", "systemd", "bus" };

	for (size_t i = 0; i < sizeof(obstacles) / sizeof(*obstacles); i++)
		if (strcmp(held_by, obstacles[i]) == 0)
			return obstacles[i];
	return NULL;
}
