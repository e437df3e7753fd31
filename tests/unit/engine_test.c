/* The engine from the outside: events in, outcomes out, on a clock that the test owns. */
#include "core/engine.h"
#include "core/verdict.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "suite.h"

enum { AGENT = 1, PID = 4711, OUTCOMES_KEPT = 64 };

/* One engine, one agent, and all that came out of it. */
struct bench {
	struct engine *engine;
	struct agent_settings settings;
	usec_t now;
	unsigned records;
	struct record record[OUTCOMES_KEPT];
	unsigned orders;
	struct order order[OUTCOMES_KEPT];
	unsigned records_before_order; /* how many were out when the last order came */
};

static void keep(void *userdata, const struct outcome *outcome)
{
	struct bench *bench = userdata;

	if (outcome->type == OUTCOME_RECORD && bench->records < OUTCOMES_KEPT) {
		bench->record[bench->records++] = *outcome->record;
	} else if (outcome->type == OUTCOME_ORDER && bench->orders < OUTCOMES_KEPT) {
		bench->order[bench->orders++] = outcome->order;
		bench->records_before_order = bench->records;
	}
}

static void step(struct bench *bench, struct event event)
{
	event.time = bench->now;
	event.agent = AGENT;
	engine_step(bench->engine, &event, keep, bench);
}

static void begin(struct bench *bench)
{
	struct engine_limits limits = {
		.agents = 2, .connections = 4, .processes = 4, .namespaces = 4
	};

	*bench = (struct bench){ .now = 100 * USEC_PER_SEC };
	agent_settings_defaults(&bench->settings, "agent");
	bench->settings.randomized_delay = 0;
	CU_ASSERT_EQUAL_FATAL(engine_new(&bench->engine, &limits), 0);
	step(bench,
	     (struct event){ .type = EVENT_AGENT, .watching = { .settings = &bench->settings } });
	bench->records = 0;
}

static void end(struct bench *bench)
{
	engine_free(bench->engine);
}

static struct task agent_task(void)
{
	return (struct task){ .pid = PID, .comm = "agent", .in_agent = true };
}

static struct event connection_event(enum event_type type, uint64_t cookie, enum tcp_state before,
				     enum tcp_state state)
{
	struct event event = { .type = type,
			       .connection = {
				       .cookie = cookie,
				       .peer = { .family = AF_INET,
						 .port = 8883,
						 .address = { 192, 0, 2, 7 } },
				       .owner = agent_task(),
				       .current = agent_task(),
				       .facts = { .state_before = before, .state = state },
			       } };

	return event;
}

static void open_connection(struct bench *bench, uint64_t cookie)
{
	step(bench, connection_event(EVENT_OPENED, cookie, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT));
	step(bench, connection_event(EVENT_ESTABLISHED, cookie, TCP_STATE_SYN_SENT,
				     TCP_STATE_ESTABLISHED));
}

static struct event local_fin(uint64_t cookie)
{
	struct event event =
		connection_event(EVENT_CLOSING, cookie, TCP_STATE_ESTABLISHED, TCP_STATE_FIN_WAIT1);

	event.connection.facts.shutdown = 3;
	return event;
}

static struct event dying_fin(uint64_t cookie, uint32_t exit_code)
{
	struct event event = local_fin(cookie);

	event.connection.current.exiting = true;
	event.connection.current.exit_code = exit_code;
	return event;
}

/* At an age that makes no rhythm with others. */
static struct event peer_fin(uint64_t cookie)
{
	struct event event = connection_event(EVENT_CLOSING, cookie, TCP_STATE_ESTABLISHED,
					      TCP_STATE_CLOSE_WAIT);

	event.connection.facts.age = cookie * USEC_PER_HOUR;
	return event;
}

static struct event exited(uint32_t exit_code)
{
	struct event event = { .type = EVENT_EXITED, .process = { .task = agent_task() } };

	event.process.task.exiting = true;
	event.process.task.exit_code = exit_code;
	return event;
}

static struct event signaled(int signal, uint32_t sender)
{
	return (struct event){ .type = EVENT_SIGNALED,
			       .process = { .task = agent_task(),
					    .signal = signal,
					    .sender = { .pid = sender, .comm = "sender" } } };
}

static struct event passed(void)
{
	return (struct event){ .type = EVENT_TIME };
}

