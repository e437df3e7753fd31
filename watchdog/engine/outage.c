/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/outage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/attempts.h"
#include "engine/open_session.h"
#include "engine/outcomes.h"
#include "verdict/rung.h"

/* ---- its id */

/* The finalizer of splitmix64: each bit of `x` changes half of the result's. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t mix_name(const char *name)
{
	uint64_t sum = 0;

	for (; *name; name++)
		sum = mix(sum + (unsigned char)*name + 1);
	return sum;
}

static void make_id(const struct engine *engine, struct agent *agent, usec_t time)
{
	uint64_t moment = mix(time ^ mix_name(agent->settings->name));

	snprintf(agent->outage.id, sizeof(agent->outage.id), "%016" PRIx64 "%016" PRIx64,
		 mix(moment ^ engine->limits.boot[0]), mix(~moment ^ engine->limits.boot[1]));
}

/* ---- its beginning */

/* Until then, the end of the session that came up at `outage->over` belongs to the outage before
 * it. */
static usec_t settled_at(const struct agent *agent)
{
	usec_t settle = agent->settings->settle;

	return settle == USEC_INFINITY ? USEC_INFINITY : agent->outage.over + settle;
}

static void start(const struct engine *engine, struct agent *agent, usec_t time, const char *id)
{
	struct outage *outage = &agent->outage;
	uint16_t kind = outage->deadline.kind;

	*outage = (struct outage){
		.deadline.kind = kind,
		.under_way = true,
		.since = time,
		.confidence = CONFIDENCE_INVALID,
	};
	if (*id)
		snprintf(outage->id, sizeof(outage->id), "%s", id);
	else
		make_id(engine, agent, time);
	agent->attempts = 0;
}

void outage_recall(const struct engine *engine, struct agent *agent, usec_t time, const char *id)
{
	if (!agent->outage.under_way)
		start(engine, agent, time, id);
}

void outage_begin(struct engine *engine, struct agent *agent, usec_t time)
{
	if (agent->outage.under_way)
		return;
	outage_settle(engine, agent);
	start(engine, agent, time, "");
}

/* Whoever ends its session so means to: it may live as shortly as it likes. */
static bool is_own_decision(const struct record *record)
{
	switch (record->verdict.cause) {
	case CAUSE_AGENT_CLOSE:
	case CAUSE_TOKEN_RENEWAL:
	case CAUSE_AGENT_STOPPED:
		return true;
	case CAUSE_AGENT_EXIT:
		return record->exit.known && !record->exit.by_signal && record->exit.status == 0;
	default:
		return false;
	}
}

/* Each end of a session has evidence of its own, and something may be done about each: so the first
 * few of an outage are told. Crashes always are, and at once what came of them: systemd limits how
 * often it starts a unit. */
enum { SHORT_SESSIONS_TOLD = 4 };

static bool is_crash(enum cause cause)
{
	return cause == CAUSE_AGENT_CRASH || cause == CAUSE_AGENT_OOM;
}

bool outage_resumes(struct engine *engine, struct agent *agent, const struct record *ended)
{
	struct outage *outage = &agent->outage;

	if (outage->under_way || !outage->over || ended->time >= settled_at(agent) ||
	    is_own_decision(ended))
		return false;
	outage->under_way = true;
	outage->untold = false;
	outage->short_sessions += !is_crash(ended->verdict.cause);
	agent->attempts = outage->attempts;
	deadline_clear(&engine->deadlines, &outage->deadline);
	return true;
}

/* ---- its diagnosis */

/* The hub closed the session without a reason, and then refused the agent's token. */
static bool knows_more(const struct verdict *later, enum cause earlier)
{
	return later->cause == CAUSE_TOKEN_EXPIRED && later->confidence >= CONFIDENCE_LIKELY &&
	       (earlier == CAUSE_PEER_CLOSE || earlier == CAUSE_PEER_RESET ||
		earlier == CAUSE_SERVICE_TRANSIENT || earlier == CAUSE_UNKNOWN);
}

void outage_take_verdict(struct agent *agent, struct record *record)
{
	struct outage *outage = &agent->outage;
	bool corrects = outage->diagnosed && knows_more(&record->verdict, outage->cause);

	if (!outage->under_way)
		return;
	memcpy(record->outage_id, outage->id, sizeof(record->outage_id));
	if (outage->diagnosed && !corrects)
		return;
	if (corrects) {
		record->corrects = outage->cause;
		record->is_correction = true;
	}
	outage->diagnosed = true;
	outage->cause = record->verdict.cause;
	outage->confidence = record->verdict.confidence;
}

/* ---- its failed attempts */

#define TELL_INTERVAL (5 * USEC_PER_MINUTE)

void outage_count_attempt(struct agent *agent, enum cause cause)
{
	agent->attempts++;
	agent->outage.failures[cause].count++;
}

