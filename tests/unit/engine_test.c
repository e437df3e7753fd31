/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine from the outside: events in, outcomes out, on a clock that the test owns. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/snapshot.h"
#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.randomized_delay = 0;
}

/* At an age that makes no rhythm with others. */
static struct event fin_of_peer(uint64_t cookie)
{
	return peer_fin(cookie, cookie * USEC_PER_HOUR);
}

static struct event reset_of_peer(uint64_t cookie)
{
	struct event reset =
		connection_event(EVENT_ENDED, cookie, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);

	reset.connection.facts.error = ECONNRESET;
	reset.connection.facts.reset_received = true;
	return reset;
}

static void test_crash_is_proved_at_once(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, exited(SIGSEGV | 0x80));
	bench_step(&bench, dying_fin(1, SIGSEGV | 0x80));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_AGENT_CRASH);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->confidence, CONFIDENCE_PROVED);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->ended_by, ENDED_BY_LOCAL_FIN);
	CU_ASSERT_TRUE(bench.record[0].exit.dumped);
	bench_end(&bench);
}

static void test_one_record_a_connection(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, fin_of_peer(1));
	bench_step(&bench, connection_event(EVENT_ENDED, 1, TCP_STATE_LAST_ACK, TCP_STATE_CLOSE));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_PEER_CLOSE);
	bench_end(&bench);
}

static void test_close_waits_for_exit(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, local_fin(1));
	CU_ASSERT_EQUAL(bench.records, 0);
	CU_ASSERT_TRUE(engine_verdicts_pending(bench.engine));
	bench.now += 5 * USEC_PER_MSEC;
	bench_step(&bench, exited(3 << 8));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_AGENT_EXIT);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->confidence, CONFIDENCE_LIKELY);
	CU_ASSERT_EQUAL(bench.record[0].exit.status, 3);
	CU_ASSERT_FALSE(engine_verdicts_pending(bench.engine));
	bench_end(&bench);
}

static void test_close_of_the_living(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, local_fin(1));
	bench_step(&bench, connection_event(EVENT_ENDED, 1, TCP_STATE_FIN_WAIT2, TCP_STATE_CLOSE));
	CU_ASSERT_EQUAL(bench.records, 0);
	bench.now = engine_deadline(bench.engine);
	bench_pass(&bench, 0);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_AGENT_CLOSE);
	/* the path is not known here: circumstance alone excludes its causes */
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->confidence, CONFIDENCE_LIKELY);
	CU_ASSERT_FALSE(engine_verdicts_pending(bench.engine));
	bench_end(&bench);
}

static void test_stop_is_no_crash(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, signaled(SIGTERM, 1));
	bench_step(&bench, exited(SIGTERM));
	bench_step(&bench, dying_fin(1, SIGTERM));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_AGENT_STOPPED);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->confidence, CONFIDENCE_PROVED);
	bench_end(&bench);
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
	{ "a signal of systemd's that it survived: it sent something just now", 1, SIGTERM, "",
	  USEC_PER_MINUTE, 0, CAUSE_AGENT_EXIT, CONFIDENCE_LIKELY },
	{ "process 1 of a container without systemd", 1, SIGTERM, NULL, USEC_PER_MSEC, 0,
	  CAUSE_AGENT_STOPPED, CONFIDENCE_LIKELY },
	{ "anybody may send signals for any reason", 812, SIGTERM, "stop", USEC_PER_MSEC, 0,
	  CAUSE_AGENT_STOPPED, CONFIDENCE_LIKELY },
	{ "it had closed before it was asked", 1, SIGTERM, "stop", 0, 0, CAUSE_AGENT_STOPPED,
	  CONFIDENCE_LIKELY },
	{ "a stop by other means (ExecStop=)", 0, 0, "stop", 0, 0, CAUSE_AGENT_STOPPED,
	  CONFIDENCE_LIKELY },
	{ "SIGHUP means a reload, or an end", 1, SIGHUP, "", USEC_PER_MSEC, 1 << 8,
	  CAUSE_AGENT_EXIT, CONFIDENCE_SUSPECTED },
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
	bench_open(&bench, 1);
	if (stops[row].before_fin)
		bench_step(&bench, signaled(stops[row].signal, stops[row].sender));
	bench.now += stops[row].before_fin;
	if (stops[row].job) {
		strcpy(unit.unit.job, stops[row].job);
		bench_step(&bench, unit);
	}
	bench_step(&bench, local_fin(1));
	bench.now += USEC_PER_MSEC;
	if (stops[row].signal && !stops[row].before_fin)
		bench_step(&bench, signaled(stops[row].signal, stops[row].sender));
	bench_step(&bench, exited(stops[row].exit_code));
	bench_pass(&bench, 2 * VERDICT_WAIT);
	CHECK(bench_only_verdict(&bench)->cause == stops[row].cause, stops[row].why);
	CHECK(bench_only_verdict(&bench)->confidence == stops[row].confidence, stops[row].why);
	bench_end(&bench);
}

static void test_stops(void)
{
	for (size_t row = 0; row < sizeof(stops) / sizeof(*stops); row++)
		test_stop(row);
}

/* Another process of the unit failed, and systemd stops the rest: by SIGTERM, and a moment later
 * with its reason. */