static const struct verdict *only_verdict(const struct bench *bench)
{
	CU_ASSERT_EQUAL_FATAL(bench->records, 1);
	CU_ASSERT_EQUAL(bench->record[0].kind, RECORD_ENDED);
	return &bench->record[0].verdict;
}

static void test_crash_is_proved_at_once(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, exited(SIGSEGV | 0x80));
	step(&bench, dying_fin(1, SIGSEGV | 0x80));
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(only_verdict(&bench)->confidence, CONFIDENCE_PROVED);
	CU_ASSERT_EQUAL(only_verdict(&bench)->ended_by, ENDED_BY_LOCAL_FIN);
	CU_ASSERT_TRUE(bench.record[0].exit.dumped);
	end(&bench);
}

static void test_one_record_a_connection(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, peer_fin(1));
	step(&bench, connection_event(EVENT_ENDED, 1, TCP_STATE_LAST_ACK, TCP_STATE_CLOSE));
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_PEER_CLOSE);
	end(&bench);
}

static void test_close_waits_for_exit(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, local_fin(1));
	CU_ASSERT_EQUAL(bench.records, 0);
	CU_ASSERT_TRUE(engine_verdicts_pending(bench.engine));
	bench.now += 5 * USEC_PER_MSEC;
	step(&bench, exited(3 << 8));
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_AGENT_EXIT);
	CU_ASSERT_EQUAL(only_verdict(&bench)->confidence, CONFIDENCE_LIKELY);
	CU_ASSERT_EQUAL(bench.record[0].exit.status, 3);
	CU_ASSERT_FALSE(engine_verdicts_pending(bench.engine));
	end(&bench);
}

static void test_close_of_the_living(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, local_fin(1));
	step(&bench, connection_event(EVENT_ENDED, 1, TCP_STATE_FIN_WAIT2, TCP_STATE_CLOSE));
	CU_ASSERT_EQUAL(bench.records, 0);
	bench.now = engine_deadline(bench.engine);
	step(&bench, passed());
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_AGENT_CLOSE);
	CU_ASSERT_EQUAL(only_verdict(&bench)->confidence, CONFIDENCE_PROVED);
	CU_ASSERT_FALSE(engine_verdicts_pending(bench.engine));
	end(&bench);
}

static void test_stop_is_no_crash(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, signaled(SIGTERM, 1));
	step(&bench, exited(SIGTERM));
	step(&bench, dying_fin(1, SIGTERM));
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_AGENT_STOPPED);
	CU_ASSERT_EQUAL(only_verdict(&bench)->confidence, CONFIDENCE_PROVED);
	end(&bench);
}

/* The agent is asked to stop, closes its connection and then ends: which of these prove that it was
 * stopped, and why the others do not. */
