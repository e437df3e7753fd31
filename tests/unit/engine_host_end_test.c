/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions that were open when the host went down: the rule, and what the engine makes of it. */
#include "verdict/host_end.h"

#include <string.h>

#include "engine_bench.h"
#include "suite.h"

#define BOOT "0123456789abcdef0123456789abcdef"

static const struct {
	const char *what;
	struct host_end end;
	enum cause cause;
	enum confidence confidence;
	const char *alternative; /* "or=..."; NULL: none */
} rows[] = {
	{ "a reboot", { .stop = HOST_STOP_REBOOT }, CAUSE_HOST_REBOOT, CONFIDENCE_LIKELY, NULL },
	{ "kexec", { .stop = HOST_STOP_KEXEC }, CAUSE_HOST_REBOOT, CONFIDENCE_LIKELY, NULL },
	{ "power off",
	  { .stop = HOST_STOP_POWEROFF, .journal_closed = true },
	  CAUSE_HOST_SHUTDOWN,
	  CONFIDENCE_LIKELY,
	  NULL },
	{ "in order, but who knows how",
	  { .journal_closed = true },
	  CAUSE_HOST_SHUTDOWN,
	  CONFIDENCE_SUSPECTED,
	  "or=host-reboot" },
	{ "a container in order",
	  { .stop = HOST_STOP_POWEROFF, .is_container = true },
	  CAUSE_HOST_SHUTDOWN,
	  CONFIDENCE_LIKELY,
	  NULL },
	{ "a panic", { .panicked = true }, CAUSE_HOST_CRASH, CONFIDENCE_LIKELY, NULL },
	{ "a hardware watchdog", { .watchdog = 0x20 }, CAUSE_HOST_CRASH, CONFIDENCE_LIKELY, NULL },
	{ "a board that reboots by its watchdog",
	  { .stop = HOST_STOP_REBOOT, .watchdog = 0x20 },
	  CAUSE_HOST_REBOOT,
	  CONFIDENCE_LIKELY,
	  NULL },
	{ "no power", { .crash_would_show = true }, CAUSE_POWER_LOST, CONFIDENCE_LIKELY, NULL },
	{ "no power, and no pstore",
	  { 0 },
	  CAUSE_POWER_LOST,
	  CONFIDENCE_SUSPECTED,
	  "or=host-crash" },
	{ "a container that was killed",
	  { .crash_would_show = true, .is_container = true },
	  CAUSE_POWER_LOST,
	  CONFIDENCE_SUSPECTED,
	  "or=host-shutdown" },
	{ "boots in doubt",
	  { .crash_would_show = true, .not_the_last = true },
	  CAUSE_POWER_LOST,
	  CONFIDENCE_SUSPECTED,
	  "or=host-shutdown" },
	{ "nobody watched",
	  { .stop = HOST_STOP_REBOOT, .unwatched = true },
	  CAUSE_UNKNOWN,
	  CONFIDENCE_INVALID,
	  NULL },
	{ "nobody watched, and no power",
	  { .crash_would_show = true, .unwatched = true },
	  CAUSE_UNKNOWN,
	  CONFIDENCE_INVALID,
	  NULL },
};

static void verdicts(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct circumstances given = { .host_end = &rows[i].end };
		struct verdict verdict;
		bool found = false;

		verdict_on_host_end(&given, &verdict);
		CHECK(verdict.ended_by == ENDED_BY_UNKNOWN, rows[i].what);
		CHECK(verdict.cause == rows[i].cause, rows[i].what);
		CHECK(verdict.confidence == rows[i].confidence, rows[i].what);
		for (unsigned j = 0; j < verdict.evidence.count; j++)
			found |= strcmp(verdict.evidence.text[j], rows[i].alternative ?: "") == 0;
		CHECK(found == (rows[i].alternative != NULL), rows[i].what);
	}
}

/* ---- the engine */

static struct event open_session(void)
{
	return (struct event){
		.type = EVENT_HISTORY_OPEN,
		.history_open = { .verdict = { .ago = 20 * USEC_PER_SEC,
					       .cookie = 7,
					       .pid = 812,
					       .comm = "edge" },
				  .host_went_down = true,
				  .host = { .stop = HOST_STOP_REBOOT,
					    .down = USEC_PER_MINUTE,
					    .boot_id = BOOT } },
	};
}

