/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/plan_recall.h"

#include <string.h>

#include "engine/policy/obstacles.h"
#include "engine/policy/plan.h"
#include "engine/policy/results.h"
#include "engine/policy/systemd.h"

void plan_recall_verdict(struct agent *agent, const struct record *verdict)
{
	if (plan_begin(agent, verdict))
		agent->plan.recalled = true;
}

bool plan_recall_aborts(const struct agent *agent, uint64_t cookie)
{
	const struct plan *plan = &agent->plan;

	return plan->active && plan->recalled && plan->acted && plan->record.cookie == cookie &&
	       plan->record.action.type == ACTION_ABORT_CONNECTION;
}

/* ---- the records of actions */

static void recall_step(struct agent *agent, const struct record *taken)
{
	struct plan *plan = &agent->plan;
	const struct action *action = plan_next_action(agent);

	if (action)
		plan->record.action = *action;
	memcpy(plan->record.invocation_id, taken->invocation_id,
	       sizeof(plan->record.invocation_id));
	plan->order = UNANSWERED_ORDER;
	plan->acted = true;
	plan->held_by = NULL;
	plan->step++;
}

/* If a step was under way, ACTION_HELD is its result: report_result() in results.c. */
static void recall_hold(struct engine *engine, struct agent *agent, const struct record *taken,
			const char *held_by)
{
	struct plan *plan = &agent->plan;

	if (plan->order) {
		plan->order = 0;
		plan->concluded = taken->time;
		return;
	}
	plan->held_by = obstacles_that_pass(held_by);
	plan->left_to_systemd = cause_is_death(plan->cause) && strcmp(held_by, "systemd") == 0;
	if (!plan->held_by)
		plan_end(engine, agent);
}

/* True if the verdict was reported while another plan was active, which has ended since. */
static bool had_to_wait(const struct agent *agent, const struct record *taken,
			enum action_outcome outcome)
{
	return taken->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING &&
	       agent->not_reconnecting_reported &&
	       (outcome == ACTION_STARTED || outcome == ACTION_HELD);
}

/* Makes the plan that of the verdict which `taken` acts upon. A plan for another verdict has ended
 * by then without a record. Returns false if there is no plan that `taken` belongs to. */
static bool recall_plan_of(struct engine *engine, struct agent *agent, const struct record *taken,
			   enum action_outcome outcome)
{
	struct plan *plan = &agent->plan;
	struct record verdict = *taken;

	if (!plan->active && !had_to_wait(agent, taken, outcome))
		return false;
	if (plan->active && plan->cause == taken->verdict.cause &&
	    plan->record.cookie == taken->cookie)
		return true;
	plan_end(engine, agent);
	plan->order = 0;
	verdict.kind = RECORD_STALLED; /* so that abort-connection is of use: it was open then */
	plan_recall_verdict(agent, &verdict);
	return plan->active;
}

void plan_recall_action(struct engine *engine, struct agent *agent, const struct record *taken,
			enum action_outcome outcome, const char *held_by)
{
	struct plan *plan = &agent->plan;

	if (outcome == ACTION_STARTED)
		budget_recall(&agent->budget, taken->time);
	if (outcome == ACTION_DID_NOT_HELP)
		agent->unhelpful[taken->verdict.cause]++;
	if (outcome == ACTION_STARTED || (outcome == ACTION_HELD && !obstacles_that_pass(held_by)))
		plan_note_handled(agent, taken->verdict.cause, held_by);
	if (!recall_plan_of(engine, agent, taken, outcome))
		return;
	switch (outcome) {
	case ACTION_STARTED:
		recall_step(agent, taken);
		break;
	case ACTION_DONE:
	case ACTION_FAILED:
	case ACTION_UNCERTAIN:
		plan->order = 0;
		plan->concluded = taken->time;
		break;
	case ACTION_HELD:
		recall_hold(engine, agent, taken, held_by);
		break;
	case ACTION_DID_NOT_HELP:
		plan_end(engine, agent);
		break;
	case ACTION_HELPED:
	case ACTION_INTERRUPTED:
	case ACTION_OUTCOME_MAX:
	case ACTION_OUTCOME_INVALID:
		break;
	}
}

/* ---- on in the present */

/* True if somebody else started the unit again since the verdict: that dealt with it. */
static bool runs_again(const struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;
	const char *then = plan->record.invocation_id;
	const char *now = agent->unit.invocation_id;
	const struct tracked_process *main = state_process(engine, agent->unit.main_pid);

	if (plan->acted)
		return plan_command_runs_again(agent);
	if (*then && *now && strcmp(then, now) != 0)
		return true;
	return main && !main->facts.exited && main->facts.execed > plan->since;
}

/* A blind engine cannot see whether the agent has reconnected. */
static bool is_pointless(const struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;

	if (systemd_stopped(agent) || runs_again(engine, agent))
		return true;
	if (plan->record.action.type == ACTION_ABORT_CONNECTION && !plan->acted)
		return !state_connection(engine, plan->record.cookie);
	return agent->blind && !cause_is_death(plan->cause);
}

static usec_t next_step_at(const struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;

	if (plan->held_by && strcmp(plan->held_by, "offline") == 0 &&
	    !obstacles_host_is_offline(engine, agent))
		return engine->now + GRACE_ONLINE;
	if (plan->held_by)
		return engine->now;
	if (plan->acted)
		return plan->concluded + agent->settings->escalate_after;
	return plan->since + plan_first_delay(engine, agent);
}

void plan_recall_resume(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	bool unit_unknown = *agent->unit.unit && !agent->has_unit;

	if (!plan->active || !plan->recalled || !agent->caught_up || unit_unknown ||
	    plan_has_deadline(plan))
		return;
	if (plan->order && !results_settle(engine, agent))
		return;
	plan->recalled = false;
	if (is_pointless(engine, agent))
		plan_end(engine, agent);
	else
		plan_set_deadline(engine, plan, next_step_at(engine, agent));
}
