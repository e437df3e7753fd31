/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The views of the journal's records: digest, timeline, bar, statistics, account. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "example_record.h"
#include "past/bar.h"
#include "past/digest.h"
#include "past/statistics.h"
#include "past/timeline.h"
#include "record/account.h"
#include "suite.h"

#define MINUTES(n) ((n)*USEC_PER_MINUTE)
#define SECONDS(n) ((n)*USEC_PER_SEC)
#define START      (UINT64_C(1700000000) * USEC_PER_SEC)

static char told[4096];

/* A record of agent "edge", `fields` separated by blanks. */
static struct past_record past(usec_t time, const char *fields)
{
	struct past_record past;
	char all[512];

	snprintf(all, sizeof(all), "CONNWATCH_AGENT=edge _BOOT_ID=first %s", fields);
	CU_ASSERT_TRUE(parse_fields(&past, all, ' '));
	past.realtime = START + time;
	return past;
}

static struct past_record ended(usec_t time, const char *cause, usec_t age)
{
	char fields[256];

	snprintf(fields, sizeof(fields),
		 "CONNWATCH_KIND=ended CONNWATCH_ENDED_BY=peer-fin CONNWATCH_CAUSE=%s "
		 "CONNWATCH_CONFIDENCE=likely CONNWATCH_AGE_USEC=%llu",
		 cause, (unsigned long long)age);
	return past(time, fields);
}

static struct past_record recovered(usec_t time, usec_t downtime)
{
	char fields[128];

	snprintf(fields, sizeof(fields), "CONNWATCH_KIND=recovered CONNWATCH_DOWNTIME_USEC=%llu",
		 (unsigned long long)downtime);
	return past(time, fields);
}

/* ---- digest */

static void tell_line(void *userdata, const struct digest_line *line)
{
	char period[TIME_SPAN_TEXT_SIZE];

	time_span_format(digest_period(line), period, sizeof(period));
	text_add(userdata, "%s %s x%u %s every %s back %u\n", line->agent, line->what, line->count,
		 line->detail, period, line->recovered);
}

static const char *digest_of(const struct past_record *records, unsigned count)
{
	static struct digest digest;
	struct text text = TEXT_IN(told);

	digest_begin(&digest, tell_line, &text);
	for (unsigned i = 0; i < count; i++)
		digest_add(&digest, &records[i]);
	digest_finish(&digest);
	return told;
}

static void rhythm_is_folded(void)
{
	static struct past_record records[28];

	for (unsigned i = 0; i < 14; i++) {
		records[2 * i] = ended(MINUTES(65) * i, "token-expired", MINUTES(65));
		records[2 * i + 1] = recovered(MINUTES(65) * i + SECONDS(2), SECONDS(2));
	}
	CU_ASSERT_STRING_EQUAL(digest_of(records, 28),
			       "edge token-expired x14 peer-fin every 1h 5min back 14\n");
}

static void other_causes_are_not_folded(void)
{
	static struct past_record records[3];

	records[0] = ended(0, "peer-close", 1);
	records[1] = ended(MINUTES(1), "agent-crash", 1);
	records[2] = ended(MINUTES(2), "peer-close", 1);
	CU_ASSERT_STRING_EQUAL(digest_of(records, 3),
			       "edge peer-close x1 peer-fin every 0 back 0\n"
			       "edge agent-crash x1 peer-fin every 0 back 0\n"
			       "edge peer-close x1 peer-fin every 0 back 0\n");
}

static void uneven_times_are_no_period(void)
{
	static struct past_record records[4];

	records[0] = ended(0, "peer-close", 1);
	records[1] = ended(MINUTES(1), "peer-close", 1);
	records[2] = ended(MINUTES(10), "peer-close", 1);
	records[3] = past(MINUTES(11), "CONNWATCH_KIND=ended CONNWATCH_ENDED_BY=peer-reset "
				       "CONNWATCH_CAUSE=peer-close");
	CU_ASSERT_STRING_EQUAL(digest_of(records, 4),
			       "edge peer-close x4 various every 0 back 0\n");
}