static const struct {
	const char *why;
	uint32_t sender;   /* of the signal */
	int signal;        /* 0: none */
	const char *job;   /* of the unit; NULL: there is no unit */
	usec_t before_fin; /* the signal; 0: after it */
	uint32_t exit_code;
	enum cause cause;
	enum confidence confidence;
} stops[] = {
	{ "systemd stops it", 1, SIGTERM, "stop", USEC_PER_MSEC, 0, CAUSE_AGENT_STOPPED,
	  CONFIDENCE_PROVED },
	{ "and it takes its time", 1, SIGTERM, "stop", USEC_PER_MINUTE, 0, CAUSE_AGENT_STOPPED,
	  CONFIDENCE_PROVED },
	{ "the job's name comes too late, but all happens at once", 1, SIGTERM, "", USEC_PER_MSEC,
	  3 << 8, CAUSE_AGENT_STOPPED, CONFIDENCE_PROVED },
	{ "a signal of systemd's that it may have survived", 1, SIGTERM, "", USEC_PER_MINUTE, 0,
	  CAUSE_AGENT_STOPPED, CONFIDENCE_LIKELY },
	{ "process 1 of a container without systemd", 1, SIGTERM, NULL, USEC_PER_MSEC, 0,
	  CAUSE_AGENT_STOPPED, CONFIDENCE_LIKELY },
	{ "anybody may send signals for any reason", 812, SIGTERM, "stop", USEC_PER_MSEC, 0,
	  CAUSE_AGENT_STOPPED, CONFIDENCE_LIKELY },
	{ "it had closed before it was asked", 1, SIGTERM, "stop", 0, 0, CAUSE_AGENT_STOPPED,
	  CONFIDENCE_LIKELY },
	{ "a stop by other means (ExecStop=)", 0, 0, "stop", 0, 0, CAUSE_AGENT_STOPPED,
	  CONFIDENCE_LIKELY },
	{ "SIGHUP means a reload", 1, SIGHUP, "", USEC_PER_MSEC, 1 << 8, CAUSE_AGENT_EXIT,
	  CONFIDENCE_LIKELY },
	{ "asked to stop, it crashed", 1, SIGTERM, "stop", USEC_PER_MSEC, SIGSEGV,
	  CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
	{ "asked to stop, somebody cut it short", 1, SIGTERM, "stop", USEC_PER_MSEC, SIGKILL,
	  CAUSE_AGENT_STOPPED, CONFIDENCE_PROVED },
};

static void test_stop(size_t row)
{
	struct event unit = { .type = EVENT_UNIT, .unit = { .state = UNIT_ACTIVE } };
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	if (stops[row].before_fin)
		step(&bench, signaled(stops[row].signal, stops[row].sender));
	bench.now += stops[row].before_fin;
	if (stops[row].job) {
		strcpy(unit.unit.job, stops[row].job);
		step(&bench, unit);
	}
	step(&bench, local_fin(1));
	bench.now += USEC_PER_MSEC;
	if (stops[row].signal && !stops[row].before_fin)
		step(&bench, signaled(stops[row].signal, stops[row].sender));
	step(&bench, exited(stops[row].exit_code));
	if (only_verdict(&bench)->cause != stops[row].cause ||
	    only_verdict(&bench)->confidence != stops[row].confidence)
		CU_FAIL(stops[row].why);
	end(&bench);
}

static void test_stops(void)
{
	for (size_t row = 0; row < sizeof(stops) / sizeof(*stops); row++)
		test_stop(row);
}

/* A live task closes the connection, and then the process is killed: does the one have to do with
 * the other? */
static const struct {
	const char *why;
	uint32_t sender; /* of the signal; 0: nobody saw it; 100: the process itself */
	bool from_kernel, oom;
	int signal;
	bool before_fin;  /* the signal */
	usec_t after_fin; /* the exit */
	enum cause cause;
	enum confidence confidence;
} kills[] = {
	{ "killed by somebody else, right after", 812, false, false, SIGSEGV, false, USEC_PER_MSEC,
	  CAUSE_AGENT_CLOSE, CONFIDENCE_PROVED },
	{ "killed by somebody else, long after", 812, false, false, SIGKILL, false,
	  900 * USEC_PER_MSEC, CAUSE_AGENT_CLOSE, CONFIDENCE_PROVED },
	{ "asked to stop by somebody else, afterwards", 812, false, false, SIGTERM, false,
	  USEC_PER_MSEC, CAUSE_AGENT_CLOSE, CONFIDENCE_PROVED },
	{ "the OOM killer's choice, afterwards", 100, true, true, SIGKILL, false, USEC_PER_MSEC,
	  CAUSE_AGENT_CLOSE, CONFIDENCE_PROVED },
	{ "an exception: it closes what is open, then it aborts", 100, false, false, SIGABRT, false,
	  USEC_PER_MSEC, CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
	{ "a fault while it tidies up", 100, true, false, SIGSEGV, false, USEC_PER_MSEC,
	  CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
	{ "a fault long after", 100, true, false, SIGSEGV, false, 900 * USEC_PER_MSEC,
	  CAUSE_AGENT_CRASH, CONFIDENCE_SUSPECTED },
	{ "a fault, and its handler closes", 100, true, false, SIGSEGV, true, USEC_PER_MSEC,
	  CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
	{ "nobody saw the signal", 0, false, false, SIGSEGV, false, USEC_PER_MSEC,
	  CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
};

static void signal_of_kill(struct bench *bench, size_t row)
{
	struct event event = signaled(kills[row].signal, kills[row].sender);

	if (!kills[row].sender)
		return;
	event.process.from_kernel = kills[row].from_kernel;
	event.process.oom = kills[row].oom;
	event.process.sender.in_agent = kills[row].sender == 100;
	step(bench, event);
}

static void test_kill(size_t row)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	if (kills[row].before_fin)
		signal_of_kill(&bench, row);
	bench.now++;
	step(&bench, local_fin(1));
	bench.now += kills[row].after_fin;
	if (!kills[row].before_fin)
		signal_of_kill(&bench, row);
	step(&bench, exited((uint32_t)kills[row].signal));
	if (only_verdict(&bench)->cause != kills[row].cause ||
	    only_verdict(&bench)->confidence != kills[row].confidence)
		CU_FAIL(kills[row].why);
	end(&bench);
}

static void test_kills(void)
{
	for (size_t row = 0; row < sizeof(kills) / sizeof(*kills); row++)
		test_kill(row);
}

static void test_stop_long_ago_explains_nothing(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, signaled(SIGTERM, 1));
	bench.now += STOP_REQUEST_LIFETIME + USEC_PER_SEC;
	step(&bench, exited(0));
	step(&bench, dying_fin(1, 0));
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_AGENT_EXIT);
	end(&bench);
}

static void test_oom(void)
{
	struct event killed = signaled(SIGKILL, 0);
	struct bench bench;

	killed.process.from_kernel = true;
	killed.process.oom = true;
	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, killed);
	step(&bench, exited(SIGKILL));
	step(&bench, dying_fin(1, SIGKILL));
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_AGENT_OOM);
	end(&bench);
}

