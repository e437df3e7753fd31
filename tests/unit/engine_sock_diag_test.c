/* Verdicts in the mode sock-diag: what nobody saw is not claimed. */
#include <signal.h>
#include <string.h>

#include "core/engine.h"
#include "core/verdict.h"
#include "suite.h"

enum { AGENT = 1, PID = 4711, COOKIE = 1 };

struct bench {
	struct engine *engine;
	struct agent_settings settings;
	usec_t now;
	unsigned records;
	struct record last;
};

static void keep(void *userdata, const struct outcome *outcome)
{
	struct bench *bench = userdata;

	if (outcome->type != OUTCOME_RECORD)
		return;
	bench->records++;
	bench->last = *outcome->record;
}

static void step(struct bench *bench, struct event event)
{
	event.time = bench->now;
	event.agent = AGENT;
	engine_step(bench->engine, &event, keep, bench);
}

static struct task agent_task(void)
{
	return (struct task){ .pid = PID, .comm = "agent", .in_agent = true };
}

static struct event connection_event(enum event_type type, struct socket_facts facts)
{
	return (struct event){ .type = type,
			       .connection = { .cookie = COOKIE,
					       .peer = { .family = 2, .port = 8883 },
					       .owner = agent_task(),
					       .facts = facts } };
}

static void begin(struct bench *bench)
{
	const struct engine_limits limits = {
		.agents = 1, .connections = 4, .processes = 4, .namespaces = 4
	};

	*bench = (struct bench){ .now = 100 * USEC_PER_SEC };
	agent_settings_defaults(&bench->settings, "agent");
	CU_ASSERT_EQUAL_FATAL(engine_new(&bench->engine, &limits), 0);
	step(bench, (struct event){
			    .type = EVENT_AGENT,
			    .watching = { .settings = &bench->settings, .mode = MODE_SOCK_DIAG } });
	step(bench, connection_event(EVENT_FOUND,
				     (struct socket_facts){ .state = TCP_STATE_ESTABLISHED }));
	bench->records = 0;
	bench->now += 10 * USEC_PER_SEC;
}

static void end(struct bench *bench)
{
	engine_free(bench->engine);
}

static struct event process_event(enum event_type type, uint32_t exit_code)
{
	struct event event = { .type = type, .process.task = agent_task() };

	event.process.task.exit_code = exit_code;
	return event;
}

static void wait_over(struct bench *bench)
{
	bench->now += VERDICT_WAIT;
	step(bench, (struct event){ .type = EVENT_TIME });
}

#define GONE     .state_before = TCP_STATE_ESTABLISHED, .state = TCP_STATE_CLOSE, .unseen = true
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
	struct event unit = { .type = EVENT_UNIT, .unit.state = UNIT_ACTIVE };
	struct bench bench;

	begin(&bench);
	if (row->result)
		step(&bench, unit);
	step(&bench, connection_event(EVENT_ENDED, row->facts));
	if (row->exit_code != LIVES)
		step(&bench, process_event(EVENT_EXITED, (uint32_t)row->exit_code));
	if (row->result) {
		unit.unit.state = UNIT_FAILED;
		strcpy(unit.unit.result, row->result);
		step(&bench, unit);
	}
	wait_over(&bench);
	CHECK(bench.records == 1, row->what);
	CHECK(bench.last.verdict.cause == row->cause, row->what);
	CHECK(bench.last.verdict.confidence == row->confidence, row->what);
	end(&bench);
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
	step(&bench, process_event(EVENT_DUMPING, 0));
	bench.now += before;
	if (over)
		step(&bench, process_event(EVENT_EXITED, SIGSEGV | 0x80));
	step(&bench, connection_event(EVENT_ENDED, (struct socket_facts){ PEER_FIN }));
	CU_ASSERT_EQUAL(bench.last.verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(bench.last.verdict.confidence, wanted);
	CU_ASSERT_EQUAL(bench.last.exit.dumped, over);
	end(&bench);
}

/* One that had only begun may have been the answer to it. */
static void a_core_dump_explains_the_peers_fin(void)
{
	check_dump(3 * USEC_PER_SEC, false, CONFIDENCE_LIKELY);
	check_dump(USEC_PER_MSEC, false, CONFIDENCE_SUSPECTED);
	check_dump(3 * USEC_PER_SEC, true, CONFIDENCE_SUSPECTED);
}

static void a_core_dump_under_way_is_told(void)
{
	struct bench bench;

	begin(&bench);
	step(&bench, process_event(EVENT_DUMPING, 0));
	bench.now += USEC_PER_SEC;
	step(&bench, (struct event){ .type = EVENT_TIME });
	CU_ASSERT_EQUAL(bench.last.kind, RECORD_STALLED);
	CU_ASSERT_EQUAL(bench.last.verdict.cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(bench.last.verdict.confidence, CONFIDENCE_LIKELY);
	end(&bench);
}

static void what_is_lost_is_told_in_its_mode(void)
{
	struct bench bench;

	begin(&bench);
	step(&bench, (struct event){ .type = EVENT_LOST, .lost.records = 1 });
	CU_ASSERT_EQUAL(bench.last.kind, RECORD_EVIDENCE_LOST);
	CU_ASSERT_EQUAL(bench.last.mode, MODE_SOCK_DIAG);
	end(&bench);
}

/* Its attempts may have failed between two looks. */
static void an_agent_without_a_connection_is_only_suspected(void)
{
	struct bench bench;

	begin(&bench);
	step(&bench, connection_event(EVENT_ENDED, (struct socket_facts){ PEER_FIN }));
	wait_over(&bench);
	bench.now += bench.settings.reconnect_timeout;
	step(&bench, (struct event){ .type = EVENT_TIME });
	CU_ASSERT_EQUAL(bench.last.verdict.cause, CAUSE_AGENT_NOT_RECONNECTING);
	CU_ASSERT_EQUAL(bench.last.verdict.confidence, CONFIDENCE_SUSPECTED);
	CU_ASSERT_EQUAL(bench.last.mode, MODE_SOCK_DIAG);
	end(&bench);
}

SUITE("engine unseen",
      { "verdicts claim no more than was seen", verdicts_claim_no_more_than_was_seen },
      { "a core dump explains the peer's FIN", a_core_dump_explains_the_peers_fin },
      { "a core dump under way is told", a_core_dump_under_way_is_told },
      { "what is lost is told in its mode", what_is_lost_is_told_in_its_mode },
      { "an agent without a connection is only suspected",
	an_agent_without_a_connection_is_only_suspected })
