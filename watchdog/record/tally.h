/* Counts records: what the bus and the metrics tell of an agent beside its present state. */
#pragma once

#include "record.h"

enum { TALLIES_MAX = 64 };

/* One agent's; all zero but for `agent` to begin with. */
struct tally {
	char agent[AGENT_NAME_SIZE];
	uint64_t records; /* of any kind */
	uint64_t ended[CAUSE_MAX][ENDED_BY_MAX];
	uint64_t stalled[CAUSE_MAX];
	uint64_t actions[ACTION_TYPE_MAX][ACTION_OUTCOME_MAX];
	uint64_t recovered;
	usec_t downtime; /* of all that it recovered from */
	/* the last `ended` or `stalled` record; no message: there was none yet */
	enum record_kind last_kind;
	enum cause last_cause;
	enum ended_by last_ended_by;
	enum confidence last_confidence;
	usec_t last_time;
	char last_message[MESSAGE_SIZE];
};

/* Counts `record`, which must be about this agent. */
void tally_add(struct tally *tally, const struct record *record);

/* Of all agents; all zero to begin with. */
struct tallies {
	struct tally agents[TALLIES_MAX];
	uint64_t lost_events;
};

/* Counts `record` where it belongs. One of an agent that finds no room is not counted. */
void tallies_add(struct tallies *tallies, const struct record *record);

/* NULL if nothing was counted of `agent` yet. */
const struct tally *tallies_find(const struct tallies *tallies, const char *agent);

/* Makes room for another agent. */
void tallies_forget(struct tallies *tallies, const char *agent);

/* How many ended by `cause`, however the socket ended. */
uint64_t tally_ended(const struct tally *tally, enum cause cause);