static void agents_do_not_disturb_each_other(void)
{
	static struct past_record records[4];

	for (unsigned i = 0; i < 4; i++) {
		records[i] = ended(MINUTES(i), "peer-close", 1);
		strcpy(records[i].record.agent, i % 2 ? "odd" : "even");
	}
	CU_ASSERT_STRING_EQUAL(digest_of(records, 4),
			       "even peer-close x2 peer-fin every 0 back 0\n"
			       "odd peer-close x2 peer-fin every 0 back 0\n");
}

static void action_and_its_result_are_one(void)
{
	static struct past_record records[5];

	records[0] = past(0, "CONNWATCH_KIND=action CONNWATCH_ACTION=restart "
			     "CONNWATCH_ACTION_RESULT=starting");
	records[1] = past(1, "CONNWATCH_KIND=action CONNWATCH_ACTION=restart "
			     "CONNWATCH_ACTION_RESULT=done");
	records[2] = past(2, "CONNWATCH_KIND=action CONNWATCH_ACTION=restart "
			     "CONNWATCH_ACTION_RESULT=held CONNWATCH_ACTION_HELD_BY=limit");
	records[3] = past(3, "CONNWATCH_KIND=action CONNWATCH_ACTION=reload "
			     "CONNWATCH_ACTION_RESULT=starting");
	records[4] = past(4, "CONNWATCH_KIND=foretold");
	CU_ASSERT_STRING_EQUAL(digest_of(records, 5), "edge restart x1 done every 0 back 0\n"
						      "edge restart x1 held: limit every 0 back 0\n"
						      "edge reload x1 starting every 0 back 0\n"
						      "edge foretold x1  every 0 back 0\n");
}

static void many_agents_need_no_more_room(void)
{
	static struct digest digest;
	struct text text = TEXT_IN(told);

	digest_begin(&digest, tell_line, &text);
	for (unsigned i = 0; i < 4 * DIGEST_STREAMS; i++) {
		struct past_record record = ended(i, "peer-close", 1);

		snprintf(record.record.agent, sizeof(record.record.agent), "agent%u", i);
		digest_add(&digest, &record);
	}
	digest_finish(&digest);
	CU_ASSERT_PTR_NOT_NULL(strstr(told, "agent0 peer-close"));
}

/* ---- timeline */

static void tell_span(void *userdata, const struct span *span)
{
	char from[TIME_SPAN_TEXT_SIZE], until[TIME_SPAN_TEXT_SIZE];

	time_span_format(span->from - START, from, sizeof(from));
	time_span_format(span->until - START, until, sizeof(until));
	text_add(userdata, "%s to %s %s\n", from, until, presence_to_string(span->presence));
}

static const char *timeline_of(usec_t since, usec_t until, const struct past_record *records,
			       unsigned count)
{
	struct text text = TEXT_IN(told);
	struct timeline timeline;

	timeline_begin(&timeline, since, tell_span, &text);
	for (unsigned i = 0; i < count; i++)
		timeline_add(&timeline, &records[i]);
	timeline_finish(&timeline, START + until);
	return told;
}

static void session_outage_session(void)
{
	struct past_record records[3];

	records[0] = ended(MINUTES(5), "peer-close", MINUTES(5));
	records[1] = recovered(MINUTES(6), MINUTES(1));
	records[2] = ended(MINUTES(10), "peer-close", MINUTES(4));
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(12), records, 3), "0 to 5min up\n"
									"5min to 6min down\n"
									"6min to 10min up\n"
									"10min to 12min down\n");
}

/* Attempts whose TLS handshake or whose lookups fail are no sessions. */
static void failed_attempts_leave_it_down(void)
{
	struct past_record records[4];

	records[0] = ended(MINUTES(5), "peer-close", MINUTES(5));
	records[1] = past(MINUTES(7),
			  "CONNWATCH_KIND=ended CONNWATCH_ENDED_BY=local-fin CONNWATCH_RUNG=tls "
			  "CONNWATCH_CAUSE=tls-refused-by-agent CONNWATCH_AGE_USEC=60000000");
	records[2] = past(MINUTES(8), "CONNWATCH_KIND=stalled CONNWATCH_RUNG=name "
				      "CONNWATCH_CAUSE=name-server-silent");
	records[3] = recovered(MINUTES(9), MINUTES(4));
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(10), records, 4), "0 to 5min up\n"
									"5min to 8min down\n"
									"8min to 9min down\n"
									"9min to 10min up\n");
}

