/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this host's own connection tracking says of a connection, and what that explains. */
#include <errno.h>

#include "engine_bench.h"
#include "suite.h"

enum {
	BEGAN = TRACKING_HERE | TRACKING_SEEN | TRACKING_KNOWN | TRACKING_NAT,
	MOVED = BEGAN | TRACKING_ASKED | TRACKING_FOUND | TRACKING_MOVED,
	GONE = BEGAN | TRACKING_ASKED,
	SAME = GONE | TRACKING_FOUND,
};

static const struct {
	const char *name;
	int tracking;
	enum cause cause;
	enum confidence confidence;
} silences[] = {
	{ "nobody tracks connections", 0, CAUSE_PATH_SILENT, CONFIDENCE_PROVED },
	{ "the entry is as it was", SAME, CAUSE_PATH_SILENT, CONFIDENCE_PROVED },
	{ "nothing ever translated it", GONE & ~(TRACKING_KNOWN | TRACKING_NAT), CAUSE_PATH_SILENT,
	  CONFIDENCE_PROVED },
	{ "connection tracking cannot be asked", TRACKING_HERE, CAUSE_PATH_SILENT,
	  CONFIDENCE_LIKELY },
	{ "nobody asked at the beginning", TRACKING_HERE | TRACKING_ASKED | TRACKING_FOUND,
	  CAUSE_PATH_SILENT, CONFIDENCE_LIKELY },
	{ "another entry", MOVED, CAUSE_HOST_NAT, CONFIDENCE_PROVED },
	{ "no entry", GONE, CAUSE_HOST_NAT, CONFIDENCE_LIKELY },
	{ "no entry, and nothing translated it", GONE & ~TRACKING_NAT, CAUSE_PATH_SILENT,
	  CONFIDENCE_LIKELY },
	{ "another entry, made in a trouble that was there", MOVED | TRACKING_LATE,
	  CAUSE_PATH_SILENT, CONFIDENCE_LIKELY },
	{ "another address of this host", MOVED | TRACKING_READDRESSED, CAUSE_PATH_SILENT,
	  CONFIDENCE_LIKELY },
	{ "a table that drops entries early", GONE | TRACKING_FULL, CAUSE_PATH_SILENT,
	  CONFIDENCE_LIKELY },
};

static struct event timed_out(int tracking)
{
	struct event ended =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct socket_facts *facts = &ended.connection.facts;

	facts->error = ETIMEDOUT;
	facts->retransmit_timeouts = 5;
	facts->retransmits = 5;
	facts->unacked_bytes = 10;
	facts->idle_ack = facts->idle_rx = USEC_PER_MINUTE;
	facts->drops_sought = true;
	facts->sent_meanwhile = 4;
	facts->tracking = (uint16_t)tracking;
	return ended;
}

/* `path`: that of the host is known since before. */
static void check(const char *name, const struct event *ended, bool path, enum cause cause,
		  enum confidence confidence)
{
	struct bench bench;

	bench_begin(&bench);
	if (path)
		path_found(true, bench_take, &bench);
	bench_open(&bench, 1);
	bench.now += 2 * USEC_PER_MINUTE;
	bench_step(&bench, *ended);
	CHECK(bench_only_verdict(&bench)->cause == cause, name);
	CHECK(bench_only_verdict(&bench)->confidence == confidence, name);
	bench_end(&bench);
}

static void silence_is_nats_doing_if_that_lost_the_connection_first(void)
{
	for (size_t i = 0; i < sizeof(silences) / sizeof(*silences); i++) {
		struct event ended = timed_out(silences[i].tracking);

		check(silences[i].name, &ended, true, silences[i].cause, silences[i].confidence);
	}
}

static void the_hosts_path_may_be_why(void)
{
	struct event ended = timed_out(MOVED);

	check("its path is not known", &ended, false, CAUSE_HOST_NAT, CONFIDENCE_SUSPECTED);
}

static struct event reset(int tracking)
{
	struct event ended =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct socket_facts *facts = &ended.connection.facts;

	facts->error = ECONNRESET;
	facts->reset_received = true;
	facts->unacked_bytes = 10;
	facts->idle_ack = facts->idle_rx = USEC_PER_MINUTE;
	facts->tracking = (uint16_t)tracking;
	return ended;
}