static const struct {
	const char *name;
	unsigned timeouts; /* of retransmissions, in a row */
	uint32_t unacked;
	enum cause cause;
	enum confidence confidence;
} fins[] = {
	{ "all had arrived", 0, 0, CAUSE_PEER_CLOSE, CONFIDENCE_PROVED },
	{ "on its way", 0, 10, CAUSE_PEER_CLOSE, CONFIDENCE_PROVED },
	{ "sent twice: lost, or unheard?", 1, 10, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY },
	{ "unheard", 3, 10, CAUSE_PATH_SILENT, CONFIDENCE_SUSPECTED },
};

static void test_peer_that_did_not_hear(void)
{
	for (size_t i = 0; i < sizeof(fins) / sizeof(*fins); i++) {
		struct event fin = peer_fin(1);
		struct bench bench;

		fin.connection.facts.retransmit_timeouts = fins[i].timeouts;
		fin.connection.facts.unacked_bytes = fins[i].unacked;
		begin(&bench);
		open_connection(&bench, 1);
		step(&bench, fin);
		CHECK(only_verdict(&bench)->cause == fins[i].cause, fins[i].name);
		CHECK(only_verdict(&bench)->confidence == fins[i].confidence, fins[i].name);
		end(&bench);
	}
}

static void test_lost_opening_is_no_lost_end(void)
{
	struct bench bench;

	begin(&bench);
	step(&bench, peer_fin(9));
	CU_ASSERT_EQUAL(only_verdict(&bench)->ended_by, ENDED_BY_PEER_FIN);
	end(&bench);
}

static void test_vanished(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, connection_event(EVENT_VANISHED, 1, TCP_STATE_NONE, TCP_STATE_NONE));
	CU_ASSERT_EQUAL(only_verdict(&bench)->ended_by, ENDED_BY_UNKNOWN);
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_EVIDENCE_LOST);
	end(&bench);
}

static void sample(struct bench *bench, bool complete)
{
	if (complete)
		step(bench,
		     connection_event(EVENT_SAMPLED, 1, TCP_STATE_NONE, TCP_STATE_ESTABLISHED));
	step(bench, (struct event){ .type = EVENT_SAMPLE_DONE });
}

/* How sessions end that the peer closes five times in a row. */
static const struct {
	const char *name;
	usec_t age;
	usec_t silence;    /* before the end */
	uint64_t received; /* the FIN among it */
	bool accepted;     /* a CONNACK was seen */
	enum cause cause;
	const char *ruled_out;
} quarrels[] = {
	{ "with its answer", USEC_PER_SEC, 10 * USEC_PER_MSEC, 5, false, CAUSE_SESSION_REJECTED,
	  NULL },
	{ "in the middle of nothing", 9 * USEC_PER_SEC, USEC_PER_SEC, 5, false,
	  CAUSE_SESSION_TAKEOVER, NULL },
	{ "with its answer, and accepted", USEC_PER_SEC, 10 * USEC_PER_MSEC, 5, true,
	  CAUSE_SESSION_TAKEOVER, "session-rejected=the-CONNACK-accepted-it" },
	{ "late, without a word", 9 * USEC_PER_SEC, USEC_PER_SEC, 1, false, CAUSE_SESSION_REJECTED,
	  "session-takeover=the-peer-had-said-nothing" },
};