static void before_the_first_record_nothing_is_known(void)
{
	struct past_record records[2];

	records[0] = past(MINUTES(1), "CONNWATCH_KIND=watching");
	records[1] = ended(MINUTES(5), "peer-close", MINUTES(3));
	CU_ASSERT_STRING_EQUAL(timeline_of(START, MINUTES(5), records, 2), "0 to 1min unknown\n"
									   "1min to 2min unknown\n"
									   "2min to 5min up\n");
}

static void a_second_connection_keeps_it_up(void)
{
	struct past_record records[2];

	records[0] = ended(MINUTES(5), "peer-close", MINUTES(5));
	records[1] = ended(MINUTES(9), "peer-close", MINUTES(9));
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(9), records, 2), "0 to 5min up\n"
								       "5min to 9min up\n");
}

static void stall_heals(void)
{
	struct past_record records[3];

	records[0] = past(MINUTES(5), "CONNWATCH_KIND=stalled CONNWATCH_CAUSE=path-silent "
				      "CONNWATCH_AGE_USEC=300000000");
	records[1] = past(MINUTES(6), "CONNWATCH_KIND=recovered CONNWATCH_CAUSE=path-silent "
				      "CONNWATCH_DOWNTIME_USEC=60000000");
	records[2] = ended(MINUTES(9), "peer-close", MINUTES(9));
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(9), records, 3), "0 to 5min up\n"
								       "5min to 6min stalled\n"
								       "6min to 9min up\n");
}

static void failed_attempts_do_not_end_an_outage(void)
{
	struct past_record records[3];

	records[0] = ended(MINUTES(5), "peer-close", MINUTES(5));
	records[1] = past(MINUTES(6), "CONNWATCH_KIND=ended CONNWATCH_ENDED_BY=connect-refused "
				      "CONNWATCH_CAUSE=connect-refused CONNWATCH_AGE_USEC=9");
	records[2] = recovered(MINUTES(8), MINUTES(3));
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(8), records, 3), "0 to 5min up\n"
								       "5min to 8min down\n");
}

static void a_boot_cuts_what_was_presumed(void)
{
	struct past_record records[3];

	records[0] = recovered(MINUTES(1), MINUTES(1));
	records[1] = past(MINUTES(5), "CONNWATCH_KIND=watching");
	strcpy(records[1].boot_id, "second");
	records[2] = ended(MINUTES(9), "peer-close", MINUTES(3));
	strcpy(records[2].boot_id, "second");
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(9), records, 3), "0 to 1min down\n"
								       "1min to 6min unknown\n"
								       "6min to 9min up\n");
}

/* The record is of 6 min, written at 7 min, and the host was down for 4 min before. */
static void a_host_that_went_down_was_up_before(void)
{
	struct past_record records[4];

	records[0] = recovered(MINUTES(1), MINUTES(1));
	records[1] = past(MINUTES(6), "CONNWATCH_KIND=watching");
	records[2] = past(MINUTES(7), "CONNWATCH_KIND=ended CONNWATCH_CAUSE=power-lost "
				      "CONNWATCH_EVIDENCE=boot=first "
				      "CONNWATCH_DOWNTIME_USEC=240000000");
	records[2].record.time = MINUTES(3);
	records[2].happened = MINUTES(2);
	records[3] = past(MINUTES(9), "CONNWATCH_KIND=connected");
	records[3].record.time = MINUTES(5);
	records[3].happened = MINUTES(4);
	for (int i = 1; i < 4; i++)
		strcpy(records[i].boot_id, "second");
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(9), records, 4), "0 to 1min down\n"
								       "1min to 2min up\n"
								       "2min to 7min down\n"
								       "7min to 8min down\n"
								       "8min to 9min up\n");
	records[2].record.downtime = 0;
	CU_ASSERT_STRING_EQUAL(timeline_of(0, MINUTES(8), records, 3), "0 to 1min down\n"
								       "1min to 6min unknown\n"
								       "6min to 7min down\n"
								       "7min to 8min down\n");
}

