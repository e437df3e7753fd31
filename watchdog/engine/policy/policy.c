/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/policy.h"

#include "engine/policy/obstacles.h"
#include "engine/policy/plan.h"
#include "engine/policy/plan_recall.h"
#include "engine/policy/results.h"
#include "engine/policy/steps.h"
#include "engine/policy/systemd.h"

/* ---- a verdict */

/* A command that has ended is a trouble of its own, whatever is done about another one, or was done
 * about its previous end. */
static bool takes_over(const struct agent *agent, const struct record *verdict)
{
	const struct plan *plan = &agent->plan;

	if (!agent->command || !cause_is_death(verdict->verdict.cause) || plan->order)
		return false;
	return plan_command_runs_again(agent) || !cause_is_death(plan->cause);
}

/* The agent recovered while the result of an action was on its way, and has a trouble again. */
static void let_wait(struct agent *agent, const struct record *verdict)
{
	if (agent->plan.active || !agent->plan.order)
		return;
	agent->waits = true;
	agent->waiting = *verdict;
}

void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict)
{
	usec_t delay;

	if (takes_over(agent, verdict))
		plan_end(engine, agent);
	if (!plan_begin(agent, verdict)) {
		let_wait(agent, verdict);
		return;
	}
	agent->plan.recalled = !agent->caught_up;
	if (agent->plan.recalled)
		return;
	plan_aim(engine, agent);
	delay = plan_first_delay(engine, agent);
	if (delay)
		plan_set_deadline(engine, &agent->plan, engine->now + delay);
	else
		steps_due(engine, agent);
}

void policy_take_result(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	results_take(engine, event);
	if (!agent || !agent->waits || agent->plan.order)
		return;
	agent->waits = false;
	policy_apply(engine, agent, &agent->waiting);
}

void policy_take_exit(struct engine *engine, struct agent *agent, const struct record *verdict)
{
	const struct plan *plan = &agent->plan;
	bool known = cause_is_death(plan->cause) && !plan_command_runs_again(agent);
	bool surer = plan->record.verdict.confidence == CONFIDENCE_SUSPECTED &&
		     verdict->verdict.confidence != CONFIDENCE_SUSPECTED;

	if (!known || surer)
		policy_apply(engine, agent, verdict);
}

/* ---- the end of a trouble */

const struct action *policy_recovered(struct engine *engine, struct agent *agent, usec_t time)
{
	struct plan *plan = &agent->plan;

	if (agent->waits && time >= agent->waiting.time)
		agent->waits = false;
	if (time < plan->since)
		return NULL;
	agent->unhelpful[plan->cause] = 0;
	if (!plan->active)
		return NULL;
	if (plan->order == UNANSWERED_ORDER)
		results_settle_now(engine, agent);
	plan_end(engine, agent);
	return plan->acted ? &plan->record.action : NULL;
}

void policy_connection_ended(struct engine *engine, struct agent *agent, uint64_t cookie)
{
	struct plan *plan = &agent->plan;

	if (plan->active && plan->record.cookie == cookie && !plan->order &&
	    plan->record.action.type == ACTION_ABORT_CONNECTION)
		plan_end(engine, agent);
}

/* ---- paths and units */

static bool waits_for_systemd(const struct plan *plan)
{
	return plan_is_held_by(plan, "systemd") || plan_is_held_by(plan, "bus");
}

void policy_take_path(struct engine *engine)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++) {
		struct agent *agent = state_agent(engine, number);

		if (agent && plan_is_held_by(&agent->plan, "offline") &&
		    !plan_has_deadline(&agent->plan) && !obstacles_host_is_offline(engine, agent))
			plan_set_deadline(engine, &agent->plan, engine->now + GRACE_ONLINE);
	}
}

/* A unit whose process had ended and that runs again was restarted by systemd. */
void policy_take_unit(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	bool running = agent->unit.state == UNIT_ACTIVE;

	if (plan->recalled && !agent->has_unit)
		deadline_clear(&engine->deadlines, &plan->deadline); /* later states are fresh */
	plan_recall_resume(engine, agent);
	if (!plan->active || plan->recalled || plan->order || !agent->has_unit ||
	    systemd_will_react(agent))
		return;
	if (systemd_stopped(agent))
		plan_end(engine, agent);
	else if (waits_for_systemd(plan) && running && cause_is_death(plan->cause))
		plan_end(engine, agent);
	else if (waits_for_systemd(plan) && !systemd_at_work(agent))
		steps_due(engine, agent);
	else if (!plan->acted && !plan->held_by && cause_is_death(plan->cause) && !running)
		steps_due(engine, agent);
}

bool policy_revival_pending(const struct engine *engine)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++) {
		const struct agent *agent = &engine->agents[number];

		if (agent->settings && agent->plan.active && cause_is_death(agent->plan.cause) &&
		    plan_next_action(agent))
			return true;
	}
	return false;
}