static const struct {
	const char *result;
	enum unit_state state;
	const char *job;
	enum cause cause;
	enum confidence confidence;
} leftovers[] = {
	{ "oom-kill", UNIT_DEACTIVATING, "", CAUSE_AGENT_OOM, CONFIDENCE_LIKELY },
	{ "core-dump", UNIT_DEACTIVATING, "", CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
	{ "exit-code", UNIT_DEACTIVATING, "", CAUSE_AGENT_EXIT, CONFIDENCE_LIKELY },
	{ "timeout", UNIT_DEACTIVATING, "", CAUSE_AGENT_STOPPED, CONFIDENCE_PROVED },
	{ "success", UNIT_DEACTIVATING, "", CAUSE_AGENT_STOPPED, CONFIDENCE_PROVED },
	{ "exit-code", UNIT_DEACTIVATING, "stop", CAUSE_AGENT_STOPPED, CONFIDENCE_PROVED },
	{ "exit-code", UNIT_FAILED, "", CAUSE_AGENT_STOPPED, CONFIDENCE_PROVED },
	{ "success", UNIT_ACTIVE, "", CAUSE_AGENT_STOPPED, CONFIDENCE_PROVED },
};

static void test_leftover(size_t row)
{
	struct event unit = { .type = EVENT_UNIT, .unit = { .state = UNIT_ACTIVE } };
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, unit);
	bench_step(&bench, signaled(SIGTERM, 1));
	bench_step(&bench, local_fin(1));
	bench_step(&bench, exited(0));
	CHECK(bench_count(&bench, RECORD_ENDED) == 0, leftovers[row].result);
	bench.now += USEC_PER_MSEC;
	unit.unit.state = leftovers[row].state;
	strcpy(unit.unit.result, leftovers[row].result);
	strcpy(unit.unit.job, leftovers[row].job);
	bench_step(&bench, unit);
	bench_pass(&bench, 2 * VERDICT_WAIT);
	CHECK(bench_only_verdict(&bench)->cause == leftovers[row].cause, leftovers[row].result);
	CHECK(bench_only_verdict(&bench)->confidence == leftovers[row].confidence,
	      leftovers[row].result);
	bench_end(&bench);
}

static void test_leftovers(void)
{
	for (size_t row = 0; row < sizeof(leftovers) / sizeof(*leftovers); row++)
		test_leftover(row);
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
	  CAUSE_AGENT_CLOSE, CONFIDENCE_LIKELY },
	{ "killed by somebody else, long after", 812, false, false, SIGKILL, false,
	  900 * USEC_PER_MSEC, CAUSE_AGENT_CLOSE, CONFIDENCE_LIKELY },
	{ "asked to stop by somebody else, afterwards", 812, false, false, SIGTERM, false,
	  USEC_PER_MSEC, CAUSE_AGENT_CLOSE, CONFIDENCE_LIKELY },
	{ "the OOM killer's choice, afterwards", 100, true, true, SIGKILL, false, USEC_PER_MSEC,
	  CAUSE_AGENT_CLOSE, CONFIDENCE_LIKELY },
	{ "an exception: it closes what is open, then it aborts", 100, false, false, SIGABRT, false,
	  USEC_PER_MSEC, CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
	{ "a fault while it tidies up", 100, true, false, SIGSEGV, false, USEC_PER_MSEC,
	  CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY },
	{ "a fault long after", 100, true, false, SIGSEGV, false, 900 * USEC_PER_MSEC,
	  CAUSE_AGENT_CLOSE, CONFIDENCE_LIKELY },
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
	bench_step(bench, event);
}

static void test_kill(size_t row)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	if (kills[row].before_fin)
		signal_of_kill(&bench, row);
	bench.now++;
	bench_step(&bench, local_fin(1));
	bench.now += kills[row].after_fin;
	if (!kills[row].before_fin)
		signal_of_kill(&bench, row);
	bench_step(&bench, exited((uint32_t)kills[row].signal));
	CHECK(bench_only_verdict(&bench)->cause == kills[row].cause, kills[row].why);
	CHECK(bench_only_verdict(&bench)->confidence == kills[row].confidence, kills[row].why);
	bench_end(&bench);
}

static void test_kills(void)
{
	for (size_t row = 0; row < sizeof(kills) / sizeof(*kills); row++)
		test_kill(row);
}

/* A stop is asked for more than once: which signal comes `later` takes nothing from the first. */
static const struct {
	const char *why;
	int later;
	bool after_end;
} repeated_stops[] = {
	{ "SendSIGHUP= of systemd sends it right behind", SIGHUP, false },
	{ "a reload, when it has closed already", SIGHUP, true },
	{ "an impatient supervisor", SIGTERM, true },
};

static void test_repeated_stop(size_t row)
{
	struct event later = signaled(repeated_stops[row].later, 812);
	struct bench bench;

	later.process.handled = true;
	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, signaled(SIGTERM, 812));
	bench.now += USEC_PER_MSEC;
	if (!repeated_stops[row].after_end)
		bench_step(&bench, later);
	bench.now += USEC_PER_MSEC;
	bench_step(&bench, local_fin(1));
	bench.now += USEC_PER_MSEC;
	if (repeated_stops[row].after_end)
		bench_step(&bench, later);
	bench.now += 99 * USEC_PER_MSEC;
	bench_step(&bench, exited(0));
	CHECK(bench_only_verdict(&bench)->cause == CAUSE_AGENT_STOPPED, repeated_stops[row].why);
	CHECK(bench_only_verdict(&bench)->confidence == CONFIDENCE_LIKELY, repeated_stops[row].why);
	bench_end(&bench);
}

static void test_repeated_stops(void)
{
	for (size_t row = 0; row < sizeof(repeated_stops) / sizeof(*repeated_stops); row++)
		test_repeated_stop(row);
}

static enum cause cause_of_kill(uint32_t asker, uint32_t killer)
{
	struct event request = signaled(SIGTERM, asker);
	struct bench bench;
	enum cause cause;

	request.process.handled = true;
	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, request);
	bench.now += 10 * USEC_PER_SEC;
	bench_step(&bench, signaled(SIGKILL, killer));
	bench_step(&bench, exited(SIGKILL));
	bench_step(&bench, dying_fin(1, SIGKILL)); /* it had just sent something */
	cause = bench_only_verdict(&bench)->cause;
	bench_end(&bench);
	return cause;
}

static void test_killed_while_it_worked_on(void)
{
	CHECK(cause_of_kill(812, 812) == CAUSE_AGENT_STOPPED, "who had asked kills it");
	CHECK(cause_of_kill(812, 813) == CAUSE_AGENT_CRASH, "somebody else does");
}

static void test_stop_long_ago_explains_nothing(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, signaled(SIGTERM, 1));
	bench.now += STOP_REQUEST_LIFETIME + USEC_PER_SEC;
	bench_step(&bench, exited(0));
	bench_step(&bench, dying_fin(1, 0));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_AGENT_EXIT);
	bench_end(&bench);
}

