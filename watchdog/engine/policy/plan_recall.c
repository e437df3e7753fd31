/* The plan of an engine before us: run again over what it told, in silence; then it goes on where
 * it stood. */
#include <string.h>

#include "engine_policy.h"

void policy_recall(struct agent *agent, const struct record *verdict)
{
	if (plan_begin(agent, verdict))
		agent->plan.recalled = true;
}

bool policy_was_aborting(const struct agent *agent, uint64_t cookie)
{
	const struct plan *plan = &agent->plan;

	return plan->active && plan->recalled && plan->acted && plan->record.cookie == cookie &&
	       plan->record.action.type == ACTION_ABORT_CONNECTION;
}

static void recall_step(struct agent *agent, const struct record *taken)
{
	struct plan *plan = &agent->plan;
	const struct action *action = plan_step(agent);

	if (action)
		plan->record.action = *action;
	memcpy(plan->record.invocation_id, taken->invocation_id,
	       sizeof(plan->record.invocation_id));
	plan->order = UNANSWERED_ORDER;
	plan->acted = true;
	plan->held_by = NULL;
	plan->step++;
}

/* Of a step that was begun it is the result: tell_result(). */
static void recall_hold(struct engine *engine, struct agent *agent, const struct record *taken,
			const char *held_by)
{
	struct plan *plan = &agent->plan;

	if (plan->order) {
		plan->order = 0;
		plan->concluded = taken->time;
		return;
	}
	plan->held_by = obstacle_that_passes(held_by);
	plan->left_to_systemd = cause_is_death(plan->cause) && strcmp(held_by, "systemd") == 0;
	if (!plan->held_by)
		plan_end(engine, agent);
}

/* Its verdict was told while another plan was under way, which has ended since. */
static bool had_to_wait(const struct agent *agent, const struct record *taken,
			enum action_outcome outcome)
{
	return taken->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING &&
	       agent->not_reconnecting_told &&
	       (outcome == ACTION_STARTED || outcome == ACTION_HELD);
}

/* Makes the plan that of the verdict which was acted upon. The one before, if it was another, came
 * to its end without a word. */
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
	verdict.kind = RECORD_STALLED; /* what may be aborted was open */
	policy_recall(agent, &verdict);
	return plan->active;
}

void policy_recall_action(struct engine *engine, struct agent *agent, const struct record *taken,
			  enum action_outcome outcome, const char *held_by)
{
	struct plan *plan = &agent->plan;

	if (outcome == ACTION_STARTED)
		policy_budget_spend(&agent->budget, taken->time);
	if (outcome == ACTION_DID_NOT_HELP)
		agent->unhelpful[taken->verdict.cause]++;
	if (outcome == ACTION_STARTED || (outcome == ACTION_HELD && !obstacle_that_passes(held_by)))
		plan_note_begun(agent, taken->verdict.cause, held_by);
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

/* The unit was started since the verdict, by somebody else: that has dealt with it. */
static bool runs_anew(struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;
	const char *then = plan->record.invocation_id;
	const char *now = agent->unit.invocation_id;
	const struct tracked_process *main = processes_find(engine, agent->unit.main_pid);

	if (plan->acted)
		return command_runs_anew(agent);
	if (*then && *now && strcmp(then, now) != 0)
		return true;
	return main && !main->facts.exited && main->facts.execed > plan->since;
}

/* Without sight of what is open, it cannot be told whether the agent has come back. */
static bool is_pointless(struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;

	if (unit_is_stopped(agent) || runs_anew(engine, agent))
		return true;
	if (plan->record.action.type == ACTION_ABORT_CONNECTION && !plan->acted)
		return !connections_find(engine, plan->record.cookie);
	return agent->blind && !cause_is_death(plan->cause);
}

static usec_t next_step_at(const struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;

	if (plan->held_by && strcmp(plan->held_by, "offline") == 0 &&
	    !host_is_offline(engine, agent))
		return engine->now + GRACE_ONLINE;
	if (plan->held_by)
		return engine->now;
	if (plan->acted)
		return plan->concluded + agent->settings->escalate_after;
	return plan->since + plan_first_step_after(engine, agent);
}

void policy_go_on(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	bool unit_unknown = *agent->unit.unit && !agent->has_unit;

	if (!plan->active || !plan->recalled || !agent->caught_up || unit_unknown ||
	    plan_has_deadline(plan))
		return;
	if (plan->order && !plan_settle(engine, agent))
		return;
	plan->recalled = false;
	if (is_pointless(engine, agent))
		plan_end(engine, agent);
	else
		plan_at(engine, plan, next_step_at(engine, agent));
}
