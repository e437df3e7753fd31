/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verdicts in the mode sock-diag: what nobody saw is not claimed. */
#include <signal.h>
#include <string.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

/* Who closed it is not known. */
static struct event seen(enum event_type type, struct socket_facts facts)
{
	struct event event = connection_event(type, 1, TCP_STATE_NONE, TCP_STATE_NONE);

	event.connection.current = (struct task){ 0 };
	event.connection.facts = facts;
	return event;
}

static void begin(struct bench *bench)
{
	bench_begin_alone(bench);
	bench_step(bench, (struct event){ .type = EVENT_AGENT,
					  .watching = { .settings = &bench->settings,
							.mode = MODE_SOCK_DIAG } });
	bench_step(bench,
		   seen(EVENT_FOUND, (struct socket_facts){ .state = TCP_STATE_ESTABLISHED }));
	bench->records = 0;
	bench->now += 10 * USEC_PER_SEC;
}

static struct event process_event(enum event_type type, uint32_t exit_code)
{
	struct event event = { .type = type, .process.task = agent_task(PID) };

	event.process.task.exit_code = exit_code;
	return event;
}

#define GONE \
	.state_before = TCP_STATE_ESTABLISHED, .state = TCP_STATE_CLOSE, .close_unobserved = true
#define PEER_FIN GONE, .fin_received = true, .fin_sent = true
#define LIVES    (-1)

static const struct row {
	const char *what;
	struct socket_facts facts;
	int exit_code;      /* right after the end; LIVES: it goes on */
	const char *result; /* of the unit; NULL: there is no unit */
	enum cause cause;
	enum confidence confidence;
} rows[] = {
	{ "it closes",
	  { GONE, .time_wait = true },
	  LIVES,
	  NULL,
	  CAUSE_AGENT_CLOSE,
	  CONFIDENCE_LIKELY },
	{ "a fault",
	  { GONE, .time_wait = true },
	  SIGSEGV | 0x80,
	  NULL,
	  CAUSE_AGENT_CRASH,
	  CONFIDENCE_LIKELY },
	{ "SIGKILL may be the OOM killer's",
	  { GONE, .time_wait = true },
	  SIGKILL,
	  NULL,
	  CAUSE_AGENT_CRASH,
	  CONFIDENCE_SUSPECTED },
	{ "systemd knows of the OOM killer",
	  { GONE, .time_wait = true },
	  SIGKILL,
	  "oom-kill",
	  CAUSE_AGENT_OOM,
	  CONFIDENCE_LIKELY },
	{ "systemd's watchdog sends SIGABRT",
	  { GONE, .time_wait = true },
	  SIGABRT,
	  "watchdog",
	  CAUSE_AGENT_STOPPED,
	  CONFIDENCE_LIKELY },
	{ "SIGTERM of nobody knows whom",
	  { GONE, .time_wait = true },
	  SIGTERM,
	  NULL,
	  CAUSE_AGENT_STOPPED,
	  CONFIDENCE_SUSPECTED },
	{ "an exit may be the answer to SIGTERM",
	  { GONE, .time_wait = true },
	  0,
	  NULL,
	  CAUSE_AGENT_EXIT,
	  CONFIDENCE_SUSPECTED },
	{ "the peer closes", { PEER_FIN }, LIVES, NULL, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY },
	{ "it ends right after: it may have said goodbye",
	  { PEER_FIN },
	  0,
	  NULL,
	  CAUSE_PEER_CLOSE,
	  CONFIDENCE_SUSPECTED },
	{ "a RST",
	  { GONE, .reset_received = true },
	  LIVES,
	  NULL,
	  CAUSE_PEER_RESET,
	  CONFIDENCE_SUSPECTED },
	{ "disconnected: why, the counters do not tell",
	  { GONE, .disconnected = true },
	  LIVES,
	  NULL,
	  CAUSE_AGENT_ABORT,
	  CONFIDENCE_SUSPECTED },
	{ "nothing came, nothing waited: ss -K, or a reset",
	  { GONE, .unanswered = true },
	  LIVES,
	  NULL,
	  CAUSE_UNKNOWN,
	  CONFIDENCE_INVALID },
	{ "and yet it fell at that moment",
	  { GONE, .unanswered = true },
	  SIGSEGV,
	  NULL,
	  CAUSE_AGENT_CRASH,
	  CONFIDENCE_LIKELY },
	{ "it fell, but the peer had a part in it",
	  { GONE },
	  SIGSEGV,
	  NULL,
	  CAUSE_AGENT_CRASH,
	  CONFIDENCE_SUSPECTED },
	{ "repeated in vain: an ICMP error is not seen",
	  { GONE, .unanswered = true, .retransmit_timeouts = 3, .unacked_bytes = 10 },
	  LIVES,
	  NULL,
	  CAUSE_PATH_SILENT,
	  CONFIDENCE_SUSPECTED },
	{ "probed in vain",
	  { GONE, .probes = 2 },
	  LIVES,
	  NULL,
	  CAUSE_PATH_SILENT,
	  CONFIDENCE_SUSPECTED },
	{ "we do not know", { GONE }, LIVES, NULL, CAUSE_UNKNOWN, CONFIDENCE_INVALID },
};