static void forged_ages_do_no_harm(void)
{
	struct past_record records[2];

	records[0] = ended(MINUTES(5), "peer-close", USEC_INFINITY);
	records[1] = recovered(MINUTES(4), USEC_INFINITY);
	timeline_of(0, MINUTES(1), records, 2);
	CU_ASSERT_STRING_EQUAL(timeline_of(START, MINUTES(6), records, 2), "0 to 5min up\n"
									   "5min to 6min up\n");
}

/* ---- bar */

static void spans_fill_cells(void)
{
	static struct bar bar;
	struct span up = { START - MINUTES(7), START + MINUTES(6), PRESENCE_UP };
	struct span down = { START + MINUTES(6), START + MINUTES(99), PRESENCE_DOWN };

	bar_begin(&bar, START, START + MINUTES(40), 4);
	bar_add_span(&bar, &up);
	bar_add_span(&bar, &down);
	bar_add_mark(&bar, START + MINUTES(6), 'a');
	bar_add_mark(&bar, START + MINUTES(40), 'b');
	bar_add_mark(&bar, START + MINUTES(40), 'c');
	bar_add_mark(&bar, START + MINUTES(41), 'd');
	CU_ASSERT_EQUAL(bar.cells[0].time[PRESENCE_UP], MINUTES(6));
	CU_ASSERT_EQUAL(bar.cells[0].time[PRESENCE_DOWN], MINUTES(4));
	CU_ASSERT_EQUAL(cell_presence(&bar.cells[0]), PRESENCE_UP);
	CU_ASSERT_EQUAL(bar.cells[3].time[PRESENCE_DOWN], MINUTES(10));
	CU_ASSERT_EQUAL(bar.cells[0].mark, 'a');
	CU_ASSERT_EQUAL(bar.cells[3].mark, '+');
	CU_ASSERT_EQUAL(bar.cells[3].marks, 2);
}

static void narrow_times_and_wide_bars_agree(void)
{
	static struct bar bar;

	for (unsigned width = 1; width <= BAR_CELLS; width++)
		for (usec_t length = 0; length < 9; length++) {
			struct span span = { 0, USEC_INFINITY, PRESENCE_UP };
			usec_t sum = 0;

			bar_begin(&bar, START, START + length, width);
			bar_add_span(&bar, &span);
			for (unsigned i = 0; i < width; i++)
				sum += bar.cells[i].time[PRESENCE_UP];
			CU_ASSERT_EQUAL(sum, length ?: 1);
		}
}

static void steps_of_an_axis_are_round(void)
{
	CU_ASSERT_EQUAL(axis_step(MINUTES(60), 6), MINUTES(10));
	CU_ASSERT_EQUAL(axis_step(MINUTES(61), 5), MINUTES(30));
	CU_ASSERT_EQUAL(axis_step(USEC_INFINITY, 1), USEC_INFINITY);
	CU_ASSERT_EQUAL(axis_step(0, 0), 1);
}

/* ---- statistics */

static void add_span(void *userdata, const struct span *span)
{
	statistics_add_span(userdata, span);
}

static void numbers_of_a_day(void)
{
	struct statistics statistics = { 0 };
	struct timeline timeline;
	struct past_record records[4];

	records[0] = ended(MINUTES(30), "peer-close", MINUTES(30));
	records[1] = recovered(MINUTES(40), MINUTES(10));
	records[2] = ended(MINUTES(90), "solar-flare", MINUTES(50));
	records[3] = recovered(MINUTES(100), MINUTES(10));
	timeline_begin(&timeline, 0, add_span, &statistics);
	for (unsigned i = 0; i < 4; i++) {
		timeline_add(&timeline, &records[i]);
		statistics_add_record(&statistics, &records[i]);
	}
	timeline_finish(&timeline, START + MINUTES(100));
	CU_ASSERT_EQUAL(statistics_availability(&statistics), 800000);
	CU_ASSERT_EQUAL(statistics_between_ends(&statistics), MINUTES(40));
	CU_ASSERT_EQUAL(statistics_to_recover(&statistics), MINUTES(10));
	CU_ASSERT_EQUAL(statistics.causes[CAUSE_PEER_CLOSE], 1);
	CU_ASSERT_EQUAL(statistics.newer_causes, 1);
}

