/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a session is up where logins of MQTT can be seen: once the hub has accepted the CONNECT, and
 * where none is seen, as if nobody looked. */
#include <string.h>

#include "engine_bench.h"
#include "suite.h"

enum { NOT_AUTHORIZED = 5 };

static const struct mqtt_facts asked = { .track = MQTT_FOLLOWED, .sent = MQTT_CONNECT };
static const struct mqtt_facts accepted = { .track = MQTT_FOLLOWED,
					    .sent = MQTT_CONNECT,
					    .received = MQTT_CONNACK,
					    .answered = true,
					    .sent_ago = 70 * USEC_PER_MSEC };
static const struct mqtt_facts refused_login = { .track = MQTT_FOLLOWED,
						 .sent = MQTT_CONNECT,
						 .received = MQTT_CONNACK,
						 .answered = true,
						 .connack = NOT_AUTHORIZED };
static const struct mqtt_facts lost = { .track = MQTT_LOST };

/* The agent has had a connection, and lost it 5 s ago. */
static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.keepalive = USEC_INFINITY;
	path_found(true, bench_take, bench);
	bench_open(bench, 1);
	bench->now += USEC_PER_MINUTE;
	bench_step(bench, peer_fin(1, USEC_PER_MINUTE));
	bench_pass(bench, 5 * USEC_PER_SEC);
	bench->settings.mqtt_inspect = true;
}

static void log_in(struct bench *bench, uint64_t cookie, struct mqtt_facts mqtt)
{
	bench_step(bench, (struct event){ .type = EVENT_LOGIN,
					  .connection = { .cookie = cookie, .mqtt = mqtt } });
}

static void end(struct bench *bench, uint64_t cookie, struct mqtt_facts mqtt)
{
	struct event event = peer_fin(cookie, USEC_PER_SEC);

	event.connection.mqtt = mqtt;
	bench_step(bench, event);
	bench_pass(bench, 5 * USEC_PER_SEC);
}

/* A session whose login is seen comes and goes. */
static void learn(struct bench *bench, uint64_t cookie)
{
	bench_open(bench, cookie);
	log_in(bench, cookie, accepted);
	bench->now += USEC_PER_MINUTE;
	end(bench, cookie, accepted);
}

/* Likewise, in TLS. */
static void learn_with_tls(struct bench *bench, uint64_t cookie)
{
	bench_step(bench, opened(cookie));
	bench_step(bench, established_in_view(cookie));
	bench_speak(bench, cookie,
		    (struct tls_facts){ .track = TLS_SECURED, .finished = true, .begun = 1 });
	log_in(bench, cookie, accepted);
	bench->now += USEC_PER_MINUTE;
	end(bench, cookie, accepted);
}

static unsigned recoveries(const struct bench *bench)
{
	return bench_count(bench, RECORD_RECOVERED);
}

static void a_session_is_up_once_the_hub_accepts_it(void)
{
	const struct record *record;
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	log_in(&bench, 2, asked);
	bench_pass(&bench, 2 * USEC_PER_MINUTE);
	CU_ASSERT(recoveries(&bench) == 0 && bench_look(&bench).connections_up == 0);
	log_in(&bench, 2, accepted);
	CU_ASSERT(bench_look(&bench).connections_up == 1);
	record = bench_record(&bench, RECORD_RECOVERED, 0);
	CU_ASSERT(record->verdict.rung == RUNG_LOGIN);
	CU_ASSERT(record->downtime == 2 * USEC_PER_MINUTE + 5 * USEC_PER_SEC);
	CU_ASSERT(bench_has_token(record, "login_msec=70"));
	bench_end(&bench);
}

/* The agent has sent more before it had its answer: how long that took is not known. */
static void the_time_is_that_since_the_connect(void)
{
	struct mqtt_facts eager = accepted;
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	eager.sent = MQTT_SUBSCRIBE;
	log_in(&bench, 2, eager);
	CU_ASSERT(recoveries(&bench) == 1);
	CU_ASSERT(!bench_has_token(bench_last(&bench), "login_msec=70"));
	bench_end(&bench);
}