static void test_oom(void)
{
	struct event killed = signaled(SIGKILL, 0);
	struct bench bench;

	killed.process.from_kernel = true;
	killed.process.oom = true;
	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, killed);
	bench_step(&bench, exited(SIGKILL));
	bench_step(&bench, dying_fin(1, SIGKILL));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_AGENT_OOM);
	bench_end(&bench);
}

static const struct {
	const char *name;
	unsigned timeouts; /* of retransmissions, in a row */
	uint32_t unacked;
	enum cause cause;
	enum confidence confidence;
} fins[] = {
	{ "all had arrived", 0, 0, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY },
	{ "on its way", 0, 10, CAUSE_PEER_CLOSE, CONFIDENCE_SUSPECTED },
	{ "sent twice: lost, or unheard?", 1, 10, CAUSE_PEER_CLOSE, CONFIDENCE_SUSPECTED },
	{ "unheard", 3, 10, CAUSE_PATH_SILENT, CONFIDENCE_SUSPECTED },
};

static void test_peer_that_did_not_hear(void)
{
	for (size_t i = 0; i < sizeof(fins) / sizeof(*fins); i++) {
		struct event fin = fin_of_peer(1);
		struct bench bench;

		fin.connection.facts.retransmit_timeouts = fins[i].timeouts;
		fin.connection.facts.unacked_bytes = fins[i].unacked;
		begin(&bench);
		bench_open(&bench, 1);
		bench_step(&bench, fin);
		CHECK(bench_only_verdict(&bench)->cause == fins[i].cause, fins[i].name);
		CHECK(bench_only_verdict(&bench)->confidence == fins[i].confidence, fins[i].name);
		bench_end(&bench);
	}
}

static void test_lost_opening_is_no_lost_end(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, fin_of_peer(9));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->ended_by, ENDED_BY_PEER_FIN);
	bench_end(&bench);
}

static void test_vanished(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, connection_event(EVENT_VANISHED, 1, TCP_STATE_NONE, TCP_STATE_NONE));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->ended_by, ENDED_BY_UNKNOWN);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_EVIDENCE_LOST);
	bench_end(&bench);
}

/* The facts left in a socket whose end was not seen, and the end that they tell. */
static const struct {
	const char *name;
	int error;
	bool reset_received;
	uint32_t timeouts, unacked;
	enum ended_by ended_by;
} left_behind[] = {
	{ "a reset", ECONNRESET, true, 0, 0, ENDED_BY_PEER_RESET },
	{ "a reset of ours alone", ECONNRESET, false, 0, 0, ENDED_BY_UNKNOWN },
	{ "a time-out", ETIMEDOUT, false, 9, 100, ENDED_BY_RETRANSMIT_TIMEOUT },
	{ "a time-out of nothing", ETIMEDOUT, false, 0, 0, ENDED_BY_UNKNOWN },
	{ "ss -K", ECONNABORTED, false, 0, 0, ENDED_BY_ABORTED },
	{ "an ICMP error, which may have been pending", EHOSTUNREACH, false, 0, 0,
	  ENDED_BY_UNKNOWN },
};

static void test_error_left_behind(void)
{
	for (size_t i = 0; i < sizeof(left_behind) / sizeof(left_behind[0]); i++) {
		struct event event =
			connection_event(EVENT_VANISHED, 1, TCP_STATE_CLOSE, TCP_STATE_CLOSE);
		struct bench bench;

		begin(&bench);
		bench_open(&bench, 1);
		event.connection.facts.error = (uint16_t)left_behind[i].error;
		event.connection.facts.reset_received = left_behind[i].reset_received;
		event.connection.facts.retransmit_timeouts = left_behind[i].timeouts;
		event.connection.facts.unacked_bytes = left_behind[i].unacked;
		bench_step(&bench, event);
		bench_pass(&bench, 2 * VERDICT_WAIT);
		CHECK(bench_only_verdict(&bench)->ended_by == left_behind[i].ended_by,
		      left_behind[i].name);
		CHECK((bench_only_verdict(&bench)->cause == CAUSE_EVIDENCE_LOST) ==
			      (left_behind[i].ended_by == ENDED_BY_UNKNOWN),
		      left_behind[i].name);
		/* only tcp_abort() sets ECONNABORTED */
		CHECK((bench_only_verdict(&bench)->confidence == CONFIDENCE_PROVED) ==
			      (left_behind[i].error == ECONNABORTED),
		      left_behind[i].name);
		bench_end(&bench);
	}
}

static void sample(struct bench *bench, bool complete)
{
	if (complete)
		bench_step(bench, connection_event(EVENT_SAMPLED, 1, TCP_STATE_NONE,
						   TCP_STATE_ESTABLISHED));
	bench_step(bench, (struct event){ .type = EVENT_SAMPLE_DONE });
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
	bool reset;    /* with a RST */
	bool shut_out; /* the next attempt after each is refused */
} quarrels[] = {
	{ "with its answer", USEC_PER_SEC, 10 * USEC_PER_MSEC, 5, false, CAUSE_SESSION_REJECTED,
	  NULL, false, false },
	{ "in the middle of nothing", 9 * USEC_PER_SEC, USEC_PER_SEC, 5, false,
	  CAUSE_SESSION_TAKEOVER, NULL, false, false },
	{ "with its answer, and accepted", USEC_PER_SEC, 10 * USEC_PER_MSEC, 5, true,
	  CAUSE_SESSION_TAKEOVER, "session-rejected=the-CONNACK-accepted-it", false, false },
	{ "late, without a word", 9 * USEC_PER_SEC, USEC_PER_SEC, 1, false, CAUSE_SESSION_REJECTED,
	  "session-takeover=the-peer-had-said-nothing", false, false },
	{ "a path that resets", 9 * USEC_PER_SEC, USEC_PER_SEC, 5, false, CAUSE_PEER_RESET, NULL,
	  true, false },
	{ "a refusal that leaves data unread", USEC_PER_SEC, 10 * USEC_PER_MSEC, 5, false,
	  CAUSE_SESSION_REJECTED, NULL, true, false },
	{ "a hub that restarts again and again", 9 * USEC_PER_SEC, USEC_PER_SEC, 5, false,
	  CAUSE_PEER_CLOSE, NULL, false, true },
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
		struct event fin =
			quarrels[row].reset ? reset_of_peer(cookie) : fin_of_peer(cookie);
		struct socket_facts *facts = &fin.connection.facts;

		if (quarrels[row].shut_out && cookie > 1)
			bench_step(bench, refused(10 + cookie));
		bench_open(bench, cookie);
		bench->now += quarrels[row].age;
		facts->age = quarrels[row].age;
		facts->idle_rx = facts->idle_tx = quarrels[row].silence;
		facts->bytes_received = quarrels[row].received;
		facts->fin_received = !quarrels[row].reset;
		if (quarrels[row].accepted)
			fin.connection.mqtt = (struct mqtt_facts){ .track = MQTT_FOLLOWED,
								   .sent = MQTT_SUBSCRIBE,
								   .received = MQTT_SUBACK,
								   .answered = true };
		bench->records = 0;
		bench_step(bench, fin);
		bench_step(bench, connection_event(EVENT_ENDED, cookie, TCP_STATE_LAST_ACK,
						   TCP_STATE_CLOSE));
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
		bench_end(&bench);
	}
}

