/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "past/statistics.h"

#include <string.h>

static void go_on(struct statistics *statistics, const struct record *record)
{
	if (record->outage_id[0] && strcmp(statistics->outage.id, record->outage_id) == 0)
		return;
	memset(&statistics->outage, 0, sizeof(statistics->outage));
	memcpy(statistics->outage.id, record->outage_id, sizeof(statistics->outage.id));
}

/* `count` attempts failed by `cause` in the outage so far. Some of them have no record. */
static void count_failed(struct statistics *statistics, enum cause cause, unsigned count)
{
	unsigned *counted = &statistics->outage.failed[cause];

	if (count <= *counted)
		return;
	statistics->attempts_failed += count - *counted;
	statistics->causes[cause] += count - *counted;
	statistics->failed[cause] += count - *counted;
	*counted = count;
}

static void add_attempt(struct statistics *statistics, const struct record *record)
{
	enum cause cause = record->verdict.cause;
	unsigned count = record->cause_attempts;

	go_on(statistics, record);
	count_failed(statistics, cause, count ?: statistics->outage.failed[cause] + 1);
}

static bool is_newer(const struct past_record *past)
{
	return past->cause[0] && cause_from_string(past->cause) == CAUSE_INVALID;
}

static void add_ended(struct statistics *statistics, const struct past_record *past)
{
	bool came_up = !past_is_attempt(past);

	statistics->sessions_ended += came_up;
	if (is_newer(past)) {
		statistics->newer_causes++;
		statistics->attempts_failed += !came_up;
	} else if (came_up) {
		statistics->causes[past->record.verdict.cause]++;
	} else {
		add_attempt(statistics, &past->record);
	}
}

static void add_recovery(struct statistics *statistics, usec_t downtime)
{
	statistics->recoveries++;
	statistics->downtime += downtime;
	if (downtime > statistics->downtime_max)
		statistics->downtime_max = downtime;
}

static void add_recovered(struct statistics *statistics, const struct record *record)
{
	if (record->verdict.cause != CAUSE_UNKNOWN) /* from a stall: the agent was not down */
		return;
	go_on(statistics, record);
	for (unsigned i = 0; i < record->outage.failed_count; i++)
		count_failed(statistics, record->outage.failed[i].by,
			     record->outage.failed[i].count);
	if (!record->outage_id[0]) /* of an older version, or of one connection of several */
		add_recovery(statistics, record->downtime);
}

void statistics_add_outage(struct statistics *statistics, const struct past_outage *outage)
{
	enum cause cause = cause_from_string(outage->cause);

	statistics->outages++;
	if (outage->diagnosed && cause != CAUSE_INVALID)
		statistics->began[cause]++;
	if (outage->ended)
		add_recovery(statistics, outage->lasted);
}

/* An action has two records: the one before it counts the action, the one after it a failure. */
static void add_action(struct statistics *statistics, const struct past_record *past)
{
	if (strcmp(past->action_result, "starting") == 0)
		statistics->actions++;
	else if (strcmp(past->action_result, "failed") == 0)
		statistics->actions_failed++;
	else if (strcmp(past->action_result, "held") == 0)
		statistics->actions_held++;
}

void statistics_add_record(struct statistics *statistics, const struct past_record *past)
{
	switch (past->record.kind) {
	case RECORD_ENDED:
		add_ended(statistics, past);
		break;
	case RECORD_RECOVERED:
		add_recovered(statistics, &past->record);
		break;
	case RECORD_ACTION:
		add_action(statistics, past);
		break;
	case RECORD_STALLED:
		statistics->stalls++;
		break;
	case RECORD_EVIDENCE_LOST:
		statistics->lost_events += past->record.lost_events;
		break;
	case RECORD_WATCHING:
	case RECORD_CONNECTED:
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		break;
	}
}

void statistics_add_span(struct statistics *statistics, const struct span *span)
{
	statistics->spent[span->presence] += span->until - span->from;
}

int statistics_availability(const struct statistics *statistics)
{
	const usec_t *spent = statistics->spent;
	usec_t known = spent[PRESENCE_UP] + spent[PRESENCE_DOWN] + spent[PRESENCE_STALLED];

	return known ? (int)(1e6 * (double)spent[PRESENCE_UP] / (double)known) : -1;
}

usec_t statistics_between_ends(const struct statistics *statistics)
{
	const usec_t *spent = statistics->spent;

	if (statistics->sessions_ended == 0)
		return USEC_INFINITY;
	return (spent[PRESENCE_UP] + spent[PRESENCE_STALLED]) / statistics->sessions_ended;
}

usec_t statistics_to_recover(const struct statistics *statistics)
{
	return statistics->recoveries ? statistics->downtime / statistics->recoveries
				      : USEC_INFINITY;
}
