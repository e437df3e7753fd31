/* What is done about a cause: one plan an agent at a time, of the steps its settings name. A plan
 * begins with a verdict and ends when the connection is back, when the steps are used up, or when
 * acting makes no sense any more. */
#include <string.h>

#include "engine_policy.h"

/* After a crash systemd may be about to restart the unit itself (Restart=): how long to wait for
 * its word before acting on a unit that it still calls active. */
#define SYSTEMD_REACTION (2 * USEC_PER_SEC)

/* ---- how a plan begins */

/* Never for what was wanted: a stop, a renewal. Nothing is left to abort of a connection that has
 * ended. */
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

/* Where the fault may be the service's, a whole fleet sees it at the same moment: each machine
 * takes a delay of its own, always the same. */
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

/* A connection may yet heal; a verdict on one that has ended stands. */
usec_t plan_first_step_after(const struct engine *engine, const struct agent *agent)
{
	if (agent->plan.record.action.type == ACTION_ABORT_CONNECTION)
		return agent->settings->stalled_after;
	if (systemd_will_react(agent) && !unit_is_stopped(agent))
		return SYSTEMD_REACTION;
	return spread(engine, agent, agent->plan.cause);
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
	return true;
}

void plan_at(struct engine *engine, struct plan *plan, usec_t time)
{
	deadline_set(&engine->deadlines, &plan->deadline, time);
}

bool plan_has_deadline(const struct plan *plan)
{
	return plan->deadline.position != 0;
}

/* A command that has ended is a trouble of its own, whatever is being done about another, or was
 * done about its last end. */
static bool takes_over(const struct agent *agent, const struct record *verdict)
{
	const struct plan *plan = &agent->plan;

	if (!agent->command || !cause_is_death(verdict->verdict.cause) || plan->order)
		return false;
	return command_runs_anew(agent) || !cause_is_death(plan->cause);
}

void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict)
{
	usec_t after;

	if (takes_over(agent, verdict))
		plan_end(engine, agent);
	if (!plan_begin(agent, verdict))
		return;
	agent->plan.recalled = !agent->caught_up;
	if (agent->plan.recalled)
		return;
	after = plan_first_step_after(engine, agent);
	if (after)
		plan_at(engine, &agent->plan, engine->now + after);
	else
		policy_due(engine, agent);
}

/* What the verdict on a connection of it has begun stands, unless that one only suspects it. */
void policy_take_exit(struct engine *engine, struct agent *agent, const struct record *verdict)
{
	const struct plan *plan = &agent->plan;
	bool told = cause_is_death(plan->cause) && !command_runs_anew(agent);
	bool surer = plan->record.verdict.confidence == CONFIDENCE_SUSPECTED &&
		     verdict->verdict.confidence != CONFIDENCE_SUSPECTED;

	if (!told || surer)
		policy_apply(engine, agent, verdict);
}

/* ---- how it ends */

void plan_end(struct engine *engine, struct agent *agent)
{
	deadline_clear(&engine->deadlines, &agent->plan.deadline);
	agent->plan.active = false;
	agent->plan.held_by = NULL;
	agents_plan_ended(engine, agent);
}

const struct action *policy_recovered(struct engine *engine, struct agent *agent, usec_t time)
{
	struct plan *plan = &agent->plan;

	if (time < plan->since)
		return NULL;
	agent->unhelpful[plan->cause] = 0;
	if (!plan->active)
		return NULL;
	if (plan->order == UNANSWERED_ORDER)
		plan_settle_now(engine, agent);
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

bool engine_revival_pending(const struct engine *engine)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++) {
		const struct agent *agent = &engine->agents[number];

		if (agent->settings && agent->plan.active && cause_is_death(agent->plan.cause) &&
		    plan_step(agent))
			return true;
	}
	return false;
}

/* ---- what the world tells */

static bool waits_for_systemd(const struct plan *plan)
{
	return plan_is_held_by(plan, "systemd") || plan_is_held_by(plan, "bus");
}

void policy_take_path(struct engine *engine)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++) {
		struct agent *agent = engine_agent(engine, number);

		if (agent && plan_is_held_by(&agent->plan, "offline") &&
		    !plan_has_deadline(&agent->plan) && !host_is_offline(engine, agent))
			plan_at(engine, &agent->plan, engine->now + GRACE_ONLINE);
	}
}

/* systemd has begun or finished something. A unit whose process had ended and that runs again has
 * been restarted, by systemd. */
void policy_take_unit(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	bool running = agent->unit.state == UNIT_ACTIVE;

	if (plan->recalled && !agent->has_unit)
		deadline_clear(&engine->deadlines, &plan->deadline); /* no more old news */
	policy_go_on(engine, agent);
	if (!plan->active || plan->recalled || plan->order || !agent->has_unit ||
	    systemd_will_react(agent))
		return;
	if (unit_is_stopped(agent))
		plan_end(engine, agent);
	else if (waits_for_systemd(plan) && running && cause_is_death(plan->cause))
		plan_end(engine, agent);
	else if (waits_for_systemd(plan) && !systemd_at_work(agent))
		policy_due(engine, agent);
	else if (!plan->acted && !plan->held_by && cause_is_death(plan->cause) && !running)
		policy_due(engine, agent);
}
