/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts records, for the bus and the metrics. */
#pragma once

#include "record/record.h"

enum { TALLIES_MAX = 64, HISTOGRAM_BOUNDS = 9 };

/* How long something took, by upper bounds. Starts as zero. */
struct histogram {
	uint64_t count[HISTOGRAM_BOUNDS + 1]; /* up to each bound, not up to the one before; the
						 last one: beyond all */
	usec_t sum;
};

/* The bounds in milliseconds, rising: of what a rung takes, and of the time with or without a
 * session. */
extern const uint32_t histogram_of_rungs[HISTOGRAM_BOUNDS];
extern const uint32_t histogram_of_sessions[HISTOGRAM_BOUNDS];

/* The counts of one agent. Starts as zero, but for `agent`. */
struct tally {
	char agent[AGENT_NAME_SIZE];
	uint64_t records; /* of any kind */
	uint64_t ended[CAUSE_MAX][ENDED_BY_MAX];
	uint64_t stalled[CAUSE_MAX];
	uint64_t actions[ACTION_TYPE_MAX][ACTION_OUTCOME_MAX];
	uint64_t recovered;
	usec_t downtime; /* the sum over all recoveries */
	uint64_t outages;
	char outage_id[OUTAGE_ID_SIZE];   /* of the last one; "": none was counted yet */
	struct histogram sessions;        /* how long they lived, where that is known */
	struct histogram recoveries;      /* how long the agent was without a session */
	struct histogram rungs[RUNG_MAX]; /* how long each took, in what became a session */
	/* the last `ended` or `stalled` record; last_message is empty before the first */
	enum record_kind last_kind;
	enum cause last_cause;
	enum ended_by last_ended_by;
	enum confidence last_confidence;
	usec_t last_time;
	char last_message[MESSAGE_SIZE];
};

/* Counts `record`, which must be of this agent. */
void tally_add(struct tally *tally, const struct record *record);

/* The counts of all agents. Starts as zero. */
struct tallies {
	struct tally agents[TALLIES_MAX];
	uint64_t lost_events;
	struct tally nothing; /* stays zero: what an agent without records has */
};

/* Counts `record` for its agent. With TALLIES_MAX agents already, one of a further agent is
 * dropped. */
void tallies_add(struct tallies *tallies, const struct record *record);

/* Returns the counts of `agent`, or NULL if it has none yet. Valid until tallies_forget(). */
const struct tally *tallies_find(const struct tallies *tallies, const char *agent);

/* Drops the counts of `agent`, which makes room for another. */
void tallies_forget(struct tallies *tallies, const char *agent);

/* Returns how many connections ended by `cause`, over all values of ENDED_BY. */
uint64_t tally_ended(const struct tally *tally, enum cause cause);
