/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/agents.h"

#include <string.h>

#include "engine/attempts.h"
#include "engine/lookups.h"
#include "engine/open_session.h"
#include "engine/outage.h"
#include "engine/outcomes.h"
#include "engine/policy/plan.h"
#include "engine/policy/plan_recall.h"
#include "engine/policy/policy.h"
#include "engine/policy/systemd.h"
#include "verdict/stall.h"

/* ---- settings and units */

/* The settings name the unit before its first EVENT_UNIT does. */
static void name_unit(struct agent *agent)
{
	const char *unit = agent_settings_unit(agent->settings);

	if (unit && !agent->has_unit)
		memcpy(agent->unit.unit, unit, sizeof(agent->unit.unit));
}

void agents_take_settings(struct engine *engine, const struct event *event)
{
	struct agent *agent;
	bool is_new;

	if (event->agent == 0 || event->agent > engine->limits.agents)
		return;
	agent = &engine->agents[event->agent];
	is_new = !agent->settings;
	agent->deadline.kind = DEADLINE_OF_AGENT;
	agent->lookups.deadline.kind = DEADLINE_OF_LOOKUPS;
	agent->climb.deadline.kind = DEADLINE_OF_CLIMB;
	agent->token.deadline.kind = DEADLINE_OF_TOKEN;
	agent->outage.deadline.kind = DEADLINE_OF_OUTAGE;
	agent->open_session.deadline.kind = DEADLINE_OF_OPEN_SESSION;
	agent->settings = event->watching.settings;
	agent->mode = engine->mode = event->watching.mode;
	agent->external_btf = engine->external_btf = event->watching.external_btf;
	agent->actions_held = event->watching.actions_held;
	agent->lookups_hide = event->watching.lookups_hide;
	agent->optional = event->watching.optional;
	name_unit(agent);
	if (is_new) {
		agent->caught_up = !event->watching.catching_up;
		agent->absent = true;
	}
	if (!agent->optional)
		outcomes_agent_is_there(engine, agent, event->time);
}

void agents_forget(struct engine *engine, struct agent *agent)
{
	deadline_clear(&engine->deadlines, &agent->deadline);
	deadline_clear(&engine->deadlines, &agent->lookups.deadline);
	deadline_clear(&engine->deadlines, &agent->climb.deadline);
	deadline_clear(&engine->deadlines, &agent->token.deadline);
	deadline_clear(&engine->deadlines, &agent->outage.deadline);
	deadline_clear(&engine->deadlines, &agent->open_session.deadline);
	deadline_clear(&engine->deadlines, &agent->plan.deadline);
	*agent = (struct agent){ 0 };
}

/* A unit whose file was removed may still run. */
static bool has_no_unit(const struct agent *agent)
{
	return agent->has_unit && agent->unit.missing &&
	       (agent->unit.state == UNIT_INACTIVE || agent->unit.state == UNIT_FAILED);
}

void agents_take_unit(struct engine *engine, struct agent *agent, const struct event *event)
{
	bool awaited_restart = systemd_restarts(agent);

	systemd_count_starts(agent, event);
	agent->has_unit = event->unit.state != UNIT_UNKNOWN;
	agent->start_refused =
		event->unit.state == UNIT_FAILED && (awaited_restart || agent->start_refused);
	agent->unit = event->unit;
	if (has_no_unit(agent))
		agent->absent = agent->optional && agent->connections_up == 0;
	else if (agent->has_unit)
		outcomes_agent_is_there(engine, agent, event->time);
}

static void expect_reconnect(struct engine *engine, struct agent *agent)
{
	usec_t timeout = agent->settings->reconnect_timeout;

	if (timeout != USEC_INFINITY)
		deadline_set(&engine->deadlines, &agent->deadline, agent->down_since + timeout);
}

/* A blind engine cannot see whether the agent has a connection. */
void agents_take_caught_up(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	if (!agent)
		return;
	agent->caught_up = true;
	agent->blind = event->blind;
	open_session_check(engine, agent);
	if (agent->blind) {
		outage_forget(engine, agent);
		agent->down_since = 0;
	}
	if (agent->down_since && !plan_not_reconnecting_is_handled(agent))
		expect_reconnect(engine, agent);
	plan_recall_resume(engine, agent);
}