static bool rules_out(const struct verdict *verdict, const char *token)
{
	for (unsigned i = 0; i < verdict->ruled_out.count; i++)
		if (strcmp(verdict->ruled_out.text[i], token) == 0)
			return true;
	return false;
}

static const struct verdict *quarrel(struct bench *bench, size_t row)
{
	for (uint64_t cookie = 1; cookie <= 5; cookie++) {
		struct event fin = peer_fin(cookie);
		struct socket_facts *facts = &fin.connection.facts;

		open_connection(bench, cookie);
		bench->now += quarrels[row].age;
		facts->age = quarrels[row].age;
		facts->idle_rx = facts->idle_tx = quarrels[row].silence;
		facts->bytes_received = quarrels[row].received;
		facts->fin_received = true;
		if (quarrels[row].accepted)
			fin.connection.mqtt = (struct mqtt_facts){ .track = MQTT_FOLLOWED,
								   .sent = MQTT_SUBSCRIBE,
								   .received = MQTT_SUBACK,
								   .answered = true };
		bench->records = 0;
		step(bench, fin);
		step(bench,
		     connection_event(EVENT_ENDED, cookie, TCP_STATE_LAST_ACK, TCP_STATE_CLOSE));
	}
	return &bench->record[0].verdict;
}

/* Lives alone tell neither from the other, nor from a service that fails: never more than
 * suspected, however often. */
static void test_quarrel(void)
{
	for (size_t i = 0; i < sizeof(quarrels) / sizeof(*quarrels); i++) {
		struct bench bench;
		const struct verdict *verdict;
		const char *wanted = quarrels[i].ruled_out;

		begin(&bench);
		verdict = quarrel(&bench, i);
		CHECK(verdict->cause == quarrels[i].cause, quarrels[i].name);
		CHECK(verdict->confidence == CONFIDENCE_SUSPECTED, quarrels[i].name);
		CHECK(!wanted || rules_out(verdict, wanted), quarrels[i].name);
		end(&bench);
	}
}

/* One that is missing in a sample may have been passed over; in two, it is gone. */
static void test_missing_in_samples(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, (struct event){ .type = EVENT_LOST, .lost = { .records = 1 } });
	bench.records = 0;
	sample(&bench, false);
	sample(&bench, true);
	CU_ASSERT_EQUAL(bench.records, 0);
	step(&bench, (struct event){ .type = EVENT_LOST, .lost = { .records = 1 } });
	bench.records = 0;
	sample(&bench, false);
	CU_ASSERT_EQUAL(bench.records, 0);
	sample(&bench, false);
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_EVIDENCE_LOST);
	end(&bench);
}

static void test_other_peers_do_not_count(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.peer_count = 1;
	CU_ASSERT_EQUAL(peer_pattern_parse("*:443", &bench.settings.peers[0]), 0);
	open_connection(&bench, 1);
	step(&bench, peer_fin(1));
	CU_ASSERT_EQUAL(bench.records, 0);
	end(&bench);
}

static void test_full_table_is_said(void)
{
	struct bench bench;

	begin(&bench);
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		open_connection(&bench, cookie);
	CU_ASSERT_TRUE_FATAL(bench.records > 0);
	CU_ASSERT_EQUAL(bench.record[0].kind, RECORD_EVIDENCE_LOST);
	CU_ASSERT_EQUAL(bench.record[0].lost_events, 1);
	end(&bench);
}

static void test_recovery(void)
{
	struct bench bench;
	struct event refused =
		connection_event(EVENT_ENDED, 2, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);

	refused.connection.facts.error = ECONNREFUSED;
	refused.connection.facts.reset_received = true;
	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, peer_fin(1));
	bench.now += USEC_PER_SEC;
	step(&bench, refused);
	bench.now += USEC_PER_SEC;
	open_connection(&bench, 3);
	CU_ASSERT_EQUAL_FATAL(bench.records, 3);
	CU_ASSERT_EQUAL(bench.record[1].verdict.cause, CAUSE_CONNECT_REFUSED);
	CU_ASSERT_EQUAL(bench.record[2].kind, RECORD_RECOVERED);
	CU_ASSERT_EQUAL(bench.record[2].downtime, 2 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench.record[2].attempts, 2);
	end(&bench);
}