/* One that is missing in a sample may have been passed over; in two, it is gone. */
static void test_missing_in_samples(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, (struct event){ .type = EVENT_LOST, .lost = { .records = 1 } });
	bench.records = 0;
	sample(&bench, false);
	sample(&bench, true);
	CU_ASSERT_EQUAL(bench.records, 0);
	bench_step(&bench, (struct event){ .type = EVENT_LOST, .lost = { .records = 1 } });
	bench.records = 0;
	sample(&bench, false);
	CU_ASSERT_EQUAL(bench.records, 0);
	sample(&bench, false);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_EVIDENCE_LOST);
	bench_end(&bench);
}

static void test_other_peers_do_not_count(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.peer_count = 1;
	CU_ASSERT_EQUAL(peer_pattern_parse("*:443", &bench.settings.peers[0]), 0);
	bench_open(&bench, 1);
	bench_step(&bench, fin_of_peer(1));
	CU_ASSERT_EQUAL(bench.records, 0);
	bench_end(&bench);
}

static void test_full_table_is_said(void)
{
	struct bench bench;

	begin(&bench);
	for (uint64_t cookie = 1; cookie <= 5; cookie++)
		bench_open(&bench, cookie);
	CU_ASSERT_EQUAL(bench.records, 0);
	bench_open(&bench, 6); /* of a table of 8 */
	CU_ASSERT_TRUE_FATAL(bench.records > 0);
	CU_ASSERT_EQUAL(bench.record[0].kind, RECORD_EVIDENCE_LOST);
	CU_ASSERT_STRING_EQUAL(bench.record[0].agent, bench.settings.name);
	CU_ASSERT_EQUAL(bench.record[0].lost_events, 1);
	bench_end(&bench);
}

static void test_recovery(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, fin_of_peer(1));
	bench.now += USEC_PER_SEC;
	bench_step(&bench, refused(2));
	bench.now += USEC_PER_SEC;
	bench_open(&bench, 3);
	CU_ASSERT_EQUAL_FATAL(bench.records, 3);
	CU_ASSERT_EQUAL(bench.record[1].verdict.cause, CAUSE_CONNECT_REFUSED);
	CU_ASSERT_EQUAL(bench.record[2].kind, RECORD_RECOVERED);
	CU_ASSERT_EQUAL(bench.record[2].downtime, 2 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(bench.record[2].attempts, 2);
	bench_end(&bench);
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
	bench_open(&bench, 1);
	bench.now += 60 * USEC_PER_SEC;
	bench_step(&bench, (struct event){ .type = EVENT_SUSPENDED, .suspended = USEC_PER_HOUR });
	bench.now += 20 * USEC_PER_SEC;
	bench_step(&bench, timeout);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_HOST_SUSPEND);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->confidence, CONFIDENCE_LIKELY);
	bench_end(&bench);
}

/* An end long after the sleep is not attributed to it. */
static void test_sleep_long_ago(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, (struct event){ .type = EVENT_SUSPENDED, .suspended = USEC_PER_HOUR });
	bench.now += 10 * USEC_PER_MINUTE;
	bench_step(&bench, fin_of_peer(1));
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_PEER_CLOSE);
	bench_end(&bench);
}

static void step_as(struct bench *bench, uint32_t agent, struct event event)
{
	bench->agent = agent;
	bench_step(bench, event);
	bench->agent = 1;
}

/* One device cannot prove it, but two agents that lose their hubs at once are no chance. */
static void test_two_hubs_at_once(void)
{
	struct bench bench;

	begin(&bench);
	step_as(&bench, 2,
		(struct event){ .type = EVENT_AGENT, .watching = { .settings = &bench.settings } });
	bench.records = 0;
	bench_open(&bench, 1);
	step_as(&bench, 2, established(2));
	bench.now += USEC_PER_HOUR;
	bench_step(&bench, fin_of_peer(1));
	bench.now += 100 * USEC_PER_MSEC;
	step_as(&bench, 2, fin_of_peer(2));
	CU_ASSERT_EQUAL_FATAL(bench.records, 2);
	CU_ASSERT_EQUAL(bench.record[0].verdict.cause, CAUSE_PEER_CLOSE);
	CU_ASSERT_EQUAL(bench.record[1].verdict.cause, CAUSE_SERVICE_TRANSIENT);
	CU_ASSERT_EQUAL(bench.record[1].verdict.confidence, CONFIDENCE_SUSPECTED);
	bench_end(&bench);
}

static void test_out_of_tcp_memory(void)
{
	struct event ended =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct bench bench;

	ended.connection.facts.error = ENOMEM;
	begin(&bench);
	bench_open(&bench, 1);
	bench_step(&bench, ended);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->ended_by, ENDED_BY_OUT_OF_MEMORY);
	CU_ASSERT_EQUAL(bench_only_verdict(&bench)->cause, CAUSE_MEMORY_PRESSURE);
	bench_end(&bench);
}

