/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/past_events.h"

#include <stdio.h>
#include <string.h>

/* Older records are not read: what went wrong then is over, or shows again today. */
#define PAST_MAX (24 * USEC_PER_HOUR)

void past_events_begin(struct past_events *past_events, uint32_t agent, usec_t limit_interval,
		       usec_t now, usec_t realtime, const char *boot_id)
{
	*past_events = (struct past_events){
		.now = now, .realtime = realtime, .limit_interval = limit_interval, .agent = agent
	};
	snprintf(past_events->boot_id, sizeof(past_events->boot_id), "%s", boot_id);
}

static bool of_this_boot(const struct past_events *past_events, const struct past_record *past)
{
	return strcmp(past->boot_id, past_events->boot_id) == 0;
}

/* A record of this boot holds when its event happened, which may be long before it was written. */
static usec_t ago(const struct past_events *past_events, const struct past_record *past)
{
	usec_t time = past->happened;

	if (of_this_boot(past_events, past) && time && time <= past_events->now)
		return past_events->now - time;
	return past->realtime < past_events->realtime ? past_events->realtime - past->realtime : 0;
}

static struct event *add(struct past_events *past_events, enum event_type type)
{
	struct event *event = &past_events->events[past_events->count++];

	*event = (struct event){
		.type = type,
		.time = past_events->now,
		.agent = past_events->agent,
	};
	return event;
}

static struct past_verdict verdict_of(const struct past_events *past_events,
				      const struct past_record *past)
{
	const struct record *record = &past->record;
	struct past_verdict verdict = {
		.ago = ago(past_events, past),
		.cause = record->verdict.cause,
		.confidence = record->verdict.confidence,
		.cookie = record->cookie,
		.netns = record->netns,
		.local = record->local,
		.peer = record->peer,
		.pid = record->process.pid,
	};

	memcpy(verdict.comm, record->process.comm, sizeof(verdict.comm));
	memcpy(verdict.invocation_id, record->invocation_id, sizeof(verdict.invocation_id));
	memcpy(verdict.outage_id, record->outage_id, sizeof(verdict.outage_id));
	return verdict;
}

/* True for a trouble or an action that is not over. After a boot everything was started again. */
static bool is_pending(const struct past_events *past_events, const struct past_record *past)
{
	return !past_events->was_well && of_this_boot(past_events, past);
}

/* The end that began the outage has room in any case: the downtime counts from it. */
static bool has_room(struct past_events *past_events, bool session_ended, bool came_up)
{
	bool first_end = session_ended && came_up && !past_events->ended;

	past_events->ended |= first_end;
	if (past_events->troubles < PAST_TROUBLES_MAX) {
		past_events->troubles++;
		return true;
	}
	if (session_ended && !came_up)
		past_events->omitted_attempts++;
	return first_end;
}

static void take_trouble(struct past_events *past_events, const struct past_record *past)
{
	bool open = past->record.kind == RECORD_STALLED;
	bool came_up = past_came_up(past), is_attempt = past_is_attempt(past);

	if (past_is_of_earlier_boot(past) && !past->record.outage_id[0])
		return;
	if (!is_pending(past_events, past) || !has_room(past_events, !open, came_up))
		return;
	add(past_events, EVENT_HISTORY_TROUBLE)->history_trouble = (struct history_trouble_event){
		.verdict = verdict_of(past_events, past),
		.open = open,
		.came_up = came_up,
		.rung = past->record.verdict.rung,
		.attempts = is_attempt ? past->record.attempts : past_events->omitted_attempts,
		.cause_attempts = past->record.cause_attempts,
		.down = past->record.downtime,
	};
}

static void take_session(struct past_events *past_events, const struct past_record *past)
{
	const struct record *record = &past->record;
	usec_t ended_ago = ago(past_events, past);

	if (!past_came_up(past) || past_is_of_earlier_boot(past) ||
	    past_events->sessions == PAST_SESSIONS_MAX)
		return;
	past_events->sessions++;
	add(past_events, EVENT_HISTORY_SESSION)->history_session = (struct history_session_event){
		.ago = ended_ago,
		.age = record->socket.age,
		.idle_rx = record->socket.idle_rx,
		.idle_tx = record->socket.idle_tx,
		.unacked_bytes = record->socket.unacked_bytes,
		.reopened_after = past_events->reopened ? ended_ago - past_events->reopened_ago : 0,
		.ended_by = record->verdict.ended_by,
		.cause = record->verdict.cause,
	};
	past_events->reopened = false;
}

