/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rungs that an attempt climbs: where it fails, how long each takes, and what the snapshot
 * shows of that. */
#include <string.h>

#include "engine_bench.h"
#include "suite.h"
#include "verdict/verdict.h"

enum { CERTIFICATE_EXPIRED = 45 };

/* The agent has lost its connection a second ago; its path is whole. */
static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.keepalive = USEC_INFINITY;
	path_found(true, bench_take, bench);
	bench_open(bench, 1);
	bench->now += USEC_PER_MINUTE;
	bench_step(bench, peer_fin(1, USEC_PER_MINUTE));
	bench_pass(bench, USEC_PER_SEC);
}

static void look_up(struct bench *bench, enum lookup_answer answer, usec_t took)
{
	bench_step(bench, lookup(LOOKUP_ASKED));
	bench->now += took;
	bench_step(bench, lookup(answer));
}

/* Its SYN, and 30 ms later the handshake of TCP is done; packets of it were seen. */
static void open_in_view(struct bench *bench, uint64_t cookie)
{
	struct event event = established_in_view(cookie);

	bench_step(bench, opened(cookie));
	bench->now += 30 * USEC_PER_MSEC;
	event.connection.facts.age = 30 * USEC_PER_MSEC;
	bench_step(bench, event);
}

/* The handshake of TLS fails at the hub's certificate. */
static void fail_in_tls(struct bench *bench, uint64_t cookie)
{
	struct tls_facts tls = { .track = TLS_BEGUN, .begun = USEC_PER_MSEC };
	struct event end = local_fin(cookie);

	open_in_view(bench, cookie);
	bench_speak(bench, cookie, tls);
	tls.alert_sent = true;
	tls.sent = CERTIFICATE_EXPIRED;
	end.connection.tls = tls;
	bench_step(bench, end);
	bench_pass(bench, 5 * USEC_PER_SEC);
}

static void succeed(struct bench *bench, uint64_t cookie)
{
	open_in_view(bench, cookie);
	bench_speak(bench, cookie,
		    (struct tls_facts){ .track = TLS_BEGUN, .begun = USEC_PER_MSEC });
	bench->now += 40 * USEC_PER_MSEC;
	bench_speak(bench, cookie,
		    (struct tls_facts){ .track = TLS_SECURED,
					.finished = true,
					.begun = 41 * USEC_PER_MSEC,
					.took = 41 * USEC_PER_MSEC });
}

static void a_session_that_was_up_has_no_rung(void)
{
	struct bench bench;

	begin(&bench);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 0)->verdict.rung == RUNG_NONE);
	CU_ASSERT(bench_look(&bench).failed == RUNG_NONE);
	bench_end(&bench);
}

static void a_recovery_has_the_time_of_each_rung(void)
{
	struct bench bench;
	const struct record *record;

	begin(&bench);
	look_up(&bench, LOOKUP_FOUND, 20 * USEC_PER_MSEC);
	succeed(&bench, 2);
	record = bench_record(&bench, RECORD_RECOVERED, 0);
	CU_ASSERT(record->verdict.rung == RUNG_TLS);
	CU_ASSERT(bench_has_token(record, "lookup_msec=20"));
	CU_ASSERT(bench_has_token(record, "tcp_msec=30"));
	CU_ASSERT(bench_has_token(record, "tls_msec=41"));
	bench_end(&bench);
}

static void without_tls_the_last_rung_is_tcp(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	CU_ASSERT(bench_record(&bench, RECORD_RECOVERED, 0)->verdict.rung == RUNG_TCP);
	bench_end(&bench);
}

