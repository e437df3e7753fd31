#include <string.h>

#include "engine_state.h"

static unsigned budget_size(const struct agent *agent)
{
	unsigned burst = agent->settings->limit_burst;

	return burst < BUDGET_MAX ? burst : BUDGET_MAX;
}

/* The budget allows `burst` actions in any `limit_interval`: the one `burst` actions ago must be
 * older than that. */
static bool budget_allows(const struct agent *agent, usec_t now)
{
	unsigned burst = budget_size(agent);
	usec_t oldest;

	if (burst == 0)
		return false;
	oldest = agent->taken[(agent->taken_next + BUDGET_MAX - burst) % BUDGET_MAX];
	return oldest == 0 || now - oldest >= agent->settings->limit_interval;
}

static void budget_spend(struct agent *agent, usec_t now)
{
	agent->taken[agent->taken_next] = now;
	agent->taken_next = (agent->taken_next + 1) % BUDGET_MAX;
}

static const char *held_by(const struct agent *agent, usec_t now)
{
	if (agent->settings->dry_run)
		return "dry-run";
	if (!budget_allows(agent, now))
		return "limit";
	return NULL;
}

static void send_order(struct engine *engine, struct agent *agent, const struct record *record)
{
	struct outcome outcome = {
		.type = OUTCOME_ORDER,
		.order = {
			.number = agent->order_number,
			.time = record->time,
			.agent = agent - engine->agents,
			.action = record->action,
			.cause = record->verdict.cause,
			.cookie = record->cookie,
			.netns = record->netns,
			.pid = agent->has_unit && agent->unit.main_pid ? agent->unit.main_pid :
									 record->process.pid,
		},
	};

	memcpy(outcome.order.unit, record->unit, sizeof(outcome.order.unit));
	engine->sink(engine->sink_userdata, &outcome);
}

/* Nothing is left to abort of a connection that has ended. */
static bool is_of_use(const struct action *action, const struct record *verdict)
{
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

/* One trouble ends many connections at once: while an action is under way, nothing is added. */
void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict)
{
	const struct policy_steps *steps;
	struct record *record;

	if (agent->order_number)
		return;
	steps = &agent->settings->policy[verdict->verdict.cause];
	if (steps->count == 0 || !is_of_use(&steps->steps[0], verdict))
		return;
	record = &agent->order_record;
	*record = *verdict;
	record->kind = RECORD_ACTION;
	record->time = engine->now;
	record->action = steps->steps[0];
	record->action_held_by = held_by(agent, engine->now);
	record->action_result = record->action_held_by ? "held" : "starting";
	if (!record->action_held_by)
		agent->order_number = ++engine->orders;
	engine_record_out(engine, record);
	if (record->action_held_by)
		return;
	budget_spend(agent, engine->now);
	send_order(engine, agent, record);
}

void policy_take_result(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);

	if (!agent || !agent->order_number || agent->order_number != event->action_result.order)
		return;
	agent->order_number = 0;
	agent->order_record.time = event->time;
	agent->order_record.action_error = event->action_result.error;
	agent->order_record.action_result = event->action_result.error ? "failed" : "done";
	engine_record_out(engine, &agent->order_record);
}
