/* What an agent's own records of before tell the engine: sessions and actions, as events. */
#pragma once

#include "record_parse.h"

enum { PAST_EVENTS_MAX = 200 };

struct past_events {
	usec_t now;      /* the time of the events */
	usec_t realtime; /* at `now` */
	uint32_t agent;
	struct event events[PAST_EVENTS_MAX]; /* the newest first */
	unsigned count;
	/* what the records so far say of those before them */
	bool reopened; /* the next session began `reopened_ago` */
	usec_t reopened_ago;
	bool concluded; /* it is known what became of the next action */
	bool unhelpful; /* and that it did not help */
	bool was_well;  /* the trouble was over at some time since */
};

void past_events_begin(struct past_events *past_events, uint32_t agent, usec_t now,
		       usec_t realtime);

/* Takes the next record of the agent, from the newest to the oldest. Returns false if no more are
 * of use. */
bool past_events_take(struct past_events *past_events, const struct past_record *past);