static void take_outage(void *userdata, const struct past_outage *outage)
{
	statistics_add_outage(userdata, outage);
}

/* A session that is too short does not end the outage, though it is told as a recovery. */
static void an_outage_recovers_once(void)
{
#define OF_OUTAGE "CONNWATCH_OUTAGE_ID=0123456789abcdef0123456789abcdef "
	static struct outages outages;
	struct statistics statistics = { 0 };
	struct past_record records[4];

	records[0] = past(0, OF_OUTAGE "CONNWATCH_KIND=ended CONNWATCH_ENDED_BY=peer-fin "
				       "CONNWATCH_CAUSE=peer-close CONNWATCH_AGE_USEC=60000000");
	records[1] = past(SECONDS(5), OF_OUTAGE "CONNWATCH_KIND=recovered CONNWATCH_ATTEMPTS=1 "
						"CONNWATCH_DOWNTIME_USEC=5000000");
	records[2] = past(SECONDS(6), OF_OUTAGE "CONNWATCH_KIND=ended CONNWATCH_ENDED_BY=peer-fin "
						"CONNWATCH_CAUSE=session-rejected "
						"CONNWATCH_ATTEMPTS=1 CONNWATCH_CAUSE_ATTEMPTS=1");
	records[3] = past(SECONDS(20), OF_OUTAGE "CONNWATCH_KIND=recovered CONNWATCH_ATTEMPTS=4 "
						 "CONNWATCH_OUTAGE_CAUSE=session-rejected "
						 "CONNWATCH_OUTAGE_CONFIDENCE=likely "
						 "CONNWATCH_OUTAGE_ATTEMPTS=session-rejected=3 "
						 "CONNWATCH_DOWNTIME_USEC=20000000");
#undef OF_OUTAGE
	outages_begin(&outages, take_outage, &statistics);
	for (unsigned i = 0; i < 4; i++) {
		statistics_add_record(&statistics, &records[i]);
		outages_add(&outages, &records[i]);
	}
	outages_finish(&outages);
	CU_ASSERT_EQUAL(statistics.outages, 1);
	CU_ASSERT_EQUAL(statistics.began[CAUSE_SESSION_REJECTED], 1);
	CU_ASSERT_EQUAL(statistics.failed[CAUSE_SESSION_REJECTED], 3);
	CU_ASSERT_EQUAL(statistics.causes[CAUSE_PEER_CLOSE], 1);
	CU_ASSERT_EQUAL(statistics.recoveries, 1);
	CU_ASSERT_EQUAL(statistics_to_recover(&statistics), SECONDS(20));
}

static void no_records_no_numbers(void)
{
	struct statistics statistics = { 0 };

	CU_ASSERT_EQUAL(statistics_availability(&statistics), -1);
	CU_ASSERT_EQUAL(statistics_between_ends(&statistics), USEC_INFINITY);
	CU_ASSERT_EQUAL(statistics_to_recover(&statistics), USEC_INFINITY);
}

/* ---- account */

