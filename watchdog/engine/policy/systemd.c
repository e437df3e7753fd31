/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/systemd.h"

#include <string.h>

bool systemd_at_work(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	return agent->has_unit &&
	       (unit->state == UNIT_ACTIVATING || unit->state == UNIT_DEACTIVATING ||
		unit->state == UNIT_RELOADING || unit->state == UNIT_MAINTENANCE || *unit->job);
}

bool systemd_restarts(const struct agent *agent)
{
	return agent->has_unit && strncmp(agent->unit.sub_state, "auto-restart", 12) == 0;
}

bool systemd_will_react(const struct agent *agent)
{
	return agent->has_unit && cause_is_death(agent->plan.cause) &&
	       agent->unit.state == UNIT_ACTIVE &&
	       agent->unit.main_pid == agent->plan.record.process.pid;
}

/* A unit whose agent exited by itself is inactive, too, like one that was stopped. */
bool systemd_stopped(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	if (!agent->has_unit)
		return false;
	return strcmp(unit->job, "stop") == 0 ||
	       (unit->state == UNIT_INACTIVE && agent->plan.cause != CAUSE_AGENT_EXIT);
}

/* Result= is start-limit-hit only where the unit had not failed before. Else only a failed state
 * after Restart= shows it (service_enter_dead() in systemd). */
bool systemd_gave_up(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	return agent->has_unit && (strcmp(unit->result, "start-limit-hit") == 0 ||
				   (agent->plan.left_to_systemd && unit->state == UNIT_FAILED));
}

bool systemd_is_away(const struct agent *agent, const struct action *action)
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
