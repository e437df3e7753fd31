/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this host itself drops of a connection, and what that explains. */
#include <errno.h>

#include "engine_bench.h"
#include "suite.h"

static const struct {
	const char *name;
	struct socket_facts facts;
	enum cause cause;
	enum confidence confidence;
} silences[] = {
	{ "all that was sent again",
	  { .sent_meanwhile = 3, .dropped_out = 3, .dropped_by = DROP_BY_NETFILTER },
	  CAUSE_HOST_FIREWALL,
	  CONFIDENCE_PROVED },
	{ "what came in answer",
	  { .sent_meanwhile = 3, .dropped_in = 2, .dropped_by = DROP_BY_NETFILTER },
	  CAUSE_HOST_FIREWALL,
	  CONFIDENCE_PROVED },
	{ "one packet, and no other was sent",
	  { .sent_meanwhile = 1, .dropped_out = 1 },
	  CAUSE_HOST_FIREWALL,
	  CONFIDENCE_SUSPECTED },
	{ "a few under load",
	  { .sent_meanwhile = 4, .dropped_out = 2 },
	  CAUSE_PATH_SILENT,
	  CONFIDENCE_SUSPECTED },
	{ "one that came, out of order",
	  { .sent_meanwhile = 4, .dropped_in = 1 },
	  CAUSE_PATH_SILENT,
	  CONFIDENCE_SUSPECTED },
};

static void silence_is_this_hosts_doing_if_it_drops_everything(void)
{
	for (size_t i = 0; i < sizeof(silences) / sizeof(*silences); i++) {
		struct event ended =
			connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
		struct bench bench;

		ended.connection.facts = silences[i].facts;
		ended.connection.facts.drops_sought = true;
		ended.connection.facts.error = ETIMEDOUT;
		ended.connection.facts.state_before = TCP_STATE_ESTABLISHED;
		ended.connection.facts.state = TCP_STATE_CLOSE;
		ended.connection.facts.retransmit_timeouts = 5;
		ended.connection.facts.unacked_bytes = 10;
		ended.connection.facts.idle_ack = USEC_PER_MINUTE;
		ended.connection.facts.idle_rx = USEC_PER_MINUTE;
		bench_begin(&bench);
		bench_open(&bench, 1);
		bench.now += 2 * USEC_PER_MINUTE;
		bench_step(&bench, ended);
		CHECK(bench_only_verdict(&bench)->cause == silences[i].cause, silences[i].name);
		CHECK(bench_only_verdict(&bench)->confidence == silences[i].confidence,
		      silences[i].name);
		bench_end(&bench);
	}
}

static struct event refusal(const struct socket_facts *facts)
{
	struct event ended = connection_event(EVENT_ENDED, 1, TCP_STATE_SYN_SENT, TCP_STATE_CLOSE);

	ended.connection.facts = *facts;
	ended.connection.facts.state_before = TCP_STATE_SYN_SENT;
	ended.connection.facts.state = TCP_STATE_CLOSE;
	ended.connection.facts.error = ECONNREFUSED;
	ended.connection.facts.reset_received = true;
	ended.connection.facts.reset_ttl = 64;
	return ended;
}

static const struct {
	const char *name;
	struct socket_facts facts;
	enum cause cause;
	enum confidence confidence;
} refusals[] = {
	{ "by the hub", { 0 }, CAUSE_CONNECT_REFUSED, CONFIDENCE_PROVED },
	{ "by a RST of this host",
	  { .reset_from_here = true },
	  CAUSE_HOST_FIREWALL,
	  CONFIDENCE_SUSPECTED },
	{ "by a RST of this host, which dropped the SYN",
	  { .reset_from_here = true,
	    .drops_sought = true,
	    .sought_from_first = true,
	    .sent_meanwhile = 1,
	    .dropped_out = 1 },
	  CAUSE_HOST_FIREWALL,
	  CONFIDENCE_PROVED },
};

static void a_refusal_may_be_this_hosts(void)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct bench bench;

		bench_begin(&bench);
		bench_step(&bench, opened(1));
		bench_step(&bench, refusal(&refusals[i].facts));
		CHECK(bench_only_verdict(&bench)->cause == refusals[i].cause, refusals[i].name);
		CHECK(bench_only_verdict(&bench)->confidence == refusals[i].confidence,
		      refusals[i].name);
		bench_end(&bench);
	}
}

SUITE("engine, drops of this host",
      { "silence is this host's doing if it drops everything",
	silence_is_this_hosts_doing_if_it_drops_everything },
      { "a refusal may be this host's", a_refusal_may_be_this_hosts })
