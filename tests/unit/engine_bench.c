/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine_bench.h"

#include "suite.h"

static void keep(void *userdata, const struct outcome *outcome)
{
	struct bench *bench = userdata;

	switch (outcome->type) {
	case OUTCOME_RECORD:
		if (outcome->record->kind == RECORD_CONNECTED) {
			bench->connected++;
			bench->connected_record = *outcome->record;
			break;
		}
		CU_ASSERT_FATAL(bench->records < BENCH_KEPT);
		bench->record[bench->records++] = *outcome->record;
		break;
	case OUTCOME_ORDER:
		CU_ASSERT_FATAL(bench->orders < BENCH_KEPT);
		bench->ordered[bench->orders] = bench->now;
		bench->order[bench->orders++] = outcome->order;
		bench->records_before_order = bench->records;
		break;
	case OUTCOME_CERTIFICATE:
		break;
	case OUTCOME_SAMPLE:
		break;
	}
}

void bench_step(struct bench *bench, struct event event)
{
	event.time = bench->now;
	event.agent = event_is_path(event.type) ? 0 : bench->agent;
	engine_step(bench->engine, &event, keep, bench);
}

void bench_take(void *bench, const struct event *event)
{
	bench_step(bench, *event);
}

void bench_begin_alone(struct bench *bench)
{
	const struct engine_limits limits = {
		.agents = 2, .connections = 8, .processes = 16, .namespaces = 4
	};

	*bench = (struct bench){ .now = USEC_PER_HOUR, .agent = 1 };
	agent_settings_defaults(&bench->settings, "agent");
	CU_ASSERT_EQUAL_FATAL(engine_new(&bench->engine, &limits), 0);
}

void bench_watch(struct bench *bench)
{
	bench_step(bench, (struct event){ .type = EVENT_AGENT,
					  .watching = { .settings = &bench->settings } });
	bench_step(bench, (struct event){ .type = EVENT_CAUGHT_UP });
}

void bench_begin(struct bench *bench)
{
	bench_begin_alone(bench);
	bench_watch(bench);
	bench->records = 0;
}

void bench_end(struct bench *bench)
{
	engine_free(bench->engine);
}

void bench_pass(struct bench *bench, usec_t time)
{
	bench->now += time;
	bench_step(bench, (struct event){ .type = EVENT_TIME });
}

void bench_open(struct bench *bench, uint64_t cookie)
{
	bench_step(bench, opened(cookie));
	bench_step(bench, established(cookie));
}

void bench_speak(struct bench *bench, uint64_t cookie, struct tls_facts tls)
{
	bench_step(bench, (struct event){ .type = EVENT_SPOKEN,
					  .connection = { .cookie = cookie, .tls = tls } });
}

void bench_result(struct bench *bench, int error)
{
	bench_step(bench,
		   (struct event){ .type = EVENT_ACTION_RESULT,
				   .action_result = { .order = bench_last_order(bench)->number,
						      .error = error } });
}

void bench_restart_on(struct bench *bench, enum cause cause)
{
	bench->settings.policy[cause] =
		(struct policy_steps){ .steps = { { .type = ACTION_RESTART } }, .count = 1 };
}

unsigned bench_count(const struct bench *bench, enum record_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < bench->records; i++)
		count += bench->record[i].kind == kind;
	return count;
}

const struct record *bench_record(const struct bench *bench, enum record_kind kind, unsigned number)
{
	for (unsigned i = 0; i < bench->records; i++)
		if (bench->record[i].kind == kind && number-- == 0)
			return &bench->record[i];
	CU_FAIL_FATAL("there is no such record");
	return NULL;
}

const struct record *bench_last(const struct bench *bench)
{
	CU_ASSERT_FATAL(bench->records > 0);
	return &bench->record[bench->records - 1];
}

const struct order *bench_last_order(const struct bench *bench)
{
	CU_ASSERT_FATAL(bench->orders > 0);
	return &bench->order[bench->orders - 1];
}

const struct verdict *bench_only_verdict(const struct bench *bench)
{
	CU_ASSERT_EQUAL_FATAL(bench->records, 1);
	CU_ASSERT_EQUAL(bench->record[0].kind, RECORD_ENDED);
	return &bench->record[0].verdict;
}

const char *bench_held_by(const struct bench *bench)
{
	for (unsigned i = bench->records; i > 0; i--)
		if (bench->record[i - 1].action_held_by)
			return bench->record[i - 1].action_held_by;
	return "";
}

bool bench_has_token(const struct record *record, const char *token)
{
	const struct tokens *evidence = &record->verdict.evidence;

	for (unsigned i = 0; i < evidence->count; i++)
		if (strcmp(evidence->text[i], token) == 0)
			return true;
	return false;
}

static void see_agent(void *userdata, const struct agent_snapshot *agent)
{
	*(struct agent_snapshot *)userdata = *agent;
}

struct agent_snapshot bench_look(const struct bench *bench)
{
	struct agent_snapshot seen = { 0 };

	engine_snapshot(bench->engine, &(struct snapshot_sink){ see_agent, NULL, &seen });
	return seen;
}