static void tokens_in_words(void)
{
	static const struct {
		const char *token, *words;
	} rows[] = {
		{ "closed_by=bash[7]", "bash[7] closed it" },
		{ "silent_sec=90", "the agent had been silent for 1min 30s" },
		{ "link_lost_before_msec=long", "link lost before msec: long" },
		{ "core_dumped=yes", "it dumped core" },
		{ "moon_phase=full", "moon phase: full" },
		{ "silent_sec=long", "the agent had been silent for long" },
		{ "silent_sec=-1", "the agent had been silent for -1" },
		{ "silent_sec=99999999999999999999",
		  "the agent had been silent for 99999999999999999999" },
		{ "socket=never-opened", "the socket never sent a SYN" },
		{ "socket=outlives-its-process", "the socket outlived its process" },
		{ "socket=novel", "socket: novel" },
		{ "novelty", "novelty: " },
		{ "", ": " },
	};
	char words[WORDS_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(strcmp(account_evidence(rows[i].token, words), rows[i].words) == 0,
		      rows[i].token);
	CU_ASSERT_PTR_NULL(account_evidence("exited_after_msec=20", words));
	CU_ASSERT_STRING_EQUAL(account_ruled_out("peer-reset=no-RST-arrived", words),
			       "peer-reset: no RST arrived");
	CU_ASSERT_STRING_EQUAL(account_ruled_out("peer-reset", words), "peer-reset: ");
}

static void moments_come_in_order(void)
{
	struct past_record record =
		past(0, "CONNWATCH_KIND=ended CONNWATCH_ENDED_BY=local-fin "
			"CONNWATCH_AGE_USEC=60000000 CONNWATCH_BYTES_RECEIVED=5 "
			"CONNWATCH_IDLE_RX_USEC=2000000 CONNWATCH_EVIDENCE=exited_after_msec=0 "
			"CONNWATCH_EVIDENCE=link_lost_before_msec=5000");
	static const char *const wanted[] = { "the connection was opened", "the link went down",
					      "the last data was received", "it ended: local-fin",
					      "the process ended" };
	struct moments moments;

	account_moments(&record, &moments);
	CU_ASSERT_EQUAL_FATAL(moments.count, 5);
	for (unsigned i = 0; i < 5; i++)
		CHECK(strcmp(moments.items[i].words, wanted[i]) == 0, wanted[i]);
	CU_ASSERT_EQUAL(moments.items[1].offset, -5000000);
	CU_ASSERT_EQUAL(moments.items[4].offset, 0);
}

static void evidence_gets_its_order_back(void)
{
	struct tokens tokens = { 0 };

	tokens_add(&tokens, "zzz=1");
	tokens_add(&tokens, "killed_by=SIGSEGV");
	tokens_add(&tokens, "state=ESTABLISHED");
	account_sort(&tokens);
	CU_ASSERT_STRING_EQUAL(tokens.text[0], "state=ESTABLISHED");
	CU_ASSERT_STRING_EQUAL(tokens.text[2], "zzz=1");
}

SUITE("past", { "rhythm is folded", rhythm_is_folded },
      { "other causes are not folded", other_causes_are_not_folded },
      { "uneven times are no period", uneven_times_are_no_period },
      { "agents do not disturb each other", agents_do_not_disturb_each_other },
      { "action and its result are one", action_and_its_result_are_one },
      { "many agents need no more room", many_agents_need_no_more_room },
      { "session, outage, session", session_outage_session },
      { "failed attempts leave it down", failed_attempts_leave_it_down },
      { "before the first record nothing is known", before_the_first_record_nothing_is_known },
      { "a second connection keeps it up", a_second_connection_keeps_it_up },
      { "stall heals", stall_heals },
      { "failed attempts do not end an outage", failed_attempts_do_not_end_an_outage },
      { "a boot cuts what was presumed", a_boot_cuts_what_was_presumed },
      { "a host that went down was up before", a_host_that_went_down_was_up_before },
      { "forged ages do no harm", forged_ages_do_no_harm },
      { "spans fill cells", spans_fill_cells },
      { "narrow times and wide bars agree", narrow_times_and_wide_bars_agree },
      { "steps of an axis are round", steps_of_an_axis_are_round },
      { "numbers of a day", numbers_of_a_day },
      { "an outage recovers once", an_outage_recovers_once },
      { "no records, no numbers", no_records_no_numbers }, { "tokens in words", tokens_in_words },
      { "moments come in order", moments_come_in_order },
      { "evidence gets its order back", evidence_gets_its_order_back })
