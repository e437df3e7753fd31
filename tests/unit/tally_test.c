/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The counters, and which records each counts. */
#include "record/tally.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

static void test_ends(void)
{
	struct tally tally = { .agent = "agent" };
	struct record record = { .kind = RECORD_ENDED, .time = 7, .agent = "agent" };

	record.verdict.cause = CAUSE_PEER_CLOSE;
	record.verdict.ended_by = ENDED_BY_PEER_FIN;
	tally_add(&tally, &record);
	record.verdict.ended_by = ENDED_BY_PEER_RESET;
	tally_add(&tally, &record);
	CU_ASSERT_EQUAL(tally.ended[CAUSE_PEER_CLOSE][ENDED_BY_PEER_FIN], 1);
	CU_ASSERT_EQUAL(tally.ended[CAUSE_PEER_CLOSE][ENDED_BY_PEER_RESET], 1);
	CU_ASSERT_EQUAL(tally_ended(&tally, CAUSE_PEER_CLOSE), 2);
	CU_ASSERT_EQUAL(tally_ended(&tally, CAUSE_AGENT_CRASH), 0);
	CU_ASSERT_EQUAL(tally.last_ended_by, ENDED_BY_PEER_RESET);
	CU_ASSERT_EQUAL(tally.last_time, 7);
	CU_ASSERT_PTR_NOT_NULL(strstr(tally.last_message, "agent"));
}

static void test_stall(void)
{
	struct tally tally = { 0 };
	struct record record = { .kind = RECORD_STALLED };

	record.verdict.cause = CAUSE_AGENT_HANG;
	tally_add(&tally, &record);
	CU_ASSERT_EQUAL(tally.stalled[CAUSE_AGENT_HANG], 1);
	CU_ASSERT_EQUAL(tally_ended(&tally, CAUSE_AGENT_HANG), 0);
	CU_ASSERT_EQUAL(tally.last_kind, RECORD_STALLED);
}

static void test_recovery(void)
{
	struct tally tally = { 0 };

	tally_add(&tally, &(struct record){ .kind = RECORD_RECOVERED, .downtime = 2 });
	tally_add(&tally, &(struct record){ .kind = RECORD_RECOVERED, .downtime = 3 });
	CU_ASSERT_EQUAL(tally.records, 2);
	CU_ASSERT_EQUAL(tally.recovered, 2);
	CU_ASSERT_EQUAL(tally.downtime, 5);
	CU_ASSERT_STRING_EQUAL(tally.last_message, "");
}

static uint64_t all_of(const struct histogram *histogram)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
		sum += histogram->count[i];
	return sum;
}

static void test_bounds(void)
{
	for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++) {
		CU_ASSERT(histogram_of_rungs[i] > histogram_of_rungs[i - 1]);
		CU_ASSERT(histogram_of_sessions[i] > histogram_of_sessions[i - 1]);
	}
}

static void test_sessions(void)
{
	static const struct {
		usec_t age;
		unsigned place;
	} rows[] = {
		{ 1, 0 },
		{ USEC_PER_SEC, 0 },
		{ USEC_PER_SEC + 1, 1 },
		{ 86400 * USEC_PER_SEC, HISTOGRAM_BOUNDS - 1 },
		{ 86400 * USEC_PER_SEC + 1, HISTOGRAM_BOUNDS },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tally tally = { 0 };
		struct record record = { .kind = RECORD_ENDED, .socket.age = rows[i].age };

		tally_add(&tally, &record);
		CU_ASSERT_EQUAL(tally.sessions.count[rows[i].place], 1);
		CU_ASSERT_EQUAL(tally.sessions.sum, rows[i].age);
		record.verdict.rung = RUNG_TLS; /* an attempt that failed */
		tally_add(&tally, &record);
		record.verdict.rung = RUNG_NONE;
		record.socket.age = 0; /* not known */
		tally_add(&tally, &record);
		CU_ASSERT_EQUAL(all_of(&tally.sessions), 1);
	}
}

static void test_rungs(void)
{
	struct tally tally = { 0 };
	struct record record = { .kind = RECORD_RECOVERED, .downtime = 7 * USEC_PER_SEC };

	record.took[RUNG_TCP] = 40 * USEC_PER_MSEC;
	tally_add(&tally, &record); /* of a connection that was stalled */
	CU_ASSERT_EQUAL(all_of(&tally.recoveries), 0);
	record.attempts = 1;
	tally_add(&tally, &record);
	CU_ASSERT_EQUAL(tally.recoveries.count[2], 1);
	CU_ASSERT_EQUAL(all_of(&tally.rungs[RUNG_NAME]), 0);
	CU_ASSERT_EQUAL(tally.rungs[RUNG_TCP].count[2], 1);
	CU_ASSERT_EQUAL(tally.rungs[RUNG_TCP].sum, 40 * USEC_PER_MSEC);
}

static void test_outages(void)
{
	struct tally tally = { 0 };

	tally_add(&tally, &(struct record){ .kind = RECORD_WATCHING });
	tally_add(&tally, &(struct record){ .kind = RECORD_ENDED, .outage_id = "a" });
	tally_add(&tally, &(struct record){ .kind = RECORD_RECOVERED, .outage_id = "a" });
	CU_ASSERT_EQUAL(tally.outages, 1);
	tally_add(&tally, &(struct record){ .kind = RECORD_STALLED, .outage_id = "b" });
	CU_ASSERT_EQUAL(tally.outages, 2);
}

static void test_actions(void)
{
	struct tally tally = { 0 };
	struct record record = { .kind = RECORD_ACTION, .action = { .type = ACTION_RESTART } };

	record.action_result = "starting";
	tally_add(&tally, &record);
	record.action_result = "failed";
	tally_add(&tally, &record);
	record.action_result = "a word of a later version";
	tally_add(&tally, &record);
	CU_ASSERT_EQUAL(tally.actions[ACTION_RESTART][ACTION_STARTED], 1);
	CU_ASSERT_EQUAL(tally.actions[ACTION_RESTART][ACTION_FAILED], 1);
	CU_ASSERT_EQUAL(tally.actions[ACTION_RESTART][ACTION_DONE], 0);
}

static void test_agents(void)
{
	static struct tallies tallies;
	struct record record = { .kind = RECORD_WATCHING, .agent = "" };

	tallies_add(&tallies, &(struct record){ .kind = RECORD_EVIDENCE_LOST, .lost_events = 5 });
	CU_ASSERT_EQUAL(tallies.lost_events, 5);
	CU_ASSERT_PTR_NULL(tallies_find(&tallies, ""));
	for (int i = 0; i <= TALLIES_MAX; i++) {
		record.agent[0] = (char)('!' + i);
		tallies_add(&tallies, &record);
	}
	CU_ASSERT_PTR_NOT_NULL(tallies_find(&tallies, "!"));
	CU_ASSERT_PTR_NULL(tallies_find(&tallies, record.agent));
	tallies_forget(&tallies, "!");
	CU_ASSERT_PTR_NULL(tallies_find(&tallies, "!"));
	tallies_add(&tallies, &record);
	CU_ASSERT_PTR_NOT_NULL(tallies_find(&tallies, record.agent));
}

SUITE("tally", { "ends, by cause and by how", test_ends }, { "a stall is no end", test_stall },
      { "recovery", test_recovery }, { "bounds of histograms rise", test_bounds },
      { "how long sessions lived, not attempts", test_sessions },
      { "how long recoveries took, and their rungs", test_rungs },
      { "each outage once", test_outages }, { "actions, by what became of them", test_actions },
      { "each agent by itself, as many as there is room for", test_agents })
