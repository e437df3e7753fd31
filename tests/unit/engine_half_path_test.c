/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Half of the path: which of a socket's facts make path-mtu or path-half of a silent path, and
 * which do not. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "engine_bench.h"
#include "suite.h"

static void begin(struct bench *bench)
{
	bench_begin(bench);
	path_found(true, bench_take, bench);
	bench_open(bench, 1);
	bench->now += USEC_PER_MINUTE;
}

/* The kernel gives up on 3,000 bytes after five time-outs of 0.2 to 3.2 s. */
static struct event gave_up(void)
{
	struct event event =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct socket_facts *facts = &event.connection.facts;

	facts->error = ETIMEDOUT;
	facts->unacked_bytes = 3000;
	facts->send_window = 65536;
	facts->retransmit_timeouts = facts->retransmits = 5;
	facts->rtt_usec = 1000;
	facts->rto_usec = 3200000;
	facts->idle_tx = 3200 * USEC_PER_MSEC;
	facts->idle_rx = facts->idle_ack = 10 * USEC_PER_SEC;
	facts->age = USEC_PER_MINUTE;
	return event;
}

static const struct {
	const char *name;
	uint32_t unacked, window;
	uint16_t lost, sacked;
	usec_t heard;
	enum cause cause;
	enum confidence confidence;
} timeouts[] = {
	{ "a small one behind it arrived", 3000, 65536, 1448, 112, 10 * USEC_PER_SEC,
	  CAUSE_PATH_MTU, CONFIDENCE_LIKELY },
	{ "a large one behind it arrived", 6000, 65536, 1448, 1456, 10 * USEC_PER_SEC,
	  CAUSE_PATH_SILENT, CONFIDENCE_SUSPECTED },
	{ "nothing behind it arrived", 3000, 65536, 1448, 0, 10 * USEC_PER_SEC, CAUSE_PATH_SILENT,
	  CONFIDENCE_SUSPECTED },
	{ "it is not large", 1000, 65536, 900, 112, 10 * USEC_PER_SEC, CAUSE_PATH_SILENT,
	  CONFIDENCE_LIKELY },
	{ "the peer has no room for it", 3000, 1000, 1448, 112, 10 * USEC_PER_SEC,
	  CAUSE_PATH_SILENT, CONFIDENCE_SUSPECTED },
	{ "large, and the peer was heard", 3000, 65536, 1448, 0, 4 * USEC_PER_SEC, CAUSE_PATH_MTU,
	  CONFIDENCE_SUSPECTED },
	{ "small, and the peer was heard", 10, 65536, 10, 0, 4 * USEC_PER_SEC, CAUSE_PATH_HALF,
	  CONFIDENCE_LIKELY },
	{ "heard only since the last", 10, 65536, 10, 0, USEC_PER_SEC, CAUSE_PATH_HALF,
	  CONFIDENCE_SUSPECTED },
	{ "heard only before the trouble", 10, 65536, 10, 0, 6500 * USEC_PER_MSEC,
	  CAUSE_PATH_SILENT, CONFIDENCE_LIKELY },
};

static void what_times_out_tells_which_half_is_lost(void)
{
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(*timeouts); i++) {
		struct event end = gave_up();
		struct bench bench;

		end.connection.facts.unacked_bytes = timeouts[i].unacked;
		end.connection.facts.send_window = timeouts[i].window;
		end.connection.facts.lost_segment = timeouts[i].lost;
		end.connection.facts.sacked_bytes = timeouts[i].sacked;
		end.connection.facts.idle_ack = timeouts[i].heard;
		begin(&bench);
		bench_step(&bench, end);
		CHECK(bench_only_verdict(&bench)->cause == timeouts[i].cause, timeouts[i].name);
		CHECK(bench_only_verdict(&bench)->confidence == timeouts[i].confidence,
		      timeouts[i].name);
		bench_end(&bench);
	}
}

static const struct {
	const char *name;
	uint16_t hole;
	bool large_received;
	usec_t idle;
	enum cause cause;
} holes[] = {
	{ "a large one is missing", 1448, false, 6 * USEC_PER_SEC, CAUSE_PATH_MTU },
	{ "for a moment", 1448, false, USEC_PER_SEC, CAUSE_AGENT_CLOSE },
	{ "large ones came", 1448, true, 6 * USEC_PER_SEC, CAUSE_AGENT_CLOSE },
	{ "a small one is missing", 800, false, 6 * USEC_PER_SEC, CAUSE_AGENT_CLOSE },
	{ "nothing is missing", 0, false, 6 * USEC_PER_SEC, CAUSE_AGENT_CLOSE },
};

