/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/tally.h"

#include <string.h>

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
	switch (record->kind) {
	case RECORD_ENDED:
		tally->ended[record->verdict.cause][record->verdict.ended_by]++;
		remember(tally, record);
		break;
	case RECORD_STALLED:
		tally->stalled[record->verdict.cause]++;
		remember(tally, record);
		break;
	case RECORD_RECOVERED:
		tally->recovered++;
		tally->downtime += record->downtime;
		break;
	case RECORD_ACTION:
		count_action(tally, record);
		break;
	case RECORD_WATCHING:
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
