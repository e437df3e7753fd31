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

/* The order of an engine before us. */
#define RECALLED_ORDER UINT32_MAX

/* So often an action may not help with a cause before it is no longer taken for it. */
enum { UNHELPFUL_MAX = 2 };

/* ---- records */

static void tell(struct engine *engine, struct plan *plan, enum action_outcome outcome,
		 const char *held_by)
{
	plan->record.time = engine->now;
	plan->record.action_result = action_outcome_to_string(outcome);
	plan->record.action_held_by = held_by;
	engine_record_out(engine, &plan->record);
}

/* What became of it. EDEADLK: systemd would not let it undo what others want of the unit. */
static void tell_result(struct engine *engine, struct plan *plan, int error)
{
	if (error == -EDEADLK) {
		tell(engine, plan, ACTION_HELD, "systemd");
		return;
	}
	plan->record.action_error = error;
	tell(engine, plan, error ? ACTION_FAILED : ACTION_DONE, NULL);
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
	if (plan->held_by && strcmp(plan->held_by, reason) == 0)
		return;
	plan->held_by = reason;
	tell(engine, plan, ACTION_HELD, reason);
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
	memcpy(plan->record.invocation_id, agent->unit.invocation_id,
	       sizeof(plan->record.invocation_id));
	tell(engine, plan, ACTION_STARTED, NULL);
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
		tell(engine, plan, ACTION_DID_NOT_HELP, NULL);
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

/* One trouble ends many connections at once: while a plan is under way, nothing is added. Returns
 * false if nothing is to be done. */
static bool plan_begin(struct agent *agent, const struct record *verdict)
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

void policy_apply(struct engine *engine, struct agent *agent, const struct record *verdict)
{
	usec_t after;

	if (!plan_begin(agent, verdict))
		return;
	agent->plan.recalled = !agent->caught_up;
	if (agent->plan.recalled)
		return;
	after = first_step_after(engine, agent, &agent->plan.record.action);
	if (after)
		plan_at(engine, &agent->plan, engine->now + after);
	else
		policy_due(engine, agent);
}

/* ---- the order of an engine before us, of whose result nothing is known */

/* A unit that was started since has another invocation: systemd.exec(5), $INVOCATION_ID. Without
 * one, now or then, it cannot be told whether there was a run in between. */
static enum action_outcome fate_of_restart(const struct agent *agent)
{
	const char *then = agent->plan.record.invocation_id;
	const char *now = agent->unit.invocation_id;

	if (systemd_at_work(agent))
		return ACTION_STARTED;
	if (!*now)
		return ACTION_UNCERTAIN;
	return strcmp(then, now) == 0 ? ACTION_INTERRUPTED : ACTION_DONE;
}

/* ACTION_STARTED: it is under way. */
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
	tell(engine, plan, fate, NULL);
	if (fate != ACTION_INTERRUPTED) {
		plan->concluded = engine->now;
		return;
	}
	plan->step--;
	plan->acted = plan->step > 0;
	policy_budget_take_back(&agent->budget);
}

/* Returns false while it is under way. */
static bool settle(struct engine *engine, struct agent *agent)
{
	enum action_outcome fate = fate_of_step(engine, agent);

	if (fate == ACTION_STARTED)
		return false;
	conclude(engine, agent, fate);
	return true;
}

/* ---- how a plan ends */

/* The trouble is over: nothing is left to be done. Returns the action that was taken, or NULL. */
const struct action *policy_recovered(struct engine *engine, struct agent *agent, usec_t time)
{
	struct plan *plan = &agent->plan;

	if (time < plan->since)
		return NULL;
	agent->unhelpful[plan->cause] = 0;
	if (!plan->active)
		return NULL;
	if (plan->order == RECALLED_ORDER && !settle(engine, agent))
		plan->order = 0;
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
	return plan->active && !plan->recalled && plan->held_by &&
	       strcmp(plan->held_by, reason) == 0;
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

	policy_go_on(engine, agent);
	if (!plan->active || plan->recalled || plan->order || !agent->has_unit ||
	    systemd_will_react(agent))
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

/* ---- the plan of an engine before us */

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

/* What holds a plan for a while; NULL: it holds for good. */
static const char *passing_obstacle(const char *held_by)
{
	static const char *const obstacles[] = { "offline", "systemd", "bus" };

	for (size_t i = 0; i < sizeof(obstacles) / sizeof(*obstacles); i++)
		if (strcmp(held_by, obstacles[i]) == 0)
			return obstacles[i];
	return NULL;
}

static void recall_step(struct agent *agent, const struct record *taken)
{
	struct plan *plan = &agent->plan;
	const struct action *action = step_of(agent);

	if (action)
		plan->record.action = *action;
	memcpy(plan->record.invocation_id, taken->invocation_id,
	       sizeof(plan->record.invocation_id));
	plan->order = RECALLED_ORDER;
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
	plan->held_by = passing_obstacle(held_by);
	plan->left_to_systemd = process_ended(plan->cause) && strcmp(held_by, "systemd") == 0;
	if (!plan->held_by)
		plan_end(engine, plan);
}

/* Makes the plan that of the verdict which was acted upon. The one before, if it was another, came
 * to its end without a word. */
static bool recall_plan_of(struct engine *engine, struct agent *agent, const struct record *taken)
{
	struct plan *plan = &agent->plan;
	struct record verdict = *taken;

	if (!plan->active)
		return false;
	if (plan->cause == taken->verdict.cause && plan->record.cookie == taken->cookie)
		return true;
	plan_end(engine, plan);
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
	if (!recall_plan_of(engine, agent, taken))
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
		plan_end(engine, plan);
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
		return false;
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
	return agent->blind && !process_ended(plan->cause);
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
	return plan->since + first_step_after(engine, agent, &plan->record.action);
}

void policy_go_on(struct engine *engine, struct agent *agent)
{
	struct plan *plan = &agent->plan;
	bool unit_unknown = *agent->unit.unit && !agent->has_unit;

	if (!plan->active || !plan->recalled || !agent->caught_up || unit_unknown)
		return;
	if (plan->order && !settle(engine, agent))
		return;
	plan->recalled = false;
	if (is_pointless(engine, agent))
		plan_end(engine, plan);
	else
		plan_at(engine, plan, next_step_at(engine, agent));
}
