/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outages put together from records. */
#include <stdio.h>
#include <string.h>

#include "past/outages.h"
#include "suite.h"

enum { KEPT = 128 };

struct bench {
	struct outages outages;
	usec_t now;
	unsigned count;
	struct past_outage given[KEPT];
};

static void keep(void *userdata, const struct past_outage *outage)
{
	struct bench *bench = userdata;

	if (bench->count < KEPT)
		bench->given[bench->count++] = *outage;
}

static struct bench *begin(void)
{
	static struct bench bench;

	bench.now = USEC_PER_HOUR;
	bench.count = 0;
	outages_begin(&bench.outages, keep, &bench);
	return &bench;
}

static struct past_record record_of(const char *agent, const char *id, enum record_kind kind,
				    enum cause cause)
{
	struct past_record past = { .record = { .kind = kind } };

	strcpy(past.record.agent, agent);
	strcpy(past.record.outage_id, id);
	if (cause != CAUSE_UNKNOWN)
		strcpy(past.cause, cause_to_string(cause));
	past.record.verdict.cause = cause;
	past.record.verdict.confidence = CONFIDENCE_LIKELY;
	return past;
}

static void add(struct bench *bench, struct past_record past)
{
	past.realtime = bench->now += USEC_PER_SEC;
	outages_add(&bench->outages, &past);
}

static void end(struct bench *bench, const char *agent, const char *id)
{
	add(bench, record_of(agent, id, RECORD_ENDED, CAUSE_PEER_CLOSE));
}

static void recover(struct bench *bench, const char *agent, const char *id, usec_t downtime)
{
	struct past_record past = record_of(agent, id, RECORD_RECOVERED, CAUSE_UNKNOWN);

	past.record.downtime = downtime;
	past.record.attempts = 3;
	add(bench, past);
}

static void records_of_two_agents_are_two_outages(void)
{
	struct bench *bench = begin();

	end(bench, "a", "1");
	end(bench, "b", "2");
	recover(bench, "a", "1", 2 * USEC_PER_SEC);
	recover(bench, "b", "2", 2 * USEC_PER_SEC);
	outages_finish(&bench->outages);
	CU_ASSERT_EQUAL_FATAL(bench->count, 2);
	CU_ASSERT_STRING_EQUAL(bench->given[0].agent, "a");
	CU_ASSERT_STRING_EQUAL(bench->given[1].agent, "b");
	CU_ASSERT_STRING_EQUAL(bench->given[0].cause, "peer-close");
	CU_ASSERT_EQUAL(bench->given[0].side, SIDE_PEER);
	CU_ASSERT_EQUAL(bench->given[0].attempts, 2);
	CU_ASSERT_EQUAL(bench->given[0].lasted, 2 * USEC_PER_SEC);
}

static void a_later_record_corrects_the_cause(void)
{
	struct bench *bench = begin();
	struct past_record past = record_of("a", "1", RECORD_ENDED, CAUSE_TOKEN_EXPIRED);

	end(bench, "a", "1");
	add(bench, record_of("a", "1", RECORD_ENDED, CAUSE_CONNECT_REFUSED));
	past.record.is_correction = true;
	add(bench, past);
	outages_finish(&bench->outages);
	CU_ASSERT_EQUAL_FATAL(bench->count, 1);
	CU_ASSERT_STRING_EQUAL(bench->given[0].cause, "token-expired");
	CU_ASSERT_EQUAL(bench->given[0].ended, 0);
	CU_ASSERT_EQUAL(bench->given[0].records, 3);
}

/* The records before the first one that is read are not known, but how long it lasted is. */
static void the_end_tells_the_beginning(void)
{
	struct bench *bench = begin();

	recover(bench, "a", "1", 10 * USEC_PER_MINUTE);
	recover(bench, "a", "2", USEC_INFINITY);
	outages_finish(&bench->outages);
	CU_ASSERT_EQUAL_FATAL(bench->count, 2);
	CU_ASSERT_EQUAL(bench->given[0].began, bench->given[0].ended - 10 * USEC_PER_MINUTE);
	CU_ASSERT_FALSE(bench->given[0].diagnosed);
	CU_ASSERT_EQUAL(bench->given[1].began, 0);
}

static void the_next_one_ends_one_without_an_end(void)
{
	struct bench *bench = begin();

	end(bench, "a", "1");
	end(bench, "a", "2");
	add(bench, record_of("a", "", RECORD_ENDED, CAUSE_AGENT_CRASH)); /* of none */
	CU_ASSERT_EQUAL_FATAL(bench->count, 1);
	CU_ASSERT_STRING_EQUAL(bench->given[0].id, "1");
	outages_finish(&bench->outages);
	CU_ASSERT_EQUAL_FATAL(bench->count, 2);
	CU_ASSERT_EQUAL(bench->given[1].records, 1);
}

static void a_short_session_does_not_end_it(void)
{
	struct bench *bench = begin();

	end(bench, "a", "1");
	recover(bench, "a", "1", 2 * USEC_PER_SEC);
	end(bench, "a", "1");
	recover(bench, "a", "1", 9 * USEC_PER_SEC);
	end(bench, "a", "2");
	outages_finish(&bench->outages);
	CU_ASSERT_EQUAL_FATAL(bench->count, 2);
	CU_ASSERT_EQUAL(bench->given[0].lasted, 9 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench->given[0].records, 4);
	CU_ASSERT_EQUAL(bench->given[1].ended, 0);
}

static void the_last_action_counts(void)
{
	struct bench *bench = begin();
	struct past_record past = record_of("a", "1", RECORD_ACTION, CAUSE_AGENT_CRASH);

	end(bench, "a", "1");
	strcpy(past.action, "restart");
	strcpy(past.action_result, "done");
	add(bench, past);
	outages_finish(&bench->outages);
	CU_ASSERT_STRING_EQUAL(bench->given[0].action, "restart");
	CU_ASSERT_STRING_EQUAL(bench->given[0].action_result, "done");
}

/* Nothing is lost: with more agents than there is room for, the oldest comes out without its end.
 */
static void more_agents_than_room(void)
{
	struct bench *bench = begin();
	char name[16];

	for (unsigned i = 0; i < OUTAGES_OPEN_MAX + 10; i++) {
		snprintf(name, sizeof(name), "agent-%u", i);
		end(bench, name, name);
	}
	CU_ASSERT_EQUAL(bench->count, 10);
	outages_finish(&bench->outages);
	CU_ASSERT_EQUAL(bench->count, OUTAGES_OPEN_MAX + 10);
	CU_ASSERT_STRING_EQUAL(bench->given[0].id, "agent-0");
}

SUITE("outages", { "records of two agents are two outages", records_of_two_agents_are_two_outages },
      { "a later record corrects the cause", a_later_record_corrects_the_cause },
      { "the end tells the beginning", the_end_tells_the_beginning },
      { "the next one ends one without an end", the_next_one_ends_one_without_an_end },
      { "a short session does not end it", a_short_session_does_not_end_it },
      { "the last action counts", the_last_action_counts },
      { "more agents than room", more_agents_than_room })