static void test_sleep(void)
{
	struct event timeout =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct bench bench;

	timeout.connection.facts.error = ETIMEDOUT;
	timeout.connection.facts.retransmit_timeouts = 5;
	timeout.connection.facts.unacked_bytes = 2;
	timeout.connection.facts.idle_rx = 90 * USEC_PER_SEC;
	begin(&bench);
	open_connection(&bench, 1);
	bench.now += 60 * USEC_PER_SEC;
	step(&bench, (struct event){ .type = EVENT_SUSPENDED, .suspended = USEC_PER_HOUR });
	bench.now += 20 * USEC_PER_SEC;
	step(&bench, timeout);
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_HOST_SUSPEND);
	CU_ASSERT_EQUAL(only_verdict(&bench)->confidence, CONFIDENCE_LIKELY);
	end(&bench);
}

/* What comes through long after the sleep is not of its doing. */
static void test_sleep_long_ago(void)
{
	struct bench bench;

	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, (struct event){ .type = EVENT_SUSPENDED, .suspended = USEC_PER_HOUR });
	bench.now += 10 * USEC_PER_MINUTE;
	step(&bench, peer_fin(1));
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_PEER_CLOSE);
	end(&bench);
}

static void step_as(struct bench *bench, uint32_t agent, struct event event)
{
	event.time = bench->now;
	event.agent = agent;
	engine_step(bench->engine, &event, keep, bench);
}

/* One device cannot prove it, but two agents that lose their hubs at once are no chance. */
static void test_two_hubs_at_once(void)
{
	struct event other =
		connection_event(EVENT_ESTABLISHED, 2, TCP_STATE_SYN_SENT, TCP_STATE_ESTABLISHED);
	struct bench bench;

	begin(&bench);
	step_as(&bench, 2,
		(struct event){ .type = EVENT_AGENT, .watching = { .settings = &bench.settings } });
	bench.records = 0;
	open_connection(&bench, 1);
	step_as(&bench, 2, other);
	bench.now += USEC_PER_HOUR;
	step(&bench, peer_fin(1));
	bench.now += 100 * USEC_PER_MSEC;
	step_as(&bench, 2, peer_fin(2));
	CU_ASSERT_EQUAL_FATAL(bench.records, 2);
	CU_ASSERT_EQUAL(bench.record[0].verdict.cause, CAUSE_PEER_CLOSE);
	CU_ASSERT_EQUAL(bench.record[1].verdict.cause, CAUSE_SERVICE_TRANSIENT);
	CU_ASSERT_EQUAL(bench.record[1].verdict.confidence, CONFIDENCE_SUSPECTED);
	end(&bench);
}

static void test_out_of_tcp_memory(void)
{
	struct event ended =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct bench bench;

	ended.connection.facts.error = ENOMEM;
	begin(&bench);
	open_connection(&bench, 1);
	step(&bench, ended);
	CU_ASSERT_EQUAL(only_verdict(&bench)->ended_by, ENDED_BY_OUT_OF_MEMORY);
	CU_ASSERT_EQUAL(only_verdict(&bench)->cause, CAUSE_MEMORY_PRESSURE);
	end(&bench);
}

/* Between 1.25 times its keep-alive and 1.45 times: when we are awake anyway, if that comes first.
 */
static void test_look_at_an_idle_agent(void)
{
	struct bench bench;
	usec_t up;

	begin(&bench);
	bench.settings.keepalive = USEC_PER_MINUTE;
	open_connection(&bench, 1);
	up = bench.now;
	CU_ASSERT_FALSE(engine_is_due(bench.engine, up + 74 * USEC_PER_SEC));
	CU_ASSERT_TRUE(engine_is_due(bench.engine, up + 76 * USEC_PER_SEC));
	CU_ASSERT_TRUE(engine_deadline(bench.engine) > up + 86 * USEC_PER_SEC);
	CU_ASSERT_TRUE(engine_deadline(bench.engine) < up + 88 * USEC_PER_SEC);
	bench.now = up + 76 * USEC_PER_SEC;
	step(&bench, (struct event){ .type = EVENT_TIME });
	CU_ASSERT_FALSE(engine_is_due(bench.engine, bench.now));
	end(&bench);
}

