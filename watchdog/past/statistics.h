/* Numbers about an agent's past. */
#pragma once

#include "record_parse.h"
#include "timeline.h"

struct statistics {
	unsigned causes[CAUSE_MAX]; /* of ended records */
	unsigned newer_causes;      /* of causes that this version does not know */
	unsigned sessions_ended;    /* connections that had been up */
	unsigned attempts_failed;   /* connections that never came up */
	unsigned stalls;
	unsigned recoveries;
	usec_t downtime; /* the sum of what the recoveries told */
	usec_t downtime_max;
	unsigned actions, actions_failed, actions_held;
	uint64_t lost_events;
	usec_t spent[PRESENCE_MAX];
};

/* Start with a struct of zeroes; then every record, and every span of the agent's timeline. */
void statistics_add_record(struct statistics *statistics, const struct past_record *past);
void statistics_add_span(struct statistics *statistics, const struct span *span);

/* The part of the known time that the agent was up, in millionths, a stalled connection not
 * counted; -1: no time is known. */
int statistics_availability(const struct statistics *statistics);

/* Mean time with a connection between two ends (MTBF), and mean time to come back (MTTR);
 * USEC_INFINITY: there was none. */
usec_t statistics_between_ends(const struct statistics *statistics);
usec_t statistics_to_recover(const struct statistics *statistics);
