/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "past/outages.h"

#include <string.h>

#include "base/text.h"

void outages_begin(struct outages *outages, outages_emit emit, void *userdata)
{
	outages->emit = emit;
	outages->userdata = userdata;
	outages->count = 0;
}

static void close_outage(struct outages *outages, struct past_outage *outage)
{
	struct past_outage *end = &outages->open[outages->count--];

	outages->emit(outages->userdata, outage);
	memmove(outage, outage + 1, (size_t)((char *)end - (char *)(outage + 1)));
}

static struct past_outage *of_agent(struct outages *outages, const char *agent)
{
	for (unsigned i = 0; i < outages->count; i++)
		if (strcmp(outages->open[i].agent, agent) == 0)
			return &outages->open[i];
	return NULL;
}

/* A host that went down is told of in its next boot. */
static usec_t began(const struct past_record *past)
{
	const struct record *record = &past->record;
	usec_t ago = record->kind == RECORD_ENDED ? record->downtime : 0;

	if (ago && past->happened < record->time)
		ago += record->time - past->happened;
	return ago < past->realtime ? past->realtime - ago : 0;
}

/* Begins with any record: the first ones may be older than what is read. */
static struct past_outage *open_outage(struct outages *outages, const struct past_record *past)
{
	struct past_outage *outage;

	if (outages->count == OUTAGES_OPEN_MAX)
		close_outage(outages, &outages->open[0]);
	outage = &outages->open[outages->count++];
	*outage = (struct past_outage){ .began = began(past), .confidence = CONFIDENCE_INVALID };
	memcpy(outage->id, past->record.outage_id, sizeof(outage->id));
	memcpy(outage->agent, past->record.agent, sizeof(outage->agent));
	memcpy(outage->unit, past->record.unit, sizeof(outage->unit));
	memcpy(outage->boot_id, past->boot_id, sizeof(outage->boot_id));
	return outage;
}

static void diagnose(struct past_outage *outage, const char *cause, enum confidence confidence)
{
	outage->diagnosed = true;
	text_copy(outage->cause, sizeof(outage->cause), cause);
	outage->confidence = confidence;
	outage->side = cause_side(cause_from_string(cause));
}

static void take_verdict(struct past_outage *outage, const struct past_record *past)
{
	if (!outage->diagnosed || past->record.is_correction)
		diagnose(outage, past->cause, past->record.verdict.confidence);
	if (past->record.attempts > outage->attempts)
		outage->attempts = past->record.attempts;
}

static void take_action(struct past_outage *outage, const struct past_record *past)
{
	memcpy(outage->action, past->action, sizeof(outage->action));
	memcpy(outage->action_result, past->action_result, sizeof(outage->action_result));
}

static void take_recovery(struct past_outage *outage, const struct past_record *past)
{
	const struct record *record = &past->record;
	const char *cause = cause_to_string(record->outage.cause);

	outage->ended = past->realtime;
	outage->lasted = record->downtime;
	outage->began = record->downtime < past->realtime ? past->realtime - record->downtime : 0;
	outage->summary = record->outage;
	if (record->attempts)
		outage->attempts = record->attempts - 1;
	if (record->outage.known && cause)
		diagnose(outage, cause, record->outage.confidence);
	if (past->action_result[0])
		take_action(outage, past);
}

void outages_add(struct outages *outages, const struct past_record *past)
{
	const struct record *record = &past->record;
	struct past_outage *outage;

	if (!record->outage_id[0] || !record->agent[0])
		return;
	outage = of_agent(outages, record->agent);
	if (outage && strcmp(outage->id, record->outage_id) != 0) {
		close_outage(outages, outage);
		outage = NULL;
	}
	if (!outage)
		outage = open_outage(outages, past);
	outage->records++;
	if (record->kind == RECORD_ENDED || record->kind == RECORD_STALLED)
		take_verdict(outage, past);
	if (record->kind == RECORD_ACTION)
		take_action(outage, past);
	outage->ended = 0; /* after a session that was too short, it goes on */
	if (record->kind == RECORD_RECOVERED)
		take_recovery(outage, past);
}

void outages_finish(struct outages *outages)
{
	while (outages->count)
		close_outage(outages, &outages->open[0]);
}