/* ---- the command of `run` */

void agents_take_command(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	if (!agent)
		return;
	agent->command = event->process.task.pid;
	agent->command_since = event->time;
}

void agents_take_exit(struct engine *engine, const struct process *process)
{
	struct agent *agent = state_agent(engine, process->agent);
	struct circumstances circumstances = {
		.time = process->exited_at,
		.process = process,
		.no_connection = true,
	};
	struct record record;

	if (!agent || process->task.pid != agent->command ||
	    state_has_open_connection(engine, agent->command))
		return;
	outcomes_begin_record(agent, RECORD_ACTION, process->exited_at, &record);
	circumstances.settings = agent->settings;
	circumstances.mode = agent->mode;
	record.process = process->task;
	record.peer = agent->last_peer;
	record.netns = agent->last_netns;
	state_find_stop(engine, &circumstances);
	verdict_on_exit(&circumstances, &record.verdict, &record.exit);
	policy_take_exit(engine, agent, &record);
}

/* ---- connections */

void agents_connection_opened(struct engine *engine, struct agent *agent, uint64_t cookie,
			      usec_t time)
{
	outcomes_agent_is_there(engine, agent, time);
	attempts_begin(agent, cookie, time);
	lookups_succeeded(engine, agent, false);
	agent->last_opened = agent->last_tried = time;
	past_sessions_reopen(&agent->past_sessions, time);
}

/* The outage began with a session's end, or with the first attempt that failed. */
static usec_t down_since(const struct agent *agent)
{
	return agent->down_since ?: agent->outage.since;
}

static void report_recovered(struct engine *engine, struct agent *agent,
			     const struct connection *connection, usec_t time,
			     const struct action *action)
{
	struct record record;

	outage_end(engine, agent, connection, time, &record);
	record.downtime = time - down_since(agent) + agent->outage.before;
	if (action) {
		record.action = *action;
		record.action_result = action_outcome_to_string(ACTION_HELPED);
	}
	outage_send_end(engine, agent, &record);
	if (!record.folded)
		open_session_told(agent, connection->cookie);
	/* An outage that turns out to be none has no such end: then nothing more is done in the
	 * next. */
	agent->not_reconnecting_reported = agent->not_reconnecting_handled = false;
}

void agents_connection_up(struct engine *engine, struct agent *agent,
			  const struct connection *connection, usec_t time)
{
	const struct action *action = policy_recovered(engine, agent, time);

	deadline_clear(&engine->deadlines, &agent->deadline);
	lookups_succeeded(engine, agent, true);
	attempts_succeeded(agent);
	if (agent->outage.under_way && time < down_since(agent)) /* it was up when another ended */
		outage_forget(engine, agent);
	if (agent->connections_up++ == 0 && agent->outage.under_way)
		report_recovered(engine, agent, connection, time, action);
	open_session_begin(engine, agent, connection);
	agent->down_since = agent->attempts = 0;
}

/* An agent may try several addresses in turn, one of which never answers. */
static bool is_last_peer(const struct agent *agent, const struct connection *connection)
{
	const struct endpoint *last = &agent->last_peer, *peer = &connection->peer;

	return last->family == peer->family && last->port == peer->port &&
	       memcmp(last->address, peer->address, sizeof(last->address)) == 0;
}

void agents_connection_down(struct engine *engine, struct agent *agent,
			    const struct connection *connection, enum rung rung, usec_t time)
{
	if (!connection->serves) {
		attempts_failed(agent, rung, time);
		if (!connection->up && is_last_peer(agent, connection))
			past_sessions_shut_out(&agent->past_sessions);
		return;
	}
	agent->connections_up--;
	open_session_end(engine, agent, connection->cookie, time);
	if (agent->connections_up > 0)
		return;
	agent->down_since = time;
	attempts_failed(agent, rung, time);
	expect_reconnect(engine, agent);
}

