/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/policy/results.h"

#include <errno.h>
#include <string.h>

#include "engine/policy/plan.h"
#include "engine/policy/systemd.h"

/* After a loss of the bus: how long an EVENT_UNIT that systemd sent before it may still arrive. The
 * unit's source may notice the loss later than the action's effect. */
#define STALE_STATE_TIME (2 * USEC_PER_SEC)

/* EDEADLK: systemd refused to undo a job that others gave the unit. EDQUOT: it refused to start the
 * unit. EINPROGRESS: nobody waits for its end. ECONNRESET: the bus was lost. */
static void report_result(struct engine *engine, struct plan *plan, int error)
{
	if (error == -EDEADLK) {
		plan_report(engine, plan, ACTION_HELD, "systemd");
		return;
	}
	if (error == -EDQUOT) {
		plan_report(engine, plan, ACTION_HELD, "start-limit");
		return;
	}
	if (error == -EINPROGRESS || error == -ECONNRESET) {
		plan_report(engine, plan, ACTION_UNCERTAIN, NULL);
		return;
	}
	plan->record.action_error = error;
	plan_report(engine, plan, error ? ACTION_FAILED : ACTION_DONE, NULL);
	plan->record.action_error = 0;
}

/* From now on the plan is like one of a previous engine: the unit's next state shows the result. */
static void lose_result(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;

	plan->order = UNANSWERED_ORDER;
	plan->recalled = true;
	if (agent->has_unit)
		plan_set_deadline(engine, plan, engine->now + STALE_STATE_TIME);
}

void results_take(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);
	struct plan *plan = agent ? &agent->plan : NULL;

	if (!plan || !plan->order || plan->order != event->action_result.order)
		return;
	plan->order = 0;
	if (event->action_result.error == -ECONNRESET && plan->active && *agent->unit.unit) {
		lose_result(engine, agent);
		return;
	}
	report_result(engine, plan, event->action_result.error);
	if (plan->active && event->action_result.error == -EDQUOT)
		plan_end(engine, agent);
	else if (plan->active)
		plan_set_deadline(engine, plan, engine->now + agent->settings->escalate_after);
	else
		plan_resume_not_reconnecting(engine, agent);
}

/* ---- an order whose result will never come */

/* A unit that was started since has another invocation: systemd.exec(5), $INVOCATION_ID. If there
 * is none at present, the unit may or may not have run in between. */
static enum action_outcome fate_of_restart(const struct agent *agent)
{
	const char *then = agent->plan.record.invocation_id;
	const char *now = agent->unit.invocation_id;
	bool stale = plan_has_deadline(&agent->plan); /* STALE_STATE_TIME is not over */

	if (stale || !agent->has_unit || !*now)
		return ACTION_UNCERTAIN;
	return strcmp(then, now) == 0 ? ACTION_INTERRUPTED : ACTION_DONE;
}

static enum action_outcome fate_of_step(const struct engine *engine, const struct agent *agent)
{
	const struct record *record = &agent->plan.record;
	const struct connection *connection;

	switch (record->action.type) {
	case ACTION_RESTART:
		return fate_of_restart(agent);
	case ACTION_ABORT_CONNECTION:
		connection = state_connection(engine, record->cookie);
		return connection && !connection->ended ? ACTION_INTERRUPTED : ACTION_DONE;
	case ACTION_RELOAD:
	case ACTION_SIGNAL:
	case ACTION_START_UNIT:
	case ACTION_NONE:
	case ACTION_TYPE_MAX:
	case ACTION_TYPE_INVALID:
		break;
	}
	return ACTION_UNCERTAIN;
}

/* A step that did not happen is to be taken again, and does not count for the limit. */
static void conclude(struct engine *engine, struct agent *agent, enum action_outcome fate)
{
	struct plan *plan = &agent->plan;

	plan->order = 0;
	plan_report(engine, plan, fate, NULL);
	if (fate != ACTION_INTERRUPTED) {
		plan->concluded = engine->now;
		return;
	}
	plan->step--;
	plan->acted = plan->step > 0;
	budget_take_back(&agent->budget);
}

static bool is_under_way(const struct agent *agent)
{
	return agent->plan.record.action.type == ACTION_RESTART && systemd_at_work(agent);
}

bool results_settle(struct engine *engine, struct agent *agent)
{
	if (is_under_way(agent))
		return false;
	conclude(engine, agent, fate_of_step(engine, agent));
	return true;
}

void results_settle_now(struct engine *engine, struct agent *agent)
{
	enum action_outcome fate = fate_of_step(engine, agent);

	if (fate == ACTION_INTERRUPTED && is_under_way(agent))
		fate = ACTION_UNCERTAIN;
	conclude(engine, agent, fate);
}