/* Between 1.25 times its keep-alive and 1.45 times: when we are awake anyway, if that comes first.
 */
static void test_look_at_an_idle_agent(void)
{
	struct bench bench;
	usec_t up;

	begin(&bench);
	bench.settings.keepalive = USEC_PER_MINUTE;
	bench_open(&bench, 1);
	up = bench.now;
	bench_pass(&bench, bench.settings.settle); /* the session is told */
	CU_ASSERT_FALSE(engine_is_due(bench.engine, up + 74 * USEC_PER_SEC));
	CU_ASSERT_TRUE(engine_is_due(bench.engine, up + 76 * USEC_PER_SEC));
	CU_ASSERT_TRUE(engine_deadline(bench.engine) > up + 86 * USEC_PER_SEC);
	CU_ASSERT_TRUE(engine_deadline(bench.engine) < up + 88 * USEC_PER_SEC);
	bench.now = up + 76 * USEC_PER_SEC;
	bench_pass(&bench, 0);
	CU_ASSERT_FALSE(engine_is_due(bench.engine, bench.now));
	bench_end(&bench);
}

/* Found by fuzzing: a trace with a clock that jumps made the engine look at its connections every
 * other second of 270 years. */
static void test_gap_of_centuries(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.keepalive = USEC_PER_MINUTE;
	bench_open(&bench, 1);
	bench_pass(&bench, UINT64_C(270) * 365 * 24 * USEC_PER_HOUR);
	CU_ASSERT_TRUE(engine_deadline(bench.engine) > bench.now);
	bench_end(&bench);
}

/* Each type has a function that takes it, and an event that says nothing harms none of them. */
static void test_every_type_is_taken(void)
{
	struct bench bench;

	bench_begin(&bench);
	for (enum event_type type = 0; type < EVENT_TYPE_MAX; type++) {
		struct event event = { .type = type };

		if (type == EVENT_AGENT)
			event.watching.settings = &bench.settings;
		bench_step(&bench, event);
	}
	bench_step(&bench, (struct event){ .type = EVENT_TYPE_MAX });
	bench_step(&bench, (struct event){ .type = EVENT_TYPE_INVALID });
	CU_ASSERT_EQUAL(bench.orders, 0);
	bench_end(&bench);
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
	ended.connection.facts.error = ETIMEDOUT;
	ended.connection.facts.unacked_bytes = 1;
	ended.connection.facts.retransmit_timeouts = 9;
	ended.connection.facts.idle_rx = ended.connection.facts.age = 10 * USEC_PER_SEC;
	begin(&bench);
	bench_step(&bench, path_is_known(false));
	bench_step(&bench, as_found(link_is(links[row].up_first)));
	bench_step(&bench, as_found(address_is(true)));
	bench_step(&bench, path_is_known(true));
	bench_step(&bench, opened(1));
	if (links[row].came_up)
		bench_step(&bench, established(1));
	bench.now += USEC_PER_SEC;
	if (links[row].goes_down)
		bench_step(&bench, link_is(false));
	bench_pass(&bench, 9 * USEC_PER_SEC);
	bench.records = 0; /* that it stalls */
	bench_step(&bench, ended);
	CHECK(bench_only_verdict(&bench)->cause == CAUSE_LINK_DOWN, links[row].why);
	CHECK(bench_only_verdict(&bench)->confidence == links[row].confidence, links[row].why);
	bench_end(&bench);
}

/* The radio is said to have lost its connection a second before the link goes, or not at all. */
static const struct {
	const char *why;
	enum radio radio;
	uint16_t reason;
	usec_t comes_back; /* 0: it does not */
	bool link_goes_down;
	enum cause cause;
	enum confidence confidence;
} radios[] = {
	{ "the access point threw it out", RADIO_DEAUTHENTICATED, 4, 0, true,
	  CAUSE_WIFI_DISCONNECTED, CONFIDENCE_PROVED },
	{ "a driver that leaves the link as it is", RADIO_DISCONNECTED, 4, 0, false,
	  CAUSE_WIFI_DISCONNECTED, CONFIDENCE_PROVED },
	{ "it heard nothing more", RADIO_AP_LOST, 4, 0, true, CAUSE_WIFI_DISCONNECTED,
	  CONFIDENCE_LIKELY },
	{ "an operator disconnected it", RADIO_LEFT, 3, 0, true, CAUSE_LINK_DOWN,
	  CONFIDENCE_PROVED },
	{ "a roam that was back long before the silence", RADIO_AP_LOST, 1, 100 * USEC_PER_MSEC,
	  false, CAUSE_PATH_SILENT, CONFIDENCE_LIKELY },
	{ "the modem lost the network", RADIO_UNREGISTERED, 0, 0, false, CAUSE_MODEM_DISCONNECTED,
	  CONFIDENCE_LIKELY },
	{ "a scan: nothing is reported", RADIO_NONE, 0, 0, false, CAUSE_PATH_SILENT,
	  CONFIDENCE_PROVED },
};

static void test_radio(size_t row)
{
	struct event ended =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct bench bench;

	ended.connection.facts.error = ETIMEDOUT;
	ended.connection.facts.unacked_bytes = 1;
	ended.connection.facts.retransmit_timeouts = 4;
	ended.connection.facts.rto_usec = 200000 << 4;
	ended.connection.facts.idle_rx = ended.connection.facts.age = 30 * USEC_PER_SEC;
	ended.connection.facts.drops_sought = true;
	ended.connection.facts.sent_meanwhile = 3;
	begin(&bench);
	path_found(true, bench_take, &bench);
	bench_step(&bench, opened(1));
	bench_step(&bench, established(1));
	bench.now += USEC_PER_SEC;
	if (radios[row].radio != RADIO_NONE)
		bench_step(&bench, radio_is(radios[row].radio, radios[row].reason));
	bench.now += radios[row].comes_back;
	if (radios[row].comes_back)
		bench_step(&bench, radio_is(RADIO_UP, 0));
	CHECK(bench.records == 0 || radio_is_of_modem(radios[row].radio),
	      "a Wi-Fi alone is no stall: it may be changing its access point");
	bench.now += USEC_PER_SEC;
	if (radios[row].link_goes_down)
		bench_step(&bench, link_is(false));
	bench_pass(&bench, 28 * USEC_PER_SEC);
	bench.records = 0; /* that it stalls */
	bench_step(&bench, ended);
	CHECK(bench_only_verdict(&bench)->cause == radios[row].cause, radios[row].why);
	CHECK(bench_only_verdict(&bench)->confidence == radios[row].confidence, radios[row].why);
	bench_end(&bench);
}

