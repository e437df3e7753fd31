/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/outcomes.h"

#include <string.h>

/* A sample that is not complete by then is asked for again: its end may have been dropped. */
#define SAMPLE_TIMEOUT (2 * USEC_PER_SEC)

void outcomes_begin_record(const struct agent *agent, enum record_kind kind, usec_t time,
			   struct record *record)
{
	*record = (struct record){
		.kind = kind,
		.time = time,
		.verdict.cause = CAUSE_UNKNOWN,
		.verdict.confidence = CONFIDENCE_INVALID,
	};
	if (!agent)
		return;
	record->mode = agent->mode;
	record->external_btf = agent->external_btf;
	memcpy(record->agent, agent->settings->name, sizeof(record->agent));
	memcpy(record->device_id, agent->settings->device_id, sizeof(record->device_id));
	memcpy(record->unit, agent->unit.unit, sizeof(record->unit));
	memcpy(record->invocation_id, agent->unit.invocation_id, sizeof(record->invocation_id));
	if (agent->outage.under_way)
		memcpy(record->outage_id, agent->outage.id, sizeof(record->outage_id));
}

void outcomes_describe_connection(const struct connection *connection, struct record *record)
{
	record->process = state_owner(connection);
	record->cookie = connection->cookie;
	record->netns = connection->netns;
	record->local = connection->local;
	record->peer = connection->peer;
}

void outcomes_send_record(struct engine *engine, const struct record *record)
{
	struct outcome outcome = { .type = OUTCOME_RECORD, .record = record };

	engine->sink(engine->sink_userdata, &outcome);
}

void outcomes_agent_is_there(struct engine *engine, struct agent *agent, usec_t time)
{
	struct record record;

	if (!agent->absent)
		return;
	agent->absent = false;
	outcomes_begin_record(agent, RECORD_WATCHING, time, &record);
	outcomes_send_record(engine, &record);
}

void outcomes_send_order(struct engine *engine, const struct order *order)
{
	struct outcome outcome = { .type = OUTCOME_ORDER, .order = *order };

	engine->sink(engine->sink_userdata, &outcome);
}

void outcomes_send_lost(struct engine *engine, const struct agent *agent, usec_t time,
			const struct lost_event *lost)
{
	struct record record;

	outcomes_begin_record(agent, RECORD_EVIDENCE_LOST, time, &record);
	record.mode = engine->mode;
	record.external_btf = engine->external_btf;
	record.lost_events = lost->records + lost->groups;
	record.lost_groups = lost->groups;
	outcomes_send_record(engine, &record);
}

void outcomes_send_certificate(struct engine *engine, const struct connection *connection,
			       const struct certificate_facts *facts)
{
	struct outcome outcome = {
		.type = OUTCOME_CERTIFICATE,
		.certificate = { connection->agent, connection->peer, *facts },
	};

	engine->sink(engine->sink_userdata, &outcome);
}

void outcomes_ask_for_sample(struct engine *engine)
{
	struct outcome outcome = { .type = OUTCOME_SAMPLE };

	if (!engine->sample_asked)
		engine->sample++;
	else if (engine->now < engine->sample_asked + SAMPLE_TIMEOUT)
		return;
	engine->sample_asked = engine->now;
	engine->sink(engine->sink_userdata, &outcome);
}
