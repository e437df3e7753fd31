/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The outcomes of engine_step(): records, orders, requests for a sample. */
#pragma once

#include "engine/state.h"

/* Makes `*record` an empty record of `kind` at `time`: cause and confidence are unset. It names
 * `agent` and its unit; NULL: it is about no agent. */
void outcomes_begin_record(const struct agent *agent, enum record_kind kind, usec_t time,
			   struct record *record);

/* Writes into `record` which connection it is about. */
void outcomes_describe_connection(const struct connection *connection, struct record *record);

/* Hands out `record`, which stays the caller's: the sink copies what it keeps. */
void outcomes_send_record(struct engine *engine, const struct record *record);

/* Hands out the RECORD_WATCHING of an agent that is absent no longer, if it was until `time`. */
void outcomes_agent_is_there(struct engine *engine, struct agent *agent, usec_t time);

/* Hands out an order. Its record must have been handed out before. */
void outcomes_send_order(struct engine *engine, const struct order *order);

/* Hands out a RECORD_EVIDENCE_LOST at `time`, about what `agent` lost; NULL: whose it was is not
 * known. */
void outcomes_send_lost(struct engine *engine, const struct agent *agent, usec_t time,
			const struct lost_event *lost);

/* Hands out what a connection showed of its hub's certificate. */
void outcomes_send_certificate(struct engine *engine, const struct connection *connection,
			       const struct certificate_facts *facts);

/* Asks for an EVENT_SAMPLED of every connection. Does nothing while such a sample is under way, for
 * 2 s at most. */
void outcomes_ask_for_sample(struct engine *engine);
