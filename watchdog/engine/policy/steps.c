/* One action after the other: record, order, and the end of a plan whose steps are used up. */
#include <string.h>

#include "engine_policy.h"

void plan_tell(struct engine *engine, struct plan *plan, enum action_outcome outcome,
	       const char *held_by)
{
	plan->record.time = engine->now;
	plan->record.action_result = action_outcome_to_string(outcome);
	plan->record.action_held_by = held_by;
	engine_record_out(engine, &plan->record);
}

const struct action *plan_step(const struct agent *agent)
{
	const struct policy_steps *steps = &agent->settings->policy[agent->plan.cause];

	return agent->plan.step < steps->count ? &steps->steps[agent->plan.step] : NULL;
}

/* A unit that was stopped may be started again, and be without a connection as before. */
void plan_note_begun(struct agent *agent, enum cause cause, const char *obstacle)
{
	if (cause == CAUSE_AGENT_NOT_RECONNECTING && strcmp(obstacle ?: "", "stopped") != 0)
		agent->not_reconnecting_done = true;
}

/* The main process of the unit is who gets signals; a connection is in the network namespace of
 * whoever opened it. */
static uint32_t process_for(const struct agent *agent, const struct action *action)
{
	uint32_t owner = agent->plan.record.process.pid;

	if (action->type == ACTION_ABORT_CONNECTION || !agent->has_unit)
		return owner;
	return agent->unit.main_pid ?: owner;
}

static void send_order(struct engine *engine, struct agent *agent, const struct action *action)
{
	const struct record *about = &agent->plan.record;
	struct outcome outcome = {
		.type = OUTCOME_ORDER,
		.order = {
			.number = agent->plan.order,
			.time = about->time,
			.agent = agent - engine->agents,
			.action = *action,
			.cause = about->verdict.cause,
			.cookie = about->cookie,
			.netns = about->netns,
			.pid = process_for(agent, action),
			.delay = about->delay,
		},
	};

	memcpy(outcome.order.unit, about->unit, sizeof(outcome.order.unit));
	engine->sink(engine->sink_userdata, &outcome);
}

static void take_step(struct engine *engine, struct agent *agent, const struct action *action)
{
	struct plan *plan = &agent->plan;

	deadline_clear(&engine->deadlines, &plan->deadline); /* its result comes first */
	plan_note_begun(agent, plan->cause, NULL);
	plan->order = ++engine->orders;
	plan->acted = true;
	plan->step++;
	if (action->type == ACTION_RESTART && !*plan->record.unit)
		plan->record.delay = back_off_next(&agent->back_off, engine->now);
	memcpy(plan->record.invocation_id, agent->unit.invocation_id,
	       sizeof(plan->record.invocation_id));
	plan_tell(engine, plan, ACTION_STARTED, NULL);
	policy_budget_spend(&agent->budget, engine->now);
	if (action->type == ACTION_ABORT_CONNECTION)
		connections_mark_aborted(engine, plan->record.cookie);
	send_order(engine, agent, action);
	plan->record.delay = 0;
}

/* The steps are used up, and the connection is still not back. */
static void give_up(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;

	if (plan->acted) {
		agent->unhelpful[plan->cause]++;
		plan_tell(engine, plan, ACTION_DID_NOT_HELP, NULL);
	}
	plan_end(engine, agent);
}

/* Says once why nothing is done; the plan goes on. */
static void hold(struct engine *engine, struct plan *plan, const char *reason)
{
	if (plan->held_by && strcmp(plan->held_by, reason) == 0)
		return;
	plan->held_by = reason;
	plan_tell(engine, plan, ACTION_HELD, reason);
}

static void hold_for_now(struct engine *engine, struct agent *agent, const char *reason)
{
	if (agent->unit.state == UNIT_DEACTIVATING)
		agent->plan.held_by = reason; /* a moment's matter: not worth a record */
	else
		hold(engine, &agent->plan, reason);
}

void policy_due(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	const struct action *action = plan_step(agent);
	const char *obstacle;

	if (plan->recalled) {
		policy_go_on(engine, agent);
		return;
	}
	if (!action) {
		give_up(engine, agent);
		return;
	}
	plan->record.action = *action;
	obstacle = obstacle_for_good(engine, agent);
	if (obstacle) {
		hold(engine, plan, obstacle);
		plan_note_begun(agent, plan->cause, obstacle);
		plan_end(engine, agent);
		return;
	}
	plan->left_to_systemd |= systemd_restarts(agent);
	obstacle = obstacle_for_now(engine, agent, action);
	if (obstacle) {
		hold_for_now(engine, agent, obstacle);
		return;
	}
	plan->held_by = NULL;
	take_step(engine, agent, action);
}