static void after_tls_likewise(void)
{
	struct bench bench;

	begin(&bench);
	bench_step(&bench, opened(2));
	bench_step(&bench, established_in_view(2));
	bench_speak(&bench, 2, (struct tls_facts){ .track = TLS_BEGUN, .begun = USEC_PER_MSEC });
	bench_pass(&bench, USEC_PER_SEC);
	bench_speak(&bench, 2,
		    (struct tls_facts){ .track = TLS_SECURED,
					.finished = true,
					.begun = USEC_PER_SEC,
					.took = USEC_PER_SEC });
	CU_ASSERT(recoveries(&bench) == 0);
	bench_pass(&bench, 500 * USEC_PER_MSEC);
	log_in(&bench, 2, accepted);
	CU_ASSERT(recoveries(&bench) == 1);
	CU_ASSERT(bench_last(&bench)->downtime == 6500 * USEC_PER_MSEC);
	bench_end(&bench);
}

/* Of an agent that spoke TLS and logged in before, a first word that comes late, as on a busy host,
 * makes no session of TCP alone. */
static void a_late_first_word_is_waited_for(void)
{
	struct bench bench;

	begin(&bench);
	learn_with_tls(&bench, 2);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_step(&bench, opened(3));
	bench_step(&bench, established_in_view(3));
	bench_pass(&bench, 8 * USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_speak(&bench, 3, (struct tls_facts){ .track = TLS_BEGUN, .begun = USEC_PER_MSEC });
	bench_speak(&bench, 3,
		    (struct tls_facts){ .track = TLS_SECURED, .finished = true, .begun = 1 });
	bench_pass(&bench, 3 * USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	log_in(&bench, 3, accepted);
	CU_ASSERT(recoveries(&bench) == 2);
	CU_ASSERT(bench_last(&bench)->verdict.rung == RUNG_LOGIN);
	bench_end(&bench);
}

/* Where none comes at all, TCP is as much of a session as can be seen. */
static void without_a_first_word_it_is_up_in_the_end(void)
{
	struct bench bench;

	begin(&bench);
	learn_with_tls(&bench, 2);
	bench_step(&bench, opened(3));
	bench_step(&bench, established_in_view(3));
	bench_pass(&bench, 30 * USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 2);
	CU_ASSERT(bench_last(&bench)->verdict.rung == RUNG_TCP);
	bench_end(&bench);
}

/* Refused twice, then accepted: one outage, three attempts. */
static void a_refused_login_is_no_session(void)
{
	struct bench bench;

	begin(&bench);
	for (uint64_t cookie = 2; cookie <= 3; cookie++) {
		bench_open(&bench, cookie);
		log_in(&bench, cookie, asked);
		log_in(&bench, cookie, refused_login);
		end(&bench, cookie, refused_login);
		CU_ASSERT(bench_last(&bench)->verdict.cause == CAUSE_SESSION_REJECTED);
		CU_ASSERT(bench_last(&bench)->verdict.rung == RUNG_LOGIN);
		CU_ASSERT(bench_look(&bench).failed == RUNG_LOGIN);
	}
	CU_ASSERT(recoveries(&bench) == 0);
	bench_open(&bench, 4);
	log_in(&bench, 4, accepted);
	CU_ASSERT(recoveries(&bench) == 1 && bench_last(&bench)->attempts == 3);
	CU_ASSERT(bench_look(&bench).failed == RUNG_NONE);
	bench_end(&bench);
}

/* The agent reads the refusal after the hub's FIN, as with TLS. */
static void nor_is_one_whose_refusal_is_read_late(void)
{
	struct event closing = peer_fin(3, USEC_PER_SEC);
	struct bench bench;

	begin(&bench);
	learn(&bench, 2);
	bench_open(&bench, 3);
	bench_step(&bench, closing);
	log_in(&bench, 3, refused_login);
	closing.type = EVENT_ENDED;
	closing.connection.facts.state_before = TCP_STATE_LAST_ACK;
	closing.connection.facts.state = TCP_STATE_CLOSE;
	closing.connection.mqtt = refused_login;
	bench_step(&bench, closing);
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_end(&bench);
}

/* It tries: the hub's answer is what is missing. */
static void who_logs_in_is_reconnecting(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	log_in(&bench, 2, asked);
	bench_pass(&bench, USEC_PER_HOUR);
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 0);
	end(&bench, 2, asked);
	CU_ASSERT(bench_last(&bench)->verdict.rung == RUNG_LOGIN);
	bench_end(&bench);
}

/* Another protocol, or a library that nobody looks at: only the first time it is waited for. */
static void without_a_connect_it_is_up_since_tcp(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	CU_ASSERT(recoveries(&bench) == 0);
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	CU_ASSERT(bench_last(&bench)->downtime == 5 * USEC_PER_SEC);
	end(&bench, 2, (struct mqtt_facts){ 0 });
	bench_open(&bench, 3);
	CU_ASSERT(recoveries(&bench) == 2);
	bench_end(&bench);
}

/* A process whose library is looked at too late, after one that was seen to log in. */
static void what_is_seen_no_more_is_waited_for_once(void)
{
	struct bench bench;

	begin(&bench);
	learn(&bench, 2);
	bench_open(&bench, 3);
	bench_pass(&bench, 4 * USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 2);
	end(&bench, 3, (struct mqtt_facts){ 0 });
	bench_open(&bench, 4);
	CU_ASSERT(recoveries(&bench) == 3);
	log_in(&bench, 4, accepted);
	end(&bench, 4, accepted);
	bench_open(&bench, 5);
	CU_ASSERT(recoveries(&bench) == 3);
	bench_end(&bench);
}

static void without_the_setting_nothing_is_waited_for(void)
{
	struct bench bench;

	begin(&bench);
	bench.settings.mqtt_inspect = false;
	bench_open(&bench, 2);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_end(&bench);
}

static void where_the_answer_is_lost_it_is_up(void)
{
	struct event sampled =
		connection_event(EVENT_SAMPLED, 2, TCP_STATE_ESTABLISHED, TCP_STATE_ESTABLISHED);
	const struct mqtt_facts *shown[] = { &lost, &accepted };

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		struct bench bench;

		begin(&bench);
		bench_open(&bench, 2);
		log_in(&bench, 2, asked);
		bench_pass(&bench, USEC_PER_MINUTE);
		sampled.connection.mqtt = asked;
		bench_step(&bench, sampled);
		CU_ASSERT(recoveries(&bench) == 0);
		sampled.connection.mqtt = *shown[i];
		bench_step(&bench, sampled);
		CU_ASSERT(recoveries(&bench) == 1);
		bench_end(&bench);
	}
}