/* Whether the session has ended since, the connections that are open show. */
static void take_open(struct past_events *past_events, const struct past_record *past)
{
	if (past_events->open_seen || !of_this_boot(past_events, past))
		return;
	past_events->open_seen = true;
	add(past_events, EVENT_HISTORY_OPEN)->history_open =
		(struct history_open_event){ .verdict = verdict_of(past_events, past) };
}

/* A record with a cause is about a connection that was stalled, not about a new session. */
static void take_recovered(struct past_events *past_events, const struct past_record *past)
{
	past_events->was_well = true;
	if (*past->cause)
		return;
	take_open(past_events, past);
	past_events->reopened = true;
	past_events->reopened_ago = ago(past_events, past);
}

static void add_action(struct past_events *past_events, const struct past_record *past,
		       enum action_outcome outcome)
{
	struct history_action_event action = {
		.verdict = verdict_of(past_events, past),
		.action = past->record.action.type,
		.outcome = outcome,
	};

	memcpy(action.held_by, past->action_held_by, sizeof(action.held_by));
	add(past_events, EVENT_HISTORY_ACTION)->history_action = action;
}

static void take_start(struct past_events *past_events, const struct past_record *past)
{
	bool interrupted = past_events->interrupted;

	past_events->interrupted = false;
	if (interrupted || past_events->actions == BUDGET_MAX)
		return;
	past_events->actions++;
	add_action(past_events, past, ACTION_STARTED);
}

static void take_outcome(struct past_events *past_events, const struct past_record *past,
			 enum action_outcome outcome)
{
	if (past_events->troubles == PAST_TROUBLES_MAX)
		return;
	past_events->troubles++;
	add_action(past_events, past, outcome);
}

static void take_action(struct past_events *past_events, const struct past_record *past)
{
	enum action_outcome outcome = action_outcome_from_string(past->action_result);

	switch (outcome) {
	case ACTION_STARTED:
		take_start(past_events, past);
		break;
	case ACTION_INTERRUPTED:
		past_events->interrupted = true;
		break;
	case ACTION_DID_NOT_HELP: /* whether in this boot or an earlier one */
		if (!past_events->was_well)
			take_outcome(past_events, past, outcome);
		break;
	case ACTION_DONE:
	case ACTION_FAILED:
	case ACTION_HELD:
	case ACTION_UNCERTAIN:
		if (is_pending(past_events, past))
			take_outcome(past_events, past, outcome);
		break;
	case ACTION_HELPED:
	case ACTION_OUTCOME_MAX:
	case ACTION_OUTCOME_INVALID:
		break;
	}
}

/* True if records older than `age` add nothing: enough sessions are read, the trouble was over at
 * some time since, and no older action counts for the limit. */
static bool is_enough(const struct past_events *past_events, usec_t age)
{
	return past_events->sessions == PAST_SESSIONS_MAX && past_events->was_well &&
	       age > past_events->limit_interval;
}

bool past_events_take(struct past_events *past_events, const struct past_record *past)
{
	usec_t age = ago(past_events, past);

	if (age > PAST_MAX || is_enough(past_events, age) ||
	    past_events->records++ == PAST_RECORDS_MAX)
		return false;
	switch (past->record.kind) {
	case RECORD_ENDED:
		take_trouble(past_events, past);
		take_session(past_events, past);
		break;
	case RECORD_STALLED:
		take_trouble(past_events, past);
		break;
	case RECORD_RECOVERED:
		take_recovered(past_events, past);
		break;
	case RECORD_ACTION:
		take_action(past_events, past);
		break;
	case RECORD_CONNECTED:
		take_open(past_events, past);
		break;
	case RECORD_WATCHING:
	case RECORD_EVIDENCE_LOST:
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		break;
	}
	return true;
}
