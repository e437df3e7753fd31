/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/outage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

void outage_recall(const struct engine *engine, struct agent *agent, usec_t time, const char *id)
{
	struct outage *outage = &agent->outage;

	if (*outage->id)
		return;
	outage->since = time;
	outage->cause = CAUSE_UNKNOWN;
	outage->confidence = CONFIDENCE_INVALID;
	outage->diagnosed = false;
	if (*id)
		snprintf(outage->id, sizeof(outage->id), "%s", id);
	else
		make_id(engine, agent, time);
}

void outage_begin(const struct engine *engine, struct agent *agent, usec_t time)
{
	outage_recall(engine, agent, time, "");
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

	if (!*outage->id)
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

void outage_take_attempt(struct agent *agent, struct record *record)
{
	enum cause cause = record->verdict.cause;
	struct failures *failures = &agent->outage.failures[cause];

	outage_count_attempt(agent, cause);
	record->attempts = agent->attempts;
	record->cause_attempts = failures->count;
	record->folded = !is_told(failures, agent->outage.failed_by != cause, record->time);
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

void outage_end(struct agent *agent, struct record *recovered)
{
	if (recovered && *agent->outage.id) {
		memcpy(recovered->outage_id, agent->outage.id, sizeof(recovered->outage_id));
		sum_up(&agent->outage, &recovered->outage);
	}
	agent->outage = (struct outage){ 0 };
	agent->attempts = 0;
}