/* Found by fuzzing: a trace with a clock that jumps made the engine look at its connections every
 * other second of 270 years. */
static void test_gap_of_centuries(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.keepalive = USEC_PER_MINUTE;
	open_connection(&bench, 1);
	bench.now += UINT64_C(270) * 365 * 24 * USEC_PER_HOUR;
	step(&bench, (struct event){ .type = EVENT_TIME });
	CU_ASSERT_TRUE(engine_deadline(bench.engine) > bench.now);
	end(&bench);
}

static void tell_link(struct bench *bench, enum event_type type, bool up, bool initial)
{
	step(bench, (struct event){
			    .type = type,
			    .path = { .interface = 2,
				      .interface_name = "eth0",
				      .address = { .family = AF_INET, .address = { 192, 0, 2, 1 } },
				      .prefix_length = 24,
				      .up = up,
				      .initial = initial } });
}

/* The connection ends in silence, its link is down: since when? */
static const struct {
	const char *why;
	bool up_first, came_up, goes_down;
	enum confidence confidence;
} links[] = {
	{ "it went down meanwhile", true, true, true, CONFIDENCE_PROVED },
	{ "it was down when nothing came up", false, false, false, CONFIDENCE_PROVED },
	{ "it was said to be down, and carried the handshake", false, true, false,
	  CONFIDENCE_SUSPECTED },
};

static void test_link(size_t row)
{
	struct event ended =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct bench bench;

	if (!links[row].came_up)
		ended = connection_event(EVENT_ENDED, 1, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);
	ended.connection.local =
		(struct endpoint){ .family = AF_INET, .port = 40000, .address = { 192, 0, 2, 1 } };
	ended.connection.facts.error = ETIMEDOUT;
	ended.connection.facts.unacked_bytes = 1;
	ended.connection.facts.retransmit_timeouts = 9;
	ended.connection.facts.idle_rx = ended.connection.facts.age = 10 * USEC_PER_SEC;
	begin(&bench);
	tell_link(&bench, EVENT_NAMESPACE, false, true);
	tell_link(&bench, EVENT_LINK, links[row].up_first, true);
	tell_link(&bench, EVENT_ADDRESS, true, true);
	tell_link(&bench, EVENT_NAMESPACE, true, true);
	step(&bench, connection_event(EVENT_OPENED, 1, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT));
	if (links[row].came_up)
		step(&bench, connection_event(EVENT_ESTABLISHED, 1, TCP_STATE_SYN_SENT,
					      TCP_STATE_ESTABLISHED));
	bench.now += USEC_PER_SEC;
	if (links[row].goes_down)
		tell_link(&bench, EVENT_LINK, false, false);
	bench.now += 9 * USEC_PER_SEC;
	bench.records = 0;
	step(&bench, ended);
	if (only_verdict(&bench)->cause != CAUSE_LINK_DOWN ||
	    only_verdict(&bench)->confidence != links[row].confidence)
		CU_FAIL(links[row].why);
	end(&bench);
}

static void test_links(void)
{
	for (size_t row = 0; row < sizeof(links) / sizeof(*links); row++)
		test_link(row);
}

static void want_restart(struct bench *bench, enum cause cause)
{
	bench->settings.policy[cause] = (struct policy_steps){
		.steps = { { .type = ACTION_RESTART } },
		.count = 1,
	};
}

static void test_record_before_effect(void)
{
	struct bench bench;

	begin(&bench);
	want_restart(&bench, CAUSE_AGENT_CRASH);
	open_connection(&bench, 1);
	open_connection(&bench, 2);
	step(&bench, exited(SIGSEGV));
	step(&bench, dying_fin(1, SIGSEGV));
	step(&bench, dying_fin(2, SIGSEGV));
	CU_ASSERT_EQUAL_FATAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench.records_before_order, 2);
	CU_ASSERT_EQUAL(bench.record[1].kind, RECORD_ACTION);
	CU_ASSERT_STRING_EQUAL(bench.record[1].action_result, "starting");
	step(&bench, (struct event){ .type = EVENT_ACTION_RESULT,
				     .action_result = { .order = bench.order[0].number,
							.error = -EPERM } });
	CU_ASSERT_EQUAL_FATAL(bench.records, 4);
	CU_ASSERT_STRING_EQUAL(bench.record[3].action_result, "failed");
	CU_ASSERT_EQUAL(bench.record[3].action_error, -EPERM);
	end(&bench);
}