static void test_radios(void)
{
	for (size_t row = 0; row < sizeof(radios) / sizeof(*radios); row++)
		test_radio(row);
}

static void test_links(void)
{
	for (size_t row = 0; row < sizeof(links) / sizeof(*links); row++)
		test_link(row);
}

static void test_record_before_effect(void)
{
	struct bench bench;

	begin(&bench);
	bench_restart_on(&bench, CAUSE_AGENT_CRASH);
	bench_open(&bench, 1);
	bench_open(&bench, 2);
	bench_step(&bench, exited(SIGSEGV));
	bench_step(&bench, dying_fin(1, SIGSEGV));
	bench_step(&bench, dying_fin(2, SIGSEGV));
	CU_ASSERT_EQUAL_FATAL(bench.orders, 1);
	CU_ASSERT_EQUAL(bench.records_before_order, 2);
	CU_ASSERT_EQUAL(bench.record[1].kind, RECORD_ACTION);
	CU_ASSERT_STRING_EQUAL(bench.record[1].action_result, "starting");
	bench_result(&bench, -EPERM);
	CU_ASSERT_EQUAL_FATAL(bench.records, 4);
	CU_ASSERT_STRING_EQUAL(bench.record[3].action_result, "failed");
	CU_ASSERT_EQUAL(bench.record[3].action_error, -EPERM);
	bench_end(&bench);
}

static void find_next_action(void *userdata, const struct agent_snapshot *agent)
{
	*(usec_t *)userdata = agent->next_action;
}

static usec_t next_action(const struct bench *bench)
{
	usec_t next = 0;

	engine_snapshot(bench->engine,
			&(struct snapshot_sink){ .agent = find_next_action, .userdata = &next });
	return next;
}

static void test_action_limit(void)
{
	const struct record *held;
	struct bench bench;
	usec_t first = 0;

	begin(&bench);
	bench_restart_on(&bench, CAUSE_PEER_CLOSE);
	for (uint64_t cookie = 1; cookie <= 5; cookie++) {
		bench.now += USEC_PER_SEC;
		bench_open(&bench, cookie);
		bench_step(&bench, fin_of_peer(cookie));
		bench_step(&bench, connection_event(EVENT_ENDED, cookie, TCP_STATE_LAST_ACK,
						    TCP_STATE_CLOSE));
		bench_result(&bench, 0);
		first = first ?: bench.ordered[0];
		CU_ASSERT_EQUAL(next_action(&bench),
				cookie < 3 ? 0 : first + bench.settings.limit_interval + 1);
	}
	CU_ASSERT_EQUAL(bench.orders, bench.settings.limit_burst);
	held = &bench.record[bench.records - 1];
	CU_ASSERT_STRING_EQUAL(held->action_held_by, "limit");
	CU_ASSERT_EQUAL(held->limit.burst, bench.settings.limit_burst);
	CU_ASSERT_EQUAL(held->limit.interval, bench.settings.limit_interval);
	CU_ASSERT_EQUAL(held->time + held->limit.wait, next_action(&bench));
	bench_pass(&bench, held->limit.wait);
	CU_ASSERT_EQUAL(next_action(&bench), 0);
	bench.settings.limit_burst = 0;
	CU_ASSERT_EQUAL(next_action(&bench), USEC_INFINITY);
	bench_end(&bench);
}

/* The hub closes after a while, with data that the agent has not read. */
static const struct record *close_unread(struct bench *bench, bool sampled, usec_t idle_tx)
{
	struct event look =
		connection_event(EVENT_SAMPLED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_ESTABLISHED);
	struct event fin = fin_of_peer(1);

	begin(bench);
	bench->settings.keepalive = 60 * USEC_PER_SEC;
	bench_open(bench, 1);
	bench_pass(bench, 90 * USEC_PER_SEC);
	if (sampled) {
		bench_step(bench, look);
		bench_step(bench, (struct event){ .type = EVENT_SAMPLE_DONE });
	}
	fin.connection.facts.unread_bytes = 100;
	fin.connection.facts.idle_tx = idle_tx;
	bench_step(bench, fin);
	return &bench->record[bench->records - 1];
}

static void test_agent_with_unanswered_check_may_hang(void)
{
	static const struct {
		bool sampled;
		usec_t idle_tx;
		enum cause cause;
		enum confidence confidence;
	} rows[] = {
		{ true, 0, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY },
		{ false, 0, CAUSE_PEER_CLOSE, CONFIDENCE_SUSPECTED },
		{ true, 90 * USEC_PER_SEC, CAUSE_PEER_IDLE_TIMEOUT, CONFIDENCE_SUSPECTED },
		{ false, 90 * USEC_PER_SEC, CAUSE_PEER_IDLE_TIMEOUT, CONFIDENCE_SUSPECTED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench bench;
		const struct record *record =
			close_unread(&bench, rows[i].sampled, rows[i].idle_tx);

		CU_ASSERT_EQUAL(record->verdict.cause, rows[i].cause);
		CU_ASSERT_EQUAL(record->verdict.confidence, rows[i].confidence);
		bench_end(&bench);
	}
}

/* Nothing was sent for 1.5 times the keep-alive. */
static unsigned records_of_a_held_agent(enum task_state state)
{
	struct event look =
		connection_event(EVENT_SAMPLED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_ESTABLISHED);
	struct bench bench;

	begin(&bench);
	bench.settings.keepalive = 60 * USEC_PER_SEC;
	bench_open(&bench, 1);
	bench_pass(&bench, 90 * USEC_PER_SEC);
	look.connection.owner_state = state;
	look.connection.facts.idle_tx = 90 * USEC_PER_SEC;
	bench_step(&bench, look);
	bench_end(&bench);
	return bench.records;
}

static void test_held_by_a_debugger(void)
{
	CU_ASSERT_NOT_EQUAL(records_of_a_held_agent(TASK_STATE_STOPPED), 0);
	CU_ASSERT_NOT_EQUAL(records_of_a_held_agent(TASK_STATE_FROZEN), 0);
	CU_ASSERT_EQUAL(records_of_a_held_agent(TASK_STATE_TRACED), 0);
}

/* The hub closes when nothing was sent for half a minute. */
static enum cause close_while_stopped(const int *signals, size_t count, usec_t stopped_for)
{
	struct event fin =
		connection_event(EVENT_CLOSING, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE_WAIT);
	enum cause cause;
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 1);
	bench.now += 30 * USEC_PER_SEC;
	for (size_t i = 0; i < count; i++) {
		bench_step(&bench, signaled(signals[i], 812));
		bench.now++;
	}
	bench.now += stopped_for;
	fin.connection.facts.fin_received = true;
	fin.connection.facts.idle_tx = 30 * USEC_PER_SEC + stopped_for;
	fin.connection.owner_state = TASK_STATE_STOPPED;
	bench_step(&bench, fin);
	cause = bench.record[bench.records - 1].verdict.cause;
	bench_end(&bench);
	return cause;
}