static void play(const struct row *row)
{
	struct event unit = unit_is(UNIT_ACTIVE, 0);
	struct bench bench;

	begin(&bench);
	if (row->result)
		bench_step(&bench, unit);
	bench_step(&bench, seen(EVENT_ENDED, row->facts));
	if (row->exit_code != LIVES)
		bench_step(&bench, process_event(EVENT_EXITED, (uint32_t)row->exit_code));
	if (row->result) {
		unit.unit.state = UNIT_FAILED;
		strcpy(unit.unit.result, row->result);
		bench_step(&bench, unit);
	}
	bench_pass(&bench, VERDICT_WAIT);
	CHECK(bench.records == 1, row->what);
	CHECK(bench_last(&bench)->verdict.cause == row->cause, row->what);
	CHECK(bench_last(&bench)->verdict.confidence == row->confidence, row->what);
	bench_end(&bench);
}

static void verdicts_claim_no_more_than_was_seen(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		play(&rows[i]);
}

static void check_dump(usec_t before, bool over, enum confidence wanted)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, process_event(EVENT_DUMPING, 0));
	bench.now += before;
	if (over)
		bench_step(&bench, process_event(EVENT_EXITED, SIGSEGV | 0x80));
	bench_step(&bench, seen(EVENT_ENDED, (struct socket_facts){ PEER_FIN }));
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.confidence, wanted);
	CU_ASSERT_EQUAL(bench_last(&bench)->exit.dumped, over);
	bench_end(&bench);
}

/* One that had only begun may have been the answer to it. */
static void a_core_dump_explains_the_peers_fin(void)
{
	check_dump(3 * USEC_PER_SEC, false, CONFIDENCE_LIKELY);
	check_dump(USEC_PER_MSEC, false, CONFIDENCE_SUSPECTED);
	check_dump(3 * USEC_PER_SEC, true, CONFIDENCE_LIKELY);
}

static void a_core_dump_under_way_is_told(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, process_event(EVENT_DUMPING, 0));
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_STALLED);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.confidence, CONFIDENCE_LIKELY);
	bench_end(&bench);
}

static void what_is_lost_is_told_in_its_mode(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, (struct event){ .type = EVENT_LOST, .lost.records = 1 });
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_EVIDENCE_LOST);
	CU_ASSERT_EQUAL(bench_last(&bench)->mode, MODE_SOCK_DIAG);
	bench_end(&bench);
}

/* Its attempts may have failed between two looks. */
static void an_agent_without_a_connection_is_only_suspected(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, seen(EVENT_ENDED, (struct socket_facts){ PEER_FIN }));
	bench_pass(&bench, VERDICT_WAIT);
	bench_pass(&bench, bench.settings.reconnect_timeout);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_NOT_RECONNECTING);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.confidence, CONFIDENCE_SUSPECTED);
	CU_ASSERT_EQUAL(bench_last(&bench)->mode, MODE_SOCK_DIAG);
	bench_end(&bench);
}

SUITE("engine sock-diag",
      { "verdicts claim no more than was seen", verdicts_claim_no_more_than_was_seen },
      { "a core dump explains the peer's FIN", a_core_dump_explains_the_peers_fin },
      { "a core dump under way is told", a_core_dump_under_way_is_told },
      { "what is lost is told in its mode", what_is_lost_is_told_in_its_mode },
      { "an agent without a connection is only suspected",
	an_agent_without_a_connection_is_only_suspected })