/* The first search domain does not have the name; a lookup of an hour ago is of something else. */
static void a_lookup_lasts_up_to_the_answer_that_counts(void)
{
	struct bench bench;

	begin(&bench);
	look_up(&bench, LOOKUP_FOUND, USEC_PER_SEC);
	bench_pass(&bench, USEC_PER_HOUR);
	look_up(&bench, LOOKUP_NOT_FOUND, 20 * USEC_PER_MSEC);
	look_up(&bench, LOOKUP_FOUND, 20 * USEC_PER_MSEC);
	bench_open(&bench, 2);
	CU_ASSERT(bench_has_token(bench_record(&bench, RECORD_RECOVERED, 0), "lookup_msec=40"));
	bench_step(&bench, peer_fin(2, USEC_PER_MINUTE));
	bench_pass(&bench, USEC_PER_MINUTE);
	look_up(&bench, LOOKUP_FOUND, 20 * USEC_PER_MSEC);
	bench_pass(&bench, USEC_PER_MINUTE);
	bench_open(&bench, 3);
	CU_ASSERT(!bench_has_token(bench_record(&bench, RECORD_RECOVERED, 1), "lookup_msec=20"));
	bench_end(&bench);
}

static void an_attempt_fails_on_its_rung(void)
{
	struct bench bench;
	const struct record *record;

	begin(&bench);
	look_up(&bench, LOOKUP_FOUND, 20 * USEC_PER_MSEC);
	fail_in_tls(&bench, 2);
	record = bench_record(&bench, RECORD_ENDED, 1);
	CU_ASSERT(record->verdict.rung == RUNG_TLS);
	CU_ASSERT(bench_has_token(record, "rung=tls"));
	CU_ASSERT(bench_has_token(record, "lookup_msec=20"));
	CU_ASSERT(bench_has_token(record, "tcp_msec=30"));
	bench_step(&bench, opened(3));
	bench_step(&bench, refused(3));
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 2)->verdict.rung == RUNG_TCP);
	bench_end(&bench);
}

static void without_a_route_it_fails_on_the_path(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, default_route_is(false));
	bench_step(&bench, (struct event){ .type = EVENT_NEVER_OPENED, .connection.netns = NETNS });
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 1)->verdict.rung == RUNG_PATH);
	CU_ASSERT(bench_look(&bench).failed == RUNG_PATH);
	bench_end(&bench);
}

/* The hub answers a CONNECT with "not authorized", or closes before it answers. */
static void a_login_is_a_rung(void)
{
	static const struct mqtt_facts refusals[] = {
		{ .track = MQTT_FOLLOWED,
		  .sent = MQTT_CONNECT,
		  .received = MQTT_CONNACK,
		  .answered = true,
		  .connack = 5 },
		{ .track = MQTT_FOLLOWED, .sent = MQTT_CONNECT },
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct event end = peer_fin(2, USEC_PER_SEC);
		struct bench bench;

		begin(&bench);
		bench_open(&bench, 2);
		end.connection.mqtt = refusals[i];
		bench.now += USEC_PER_SEC;
		bench_step(&bench, end);
		bench_pass(&bench, 5 * USEC_PER_SEC);
		CU_ASSERT(bench_record(&bench, RECORD_ENDED, 1)->verdict.rung == RUNG_LOGIN);
		bench_end(&bench);
	}
}

static struct event end_with(uint64_t cookie, usec_t age, struct mqtt_facts mqtt)
{
	struct event end = peer_fin(cookie, age);

	end.connection.mqtt = mqtt;
	return end;
}

/* The hub closes a session that it had accepted, or that it gave up with `reason`; the agent is
 * back after `pause`, and is refused with `connack`, twice. */
