/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Journal fields of any content: each record stays within its types, and everything derived from
 * records keeps its promises. Input: lines NAME=VALUE; a blank line ends a record. */
#include "record/parse.h"

#include "engine/engine.h"
#include "engine/past_events.h"
#include "fuzz.h"
#include "past/digest.h"
#include "past/statistics.h"
#include "past/timeline.h"
#include "record/account.h"

#define BOOT "0123456789abcdef0123456789abcdef"

enum { LINE_SIZE = 4096, NOW_SECONDS = 2000000000 };

struct reading {
	struct past_record past;
	bool fields; /* since the last blank line */
	usec_t realtime;
	usec_t told; /* by the timeline, up to here */
	struct statistics statistics;
	struct timeline timeline;
	struct digest digest;
	struct past_events past_events;
	bool enough; /* for past_events */
};

static void take_span(void *userdata, const struct span *span)
{
	struct reading *reading = userdata;

	MUST(span->from < span->until);
	MUST(!reading->told || span->from == reading->told);
	MUST(span->presence >= 0 && span->presence < PRESENCE_MAX);
	reading->told = span->until;
	statistics_add_span(&reading->statistics, span);
}

static void take_line_of_digest(void *userdata, const struct digest_line *line)
{
	(void)userdata;
	MUST(line->count > 0);
	MUST(line->first <= line->last);
	digest_period(line);
}

static void check_field(void *userdata, const char *name, const char *value)
{
	(void)userdata;
	MUST(*name);
	MUST(!strchr(value, '\n'));
}

static void check_types(const struct record *record)
{
	MUST(record->kind >= RECORD_KIND_INVALID && record->kind < RECORD_KIND_MAX);
	MUST(record->verdict.cause >= CAUSE_INVALID && record->verdict.cause < CAUSE_MAX);
	MUST(record->verdict.ended_by >= ENDED_BY_INVALID &&
	     record->verdict.ended_by < ENDED_BY_MAX);
	MUST(record->verdict.evidence.count <= TOKENS_MAX);
	MUST(record->verdict.ruled_out.count <= TOKENS_MAX);
	MUST(strnlen(record->agent, sizeof(record->agent)) < sizeof(record->agent));
	MUST(strnlen(record->unit, sizeof(record->unit)) < sizeof(record->unit));
}

static void check_account(struct past_record *past)
{
	struct tokens *evidence = &past->record.verdict.evidence;
	struct moments moments;
	char words[WORDS_SIZE];

	account_sort(evidence);
	for (unsigned i = 0; i < evidence->count; i++)
		account_evidence(evidence->text[i], words);
	for (unsigned i = 0; i < past->record.verdict.ruled_out.count; i++)
		account_ruled_out(past->record.verdict.ruled_out.text[i], words);
	account_moments(past, &moments);
	MUST(moments.count <= MOMENTS_MAX);
	for (unsigned i = 1; i < moments.count; i++)
		MUST(moments.items[i - 1].offset <= moments.items[i].offset);
}

static void take_record(struct reading *reading)
{
	struct past_record *past = &reading->past;

	past->realtime = reading->realtime += USEC_PER_SEC;
	if (!record_parse_end(past))
		return;
	check_types(&past->record);
	if (past->record.kind != RECORD_KIND_INVALID)
		record_fields(&past->record, check_field, NULL);
	check_account(past);
	digest_add(&reading->digest, past);
	timeline_add(&reading->timeline, past);
	statistics_add_record(&reading->statistics, past);
	if (!reading->enough)
		reading->enough = !past_events_take(&reading->past_events, past);
}

static void take_line(void *userdata, const char *line, size_t length)
{
	struct reading *reading = userdata;

	if (length > 0) {
		record_parse_field(&reading->past, line, length);
		reading->fields = true;
		return;
	}
	if (reading->fields)
		take_record(reading);
	reading->fields = false;
	record_parse_begin(&reading->past);
}

static void ignore(void *userdata, const struct outcome *outcome)
{
	(void)userdata;
	MUST(outcome->type != OUTCOME_ORDER); /* nothing is done about the past alone */
}

static void give_to_engine(const struct past_events *past_events)
{
	static const struct engine_limits limits = {
		.agents = 1, .connections = 16, .processes = 16, .namespaces = 1
	};
	struct agent_settings settings;
	struct event agent = { .type = EVENT_AGENT, .time = past_events->now, .agent = 1 };
	struct engine *engine;

	MUST(engine_new(&engine, &limits) == 0);
	agent_settings_defaults(&settings, "fuzz");
	agent.watching.settings = &settings;
	engine_step(engine, &agent, ignore, NULL);
	MUST(past_events->count <= PAST_EVENTS_MAX);
	for (unsigned i = past_events->count; i-- > 0;)
		engine_step(engine, &past_events->events[i], ignore, NULL);
	engine_free(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading reading;

	reading = (struct reading){ .realtime = NOW_SECONDS / 2 * USEC_PER_SEC };
	digest_begin(&reading.digest, take_line_of_digest, NULL);
	timeline_begin(&reading.timeline, 0, take_span, &reading);
	past_events_begin(&reading.past_events, 1, USEC_PER_HOUR, USEC_PER_HOUR,
			  NOW_SECONDS * USEC_PER_SEC, BOOT);
	record_parse_begin(&reading.past);
	fuzz_lines(data, size, LINE_SIZE, take_line, &reading);
	take_line(&reading, "", 0);
	digest_finish(&reading.digest);
	timeline_finish(&reading.timeline, NOW_SECONDS * USEC_PER_SEC);
	MUST(statistics_availability(&reading.statistics) <= 1000000);
	give_to_engine(&reading.past_events);
	return 0;
}
