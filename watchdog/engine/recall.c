/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/recall.h"

#include <string.h>

#include "engine/agents.h"
#include "engine/open_session.h"
#include "engine/outage.h"
#include "engine/outcomes.h"
#include "engine/policy/plan_recall.h"
#include "engine/policy/policy.h"
#include "verdict/host_end.h"

/* Returns the time `ago` before the event. Times before CLOCK_MONOTONIC began count as its first
 * microsecond. */
static usec_t time_of(const struct event *event, usec_t ago)
{
	return ago < event->time ? event->time - ago : 1;
}

/* After the agent's DISCONNECT the peer closes, and the end was the agent's doing all the same. */
static enum session_end end_of(const struct history_session_event *past)
{
	if (past->cause == CAUSE_TOKEN_RENEWAL || past->cause == CAUSE_AGENT_CLOSE)
		return SESSION_ENDED_BY_AGENT;
	return session_end_of(past->ended_by);
}

void recall_take_session(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);
	const struct history_session_event *past = &event->history_session;
	struct session session = {
		.end = end_of(past),
		.time = time_of(event, past->ago),
		.age = past->age,
		.silence = session_silence(past->idle_rx, past->idle_tx, past->unacked_bytes),
		/* whether the peer had acknowledged more is not recorded */
		.before = past->age > past->idle_rx ? past->age - past->idle_rx : past->age,
		.reset = past->ended_by == ENDED_BY_PEER_RESET,
	};

	if (!agent)
		return;
	if (past->reopened_after)
		session.reopened = session.time + past->reopened_after;
	past_sessions_add(&agent->past_sessions, &session);
}

static void record_of(const struct agent *agent, enum record_kind kind, usec_t time,
		      const struct past_verdict *past, struct record *record)
{
	outcomes_begin_record(agent, kind, time, record);
	record->verdict.cause = past->cause;
	record->verdict.confidence = past->confidence;
	record->cookie = past->cookie;
	record->netns = past->netns;
	record->local = past->local;
	record->peer = past->peer;
	record->process.pid = past->pid;
	memcpy(record->process.comm, past->comm, sizeof(record->process.comm));
	memcpy(record->invocation_id, past->invocation_id, sizeof(record->invocation_id));
	memcpy(record->outage_id, past->outage_id, sizeof(record->outage_id));
}

void recall_take_trouble(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);
	const struct history_trouble_event *past = &event->history_trouble;
	usec_t time = time_of(event, past->verdict.ago);
	struct record record;

	if (!agent)
		return;
	if (!past->open)
		outage_recall(engine, agent, time, past->verdict.outage_id);
	if (cause_is_host_down(past->verdict.cause))
		agent->outage.before = past->down;
	record_of(agent, past->open ? RECORD_STALLED : RECORD_ENDED, time, &past->verdict, &record);
	if (!past->open && !cause_is_host_down(past->verdict.cause)) {
		agents_recall_end(agent, past, time);
		policy_connection_ended(engine, agent, past->verdict.cookie);
	}
	if (past->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING)
		agents_recall_not_reconnecting(agent);
	outage_take_verdict(agent, &record);
	plan_recall_verdict(agent, &record);
}

void recall_take_action(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);
	const struct history_action_event *past = &event->history_action;
	struct record record;

	if (!agent)
		return;
	record_of(agent, RECORD_ACTION, time_of(event, past->verdict.ago), &past->verdict, &record);
	plan_recall_action(engine, agent, &record, past->outcome, past->held_by);
}

/* Whether the agent was down since then is known only if its boot was the last one, and connwatch
 * watched it to its end. */
static void begin_outage(struct engine *engine, struct agent *agent, const struct host_end *host,
			 struct record *record)
{
	if (record->verdict.cause == CAUSE_UNKNOWN || host->not_the_last)
		return;
	outage_begin(engine, agent, record->time);
	agent->outage.before = record->downtime = host->down;
	outage_take_verdict(agent, record);
}

void recall_take_open(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);
	const struct history_open_event *past = &event->history_open;
	struct record record;

	if (!agent)
		return;
	if (!past->host_went_down) {
		open_session_told(agent, past->verdict.cookie);
		return;
	}
	record_of(agent, RECORD_ENDED, time_of(event, past->verdict.ago), &past->verdict, &record);
	verdict_on_host_end(&(struct circumstances){ .host_end = &past->host }, &record.verdict);
	begin_outage(engine, agent, &past->host, &record);
	outcomes_send_record(engine, &record);
	policy_apply(engine, agent, &record);
}

void recall_take_spent(struct engine *engine, const struct event *event)
{
	struct agent *agent = state_agent(engine, event->agent);

	if (agent)
		budget_recall(&agent->budget, time_of(event, event->spent_ago));
}