static bool is_told(const struct failures *failures, bool changed, usec_t time)
{
	if (!failures->told_count)
		return true;
	return time >= failures->told + TELL_INTERVAL &&
	       (changed || failures->count >= 2 * failures->told_count);
}

void outage_take_attempt(struct agent *agent, struct record *record, bool came_up)
{
	enum cause cause = record->verdict.cause;
	struct failures *failures = &agent->outage.failures[cause];

	outage_count_attempt(agent, cause);
	record->attempts = agent->attempts;
	record->cause_attempts = failures->count;
	record->folded = !is_told(failures, agent->outage.failed_by != cause, record->time) &&
			 !(came_up && (is_crash(cause) ||
				       agent->outage.short_sessions <= SHORT_SESSIONS_TOLD)) &&
			 !open_session_is_told(agent, record->cookie);
	agent->outage.failed_by = cause;
	if (record->folded)
		return;
	failures->told = record->time;
	failures->told_count = failures->count;
}

static unsigned higher(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

void outage_recall_attempt(struct agent *agent, const struct history_trouble_event *past,
			   usec_t time)
{
	enum cause cause = past->verdict.cause;
	struct failures *failures = &agent->outage.failures[cause];

	agent->attempts = higher(agent->attempts + 1, past->attempts);
	failures->count = higher(failures->count + 1, past->cause_attempts);
	failures->told = time;
	failures->told_count = failures->count;
	agent->outage.failed_by = cause;
}

/* ---- its end */

/* Puts `attempts` in its place among the most frequent; the rarest falls out. */
static void insert(struct outage_summary *summary, struct failed_attempts attempts)
{
	struct failed_attempts *failed = summary->failed;
	unsigned at = summary->failed_count;

	while (at > 0 && failed[at - 1].count < attempts.count)
		at--;
	if (at == OUTAGE_FAILED_MAX)
		return;
	if (summary->failed_count < OUTAGE_FAILED_MAX)
		summary->failed_count++;
	memmove(&failed[at + 1], &failed[at], (summary->failed_count - at - 1) * sizeof(*failed));
	failed[at] = attempts;
}

static void sum_up(const struct outage *outage, struct outage_summary *summary)
{
	summary->cause = outage->cause;
	summary->confidence = outage->confidence;
	summary->known = outage->diagnosed;
	for (enum cause cause = 0; cause < CAUSE_MAX; cause++) {
		struct failed_attempts attempts = { cause, outage->failures[cause].count };

		if (attempts.count)
			insert(summary, attempts);
	}
}

/* Of the end, all but the downtime. The connection that ended it may be gone. */
static void describe_end(const struct engine *engine, const struct agent *agent,
			 struct record *recovered)
{
	const struct outage *outage = &agent->outage;
	const struct connection *connection = state_connection(engine, outage->cookie);
	const usec_t *took = attempts_took(agent, outage->cookie);

	outcomes_begin_record(agent, RECORD_RECOVERED, outage->over, recovered);
	if (connection) {
		outcomes_describe_connection(connection, recovered);
		recovered->verdict.rung = connection->reached;
	}
	if (took) {
		rung_add_times(took, &recovered->verdict.evidence);
		memcpy(recovered->took, took, sizeof(recovered->took));
	}
	memcpy(recovered->outage_id, outage->id, sizeof(recovered->outage_id));
	recovered->attempts = outage->attempts + 1;
	sum_up(outage, &recovered->outage);
}

void outage_end(struct engine *engine, struct agent *agent, const struct connection *connection,
		usec_t time, struct record *recovered)
{
	struct outage *outage = &agent->outage;

	outage->under_way = false;
	outage->over = time;
	outage->attempts = agent->attempts;
	outage->cookie = connection->cookie;
	describe_end(engine, agent, recovered);
}

void outage_send_end(struct engine *engine, struct agent *agent, struct record *recovered)
{
	struct outage *outage = &agent->outage;

	outage->untold = outage->short_sessions > 0 && !recovered->action_result;
	recovered->folded = outage->untold;
	if (outage->untold)
		deadline_set(&engine->deadlines, &outage->deadline, settled_at(agent));
	outcomes_send_record(engine, recovered);
}

void outage_settle(struct engine *engine, struct agent *agent)
{
	struct outage *outage = &agent->outage;
	const struct connection *connection = state_connection(engine, outage->cookie);
	struct record record;

	if (!outage->untold || outage->under_way)
		return;
	describe_end(engine, agent, &record);
	record.belated = true;
	record.downtime = outage->over - outage->since + outage->before;
	outcomes_send_record(engine, &record);
	if (connection && !connection->ended)
		open_session_told(agent, connection->cookie);
	outage_forget(engine, agent);
}

void outage_forget(struct engine *engine, struct agent *agent)
{
	struct outage *outage = &agent->outage;
	uint16_t kind = outage->deadline.kind;

	deadline_clear(&engine->deadlines, &outage->deadline);
	*outage = (struct outage){ .deadline.kind = kind };
	agent->attempts = 0;
}
