/* What became of an action: as its effect reports it, or as the world shows it. */
#include <errno.h>
#include <string.h>

#include "engine_policy.h"

/* So long after a loss of the bus, what systemd had said before may still be on its way to us, if
 * whoever listens to it has not noticed the loss before that. */
#define OLD_NEWS_TIME (2 * USEC_PER_SEC)

/* What became of it. EDEADLK: systemd would not let it undo what others want of the unit.
 * EINPROGRESS: nobody waits for its end. ECONNRESET: nobody can tell. */
static void tell_result(struct engine *engine, struct plan *plan, int error)
{
	if (error == -EDEADLK) {
		plan_tell(engine, plan, ACTION_HELD, "systemd");
		return;
	}
	if (error == -EINPROGRESS || error == -ECONNRESET) {
		plan_tell(engine, plan, ACTION_UNCERTAIN, NULL);
		return;
	}
	plan->record.action_error = error;
	plan_tell(engine, plan, error ? ACTION_FAILED : ACTION_DONE, NULL);
	plan->record.action_error = 0;
}

/* From now on the plan is as one of an engine before us: what systemd tells of the unit shows more.
 */
static void lose_result(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;

	plan->order = UNANSWERED_ORDER;
	plan->recalled = true;
	if (agent->has_unit)
		plan_at(engine, plan, engine->now + OLD_NEWS_TIME);
}

void policy_take_result(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);
	struct plan *plan = agent ? &agent->plan : NULL;

	if (!plan || !plan->order || plan->order != event->action_result.order)
		return;
	plan->order = 0;
	if (event->action_result.error == -ECONNRESET && plan->active && *agent->unit.unit) {
		lose_result(engine, agent);
		return;
	}
	tell_result(engine, plan, event->action_result.error);
	if (plan->active)
		plan_at(engine, plan, engine->now + agent->settings->escalate_after);
	else
		agents_plan_ended(engine, agent);
}

/* ---- the order of whose result nothing is known */

/* A unit that was started since has another invocation: systemd.exec(5), $INVOCATION_ID. Without
 * one, now or then, it cannot be told whether there was a run in between. */
static enum action_outcome fate_of_restart(const struct agent *agent)
{
	const char *then = agent->plan.record.invocation_id;
	const char *now = agent->unit.invocation_id;

	bool old_news = plan_has_deadline(&agent->plan); /* OLD_NEWS_TIME is not over */

	if (old_news || !agent->has_unit || !*now)
		return ACTION_UNCERTAIN;
	return strcmp(then, now) == 0 ? ACTION_INTERRUPTED : ACTION_DONE;
}

static enum action_outcome fate_of_step(struct engine *engine, const struct agent *agent)
{
	const struct record *record = &agent->plan.record;
	const struct connection *connection;

	switch (record->action.type) {
	case ACTION_RESTART:
		return fate_of_restart(agent);
	case ACTION_ABORT_CONNECTION:
		connection = connections_find(engine, record->cookie);
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

/* What did not happen is to be done, and has not been spent. */
static void conclude(struct engine *engine, struct agent *agent, enum action_outcome fate)
{
	struct plan *plan = &agent->plan;

	plan->order = 0;
	plan_tell(engine, plan, fate, NULL);
	if (fate != ACTION_INTERRUPTED) {
		plan->concluded = engine->now;
		return;
	}
	plan->step--;
	plan->acted = plan->step > 0;
	policy_budget_take_back(&agent->budget);
}

static bool is_under_way(const struct agent *agent)
{
	return agent->plan.record.action.type == ACTION_RESTART && systemd_at_work(agent);
}

bool plan_settle(struct engine *engine, struct agent *agent)
{
	if (is_under_way(agent))
		return false;
	conclude(engine, agent, fate_of_step(engine, agent));
	return true;
}

void plan_settle_now(struct engine *engine, struct agent *agent)
{
	enum action_outcome fate = fate_of_step(engine, agent);

	if (fate == ACTION_INTERRUPTED && is_under_way(agent))
		fate = ACTION_UNCERTAIN;
	conclude(engine, agent, fate);
}