static void what_is_missing_tells_whether_large_ones_are_lost(void)
{
	for (size_t i = 0; i < sizeof(holes) / sizeof(*holes); i++) {
		struct event fin = local_fin(1);
		struct bench bench;

		fin.connection.facts.hole_bytes = holes[i].hole;
		fin.connection.facts.large_received = holes[i].large_received;
		fin.connection.facts.idle_rx = holes[i].idle;
		begin(&bench);
		bench_step(&bench, fin);
		bench_pass(&bench, 2 * USEC_PER_SEC);
		CHECK(bench_only_verdict(&bench)->cause == holes[i].cause, holes[i].name);
		CHECK(bench_only_verdict(&bench)->confidence != CONFIDENCE_PROVED ||
			      holes[i].cause != CAUSE_PATH_MTU,
		      holes[i].name);
		bench_end(&bench);
	}
}

/* ---- address families */

static struct event by_ipv6(struct event event)
{
	event.connection.peer = (struct endpoint){ .family = AF_INET6,
						   .address = { 0x20, 0x01, 0x0d, 0xb8 },
						   .port = event.connection.peer.port };
	event.connection.local = (struct endpoint){ .family = AF_INET6,
						    .address = { 0x20, 0x01, 0x0d, 0xb8, 1 },
						    .port = 40000 };
	return event;
}

/* The kernel gave up after so many SYNs. */
static struct event unanswered(uint64_t cookie, unsigned repeated, usec_t age)
{
	struct event event =
		connection_event(EVENT_ENDED, cookie, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);

	event.connection.facts.error = ETIMEDOUT;
	event.connection.facts.retransmits = repeated;
	event.connection.facts.age = age;
	return event;
}

static void try_ipv6(struct bench *bench, uint64_t cookie, unsigned repeated, usec_t age)
{
	bench_step(bench, by_ipv6(opened(cookie)));
	bench->now += age;
	bench_step(bench, by_ipv6(unanswered(cookie, repeated, age)));
}

static void the_other_family_is_waited_for(void)
{
	struct bench bench;

	bench_begin(&bench);
	try_ipv6(&bench, 1, 6, 127 * USEC_PER_SEC);
	CU_ASSERT(bench_count(&bench, RECORD_ENDED) == 0);
	bench.now += 50 * USEC_PER_MSEC;
	bench_open(&bench, 2);
	CU_ASSERT_FATAL(bench_count(&bench, RECORD_ENDED) == 1);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 0)->verdict.cause == CAUSE_PATH_HALF);
	CU_ASSERT(bench_has_token(bench_record(&bench, RECORD_ENDED, 0), "family=ipv6"));
	CU_ASSERT(bench_has_token(bench_record(&bench, RECORD_ENDED, 0), "came_up_meanwhile=ipv4"));
	bench_end(&bench);
}

static void without_the_other_family_the_path_is_silent(void)
{
	struct bench bench;

	bench_begin(&bench);
	try_ipv6(&bench, 1, 6, 127 * USEC_PER_SEC);
	bench_pass(&bench, 2 * USEC_PER_SEC);
	CU_ASSERT(bench_only_verdict(&bench)->cause == CAUSE_PATH_SILENT);
	CU_ASSERT(bench_only_verdict(&bench)->confidence != CONFIDENCE_PROVED);
	bench_end(&bench);
}

/* A network that lost both families: that IPv4 worked before says nothing. */
static void a_connection_of_before_says_nothing(void)
{
	struct bench bench;

	bench_begin(&bench);
	bench_open(&bench, 1);
	bench.now += USEC_PER_SEC;
	bench_step(&bench, peer_fin(1, USEC_PER_SEC));
	try_ipv6(&bench, 2, 6, 127 * USEC_PER_SEC);
	bench_pass(&bench, 2 * USEC_PER_SEC);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 1)->verdict.cause == CAUSE_PATH_SILENT);
	bench_end(&bench);
}

static void one_short_attempt_is_no_pattern(void)
{
	struct bench bench;

	bench_begin(&bench);
	try_ipv6(&bench, 1, 1, 3 * USEC_PER_SEC);
	bench_open(&bench, 2);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 0)->verdict.cause == CAUSE_PATH_SILENT);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 0)->verdict.confidence ==
		  CONFIDENCE_SUSPECTED);
	bench_end(&bench);
}

SUITE("half path",
      { "what times out tells which half is lost", what_times_out_tells_which_half_is_lost },
      { "what is missing tells whether large ones are lost",
	what_is_missing_tells_whether_large_ones_are_lost },
      { "the other family is waited for", the_other_family_is_waited_for },
      { "without the other family the path is silent",
	without_the_other_family_the_path_is_silent },
      { "a connection of before says nothing", a_connection_of_before_says_nothing },
      { "one short attempt is no pattern", one_short_attempt_is_no_pattern })