void agents_recall_end(struct agent *agent, const struct history_trouble_event *past, usec_t time)
{
	attempts_failed(agent, past->rung, time);
	if (past->came_up)
		agent->down_since = time;
	if (past->came_up && !past->cause_attempts)
		agent->attempts = past->attempts;
	else
		outage_recall_attempt(agent, past, time);
}

void agents_recall_not_reconnecting(struct agent *agent)
{
	agent->not_reconnecting_reported = true;
}

/* ---- an agent that does not reconnect */

static bool is_alive(const struct engine *engine, const struct agent *agent)
{
	if (!agent->has_unit)
		return state_agent_lives(engine, state_agent_number(engine, agent));
	return agent->unit.state == UNIT_ACTIVE && strcmp(agent->unit.job, "stop") != 0;
}

/* The agent's newest attempt waits for the hub's answer to its login. */
static bool is_logging_in(const struct engine *engine, const struct agent *agent)
{
	const struct connection *newest = state_connection(engine, agent->attempt.cookie);

	return newest && newest->logging_in && !newest->ended;
}

/* Returns when the agent last tried to connect, or was started, or lost its connection. A dead
 * agent may be started any moment: that counts as a second from now. One that waits for the answer
 * to a lookup or a login tries now. */
static usec_t silent_since(const struct engine *engine, const struct agent *agent)
{
	const struct tracked_process *main = state_process(engine, agent->unit.main_pid);
	usec_t lives_since = main ? main->facts.execed : agent->command_since;

	if (!is_alive(engine, agent))
		return engine->now + USEC_PER_SEC;
	if (agent->lookups.asked || is_logging_in(engine, agent))
		return engine->now;
	return usec_later(usec_later(agent->last_tried, lives_since), agent->down_since);
}

/* An agent that talks to its hub now and then closes each connection by itself. */
static bool may_rest(const struct agent *agent)
{
	const struct outage *outage = &agent->outage;
	enum cause cause = outage->diagnosed ? outage->cause : CAUSE_UNKNOWN;

	return agent->attempts == 0 && (cause == CAUSE_AGENT_CLOSE || cause == CAUSE_AGENT_ABORT ||
					cause == CAUSE_TOKEN_RENEWAL);
}

static void describe_not_reconnecting(const struct engine *engine, const struct agent *agent,
				      struct record *record)
{
	const struct circumstances circumstances = {
		.settings = agent->settings,
		.mode = agent->mode,
		.time = engine->now,
		.no_connection = true,
		.may_rest = may_rest(agent),
		.attempts_lost = usec_later(engine->lost, agent->lost) >= agent->down_since,
		.lookups = &agent->lookups.facts,
		.lookups_hide = lookups_may_hide(agent),
		.path = state_path_now(engine, agent->last_netns, &agent->last_peer),
	};

	record->peer = agent->last_peer;
	record->netns = agent->last_netns;
	record->downtime = engine->now - agent->down_since;
	stall_without_connection(&circumstances, record->downtime, agent->attempts,
				 &record->verdict);
}

/* The agent forgot to try, or cannot any more. Of an agent that tries, each attempt has a verdict
 * of its own. While a plan for another trouble is active, this one is reported and has to wait:
 * plan_resume_not_reconnecting(). */
void agents_due(struct engine *engine, struct agent *agent)
{
	usec_t due = silent_since(engine, agent) + agent->settings->reconnect_timeout;
	struct record record;

	if (!agent->down_since || agent->settings->reconnect_timeout == USEC_INFINITY)
		return;
	if (due > engine->now) {
		deadline_set(&engine->deadlines, &agent->deadline, due);
		return;
	}
	outcomes_begin_record(agent, RECORD_STALLED, engine->now, &record);
	describe_not_reconnecting(engine, agent, &record);
	if (!agent->not_reconnecting_reported)
		outcomes_send_record(engine, &record);
	agent->not_reconnecting_reported = true;
	policy_apply(engine, agent, &record);
}
