/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/tally.h"

#include <string.h>

const uint32_t histogram_of_rungs[HISTOGRAM_BOUNDS] = { 10,   30,    100,   300,  1000,
							3000, 10000, 30000, 60000 };
const uint32_t histogram_of_sessions[HISTOGRAM_BOUNDS] = { 1000,    5000,     30000,
							   60000,   300000,   1800000,
							   3600000, 14400000, 86400000 };

static void take(struct histogram *histogram, const uint32_t bounds[static HISTOGRAM_BOUNDS],
		 usec_t took)
{
	unsigned i = 0;

	while (i < HISTOGRAM_BOUNDS && took > bounds[i] * USEC_PER_MSEC)
		i++;
	histogram->count[i]++;
	histogram->sum += took;
}

/* A connection that came up: its age is known if its SYN was seen. */
static void take_session(struct tally *tally, const struct record *record)
{
	if (record->verdict.rung == RUNG_NONE && record->socket.age)
		take(&tally->sessions, histogram_of_sessions, record->socket.age);
}

/* Not of a connection that was only stalled. */
static void take_recovery(struct tally *tally, const struct record *record)
{
	if (!record->attempts)
		return;
	take(&tally->recoveries, histogram_of_sessions, record->downtime);
	for (enum rung rung = RUNG_NAME; rung < RUNG_MAX; rung++)
		if (record->took[rung])
			take(&tally->rungs[rung], histogram_of_rungs, record->took[rung]);
}

static void count_outage(struct tally *tally, const struct record *record)
{
	if (!*record->outage_id || strcmp(record->outage_id, tally->outage_id) == 0)
		return;
	memcpy(tally->outage_id, record->outage_id, sizeof(tally->outage_id));
	tally->outages++;
}

static void remember(struct tally *tally, const struct record *record)
{
	tally->last_kind = record->kind;
	tally->last_cause = record->verdict.cause;
	tally->last_ended_by = record->verdict.ended_by;
	tally->last_confidence = record->verdict.confidence;
	tally->last_time = record->time;
	record_message(record, tally->last_message);
}

static void count_action(struct tally *tally, const struct record *record)
{
	enum action_outcome outcome = action_outcome_from_string(record->action_result);

	if (outcome != ACTION_OUTCOME_INVALID)
		tally->actions[record->action.type][outcome]++;
}

void tally_add(struct tally *tally, const struct record *record)
{
	tally->records++;
	count_outage(tally, record);
	switch (record->kind) {
	case RECORD_ENDED:
		tally->ended[record->verdict.cause][record->verdict.ended_by]++;
		take_session(tally, record);
		remember(tally, record);
		break;
	case RECORD_STALLED:
		tally->stalled[record->verdict.cause]++;
		remember(tally, record);
		break;
	case RECORD_RECOVERED:
		tally->recovered++;
		tally->downtime += record->downtime;
		take_recovery(tally, record);
		break;
	case RECORD_ACTION:
		count_action(tally, record);
		break;
	case RECORD_WATCHING:
	case RECORD_CONNECTED:
	case RECORD_EVIDENCE_LOST:
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		break;
	}
}

/* Returns the index of the entry, or TALLIES_MAX. "" finds a free entry, which has no name. */
static unsigned find(const struct tallies *tallies, const char *agent)
{
	unsigned i = 0;

	while (i < TALLIES_MAX && strcmp(tallies->agents[i].agent, agent) != 0)
		i++;
	return i;
}

void tallies_add(struct tallies *tallies, const struct record *record)
{
	unsigned i;

	tallies->lost_events += record->lost_events;
	if (!*record->agent)
		return;
	i = find(tallies, record->agent);
	if (i == TALLIES_MAX)
		i = find(tallies, "");
	if (i == TALLIES_MAX)
		return;
	memcpy(tallies->agents[i].agent, record->agent, sizeof(tallies->agents[i].agent));
	tally_add(&tallies->agents[i], record);
}

const struct tally *tallies_find(const struct tallies *tallies, const char *agent)
{
	unsigned i = *agent ? find(tallies, agent) : TALLIES_MAX;

	return i < TALLIES_MAX ? &tallies->agents[i] : NULL;
}

void tallies_forget(struct tallies *tallies, const char *agent)
{
	unsigned i = *agent ? find(tallies, agent) : TALLIES_MAX;

	if (i < TALLIES_MAX)
		tallies->agents[i] = (struct tally){ 0 };
}

uint64_t tally_ended(const struct tally *tally, enum cause cause)
{
	uint64_t sum = 0;

	for (enum ended_by ended_by = 0; ended_by < ENDED_BY_MAX; ended_by++)
		sum += tally->ended[cause][ended_by];
	return sum;
}