static void refused_after(uint8_t reason, usec_t pause, uint8_t connack, enum cause wanted)
{
	struct mqtt_facts accepted = { .track = MQTT_FOLLOWED,
				       .sent = MQTT_PUBLISH,
				       .received = reason ? MQTT_DISCONNECT : MQTT_PUBACK,
				       .received_reason = reason,
				       .answered = true };
	struct mqtt_facts refused = { .track = MQTT_FOLLOWED,
				      .sent = MQTT_CONNECT,
				      .received = MQTT_CONNACK,
				      .answered = true,
				      .connack = connack };
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	bench.now += USEC_PER_HOUR;
	bench_step(&bench, end_with(2, USEC_PER_HOUR, accepted));
	bench_pass(&bench, 2 * VERDICT_WAIT);
	bench.now += pause;
	for (uint64_t cookie = 3; cookie <= 4; cookie++) {
		const struct record *record;

		bench_open(&bench, cookie);
		bench.now += 100 * USEC_PER_MSEC;
		bench_step(&bench, end_with(cookie, 100 * USEC_PER_MSEC, refused));
		bench_pass(&bench, USEC_PER_MINUTE);
		record = bench_record(&bench, RECORD_ENDED, (unsigned)cookie - 1);
		CU_ASSERT(record->verdict.cause == wanted);
		if (wanted == CAUSE_TOKEN_EXPIRED)
			CU_ASSERT(record->verdict.confidence == CONFIDENCE_LIKELY &&
				  bench_has_token(record, cookie == 3
								  ? "refused_after=the-peers-close"
								  : "refused_after=a-refusal"));
	}
	bench_end(&bench);
}

static void a_token_expires_between_a_close_and_a_refusal(void)
{
	enum { NOT_AUTHORIZED = 5, NOT_AUTHORIZED_5 = 0x87, ADMINISTRATIVE = 0x98 };

	refused_after(0, USEC_PER_SEC, NOT_AUTHORIZED, CAUSE_TOKEN_EXPIRED);
	refused_after(0, USEC_PER_SEC, NOT_AUTHORIZED_5, CAUSE_TOKEN_EXPIRED);
	refused_after(0, USEC_PER_SEC, 2, CAUSE_SESSION_REJECTED);
	refused_after(0, USEC_PER_MINUTE, NOT_AUTHORIZED, CAUSE_SESSION_REJECTED);
	refused_after(ADMINISTRATIVE, USEC_PER_SEC, NOT_AUTHORIZED, CAUSE_SESSION_REJECTED);
}

/* A day's session of TLS 1.3 whose hub never sent a word has not failed in its handshake. */
static void what_served_has_not_failed_in_its_handshake(void)
{
	struct tls_facts tls = {
		.track = TLS_ANSWERED, .is_13 = true, .finished = true, .begun = USEC_PER_MSEC
	};
	struct event end = peer_fin(2, USEC_PER_HOUR);
	struct bench bench;

	begin(&bench);
	open_in_view(&bench, 2);
	bench_speak(&bench, 2, tls);
	bench_pass(&bench, USEC_PER_HOUR);
	end.connection.tls = tls;
	bench_step(&bench, end);
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 1)->verdict.rung == RUNG_NONE);
	bench_end(&bench);
}

static void the_snapshot_shows_where_attempts_fail(void)
{
	struct bench bench;
	usec_t since;

	begin(&bench);
	fail_in_tls(&bench, 2);
	CU_ASSERT(bench_look(&bench).failed == RUNG_TLS && bench_look(&bench).connections_up == 0);
	since = bench_look(&bench).failed_since;
	CU_ASSERT(since > bench_look(&bench).down_since && since < bench.now);
	fail_in_tls(&bench, 3);
	CU_ASSERT(bench_look(&bench).failed_since == since);
	look_up(&bench, LOOKUP_FAILED, USEC_PER_MSEC);
	look_up(&bench, LOOKUP_FAILED, USEC_PER_MSEC);
	bench_pass(&bench, USEC_PER_MINUTE);
	CU_ASSERT(bench_look(&bench).failed == RUNG_NAME &&
		  bench_look(&bench).failed_since > since);
	succeed(&bench, 4);
	CU_ASSERT(bench_look(&bench).failed == RUNG_NONE && bench_look(&bench).connections_up == 1);
	bench_end(&bench);
}