static void a_lost_track_ends_the_wait(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	log_in(&bench, 2, asked);
	bench_pass(&bench, USEC_PER_MINUTE);
	log_in(&bench, 2, lost);
	CU_ASSERT(recoveries(&bench) == 1);
	CU_ASSERT(bench_last(&bench)->downtime == 5 * USEC_PER_SEC);
	bench_end(&bench);
}

/* The next daemon finds it in the middle of its login. */
static void what_is_found_logging_in_is_no_session_yet(void)
{
	struct event sampled =
		connection_event(EVENT_SAMPLED, 2, TCP_STATE_ESTABLISHED, TCP_STATE_ESTABLISHED);
	struct bench bench;

	begin(&bench);
	sampled.connection.facts.age = USEC_PER_MINUTE;
	sampled.connection.mqtt = asked;
	bench_step(&bench, sampled);
	CU_ASSERT(bench_look(&bench).connections_up == 0);
	log_in(&bench, 2, accepted);
	CU_ASSERT(bench_look(&bench).connections_up == 1);
	bench_end(&bench);
}

/* Its predecessor saw logins fail. It sees the connections itself, but their packets not yet, or
 * finds one that is young. */
static void what_is_not_seen_is_no_session_after_failures(void)
{
	struct history_trouble_event past = {
		.verdict = { .ago = USEC_PER_SEC, .cause = CAUSE_SESSION_REJECTED },
		.rung = RUNG_LOGIN,
	};
	struct event found =
		connection_event(EVENT_FOUND, 3, TCP_STATE_NONE, TCP_STATE_ESTABLISHED);
	struct bench bench;

	begin(&bench);
	bench_step(&bench,
		   (struct event){ .type = EVENT_HISTORY_TROUBLE, .history_trouble = past });
	bench_open(&bench, 2);
	end(&bench, 2, lost);
	CU_ASSERT(recoveries(&bench) == 0);
	CU_ASSERT(bench_last(&bench)->verdict.rung == RUNG_LOGIN);
	found.connection.facts.age = 30 * USEC_PER_MSEC;
	bench_step(&bench, found);
	CU_ASSERT(bench_look(&bench).connections_up == 0);
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_end(&bench);
}

/* ---- tokens */