static void test_stopped_for_a_moment(void)
{
	static const struct {
		const char *what;
		int signals[3];
		size_t count;
		usec_t stopped_for;
		enum cause cause;
	} rows[] = {
		{ "for a moment", { SIGSTOP }, 1, USEC_PER_MSEC, CAUSE_PEER_CLOSE },
		{ "for long", { SIGSTOP }, 1, 20 * USEC_PER_SEC, CAUSE_AGENT_HANG },
		{ "for long, and again",
		  { SIGSTOP, SIGTSTP },
		  2,
		  20 * USEC_PER_SEC,
		  CAUSE_AGENT_HANG },
		{ "anew, for a moment",
		  { SIGTSTP, SIGCONT, SIGSTOP },
		  3,
		  USEC_PER_MSEC,
		  CAUSE_PEER_CLOSE },
		{ "without a known beginning",
		  { SIGSTOP, SIGCONT },
		  2,
		  USEC_PER_MSEC,
		  CAUSE_AGENT_HANG },
		{ "by no signal", { 0 }, 0, USEC_PER_MSEC, CAUSE_AGENT_HANG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		CHECK(close_while_stopped(rows[i].signals, rows[i].count, rows[i].stopped_for) ==
			      rows[i].cause,
		      rows[i].what);
}

static bool has_evidence(const struct record *record, const char *token)
{
	for (unsigned i = 0; i < record->verdict.evidence.count; i++)
		if (strcmp(record->verdict.evidence.text[i], token) == 0)
			return true;
	return false;
}

/* NetworkManager's interface loses its address, and its word comes a moment later: the record waits
 * for it, and says whose wish it was. */
static void test_word_of_network_manager(void)
{
	struct bench bench;

	begin(&bench);
	path_found(true, bench_take, &bench);
	bench_step(&bench, device_is(DEVICE_ACTIVATED, 0));
	bench_step(&bench, opened(1));
	bench_step(&bench, established(1));
	bench.now += USEC_PER_SEC;
	bench_step(&bench, address_is(false));
	bench.now += 100 * USEC_PER_MSEC;
	CU_ASSERT_EQUAL(bench.records, 0);
	bench_step(&bench, device_is(DEVICE_DEACTIVATING, 39));
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT_EQUAL_FATAL(bench.records, 1);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_ADDRESS_CHANGED);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.confidence, CONFIDENCE_PROVED);
	CU_ASSERT_TRUE(has_evidence(bench_last(&bench), "nm_reason=user-requested"));
	bench_end(&bench);
}

/* A sample of an agent that has sent nothing for 1.5 times its keep-alive. */
static struct event hung_sample(struct hardship hardship)
{
	struct event look =
		connection_event(EVENT_SAMPLED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_ESTABLISHED);

	look.connection.owner_state = TASK_STATE_RUNS;
	look.connection.facts.idle_tx = 90 * USEC_PER_SEC;
	look.connection.hardship = hardship;
	return look;
}

static void begin_hang(struct bench *bench)
{
	begin(bench);
	bench->settings.keepalive = 60 * USEC_PER_SEC;
	bench_open(bench, 1);
	bench_pass(bench, 90 * USEC_PER_SEC);
}

static void test_hang_of_a_starved_agent(void)
{
	const struct hardship waits = { .tasks = 1,
					.task = 100,
					.runnable = true,
					.cpu = 99,
					.ran = 9 * USEC_PER_SEC,
					.age = USEC_PER_HOUR };
	struct bench bench;

	begin_hang(&bench);
	bench_step(&bench, hung_sample(waits));
	CU_ASSERT_EQUAL(bench.records, 0);
	bench_pass(&bench, USEC_PER_SEC);
	bench_step(&bench, hung_sample(waits));
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_STALLED);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_HOST_STARVED);
	CU_ASSERT_TRUE(has_evidence(bench_last(&bench), "short_of=cpu"));
	CU_ASSERT_TRUE(has_evidence(bench_last(&bench), "cpu_pressure=99%"));
	bench_step(&bench, peer_fin(1, USEC_PER_HOUR));
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_ENDED);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_HOST_STARVED);
	bench_end(&bench);
}

static void test_hang_of_a_sated_agent(void)
{
	const struct hardship rests = { .tasks = 2, .task = 100, .system_call = "futex" };
	struct bench bench;

	begin_hang(&bench);
	bench_step(&bench, hung_sample(rests));
	bench_step(&bench, hung_sample(rests)); /* somebody else asked for it, too early */
	CU_ASSERT_EQUAL(bench.records, 0);
	bench_pass(&bench, USEC_PER_SEC);
	bench_step(&bench, hung_sample(rests));
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_HANG);
	CU_ASSERT_TRUE(has_evidence(bench_last(&bench), "system_call=futex"));
	CU_ASSERT_FALSE(has_evidence(bench_last(&bench), "or=host-starved"));
	bench_end(&bench);
}

