/* What an agent's own records of before tell the engine: sessions and actions, as events. */
#pragma once

#include "history.h"
#include "policy_budget.h"
#include "record_parse.h"

/* Each kind has its own room, so that a thousand refused attempts leave the limit of actions what
 * it is. */
enum {
	PAST_WORDS_MAX = 128,    /* troubles, and what became of actions */
	PAST_RECORDS_MAX = 4096, /* are looked at, so that we begin in time */
	PAST_EVENTS_MAX = HISTORY_MAX + BUDGET_MAX + PAST_WORDS_MAX + 1,
};

struct past_events {
	usec_t now;      /* the time of the events */
	usec_t realtime; /* at `now` */
	usec_t limit_interval;
	uint32_t agent;
	struct event events[PAST_EVENTS_MAX]; /* the newest first */
	unsigned count;
	unsigned sessions, actions, words; /* of them */
	unsigned records;                  /* looked at */
	char boot_id[BOOT_ID_SIZE];
	/* what the records so far say of those before them */
	bool reopened; /* the next session began `reopened_ago` */
	usec_t reopened_ago;
	bool interrupted; /* the next action did not happen */
	bool ended;       /* the session whose end made the agent lose its connection is told */
	unsigned untold_attempts; /* after the next session: there was no room for them */
	bool was_well;            /* the trouble was over at some time since */
};

/* `now` is CLOCK_MONOTONIC of the boot `boot_id`, `realtime` the time since 1970 at that moment.
 * Actions count for `limit_interval` (ActionLimitIntervalSec=). */
void past_events_begin(struct past_events *past_events, uint32_t agent, usec_t limit_interval,
		       usec_t now, usec_t realtime, const char *boot_id);

/* Takes the next record of the agent, from the newest to the oldest. Returns false if no more are
 * of use. */
bool past_events_take(struct past_events *past_events, const struct past_record *past);