/* A session whose token ends `left` after its login. */
static void begin_with_token(struct bench *bench, uint64_t cookie, usec_t left)
{
	bench_open(bench, cookie);
	bench_step(bench, (struct event){ .type = EVENT_LOGIN,
					  .connection = { .cookie = cookie,
							  .mqtt = accepted,
							  .token_left = left } });
}

static void the_peer_closes_when_the_token_has_ended(void)
{
	static const struct {
		const char *when;
		usec_t age;
		enum cause cause;
		enum confidence confidence;
	} rows[] = {
		{ "just then", 60 * USEC_PER_MINUTE + USEC_PER_SEC, CAUSE_TOKEN_EXPIRED,
		  CONFIDENCE_PROVED },
		{ "by a clock that is ahead", 60 * USEC_PER_MINUTE - 2 * USEC_PER_SEC,
		  CAUSE_TOKEN_EXPIRED, CONFIDENCE_PROVED },
		{ "in a sweep", 65 * USEC_PER_MINUTE, CAUSE_TOKEN_EXPIRED, CONFIDENCE_LIKELY },
		{ "long before", 30 * USEC_PER_MINUTE, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY },
		{ "long after", 90 * USEC_PER_MINUTE, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct event event = peer_fin(2, rows[i].age);
		struct bench bench;

		begin(&bench);
		begin_with_token(&bench, 2, USEC_PER_HOUR);
		bench_pass(&bench, rows[i].age);
		event.connection.mqtt = accepted;
		bench_step(&bench, event);
		bench_pass(&bench, 5 * USEC_PER_SEC);
		CHECK(bench_last(&bench)->verdict.cause == rows[i].cause, rows[i].when);
		CHECK(bench_last(&bench)->verdict.confidence == rows[i].confidence, rows[i].when);
		bench_end(&bench);
	}
}

static void refuse(struct bench *bench, uint64_t cookie, usec_t left, usec_t over)
{
	bench_open(bench, cookie);
	bench_step(bench, (struct event){ .type = EVENT_LOGIN,
					  .connection = { .cookie = cookie,
							  .mqtt = refused_login,
							  .token_left = left,
							  .token_over = over } });
	end(bench, cookie, refused_login);
}

static void a_refused_token_has_ended_or_not(void)
{
	struct bench bench;

	begin(&bench);
	refuse(&bench, 2, 0, USEC_PER_HOUR);
	CU_ASSERT(bench_last(&bench)->verdict.cause == CAUSE_TOKEN_EXPIRED);
	CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_PROVED);
	CU_ASSERT(bench_has_token(bench_last(&bench), "token_over_sec=3600"));
	bench_end(&bench);

	begin(&bench);
	learn(&bench, 2);
	refuse(&bench, 3, USEC_PER_HOUR, 0);
	CU_ASSERT(bench_last(&bench)->verdict.cause == CAUSE_SESSION_REJECTED);
	CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_PROVED);
	bench_end(&bench);
}

/* Older than the boot of this host. */
static void a_token_may_be_long_over(void)
{
	struct bench bench;

	begin(&bench);
	refuse(&bench, 2, 0, 100000 * USEC_PER_HOUR);
	CU_ASSERT(bench_last(&bench)->verdict.cause == CAUSE_TOKEN_EXPIRED);
	bench_end(&bench);
}

static void a_token_that_is_not_renewed_is_told(void)
{
	static const usec_t lives[] = { 5 * USEC_PER_HOUR, USEC_PER_HOUR };
	static const char *const left[] = { "token_left_sec=120", "token_left_sec=72" };

	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct bench bench;

		begin(&bench);
		begin_with_token(&bench, 2, lives[i]);
		bench_pass(&bench, lives[i] - 3 * USEC_PER_MINUTE);
		CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 0);
		bench_pass(&bench, 2 * USEC_PER_MINUTE);
		CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 1);
		CU_ASSERT(bench_last(&bench)->verdict.cause == CAUSE_TOKEN_EXPIRED);
		CU_ASSERT(bench_last(&bench)->verdict.confidence == CONFIDENCE_SUSPECTED);
		CU_ASSERT(bench_has_token(bench_last(&bench), left[i]));
		bench_pass(&bench, USEC_PER_HOUR);
		CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 1);
		bench_end(&bench);
	}
}