static void test_action_limit(void)
{
	struct bench bench;

	begin(&bench);
	want_restart(&bench, CAUSE_PEER_CLOSE);
	for (uint64_t cookie = 1; cookie <= 5; cookie++) {
		bench.now += USEC_PER_SEC;
		open_connection(&bench, cookie);
		step(&bench, peer_fin(cookie));
		step(&bench,
		     connection_event(EVENT_ENDED, cookie, TCP_STATE_LAST_ACK, TCP_STATE_CLOSE));
		step(&bench, (struct event){ .type = EVENT_ACTION_RESULT,
					     .action_result = { .order = bench.orders } });
	}
	CU_ASSERT_EQUAL(bench.orders, bench.settings.limit_burst);
	CU_ASSERT_STRING_EQUAL(bench.record[bench.records - 1].action_held_by, "limit");
	end(&bench);
}

/* The hub closes after a while, with data that the agent has not read. */
static const struct record *close_unread(struct bench *bench, bool sampled, usec_t idle_tx)
{
	struct event look =
		connection_event(EVENT_SAMPLED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_ESTABLISHED);
	struct event fin = peer_fin(1);

	begin(bench);
	bench->settings.keepalive = 60 * USEC_PER_SEC;
	open_connection(bench, 1);
	bench->now += 90 * USEC_PER_SEC;
	step(bench, (struct event){ .type = EVENT_TIME });
	if (sampled) {
		step(bench, look);
		step(bench, (struct event){ .type = EVENT_SAMPLE_DONE });
	}
	fin.connection.facts.unread_bytes = 100;
	fin.connection.facts.idle_tx = idle_tx;
	step(bench, fin);
	return &bench->record[bench->records - 1];
}

static void test_unseen_agent_may_hang(void)
{
	static const struct {
		bool sampled;
		usec_t idle_tx;
		enum cause cause;
		enum confidence confidence;
	} rows[] = {
		{ true, 0, CAUSE_PEER_CLOSE, CONFIDENCE_PROVED },
		{ false, 0, CAUSE_PEER_CLOSE, CONFIDENCE_SUSPECTED },
		{ true, 90 * USEC_PER_SEC, CAUSE_PEER_IDLE_TIMEOUT, CONFIDENCE_LIKELY },
		{ false, 90 * USEC_PER_SEC, CAUSE_PEER_IDLE_TIMEOUT, CONFIDENCE_SUSPECTED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench bench;
		const struct record *record =
			close_unread(&bench, rows[i].sampled, rows[i].idle_tx);

		CU_ASSERT_EQUAL(record->verdict.cause, rows[i].cause);
		CU_ASSERT_EQUAL(record->verdict.confidence, rows[i].confidence);
		end(&bench);
	}
}

SUITE("engine", { "a crash is proved at once", test_crash_is_proved_at_once },
      { "one record a connection", test_one_record_a_connection },
      { "a close waits for the exit", test_close_waits_for_exit },
      { "a close of the living", test_close_of_the_living },
      { "a stop is no crash", test_stop_is_no_crash }, { "what proves a stop", test_stops },
      { "killed after a close", test_kills },
      { "a stop long ago explains nothing", test_stop_long_ago_explains_nothing },
      { "out of memory", test_oom }, { "a peer that did not hear us", test_peer_that_did_not_hear },
      { "a lost opening is no lost end", test_lost_opening_is_no_lost_end },
      { "vanished", test_vanished }, { "missing in samples", test_missing_in_samples },
      { "rejected or taken over", test_quarrel },
      { "other peers do not count", test_other_peers_do_not_count },
      { "a full table is said", test_full_table_is_said }, { "recovery", test_recovery },
      { "the record comes before the effect", test_record_before_effect },
      { "the host slept", test_sleep }, { "it slept long ago", test_sleep_long_ago },
      { "two hubs at once", test_two_hubs_at_once },
      { "out of TCP memory", test_out_of_tcp_memory }, { "action limit", test_action_limit },
      { "a link that is down", test_links }, { "a gap of centuries", test_gap_of_centuries },
      { "a look at an idle agent can wait", test_look_at_an_idle_agent },
      { "an agent that could not be seen may hang", test_unseen_agent_may_hang })
