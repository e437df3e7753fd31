/* What happened before this engine began: as if it had seen it. */
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

static void take_action(struct agent *agent, const struct event *event)
{
	const struct history_action_event *past = &event->history_action;

	policy_budget_spend(&agent->budget, time_of(event, past->ago));
	if (past->unhelpful)
		agent->unhelpful[past->cause]++;
}

void history_take(struct engine *engine, const struct event *event)
{
	struct agent *agent = engine_agent(engine, event->agent);

	if (!agent)
		return;
	if (event->type == EVENT_HISTORY_SESSION)
		take_session(agent, event);
	else
		take_action(agent, event);
}