static void one_that_is_renewed_is_not(void)
{
	struct bench bench;

	begin(&bench);
	begin_with_token(&bench, 2, USEC_PER_HOUR);
	bench_pass(&bench, 45 * USEC_PER_MINUTE);
	end(&bench, 2, accepted);
	begin_with_token(&bench, 3, USEC_PER_HOUR);
	bench_pass(&bench, 45 * USEC_PER_MINUTE);
	end(&bench, 3, accepted);
	bench_pass(&bench, 2 * USEC_PER_HOUR);
	CU_ASSERT(bench_count(&bench, RECORD_STALLED) == 1); /* it does not reconnect */
	CU_ASSERT(bench_last(&bench)->verdict.cause == CAUSE_AGENT_NOT_RECONNECTING);
	bench_end(&bench);
}

/* An agent with several connections: only the newest is waited for. */
static void another_connection_ends_the_wait(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	CU_ASSERT(bench_look(&bench).connections_up == 0);
	bench_open(&bench, 3);
	CU_ASSERT(bench_look(&bench).connections_up == 1);
	log_in(&bench, 3, asked);
	bench_open(&bench, 4);
	CU_ASSERT(bench_look(&bench).connections_up == 1);
	log_in(&bench, 3, accepted);
	CU_ASSERT(bench_look(&bench).connections_up == 2);
	bench_end(&bench);
}

/* ---- who wanted the close: what is not followed may have been a request of the hub's */

#define ENOUGH (2 * USEC_PER_SEC)
#define GOODBYE                                            \
	{                                                  \
		.track = TLS_SECURED, .goodbye_sent = true \
	}

static const struct {
	const char *what;
	bool asked; /* perhaps */
	struct socket_facts socket;
	struct mqtt_facts mqtt;
	struct tls_facts tls;
	struct login_facts login;
} closes[] = {
	{ "the hub had just spoken", true,
	  .socket = { .bytes_received = 9, .idle_rx = USEC_PER_MSEC } },
	{ "it had said nothing for longer", false,
	  .socket = { .bytes_received = 9, .idle_rx = ENOUGH } },
	{ "it had not, but the way is long", true,
	  .socket = { .bytes_received = 9, .idle_rx = ENOUGH, .rtt_usec = 600000 } },
	{ "it had never spoken", false, .socket = { .idle_rx = USEC_PER_MSEC } },
	{ "what it said is known", false, .socket = { .bytes_received = 9 },
	  .mqtt = { .track = MQTT_FOLLOWED } },
	{ "what it said is known no more", true, .socket = { .bytes_received = 9 },
	  .mqtt = { .track = MQTT_LOST } },
	{ "over TLS", true, .socket = { .bytes_received = 9 }, .tls = { .track = TLS_SECURED } },
	{ "in the handshake", false, .socket = { .bytes_received = 9 },
	  .tls = { .track = TLS_ANSWERED } },
	{ "the agent said goodbye in TLS, as answer", true, .socket = { .bytes_received = 9 },
	  .tls = GOODBYE },
	{ "the same, and closed later", true,
	  .socket = { .bytes_received = 9, .idle_rx = ENOUGH + USEC_PER_MSEC, .idle_tx = ENOUGH },
	  .tls = GOODBYE },
	{ "its goodbye was answered", true,
	  .socket = { .bytes_received = 9, .idle_rx = ENOUGH, .idle_tx = ENOUGH + USEC_PER_MSEC },
	  .tls = GOODBYE },
	{ "its goodbye came after a silence", false,
	  .socket = { .bytes_received = 9, .idle_rx = ENOUGH }, .tls = GOODBYE },
	{ "a message in WebSocket", true, .socket = { .bytes_received = 9 },
	  .login = { .protocol = LOGIN_HTTP, .http_status = 101 } },
	{ "the agent closed the WebSocket first", false, .socket = { .bytes_received = 9 },
	  .login = { .protocol = LOGIN_HTTP, .http_status = 101, .left = true } },
};

