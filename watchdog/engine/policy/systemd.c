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

/* ---- the start limit: unit_test_start_limit() in systemd, of which the bus tells the settings
 * alone */

static bool is_over(const struct unit_starts *starts, usec_t interval, usec_t time)
{
	return time > starts->since && time - starts->since > interval;
}

/* `systemctl reset-failed` forgets the starts, too. */
static bool was_reset(const struct unit_event *before, const struct unit_event *now)
{
	return before->state == UNIT_FAILED && now->state == UNIT_INACTIVE;
}

static bool was_started(const struct unit_event *before, const struct unit_event *now)
{
	return *now->invocation_id && strcmp(before->invocation_id, now->invocation_id) != 0;
}

/* What was before the first word of the unit is not known, unless it never ran. */
void systemd_count_starts(struct agent *agent, const struct event *event)
{
	const struct unit_event *before = &agent->unit, *now = &event->unit;
	struct unit_starts *starts = &agent->starts;

	if (!agent->has_unit) {
		*starts = (struct unit_starts){ event->time, 0, !*now->invocation_id };
	} else if (was_started(before, now)) {
		if ((starts->known && !starts->count) ||
		    is_over(starts, now->start_limit_interval, event->time))
			*starts = (struct unit_starts){ event->time, 0, true };
		starts->count++;
	} else if (was_reset(before, now)) {
		*starts = (struct unit_starts){ event->time, 0, true };
	}
}

bool systemd_would_refuse(const struct agent *agent, usec_t time)
{
	const struct unit_starts *starts = &agent->starts;
	const struct unit_event *unit = &agent->unit;

	return agent->has_unit && unit->start_limit_interval && unit->start_limit_burst &&
	       starts->known && starts->count >= unit->start_limit_burst &&
	       !is_over(starts, unit->start_limit_interval, time);
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
