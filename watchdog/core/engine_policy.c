/* What is done about a cause: one plan an agent at a time, of the steps its settings name. A plan
 * begins with a verdict and ends when the connection is back, when the steps are used up, or when
 * acting makes no sense any more. */
#include <errno.h>
#include <string.h>

#include "engine_state.h"

/* After a crash systemd may be about to restart the unit itself (Restart=): how long to wait for
 * its word before acting on a unit that it still calls active. */
#define SYSTEMD_REACTION (2 * USEC_PER_SEC)

/* How long the agent may try by itself when the host is back online. */
#define GRACE_ONLINE (15 * USEC_PER_SEC)

/* So often an action may not help with a cause before it is no longer taken for it. */
enum { UNHELPFUL_MAX = 2 };

/* ---- records */

static void tell(struct engine *engine, struct plan *plan, const char *result, const char *held_by)
{
	plan->record.time = engine->now;
	plan->record.action_result = result;
	plan->record.action_held_by = held_by;
	engine_record_out(engine, &plan->record);
}

/* What became of it. EDEADLK: systemd would not let it undo what others want of the unit. */
static void tell_result(struct engine *engine, struct plan *plan, int error)
{
	if (error == -EDEADLK) {
		tell(engine, plan, "held", "systemd");
		return;
	}
	plan->record.action_error = error;
	tell(engine, plan, error ? "failed" : "done", NULL);
	plan->record.action_error = 0;
}

static void plan_end(struct engine *engine, struct plan *plan)
{
	deadline_clear(&engine->deadlines, &plan->deadline);
	plan->active = false;
	plan->held_by = NULL;
}

static void plan_at(struct engine *engine, struct plan *plan, usec_t time)
{
	deadline_set(&engine->deadlines, &plan->deadline, time);
}

/* Says once why nothing is done; the plan goes on. */
static void plan_hold(struct engine *engine, struct plan *plan, const char *reason)
{
	if (plan->held_by == reason)
		return;
	plan->held_by = reason;
	tell(engine, plan, "held", reason);
}

/* ---- may it be done now? */

static const struct action *step_of(const struct agent *agent)
{
	const struct policy_steps *steps = &agent->settings->policy[agent->plan.cause];

	return agent->plan.step < steps->count ? &steps->steps[agent->plan.step] : NULL;
}

static bool host_is_offline(const struct engine *engine, const struct agent *agent)
{
	const struct record *about = &agent->plan.record;

	return agent->settings->hold_while_offline && about->peer.family &&
	       engine_is_offline(engine, about->netns, &about->peer, engine->now);
}

static bool process_ended(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_OOM || cause == CAUSE_AGENT_EXIT;
}

/* systemd is starting, stopping or reloading the unit. */
static bool systemd_at_work(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	return agent->has_unit &&
	       (unit->state == UNIT_ACTIVATING || unit->state == UNIT_DEACTIVATING ||
		unit->state == UNIT_RELOADING || unit->state == UNIT_MAINTENANCE || *unit->job);
}

/* Nobody wants it to run: it was stopped, or is about to be. An agent that ended by itself leaves
 * its unit in the state of one that was stopped. */
static bool unit_is_stopped(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	if (!agent->has_unit)
		return false;
	return strcmp(unit->job, "stop") == 0 ||
	       (unit->state == UNIT_INACTIVE && agent->plan.cause != CAUSE_AGENT_EXIT);
}

static bool systemd_restarts(const struct agent *agent)
{
	return agent->has_unit && strncmp(agent->unit.sub_state, "auto-restart", 12) == 0;
}

/* It has run into its start limit. Result= tells only where nothing had failed before; else that
 * Restart= has ended in a unit that is dead (service_enter_dead()). */
static bool systemd_gave_up(const struct agent *agent)
{
	const struct unit_event *unit = &agent->unit;

	return agent->has_unit && (strcmp(unit->result, "start-limit-hit") == 0 ||
				   (agent->plan.left_to_systemd && unit->state == UNIT_FAILED));
}

/* systemd cannot be asked, neither how the unit stands nor to act on it. */
static bool systemd_is_away(const struct agent *agent, const struct action *action)
{
	switch (action->type) {
	case ACTION_RELOAD:
	case ACTION_RESTART:
	case ACTION_START_UNIT:
		return *agent->unit.unit && !agent->has_unit;
	case ACTION_NONE:
	case ACTION_SIGNAL:
	case ACTION_ABORT_CONNECTION:
	case ACTION_TYPE_MAX:
	case ACTION_TYPE_INVALID:
		return false;
	}
	return false;
}

/* The unit's process is gone, and systemd has not said so yet. */
static bool systemd_will_react(const struct agent *agent)
{
	return agent->has_unit && process_ended(agent->plan.cause) &&
	       agent->unit.state == UNIT_ACTIVE &&
	       agent->unit.main_pid == agent->plan.record.process.pid;
}

/* ---- one step */

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
			.delay = about->delay,
						.pid = process_for(agent, action),
		},
	};

	memcpy(outcome.order.unit, about->unit, sizeof(outcome.order.unit));
	engine->sink(engine->sink_userdata, &outcome);
}

static void take_step(struct engine *engine, struct agent *agent, const struct action *action)
{
	struct plan *plan = &agent->plan;

	plan->order = ++engine->orders;
	plan->acted = true;
	plan->step++;
	if (action->type == ACTION_RESTART && !*plan->record.unit)
		plan->record.delay = back_off_next(&agent->back_off, engine->now);
	tell(engine, plan, "starting", NULL);
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
		tell(engine, plan, "did-not-help", NULL);
	}
	plan_end(engine, plan);
}

