#include "past_events.h"

#include <string.h>

/* What is older says nothing about today. */
#define PAST_MAX (24 * USEC_PER_HOUR)

void past_events_begin(struct past_events *past_events, uint32_t agent, usec_t now, usec_t realtime)
{
	*past_events = (struct past_events){ .now = now, .realtime = realtime, .agent = agent };
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

static void take_session(struct past_events *past_events, const struct past_record *past,
			 usec_t ago)
{
	const struct record *record = &past->record;

	if (!past_came_up(past))
		return;
	add(past_events, EVENT_HISTORY_SESSION)->history_session = (struct history_session_event){
		.ago = ago,
		.age = record->socket.age,
		.idle_rx = record->socket.idle_rx,
		.idle_tx = record->socket.idle_tx,
		.unacked_bytes = record->socket.unacked_bytes,
		.reopened_after = past_events->reopened ? ago - past_events->reopened_ago : 0,
		.ended_by = record->verdict.ended_by,
		.cause = record->verdict.cause,
	};
	past_events->reopened = false;
}

/* A record that names a cause tells that a connection works again which had not ended. */
static void take_recovered(struct past_events *past_events, const struct past_record *past,
			   usec_t ago)
{
	past_events->was_well = true;
	if (*past->cause)
		return;
	past_events->reopened = true;
	past_events->reopened_ago = ago;
}

static void take_action(struct past_events *past_events, const struct past_record *past, usec_t ago)
{
	const struct record *record = &past->record;

	if (strcmp(past->action_result, "did-not-help") == 0)
		past_events->unhelpful = !past_events->was_well;
	if (strcmp(past->action_result, "done") == 0 || strcmp(past->action_result, "failed") == 0)
		past_events->concluded = true;
	if (strcmp(past->action_result, "starting") != 0)
		return;
	add(past_events, EVENT_HISTORY_ACTION)->history_action = (struct history_action_event){
		.ago = ago,
		.action = record->action.type,
		.cause = record->verdict.cause,
		.interrupted = !past_events->concluded,
		.unhelpful = past_events->unhelpful,
	};
	past_events->concluded = false;
	past_events->unhelpful = false;
}

bool past_events_take(struct past_events *past_events, const struct past_record *past)
{
	usec_t now = past_events->realtime;
	usec_t ago = past->realtime < now ? now - past->realtime : 0;

	if (past_events->count == PAST_EVENTS_MAX || ago > PAST_MAX)
		return false;
	switch (past->record.kind) {
	case RECORD_ENDED:
		take_session(past_events, past, ago);
		break;
	case RECORD_RECOVERED:
		take_recovered(past_events, past, ago);
		break;
	case RECORD_ACTION:
		take_action(past_events, past, ago);
		break;
	case RECORD_STALLED:
	case RECORD_WATCHING:
	case RECORD_EVIDENCE_LOST:
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		break;
	}
	return true;
}