static void a_reset_may_be_for_what_nat_made_of_it(void)
{
	static const struct {
		const char *name;
		int tracking;
		enum cause cause;
		enum confidence confidence;
	} resets[] = {
		{ "the entry is as it was", SAME, CAUSE_PEER_RESET, CONFIDENCE_SUSPECTED },
		{ "its entry went with the RST", GONE, CAUSE_HOST_NAT, CONFIDENCE_LIKELY },
		{ "its entry went, and its port is kept", GONE | TRACKING_KEPT_PORT, CAUSE_HOST_NAT,
		  CONFIDENCE_SUSPECTED },
		{ "it was another one before", MOVED, CAUSE_HOST_NAT, CONFIDENCE_LIKELY },
		{ "a table that drops entries early", GONE | TRACKING_FULL, CAUSE_PEER_RESET,
		  CONFIDENCE_SUSPECTED },
	};

	for (size_t i = 0; i < sizeof(resets) / sizeof(*resets); i++) {
		struct event ended = reset(resets[i].tracking);

		check(resets[i].name, &ended, true, resets[i].cause, resets[i].confidence);
	}
}

/* Where a TTL is known, so are the flags of the RST. */
static void who_knows_the_connection_resets_it_with_an_ack(void)
{
	static const struct {
		const char *name;
		int tracking;
		bool without_ack;
		enum cause cause;
		enum confidence confidence;
	} resets[] = {
		{ "NAT lost it, and the peer knew it", MOVED, false, CAUSE_PEER_RESET,
		  CONFIDENCE_LIKELY },
		{ "NAT lost it, and the peer did not", MOVED, true, CAUSE_HOST_NAT,
		  CONFIDENCE_LIKELY },
		{ "NAT has others, and the peer knew it", TRACKING_HERE | TRACKING_BUSY, false,
		  CAUSE_PEER_RESET, CONFIDENCE_LIKELY },
		{ "NAT has others, and the peer did not", TRACKING_HERE | TRACKING_BUSY, true,
		  CAUSE_HOST_NAT, CONFIDENCE_SUSPECTED },
	};

	for (size_t i = 0; i < sizeof(resets) / sizeof(*resets); i++) {
		struct event ended = reset(resets[i].tracking);
		struct socket_facts *facts = &ended.connection.facts;

		facts->flow_ttl_min = facts->flow_ttl_max = facts->reset_ttl = 60;
		facts->reset_without_ack = resets[i].without_ack;
		check(resets[i].name, &ended, true, resets[i].cause, resets[i].confidence);
	}
}

static void an_attempt_may_find_no_room(void)
{
	static const struct {
		const char *name;
		uint32_t dropped;
		int tracking;
		enum cause cause;
	} attempts[] = {
		{ "the table is full", 3, TRACKING_FULL, CAUSE_HOST_NAT },
		{ "the table has room", 3, 0, CAUSE_HOST_FIREWALL },
		{ "the table is full, and the attempt was let through", 0, TRACKING_FULL,
		  CAUSE_PATH_SILENT },
	};

	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		struct event ended =
			connection_event(EVENT_ENDED, 1, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);
		struct socket_facts *facts = &ended.connection.facts;
		struct bench bench;

		facts->error = ETIMEDOUT;
		facts->retransmits = facts->retransmit_timeouts = 2;
		facts->drops_sought = facts->sought_from_first = true;
		facts->sent_meanwhile = 3;
		facts->dropped_out = attempts[i].dropped;
		facts->dropped_by = attempts[i].dropped ? DROP_BY_NETFILTER : 0;
		facts->tracking = (uint16_t)(TRACKING_HERE | TRACKING_SEEN | TRACKING_ASKED |
					     attempts[i].tracking);
		bench_begin(&bench);
		bench_step(&bench, opened(1));
		bench.now += 7 * USEC_PER_SEC;
		bench_step(&bench, ended);
		CHECK(bench_only_verdict(&bench)->cause == attempts[i].cause, attempts[i].name);
		bench_end(&bench);
	}
}

SUITE("engine, NAT of this host",
      { "silence is NAT's doing if that lost the connection first",
	silence_is_nats_doing_if_that_lost_the_connection_first },
      { "the host's path may be why", the_hosts_path_may_be_why },
      { "a reset may be for what NAT made of it", a_reset_may_be_for_what_nat_made_of_it },
      { "who knows the connection resets it with an ACK",
	who_knows_the_connection_resets_it_with_an_ack },
      { "an attempt may find no room", an_attempt_may_find_no_room })
