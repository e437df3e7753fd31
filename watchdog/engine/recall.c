/* What happened before this engine began: as if it had seen it. */
#include <string.h>

#include "engine_state.h"

/* What is older than the clock counts as of its very beginning. */
static usec_t time_of(const struct event *event, usec_t ago)
{
	return ago < event->time ? event->time - ago : 1;
}

/* After a DISCONNECT of the agent's the peer closes, and the end was the agent's all the same. */
static enum session_end end_of(const struct history_session_event *past)
{
	if (past->cause == CAUSE_TOKEN_RENEWAL || past->cause == CAUSE_AGENT_CLOSE)
		return SESSION_ENDED_HERE;
	return session_end_of(past->ended_by);
}

static void take_session(struct agent *agent, const struct event *event)
{
	const struct history_session_event *past = &event->history_session;
	struct session session = {
		.end = end_of(past),
		.time = time_of(event, past->ago),
		.age = past->age,
		.silence = session_silence(past->idle_rx, past->idle_tx, past->unacked_bytes),
	};

	if (past->reopened_after)
		session.reopened = session.time + past->reopened_after;
	history_add(&agent->history, &session);
}

static void record_of(const struct agent *agent, enum record_kind kind, usec_t time,
		      const struct past_verdict *past, struct record *record)
{
	engine_record_begin(agent, kind, time, record);
	record->verdict.cause = past->cause;
	record->verdict.confidence = past->confidence;
	record->cookie = past->cookie;
	record->netns = past->netns;
	record->local = past->local;
	record->peer = past->peer;
	record->process.pid = past->pid;
	memcpy(record->process.comm, past->comm, sizeof(record->process.comm));
	memcpy(record->invocation_id, past->invocation_id, sizeof(record->invocation_id));
}

static void take_trouble(struct engine *engine, struct agent *agent, const struct event *event)
{
	const struct history_trouble_event *past = &event->history_trouble;
	usec_t time = time_of(event, past->verdict.ago);
	struct record record;

	record_of(agent, past->open ? RECORD_STALLED : RECORD_ENDED, time, &past->verdict, &record);
	if (!past->open) {
		agents_recall_end(agent, past, time);
		policy_connection_ended(engine, agent, past->verdict.cookie);
	}
	if (past->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING)
		agents_recall_not_reconnecting(agent);
	policy_recall(agent, &record);
}

static void take_action(struct engine *engine, struct agent *agent, const struct event *event)
{
	const struct history_action_event *past = &event->history_action;
	struct record record;

	record_of(agent, RECORD_ACTION, time_of(event, past->verdict.ago), &past->verdict, &record);
	policy_recall_action(engine, agent, &record, past->outcome, past->held_by);
}

void history_take(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);

	if (!agent)
		return;
	if (event->type == EVENT_HISTORY_SESSION)
		take_session(agent, event);
	else if (event->type == EVENT_HISTORY_TROUBLE)
		take_trouble(engine, agent, event);
	else
		take_action(engine, agent, event);
}