/* The next daemon comes in the middle of a handshake, which it cannot follow. */
static void what_is_found_young_is_no_session_yet(void)
{
	struct event found =
		connection_event(EVENT_FOUND, 2, TCP_STATE_NONE, TCP_STATE_ESTABLISHED);
	struct event end = local_fin(2);
	struct bench bench;

	begin(&bench);
	found.connection.facts.age = 30 * USEC_PER_MSEC;
	bench_step(&bench, found);
	bench.now += 30 * USEC_PER_MSEC;
	end.connection.facts.age = 60 * USEC_PER_MSEC;
	bench_step(&bench, end);
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_count(&bench, RECORD_RECOVERED) == 0);
	CU_ASSERT(bench_record(&bench, RECORD_ENDED, 1)->verdict.rung == RUNG_TLS);
	found.connection.cookie = 3;
	bench_step(&bench, found);
	CU_ASSERT(bench_look(&bench).connections_up == 0);
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_count(&bench, RECORD_RECOVERED) == 1);
	bench_end(&bench);
}

/* The next daemon sees the SYN, but no packets yet; its predecessor saw attempts fail. */
static void what_is_not_seen_is_no_session_after_failures(void)
{
	struct bench bench;

	begin(&bench);
	fail_in_tls(&bench, 2);
	bench_open(&bench, 3);
	CU_ASSERT(bench_look(&bench).connections_up == 0);
	bench_step(&bench, local_fin(3));
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_count(&bench, RECORD_RECOVERED) == 0);
	bench_open(&bench, 4);
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_count(&bench, RECORD_RECOVERED) == 1);
	bench_end(&bench);
}

static void what_is_found_old_is_a_session(void)
{
	struct event found =
		connection_event(EVENT_FOUND, 2, TCP_STATE_NONE, TCP_STATE_ESTABLISHED);
	struct bench bench;

	begin(&bench);
	found.connection.facts.age = USEC_PER_MINUTE;
	bench_step(&bench, found);
	CU_ASSERT(bench_look(&bench).connections_up == 1);
	bench_end(&bench);
}

/* The engine of the next daemon knows it from the journal. */
static void the_rung_comes_back_from_the_journal(void)
{
	struct history_trouble_event past = {
		.verdict = { .ago = USEC_PER_MINUTE, .cause = CAUSE_TLS_REFUSED_BY_AGENT },
		.rung = RUNG_TLS,
	};
	struct bench bench;

	bench_begin(&bench);
	bench_step(&bench,
		   (struct event){ .type = EVENT_HISTORY_TROUBLE, .history_trouble = past });
	CU_ASSERT(bench_look(&bench).failed == RUNG_TLS);
	CU_ASSERT(bench_look(&bench).failed_since == bench.now - USEC_PER_MINUTE);
	bench_end(&bench);
}

SUITE("engine rungs", { "a session that was up has no rung", a_session_that_was_up_has_no_rung },
      { "a recovery has the time of each rung", a_recovery_has_the_time_of_each_rung },
      { "without TLS the last rung is tcp", without_tls_the_last_rung_is_tcp },
      { "a lookup lasts up to the answer that counts",
	a_lookup_lasts_up_to_the_answer_that_counts },
      { "an attempt fails on its rung", an_attempt_fails_on_its_rung },
      { "without a route it fails on the path", without_a_route_it_fails_on_the_path },
      { "a login is a rung", a_login_is_a_rung },
      { "a token expires between a close and a refusal",
	a_token_expires_between_a_close_and_a_refusal },
      { "what served has not failed in its handshake",
	what_served_has_not_failed_in_its_handshake },
      { "the snapshot shows where attempts fail", the_snapshot_shows_where_attempts_fail },
      { "what is found young is no session yet", what_is_found_young_is_no_session_yet },
      { "what is not seen is no session after failures",
	what_is_not_seen_is_no_session_after_failures },
      { "what is found old is a session", what_is_found_old_is_a_session },
      { "the rung comes back from the journal", the_rung_comes_back_from_the_journal })
