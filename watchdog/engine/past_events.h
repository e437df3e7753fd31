/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal's records about an agent, made into EVENT_HISTORY_* events for an engine that begins:
 * its last sessions, the troubles since its last recovery, and actions. */
#pragma once

#include "engine/policy/budget.h"
#include "record/parse.h"
#include "verdict/rhythm.h"

/* Sessions, actions and troubles have room of their own: however many attempts were refused, the
 * actions that count for the limit are kept. */
enum {
	PAST_TROUBLES_MAX = 128, /* troubles, and outcomes of actions against them */
	PAST_RECORDS_MAX = 4096, /* that are read, so that the start takes a bounded time */
	PAST_EVENTS_MAX = PAST_SESSIONS_MAX + BUDGET_MAX + PAST_TROUBLES_MAX + 2,
};

struct past_events {
	usec_t now;      /* CLOCK_MONOTONIC: the time of all events */
	usec_t realtime; /* at `now` */
	usec_t limit_interval;
	uint32_t agent;
	struct event events[PAST_EVENTS_MAX]; /* the newest first */
	unsigned count;
	unsigned sessions, actions, troubles; /* of the events */
	unsigned records;                     /* read so far */
	char boot_id[BOOT_ID_SIZE];
	/* what the records so far say about older ones */
	bool reopened;             /* the next session to be read was followed by another one: */
	usec_t reopened_ago;       /* which began so long before `now` */
	bool interrupted;          /* the next action to be read did not happen */
	bool ended;                /* the end that began the outage is among the events */
	unsigned omitted_attempts; /* failed attempts of the outage that found no room */
	bool open_seen;            /* the newest session that came up is among the events */
	bool was_well;             /* the agent recovered since: no older trouble is left */
};

/* Begins to read about the agent with number `agent`. `now` is CLOCK_MONOTONIC of the boot
 * `boot_id`, `realtime` is CLOCK_REALTIME at that moment, both in microseconds. Actions count for
 * `limit_interval` microseconds (ActionLimitIntervalSec=). */
void past_events_begin(struct past_events *past_events, uint32_t agent, usec_t limit_interval,
		       usec_t now, usec_t realtime, const char *boot_id);

/* Takes the next record about the agent; the newest comes first. Returns false if older records add
 * nothing: then past_events->events is complete, and is to be given to the engine from its last
 * entry to its first. */
bool past_events_take(struct past_events *past_events, const struct past_record *past);
