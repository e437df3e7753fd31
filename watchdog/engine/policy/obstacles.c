/* What keeps an action from being taken: for good, or for now. */
#include <string.h>

#include "engine_policy.h"

/* So often an action may not help with a cause before it is no longer taken for it. */
enum { UNHELPFUL_MAX = 2 };

bool host_is_offline(const struct engine *engine, const struct agent *agent)
{
	const struct record *about = &agent->plan.record;

	return agent->settings->hold_while_offline && about->peer.family &&
	       engine_is_offline(engine, about->netns, &about->peer, engine->now);
}

bool cause_is_death(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_OOM || cause == CAUSE_AGENT_EXIT;
}

bool command_runs_anew(const struct agent *agent)
{
	return agent->command && agent->plan.since < agent->command_since;
}

/* ---- systemd's doing */

bool systemd_at_work(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	return agent->has_unit &&
	       (unit->state == UNIT_ACTIVATING || unit->state == UNIT_DEACTIVATING ||
		unit->state == UNIT_RELOADING || unit->state == UNIT_MAINTENANCE || *unit->job);
}

/* It was stopped, or is about to be. An agent that ended by itself leaves its unit in the state of
 * one that was stopped. */
bool unit_is_stopped(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	if (!agent->has_unit)
		return false;
	return strcmp(unit->job, "stop") == 0 ||
	       (unit->state == UNIT_INACTIVE && agent->plan.cause != CAUSE_AGENT_EXIT);
}

bool systemd_restarts(const struct agent *agent)
{
	return agent->has_unit && strncmp(agent->unit.sub_state, "auto-restart", 12) == 0;
}

/* It has run into its start limit. Result= tells only where nothing had failed before; else that
 * Restart= has ended in a unit that is dead (service_enter_dead()). */
static bool systemd_gave_up(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	return agent->has_unit && (strcmp(unit->result, "start-limit-hit") == 0 ||
				   (agent->plan.left_to_systemd && unit->state == UNIT_FAILED));
}

/* systemd cannot be asked, neither how the unit stands nor to act on it. */
static bool systemd_is_away(const struct agent *agent, const struct action *action)
{
	switch (action->type) {
	case ACTION_RELOAD:
	case ACTION_RESTART:
	case ACTION_START_UNIT:
		return *agent->unit.unit && !agent->has_unit;
	case ACTION_NONE:
	case ACTION_SIGNAL:
	case ACTION_ABORT_CONNECTION:
	case ACTION_TYPE_MAX:
	case ACTION_TYPE_INVALID:
		return false;
	}
	return false;
}

bool systemd_will_react(const struct agent *agent)
{
	return agent->has_unit && cause_is_death(agent->plan.cause) &&
	       agent->unit.state == UNIT_ACTIVE &&
	       agent->unit.main_pid == agent->plan.record.process.pid;
}

/* ---- may it be done? */

const char *obstacle_for_good(const struct engine *engine, const struct agent *agent)
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
	if (unit_is_stopped(agent))
		return "stopped";
	if (agent->has_unit && agent->unit.masked)
		return "masked";
	if (systemd_gave_up(agent))
		return "start-limit";
	if (!policy_budget_allows(&agent->budget, agent->settings, engine->now))
		return "limit";
	return NULL;
}

const char *obstacle_for_now(const struct engine *engine, const struct agent *agent,
			     const struct action *action)
{
	if (host_is_offline(engine, agent))
		return "offline";
	if (systemd_is_away(agent, action))
		return "bus";
	return systemd_at_work(agent) ? "systemd" : NULL;
}

const char *obstacle_that_passes(const char *held_by)
{
	static const char *const obstacles[] = { "offline", "systemd", "bus" };

	for (size_t i = 0; i < sizeof(obstacles) / sizeof(*obstacles); i++)
		if (strcmp(held_by, obstacles[i]) == 0)
			return obstacles[i];
	return NULL;
}

bool plan_is_held_by(const struct plan *plan, const char *reason)
{
	return plan->active && !plan->recalled && plan->held_by &&
	       strcmp(plan->held_by, reason) == 0;
}
