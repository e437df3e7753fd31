/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/steps.h"

#include <string.h>

#include "engine/outcomes.h"
#include "engine/policy/obstacles.h"
#include "engine/policy/plan.h"
#include "engine/policy/plan_recall.h"
#include "engine/policy/systemd.h"

/* ---- a step that is taken */

/* Signals go to the unit's main process as it was when the plan began, or else to the connection's
 * owner: if that has ended, the step fails, and what runs in its place is left alone. */
static void name_target(const struct engine *engine, const struct agent *agent, struct order *order)
{
	const struct plan *plan = &agent->plan;

	if (plan->aimed && plan->main_pid) {
		order->pid = plan->main_pid;
		order->started = plan->main_started;
	} else if (!plan->aimed && agent->has_unit && agent->unit.main_pid) {
		order->pid = agent->unit.main_pid;
		order->started = plan_start_of(engine, agent, order->pid, agent->unit.main_started);
	}
}

/* An abort needs the process that opened the connection: it is in the connection's network
 * namespace. A record of the journal does not say when its process started: only a process that is
 * known to be the agent's now will do. */
static void name_process(const struct engine *engine, const struct agent *agent,
			 const struct action *action, struct order *order)
{
	const struct task *owner = &agent->plan.record.process;

	if (action->type != ACTION_ABORT_CONNECTION)
		name_target(engine, agent, order);
	if (order->pid)
		return;
	order->pid = owner->pid;
	order->started = owner->started ?: plan_start_of(engine, agent, owner->pid, 0);
}

static void send_order(struct engine *engine, struct agent *agent, const struct action *action)
{
	const struct record *about = &agent->plan.record;
	struct order order = {
		.number = agent->plan.order,
		.time = about->time,
		.agent = state_agent_number(engine, agent),
		.action = *action,
		.cause = about->verdict.cause,
		.cookie = about->cookie,
		.netns = about->netns,
		.delay = about->delay,
	};

	name_process(engine, agent, action, &order);
	memcpy(order.unit, about->unit, sizeof(order.unit));
	outcomes_send_order(engine, &order);
}

/* The connection is to be aborted: the verdict on its end names this action then. */
static void mark_aborted(struct engine *engine, uint64_t cookie)
{
	struct connection *connection = state_connection(engine, cookie);

	if (connection)
		connection->aborted = true;
}

static void take_step(struct engine *engine, struct agent *agent, const struct action *action)
{
	struct plan *plan = &agent->plan;

	deadline_clear(&engine->deadlines, &plan->deadline); /* the result sets the next one */
	plan_note_handled(agent, plan->cause, NULL);
	plan->order = ++engine->orders;
	plan->acted = true;
	plan->step++;
	if (action->type == ACTION_RESTART && !*plan->record.unit)
		plan->record.delay = back_off_next(&agent->back_off, engine->now);
	memcpy(plan->record.invocation_id, agent->unit.invocation_id,
	       sizeof(plan->record.invocation_id));
	plan_report(engine, plan, ACTION_STARTED, NULL);
	budget_spend(&agent->budget, engine->now);
	if (action->type == ACTION_ABORT_CONNECTION)
		mark_aborted(engine, plan->record.cookie);
	send_order(engine, agent, action);
	if (action->type == ACTION_RESTART)
		plan->aimed = false; /* the processes that the plan itself started are meant now */
	plan->record.delay = 0;
}

/* ---- a step that is not */

/* All steps are taken, and the connection is still not back. */
static void give_up(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;

	if (plan->acted) {
		agent->unhelpful[plan->cause]++;
		plan_report(engine, plan, ACTION_DID_NOT_HELP, NULL);
	}
	plan_end(engine, agent);
}

/* Reports each obstacle once; the plan stays active. */
static void hold(struct engine *engine, struct plan *plan, const char *obstacle)
{
	if (plan->held_by && strcmp(plan->held_by, obstacle) == 0)
		return;
	plan->held_by = obstacle;
	plan_report(engine, plan, ACTION_HELD, obstacle);
}

/* The limit, and how much longer it holds actions. */
static void describe_limit(const struct engine *engine, struct agent *agent)
{
	const struct agent_settings *settings = agent->settings;

	agent->plan.record.limit = (struct action_limit){
		.burst = settings->limit_burst,
		.interval = settings->limit_interval,
		.wait = budget_wait(&agent->budget, settings, engine->now),
	};
}

static void hold_for_good(struct engine *engine, struct agent *agent, const char *obstacle)
{
	if (strcmp(obstacle, "limit") == 0)
		describe_limit(engine, agent);
	hold(engine, &agent->plan, obstacle);
	plan_note_handled(agent, agent->plan.cause, obstacle);
	plan_end(engine, agent);
}

static void hold_for_now(struct engine *engine, struct agent *agent, const char *obstacle)
{
	if (agent->unit.state == UNIT_DEACTIVATING)
		agent->plan.held_by = obstacle; /* over in a moment: not worth a record */
	else
		hold(engine, &agent->plan, obstacle);
}

void steps_due(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	const struct action *action = plan_next_action(agent);
	const char *obstacle;

	if (plan->recalled) {
		plan_recall_resume(engine, agent);
		return;
	}
	if (!action) {
		give_up(engine, agent);
		return;
	}
	plan->record.action = *action;
	obstacle = obstacles_for_good(engine, agent);
	if (obstacle) {
		hold_for_good(engine, agent, obstacle);
		return;
	}
	plan->left_to_systemd |= systemd_restarts(agent);
	obstacle = obstacles_for_now(engine, agent, action);
	if (obstacle) {
		hold_for_now(engine, agent, obstacle);
		return;
	}
	plan->held_by = NULL;
	take_step(engine, agent, action);
}