static void its_end_is_told_and_begins_an_outage(void)
{
	struct bench bench;
	const struct record *record;

	bench_begin(&bench);
	bench_step(&bench, open_session());
	CU_ASSERT_EQUAL_FATAL(bench.records, 1);
	record = bench_last(&bench);
	CU_ASSERT_EQUAL(record->kind, RECORD_ENDED);
	CU_ASSERT_EQUAL(record->verdict.cause, CAUSE_HOST_REBOOT);
	CU_ASSERT_EQUAL(record->cookie, 7);
	CU_ASSERT_EQUAL(record->time, bench.now - 20 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(record->downtime, USEC_PER_MINUTE);
	CU_ASSERT_STRING_EQUAL(record->verdict.evidence.text[0], "boot=" BOOT);
	bench_pass(&bench, 10 * USEC_PER_SEC);
	bench_open(&bench, 8);
	record = bench_last(&bench);
	CU_ASSERT_EQUAL(record->kind, RECORD_RECOVERED);
	CU_ASSERT_EQUAL(record->downtime, 90 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(record->outage.cause, CAUSE_HOST_REBOOT);
	CU_ASSERT_EQUAL(record->attempts, 1);
	bench_end(&bench);
}

/* The next daemon of the same boot has the end from the journal. */
static void the_next_engine_goes_on(void)
{
	struct bench bench;
	struct history_trouble_event past = {
		.verdict = { .ago = 20 * USEC_PER_SEC,
			     .cause = CAUSE_HOST_REBOOT,
			     .confidence = CONFIDENCE_LIKELY,
			     .outage_id = BOOT },
		.came_up = true,
		.down = USEC_PER_MINUTE,
	};

	bench_begin(&bench);
	bench_step(&bench,
		   (struct event){ .type = EVENT_HISTORY_TROUBLE, .history_trouble = past });
	bench_pass(&bench, 10 * USEC_PER_SEC);
	bench_open(&bench, 8);
	CU_ASSERT_EQUAL_FATAL(bench.records, 1);
	CU_ASSERT_EQUAL(bench_last(&bench)->downtime, 90 * USEC_PER_SEC);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, BOOT);
	bench_end(&bench);
}

/* Since when the agent was down is not known then. */
static void what_nobody_watched_begins_no_outage(void)
{
	struct bench bench;
	struct event event = open_session();

	event.history_open.host.unwatched = true;
	bench_begin(&bench);
	bench_step(&bench, event);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_UNKNOWN);
	CU_ASSERT_STRING_EQUAL(bench_last(&bench)->outage_id, "");
	bench_open(&bench, 8);
	CU_ASSERT_EQUAL(bench.records, 1);
	bench_end(&bench);
}

/* The journal of this boot knows the session. */
static void begin_in_the_same_boot(struct bench *bench)
{
	struct event event = open_session();

	event.history_open.host_went_down = false;
	bench_begin_alone(bench);
	bench->settings.keepalive = USEC_INFINITY;
	bench_step(bench, (struct event){ .type = EVENT_AGENT,
					  .watching = { .settings = &bench->settings } });
	bench_step(bench, event);
	bench_step(bench, (struct event){ .type = EVENT_CAUGHT_UP });
}

/* A record of this boot: the journal knows the session, as long as it is open. */
static void an_open_session_is_not_told_again(void)
{
	struct bench bench;

	begin_in_the_same_boot(&bench);
	bench_step(&bench, connection_event(EVENT_FOUND, 7, TCP_STATE_NONE, TCP_STATE_ESTABLISHED));
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.connected, 0);
	bench_end(&bench);
}

static void one_that_is_gone_is_forgotten(void)
{
	struct bench bench;

	begin_in_the_same_boot(&bench);
	bench_open(&bench, 8);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.connected, 1);
	CU_ASSERT_EQUAL(bench.connected_record.cookie, 8);
	bench_end(&bench);
}

SUITE("host end", { "verdicts", verdicts },
      { "its end is told and begins an outage", its_end_is_told_and_begins_an_outage },
      { "the next engine goes on", the_next_engine_goes_on },
      { "what nobody watched begins no outage", what_nobody_watched_begins_no_outage },
      { "an open session is not told again", an_open_session_is_not_told_again },
      { "one that is gone is forgotten", one_that_is_gone_is_forgotten })