static void a_close_may_be_one_that_was_asked_for(void)
{
	for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
		struct event event = local_fin(2);
		const struct verdict *verdict;
		struct bench bench;

		begin(&bench);
		bench_open(&bench, 2);
		bench.now += USEC_PER_MINUTE;
		event.connection.facts.bytes_received = closes[i].socket.bytes_received;
		event.connection.facts.idle_rx = closes[i].socket.idle_rx;
		event.connection.facts.idle_tx = closes[i].socket.idle_tx;
		event.connection.facts.rtt_usec = closes[i].socket.rtt_usec;
		event.connection.mqtt = closes[i].mqtt;
		event.connection.tls = closes[i].tls;
		event.connection.tls.begun = closes[i].tls.track ? USEC_PER_SEC : 0;
		event.connection.login = closes[i].login;
		bench_step(&bench, event);
		bench_pass(&bench, ENOUGH);
		verdict = &bench_last(&bench)->verdict;
		CHECK(verdict->cause == CAUSE_AGENT_CLOSE, closes[i].what);
		CHECK(bench_has_token(bench_last(&bench), "or=peer-close") == closes[i].asked,
		      closes[i].what);
		CHECK((verdict->confidence == CONFIDENCE_SUSPECTED) == closes[i].asked,
		      closes[i].what);
		bench_end(&bench);
	}
}

/* The peer spoke `ago` before the agent reset the connection, with so much unread. */
static void reset_after_a_word(usec_t ago, uint32_t unread, enum confidence confidence)
{
	struct event reset =
		connection_event(EVENT_ENDED, 1, TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE);
	struct bench bench;

	bench_begin(&bench);
	path_found(true, bench_take, &bench);
	bench_open(&bench, 1);
	bench.now += USEC_PER_MINUTE;
	reset.connection.facts.linger_zero = true;
	reset.connection.facts.shutdown = 3;
	reset.connection.facts.bytes_received = 100;
	reset.connection.facts.unread_bytes = unread;
	reset.connection.facts.age = USEC_PER_MINUTE;
	reset.connection.facts.idle_rx = ago;
	bench_step(&bench, reset);
	bench_pass(&bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_only_verdict(&bench)->cause == CAUSE_AGENT_ABORT);
	CU_ASSERT(bench_only_verdict(&bench)->confidence == confidence);
	CU_ASSERT(bench_has_token(bench_last(&bench), "or=peer-close") ==
		  (confidence == CONFIDENCE_SUSPECTED));
	bench_end(&bench);
}

/* What the peer said is not followed: it may have asked for the end. */
static void so_may_a_reset(void)
{
	reset_after_a_word(100 * USEC_PER_MSEC, 0, CONFIDENCE_SUSPECTED);
	reset_after_a_word(100 * USEC_PER_MSEC, 100, CONFIDENCE_LIKELY);
	reset_after_a_word(10 * USEC_PER_SEC, 0, CONFIDENCE_PROVED);
}

SUITE("engine login",
      { "a session is up once the hub accepts it", a_session_is_up_once_the_hub_accepts_it },
      { "the time is that since the CONNECT", the_time_is_that_since_the_connect },
      { "after TLS likewise", after_tls_likewise },
      { "a late first word is waited for", a_late_first_word_is_waited_for },
      { "without a first word it is up in the end", without_a_first_word_it_is_up_in_the_end },
      { "a refused login is no session", a_refused_login_is_no_session },
      { "nor is one whose refusal is read late", nor_is_one_whose_refusal_is_read_late },
      { "who logs in is reconnecting", who_logs_in_is_reconnecting },
      { "without a CONNECT it is up since TCP", without_a_connect_it_is_up_since_tcp },
      { "what is seen no more is waited for once", what_is_seen_no_more_is_waited_for_once },
      { "without the setting nothing is waited for", without_the_setting_nothing_is_waited_for },
      { "where the answer is lost it is up", where_the_answer_is_lost_it_is_up },
      { "a lost track ends the wait", a_lost_track_ends_the_wait },
      { "what is found logging in is no session yet", what_is_found_logging_in_is_no_session_yet },
      { "the peer closes when the token has ended", the_peer_closes_when_the_token_has_ended },
      { "a refused token has ended or not", a_refused_token_has_ended_or_not },
      { "a token may be long over", a_token_may_be_long_over },
      { "a token that is not renewed is told", a_token_that_is_not_renewed_is_told },
      { "one that is renewed is not", one_that_is_renewed_is_not },
      { "what is not seen is no session after failures",
	what_is_not_seen_is_no_session_after_failures },
      { "another connection ends the wait", another_connection_ends_the_wait },
      { "a close may be one that was asked for", a_close_may_be_one_that_was_asked_for },
      { "so may a reset", so_may_a_reset })