/* It hung, was at work again, and now waits for a disk: the look at the first trouble is forgotten.
 */
static void test_hang_after_another(void)
{
	const struct hardship rests = { .tasks = 1, .task = 100, .task_runs = 7 };
	struct hardship waits = { .tasks = 1,
				  .task = 100,
				  .task_runs = 8,
				  .uninterruptible = true,
				  .system_call = "write" };
	struct event at_work = hung_sample((struct hardship){ 0 });
	struct bench bench;

	at_work.connection.facts.idle_tx = 0;
	begin_hang(&bench);
	for (unsigned i = 0; i < 2; i++, bench_pass(&bench, USEC_PER_SEC))
		bench_step(&bench, hung_sample(rests));
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_HANG);
	bench_step(&bench, at_work);
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_RECOVERED);
	for (unsigned i = 0; i < 2; i++, bench_pass(&bench, USEC_PER_SEC))
		bench_step(&bench, hung_sample(waits));
	CU_ASSERT_EQUAL(bench_last(&bench)->kind, RECORD_STALLED);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_HOST_STARVED);
	bench_end(&bench);
}

/* One of two connections of the process is at work between the looks. */
static void test_hang_beside_work(void)
{
	const struct hardship rests = { .tasks = 1, .task = 100, .task_runs = 7 };
	struct event at_work = hung_sample((struct hardship){ 0 });
	struct bench bench;

	at_work.connection.cookie = 2;
	at_work.connection.facts.idle_tx = 0;
	begin_hang(&bench);
	bench_open(&bench, 2);
	for (unsigned i = 0; i < 2; i++, bench_pass(&bench, USEC_PER_SEC)) {
		bench_step(&bench, hung_sample(rests));
		bench_step(&bench, at_work);
	}
	CU_ASSERT_EQUAL_FATAL(bench_count(&bench, RECORD_STALLED), 1);
	CU_ASSERT_EQUAL(bench_record(&bench, RECORD_STALLED, 0)->verdict.cause, CAUSE_AGENT_HANG);
	bench_end(&bench);
}

/* Nothing was looked at: then nothing excludes that it lacked something. */
static void test_hang_unlooked(void)
{
	struct bench bench;

	begin_hang(&bench);
	bench_step(&bench, hung_sample((struct hardship){ 0 }));
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.cause, CAUSE_AGENT_HANG);
	CU_ASSERT_EQUAL(bench_last(&bench)->verdict.confidence, CONFIDENCE_SUSPECTED);
	CU_ASSERT_TRUE(has_evidence(bench_last(&bench), "or=host-starved"));
	bench_end(&bench);
}

static void test_connection_to_itself(void)
{
	struct event established =
		connection_event(EVENT_ESTABLISHED, 1, TCP_STATE_SYN_SENT, TCP_STATE_ESTABLISHED);
	struct bench bench;

	begin(&bench);
	bench_step(&bench, connection_event(EVENT_OPENED, 1, TCP_STATE_CLOSE, TCP_STATE_SYN_SENT));
	established.connection.to_itself = true;
	bench_step(&bench, established);
	bench_step(&bench, exited(SIGSEGV));
	bench_step(&bench, dying_fin(1, SIGSEGV));
	bench_step(&bench, connection_event(EVENT_ENDED, 1, TCP_STATE_FIN_WAIT2, TCP_STATE_CLOSE));
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT_EQUAL(bench.records, 0);
	CU_ASSERT_FALSE(engine_verdicts_pending(bench.engine));
	bench_end(&bench);
}

SUITE("engine", { "a crash is proved at once", test_crash_is_proved_at_once },
      { "one record a connection", test_one_record_a_connection },
      { "a close waits for the exit", test_close_waits_for_exit },
      { "a close of the living", test_close_of_the_living },
      { "a stop is no crash", test_stop_is_no_crash }, { "what proves a stop", test_stops },
      { "what systemd ends because another process failed", test_leftovers },
      { "a stop that is asked for twice", test_repeated_stops },
      { "killed, having worked on", test_killed_while_it_worked_on },
      { "killed after a close", test_kills },
      { "a stop long ago explains nothing", test_stop_long_ago_explains_nothing },
      { "out of memory", test_oom }, { "a peer that did not hear us", test_peer_that_did_not_hear },
      { "a lost opening is no lost end", test_lost_opening_is_no_lost_end },
      { "vanished", test_vanished }, { "error left behind", test_error_left_behind },
      { "missing in samples", test_missing_in_samples }, { "rejected or taken over", test_quarrel },
      { "other peers do not count", test_other_peers_do_not_count },
      { "a full table is said", test_full_table_is_said }, { "recovery", test_recovery },
      { "the record comes before the effect", test_record_before_effect },
      { "the host slept", test_sleep }, { "it slept long ago", test_sleep_long_ago },
      { "two hubs at once", test_two_hubs_at_once },
      { "out of TCP memory", test_out_of_tcp_memory }, { "action limit", test_action_limit },
      { "a link that is down", test_links }, { "a radio that lost its connection", test_radios },
      { "the word of NetworkManager", test_word_of_network_manager },
      { "a gap of centuries", test_gap_of_centuries },
      { "every type of event is taken", test_every_type_is_taken },
      { "a look at an idle agent can wait", test_look_at_an_idle_agent },
      { "a starved agent hangs", test_hang_of_a_starved_agent },
      { "an agent that lacks nothing hangs", test_hang_of_a_sated_agent },
      { "an agent hangs, and nobody looked", test_hang_unlooked },
      { "an agent hangs once more, for another reason", test_hang_after_another },
      { "an agent hangs on one connection and works on another", test_hang_beside_work },
      { "an agent whose check was not answered may hang",
	test_agent_with_unanswered_check_may_hang },
      { "an agent in a debugger does not hang", test_held_by_a_debugger },
      { "an agent that is stopped for a moment does not hang", test_stopped_for_a_moment },
      { "a connection to itself is none", test_connection_to_itself })
