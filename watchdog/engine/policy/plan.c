/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/plan.h"

#include <string.h>

#include "engine/outcomes.h"
#include "engine/policy/systemd.h"

/* After a crash systemd may be about to restart the unit (Restart=). How long to wait for its
 * report before acting on a unit that it still calls active. */
#define SYSTEMD_REACTION (2 * USEC_PER_SEC)

/* ---- how a plan begins */

/* Nothing is to be done about what was wanted: a stop, a token's renewal. A connection that has
 * ended cannot be aborted. */
static bool is_of_use(const struct action *action, const struct record *verdict)
{
	if (verdict->verdict.cause == CAUSE_AGENT_STOPPED ||
	    verdict->verdict.cause == CAUSE_TOKEN_RENEWAL)
		return false;
	switch (action->type) {
	case ACTION_ABORT_CONNECTION:
		return verdict->kind == RECORD_STALLED;
	case ACTION_NONE:
	case ACTION_TYPE_MAX:
	case ACTION_TYPE_INVALID:
		return false;
	case ACTION_RELOAD:
	case ACTION_SIGNAL:
	case ACTION_RESTART:
	case ACTION_START_UNIT:
		return true;
	}
	return false;
}

bool plan_begin(struct agent *agent, const struct record *verdict)
{
	struct plan *plan = &agent->plan;
	const struct policy_steps *steps = &agent->settings->policy[verdict->verdict.cause];

	if (plan->active || plan->order || steps->count == 0 ||
	    !is_of_use(&steps->steps[0], verdict))
		return false;
	*plan = (struct plan){
		.active = true,
		.cause = verdict->verdict.cause,
		.since = verdict->time,
		.record = *verdict,
		.deadline.kind = DEADLINE_OF_PLAN,
	};
	plan->record.kind = RECORD_ACTION;
	plan->record.action = steps->steps[0];
	/* what follows is the verdict's alone */
	plan->record.folded = plan->record.is_correction = false;
	plan->record.attempts = plan->record.cause_attempts = 0;
	return true;
}

uint64_t plan_start_of(const struct engine *engine, const struct agent *agent, uint32_t pid,
		       uint64_t otherwise)
{
	const struct tracked_process *process = state_process(engine, pid);

	if (!process || process->facts.agent != (uint32_t)(agent - engine->agents))
		return otherwise;
	return process->facts.task.started ?: otherwise;
}

void plan_aim(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	struct task *owner = &plan->record.process;

	plan->aimed = true;
	plan->main_pid = agent->has_unit ? agent->unit.main_pid : 0;
	plan->main_started = plan_start_of(engine, agent, plan->main_pid, agent->unit.main_started);
	if (!owner->started)
		owner->started = plan_start_of(engine, agent, owner->pid, 0);
}

/* Where the fault may be the service's, a whole fleet has it at the same moment. Each machine
 * delays its action by a span of its own, always the same. */
static usec_t spread(const struct engine *engine, const struct agent *agent, enum cause cause)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ engine->limits.seed; /* FNV-1a */

	if (!agent->settings->randomized_delay || cause_side(cause) == SIDE_AGENT ||
	    cause_side(cause) == SIDE_HOST)
		return 0;
	for (const char *c = agent->settings->name; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	return hash % agent->settings->randomized_delay;
}

usec_t plan_first_delay(const struct engine *engine, const struct agent *agent)
{
	if (agent->plan.record.action.type == ACTION_ABORT_CONNECTION)
		return agent->settings->stalled_after;
	if (systemd_will_react(agent) && !systemd_stopped(agent))
		return SYSTEMD_REACTION;
	return spread(engine, agent, agent->plan.cause);
}

/* ---- how it stands */

void plan_set_deadline(struct engine *engine, struct plan *plan, usec_t time)
{
	deadline_set(&engine->deadlines, &plan->deadline, time);
}

bool plan_has_deadline(const struct plan *plan)
{
	return plan->deadline.position != 0;
}

const struct action *plan_next_action(const struct agent *agent)
{
	const struct policy_steps *steps = &agent->settings->policy[agent->plan.cause];

	return agent->plan.step < steps->count ? &steps->steps[agent->plan.step] : NULL;
}

bool plan_is_held_by(const struct plan *plan, const char *obstacle)
{
	return plan->active && !plan->recalled && plan->held_by &&
	       strcmp(plan->held_by, obstacle) == 0;
}

bool plan_command_runs_again(const struct agent *agent)
{
	return agent->command && agent->plan.since < agent->command_since;
}

void plan_report(struct engine *engine, struct plan *plan, enum action_outcome outcome,
		 const char *held_by)
{
	plan->record.time = engine->now;
	plan->record.action_result = action_outcome_to_string(outcome);
	plan->record.action_held_by = held_by;
	outcomes_send_record(engine, &plan->record);
}

/* ---- how it ends */

void plan_end(struct engine *engine, struct agent *agent)
{
	deadline_clear(&engine->deadlines, &agent->plan.deadline);
	agent->plan.active = false;
	agent->plan.held_by = NULL;
	plan_resume_not_reconnecting(engine, agent);
}

/* ---- an agent that does not reconnect */

void plan_note_handled(struct agent *agent, enum cause cause, const char *obstacle)
{
	if (cause == CAUSE_AGENT_NOT_RECONNECTING && strcmp(obstacle ?: "", "stopped") != 0)
		agent->not_reconnecting_handled = true;
}

bool plan_not_reconnecting_is_handled(const struct agent *agent)
{
	bool nothing_to_do = agent->settings->policy[CAUSE_AGENT_NOT_RECONNECTING].count == 0;

	return agent->not_reconnecting_handled ||
	       (agent->not_reconnecting_reported && nothing_to_do);
}

void plan_resume_not_reconnecting(struct engine *engine, struct agent *agent)
{
	if (agent->caught_up && agent->down_since && agent->not_reconnecting_reported &&
	    !plan_not_reconnecting_is_handled(agent))
		deadline_set(&engine->deadlines, &agent->deadline, engine->now);
}
