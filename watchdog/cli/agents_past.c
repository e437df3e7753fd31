/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/agents_past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/array.h"
#include "support/cleanup.h"

static void keep_span(void *userdata, const struct span *span)
{
	struct agent_past *agent = userdata;
	struct span *last = agent->span_count ? &agent->spans[agent->span_count - 1] : NULL;
	struct span *grown;

	statistics_add_span(&agent->statistics, span);
	if (last && last->presence == span->presence) {
		last->until = span->until;
		return;
	}
	grown = array_grow(agent->spans, agent->span_count, sizeof(*grown));
	if (!grown) {
		agent->error = -ENOMEM;
		return;
	}
	agent->spans = grown;
	grown[agent->span_count++] = *span;
}

static void keep_ending(struct agent_past *agent, const struct past_record *past, unsigned times)
{
	struct past_ending *grown = array_grow(agent->endings, agent->ending_count, sizeof(*grown));
	struct past_ending *ending;

	if (!grown) {
		agent->error = -ENOMEM;
		return;
	}
	agent->endings = grown;
	ending = &grown[agent->ending_count++];
	*ending = (struct past_ending){ .time = past->realtime,
					.age = past->record.socket.age,
					.times = times,
					.side = cause_side(past->record.verdict.cause) };
	memcpy(ending->cause, past->cause, WORD_SIZE);
	memcpy(ending->ended_by, past->ended_by, WORD_SIZE);
}

/* ---- the agents */

static struct agent_past *add_agent(struct agents_past *past, const char *name, usec_t since)
{
	struct agent_past **grown = array_grow(past->agents, past->count, sizeof(*grown));
	struct agent_past *agent = calloc(1, sizeof(*agent));

	if (grown)
		past->agents = grown;
	if (!grown || !agent) {
		free(agent);
		return NULL;
	}
	snprintf(agent->name, sizeof(agent->name), "%s", name);
	timeline_begin(&agent->timeline, since, keep_span, agent);
	return past->agents[past->count++] = agent;
}

static struct agent_past *find_agent(struct agents_past *past, const char *name)
{
	for (size_t i = 0; i < past->count; i++)
		if (strcmp(past->agents[i]->name, name) == 0)
			return past->agents[i];
	return NULL;
}

static void add_outage(void *userdata, const struct past_outage *outage)
{
	struct agent_past *agent = find_agent(userdata, outage->agent);

	if (agent)
		statistics_add_outage(&agent->statistics, outage);
}

static int compare_agents(const void *a, const void *b)
{
	const struct agent_past *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static int add_record(struct agents_past *past, const struct past_record *record, usec_t since)
{
	struct agent_past *agent;
	unsigned before;

	if (!record->record.agent[0]) /* about connwatch itself */
		return 0;
	agent = find_agent(past, record->record.agent)
			?: add_agent(past, record->record.agent, since);
	if (!agent)
		return -ENOMEM;
	timeline_add(&agent->timeline, record);
	before = agent->statistics.sessions_ended + agent->statistics.attempts_failed;
	statistics_add_record(&agent->statistics, record);
	if (record->record.kind == RECORD_ENDED)
		keep_ending(agent, record,
			    agent->statistics.sessions_ended + agent->statistics.attempts_failed -
				    before);
	return agent->error;
}

/* The end of the shown time: now, if the journal is still written; otherwise its last record. */
static usec_t end_of(const struct journal_reader *reader, const struct journal_arguments *arguments,
		     usec_t last)
{
	if (arguments->query.until < arguments->now)
		return arguments->query.until;
	return journal_reader_is_live(reader) && !arguments->query.boot ? arguments->now : last;
}

static int finish(struct agents_past *past)
{
	if (past->count)
		qsort(past->agents, past->count, sizeof(past->agents[0]), compare_agents);
	for (size_t i = 0; i < past->count; i++) {
		struct agent_past *agent = past->agents[i];

		timeline_finish(&agent->timeline, past->until);
		if (agent->error)
			return agent->error;
		if (agent->span_count && agent->spans[0].from < past->since)
			past->since = agent->spans[0].from;
	}
	return 0;
}

static int read_all(struct agents_past *past, struct journal_reader *reader,
		    const struct journal_arguments *arguments, struct strangeness *strangeness)
{
	_cleanup_free_ struct past_record *record = malloc(sizeof(*record));
	_cleanup_free_ struct outages *outages = malloc(sizeof(*outages));
	usec_t last = 0;
	int r;

	if (!record || !outages)
		return -ENOMEM;
	*past = (struct agents_past){ .since = arguments->query.since };
	outages_begin(outages, add_outage, past);
	while ((r = journal_reader_next(reader, record)) > 0) {
		last = record->realtime;
		if (past->since == 0)
			past->since = record->realtime;
		strangeness_note(strangeness, record);
		r = add_record(past, record, arguments->query.since);
		if (r < 0)
			return r;
		outages_add(outages, record);
	}
	outages_finish(outages);
	past->until = end_of(reader, arguments, last);
	return r < 0 ? r : finish(past);
}

int agents_past_read(struct agents_past *past, const struct command *command,
		     const struct journal_arguments *arguments, struct strangeness *strangeness)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	int r = journal_open(&reader, arguments, command);

	if (r)
		return r;
	r = read_all(past, reader, arguments, strangeness);
	return r < 0 ? journal_failed(command, r) : 0;
}

void agents_past_free(struct agents_past *past)
{
	for (size_t i = 0; i < past->count; i++) {
		free(past->agents[i]->spans);
		free(past->agents[i]->endings);
		free(past->agents[i]);
	}
	free(past->agents);
}