/* What keeps the step from being taken for good; NULL: nothing. */
static const char *refused_by(const struct engine *engine, const struct agent *agent)
{
	const struct plan *plan = &agent->plan;

	if (plan->record.verdict.confidence == CONFIDENCE_SUSPECTED)
		return "confidence";
	if (agent->actions_held)
		return "operator";
	if (agent->settings->dry_run)
		return "dry-run";
	if (agent->unhelpful[plan->cause] >= UNHELPFUL_MAX)
		return "did-not-help";
	if (unit_is_stopped(agent))
		return "stopped";
	if (agent->has_unit && agent->unit.masked)
		return "masked";
	if (systemd_gave_up(agent))
		return "start-limit";
	if (!policy_budget_allows(&agent->budget, agent->settings, engine->now))
		return "limit";
	return NULL;
}

/* What keeps it from being taken now; the world will tell when that changes. */
static const char *delayed_by(const struct engine *engine, const struct agent *agent,
			      const struct action *action)
{
	if (host_is_offline(engine, agent))
		return "offline";
	if (systemd_is_away(agent, action))
		return "bus";
	return systemd_at_work(agent) ? "systemd" : NULL;
}

void policy_due(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	const struct action *action = step_of(agent);
	const char *obstacle;

	if (!action) {
		give_up(engine, agent);
		return;
	}
	plan->record.action = *action;
	obstacle = refused_by(engine, agent);
	if (obstacle) {
		plan_hold(engine, plan, obstacle);
		plan_end(engine, plan);
		return;
	}
	obstacle = delayed_by(engine, agent, action);
	plan->left_to_systemd |= systemd_restarts(agent);
	if (obstacle && agent->unit.state == UNIT_DEACTIVATING)
		plan->held_by = obstacle; /* a moment's matter: not worth a record */
	else if (obstacle)
		plan_hold(engine, plan, obstacle);
	if (obstacle)
		return;
	plan->held_by = NULL;
	take_step(engine, agent, action);
}

/* ---- the plan */

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
static usec_t first_step_after(const struct engine *engine, const struct agent *agent,
			       const struct action *action)
{
	if (action->type == ACTION_ABORT_CONNECTION)
		return agent->settings->stalled_after;
	if (systemd_will_react(agent) && !unit_is_stopped(agent))
		return SYSTEMD_REACTION;
	return spread(engine, agent, agent->plan.cause);
}

/* One trouble ends many connections at once: while a plan is under way, nothing is added. */
void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict)
{
	struct plan *plan = &agent->plan;
	const struct policy_steps *steps = &agent->settings->policy[verdict->verdict.cause];
	usec_t after;

	if (plan->active || plan->order || steps->count == 0 ||
	    !is_of_use(&steps->steps[0], verdict))
		return;
	*plan = (struct plan){
		.active = true,
		.cause = verdict->verdict.cause,
		.record = *verdict,
		.deadline.kind = DEADLINE_OF_PLAN,
	};
	plan->record.kind = RECORD_ACTION;
	plan->record.action = steps->steps[0];
	after = first_step_after(engine, agent, &steps->steps[0]);
	if (after)
		plan_at(engine, plan, engine->now + after);
	else
		policy_due(engine, agent);
}

/* The trouble is over: nothing is left to be done. Returns the action that was taken, or NULL. */
const struct action *policy_recovered(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;

	agent->unhelpful[plan->cause] = 0;
	if (!plan->active)
		return NULL;
	plan_end(engine, plan);
	return plan->acted ? &plan->record.action : NULL;
}

void policy_connection_ended(struct engine *engine, struct agent *agent, uint64_t cookie)
{
	struct plan *plan = &agent->plan;

	if (plan->active && plan->record.cookie == cookie && !plan->order &&
	    plan->record.action.type == ACTION_ABORT_CONNECTION)
		plan_end(engine, plan);
}

bool engine_revival_pending(const struct engine *engine)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++) {
		const struct agent *agent = &engine->agents[number];

		if (agent->settings && agent->plan.active && process_ended(agent->plan.cause) &&
		    step_of(agent))
			return true;
	}
	return false;
}

static bool waits_for(const struct plan *plan, const char *reason)
{
	return plan->active && plan->held_by && strcmp(plan->held_by, reason) == 0;
}

static bool waits_for_systemd(const struct plan *plan)
{
	return waits_for(plan, "systemd") || waits_for(plan, "bus");
}

void policy_take_path(struct engine *engine)
{
	for (uint32_t number = 1; number <= engine->limits.agents; number++) {
		struct agent *agent = engine_agent(engine, number);

		if (agent && waits_for(&agent->plan, "offline") && !agent->plan.deadline.position &&
		    !host_is_offline(engine, agent))
			plan_at(engine, &agent->plan, engine->now + GRACE_ONLINE);
	}
}

/* systemd has begun or finished something. A unit whose process had ended and that runs again has
 * been restarted, by systemd. */
void policy_take_unit(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	bool running = agent->unit.state == UNIT_ACTIVE;

	if (!plan->active || plan->order || !agent->has_unit || systemd_will_react(agent))
		return;
	if (unit_is_stopped(agent))
		plan_end(engine, plan);
	else if (waits_for_systemd(plan) && running && process_ended(plan->cause))
		plan_end(engine, plan);
	else if (waits_for_systemd(plan) && !systemd_at_work(agent))
		policy_due(engine, agent);
	else if (!plan->acted && !plan->held_by && process_ended(plan->cause) && !running)
		policy_due(engine, agent);
}

void policy_take_result(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);
	struct plan *plan = agent ? &agent->plan : NULL;

	if (!plan || !plan->order || plan->order != event->action_result.order)
		return;
	plan->order = 0;
	tell_result(engine, plan, event->action_result.error);
	if (plan->active)
		plan_at(engine, plan, engine->now + agent->settings->escalate_after);
}
