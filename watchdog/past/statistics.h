/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts and mean times of an agent's past. Spans are microseconds. */
#pragma once

#include "past/outages.h"
#include "past/timeline.h"
#include "record/parse.h"

struct statistics {
	unsigned causes[CAUSE_MAX]; /* ends and failed attempts, by cause */
	unsigned failed[CAUSE_MAX]; /* of these, failed attempts */
	unsigned outages;
	unsigned began[CAUSE_MAX]; /* outages, by the best diagnosis of what began them */
	unsigned newer_causes;    /* `ended` records with a cause that this version does not know */
	unsigned sessions_ended;  /* connections that had been up */
	unsigned attempts_failed; /* connections that never came up, also those that the journal has
				     only the number of */
	struct {
		char id[OUTAGE_ID_SIZE];
		unsigned failed[CAUSE_MAX]; /* attempts that are counted, by cause */
	} outage;                           /* of the last record */
	unsigned stalls;
	unsigned recoveries; /* of an outage, its end alone, however often it seemed to be over */
	usec_t downtime;     /* the sum over the recoveries */
	usec_t downtime_max;
	unsigned actions, actions_failed, actions_held;
	uint64_t lost_events;
	usec_t spent[PRESENCE_MAX];
};

/* Begin with a struct of zeroes; then add every record, every outage, and every span of the agent's
 * timeline. */
void statistics_add_record(struct statistics *statistics, const struct past_record *past);
void statistics_add_outage(struct statistics *statistics, const struct past_outage *outage);
void statistics_add_span(struct statistics *statistics, const struct span *span);

/* In how much of the time that is known the agent was up, in millionths (0 to 1000000); a stalled
 * connection does not count as up. -1: no time is known. */
int statistics_availability(const struct statistics *statistics);

/* Mean time with a connection between two ends (MTBF); USEC_INFINITY: none ended. */
usec_t statistics_between_ends(const struct statistics *statistics);

/* Mean time to recover (MTTR); USEC_INFINITY: there was no recovery. */
usec_t statistics_to_recover(const struct statistics *statistics);
