/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a session is up where TLS can be seen, and why a handshake came to nothing. */
#include <errno.h>
#include <string.h>

#include "engine_bench.h"
#include "suite.h"

enum { HANDSHAKE_FAILURE = 40, CERTIFICATE_EXPIRED = 45, INTERNAL_ERROR = 80 };

static void open_in_view(struct bench *bench, uint64_t cookie)
{
	bench_step(bench, opened(cookie));
	bench_step(bench, established_in_view(cookie));
}

static struct tls_facts begun(void)
{
	return (struct tls_facts){ .track = TLS_BEGUN, .begun = USEC_PER_MSEC };
}

static struct tls_facts secured(void)
{
	return (struct tls_facts){ .track = TLS_SECURED,
				   .finished = true,
				   .begun = 20 * USEC_PER_MSEC,
				   .took = 20 * USEC_PER_MSEC };
}

/* The agent has had a connection, and lost it a while ago. */
static void begin(struct bench *bench)
{
	bench_begin(bench);
	bench->settings.keepalive = USEC_INFINITY;
	bench_open(bench, 1);
	bench->now += USEC_PER_MINUTE;
	bench_step(bench, peer_fin(1, USEC_PER_MINUTE));
	bench_pass(bench, 5 * USEC_PER_SEC);
	CU_ASSERT(bench_count(bench, RECORD_ENDED) == 1);
}

static unsigned recoveries(const struct bench *bench)
{
	return bench_count(bench, RECORD_RECOVERED);
}

static void a_session_is_up_once_its_handshake_is_over(void)
{
	struct bench bench;

	begin(&bench);
	open_in_view(&bench, 2);
	bench_speak(&bench, 2, begun());
	bench_pass(&bench, USEC_PER_MINUTE);
	CU_ASSERT(recoveries(&bench) == 0);
	bench_speak(&bench, 2, secured());
	CU_ASSERT(recoveries(&bench) == 1);
	CU_ASSERT(bench_last(&bench)->downtime > USEC_PER_MINUTE);
	bench_end(&bench);
}

static void what_speaks_no_tls_is_up_since_its_handshake_of_tcp(void)
{
	static const enum tls_track tracks[] = { TLS_PLAIN, TLS_LOST };

	for (size_t i = 0; i < sizeof(tracks) / sizeof(tracks[0]); i++) {
		struct bench bench;

		begin(&bench);
		open_in_view(&bench, 2);
		bench_pass(&bench, 10 * USEC_PER_MSEC);
		bench_speak(&bench, 2, (struct tls_facts){ .track = tracks[i] });
		CU_ASSERT(recoveries(&bench) == 1);
		CU_ASSERT(bench_last(&bench)->downtime == 5 * USEC_PER_SEC);
		bench_end(&bench);
	}
}

static void so_is_what_says_nothing_for_a_second(void)
{
	struct bench bench;

	begin(&bench);
	open_in_view(&bench, 2);
	CU_ASSERT(recoveries(&bench) == 0);
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_end(&bench);
}

static void and_what_ends_before_its_first_word(void)
{
	struct bench bench;

	begin(&bench);
	open_in_view(&bench, 2);
	bench_step(&bench, peer_fin(2, 10 * USEC_PER_MSEC));
	CU_ASSERT(recoveries(&bench) == 1);
	bench_end(&bench);
}

static void out_of_view_nothing_is_waited_for(void)
{
	struct bench bench;

	begin(&bench);
	bench_open(&bench, 2);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_end(&bench);
}

/* TLS 1.3: the hub says only after the agent's Finished that it refuses. */
static void after_finished_a_refusal_may_follow(void)
{
	struct tls_facts finished = { .track = TLS_ANSWERED, .is_13 = true, .finished = true };
	struct bench bench;

	begin(&bench);
	open_in_view(&bench, 2);
	bench_speak(&bench, 2, begun());
	bench_speak(&bench, 2, finished);
	bench_pass(&bench, USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 0);
	bench_pass(&bench, 2 * USEC_PER_SEC);
	CU_ASSERT(recoveries(&bench) == 1);
	bench_end(&bench);
}

static void refused_attempts_do_not_recover(void)
{
	struct bench bench;

	begin(&bench);
	for (uint64_t cookie = 2; cookie < 4; cookie++) {
		struct event end = local_fin(cookie);

		open_in_view(&bench, cookie);
		bench_speak(&bench, cookie, begun());
		end.connection.tls = begun();
		end.connection.tls.alert_sent = true;
		end.connection.tls.sent = CERTIFICATE_EXPIRED;
		bench_step(&bench, end);
		bench_pass(&bench, 5 * USEC_PER_SEC);
	}
	CU_ASSERT(recoveries(&bench) == 0);
	open_in_view(&bench, 9);
	bench_speak(&bench, 9, secured());
	CU_ASSERT(recoveries(&bench) == 1);
	CU_ASSERT(bench_last(&bench)->attempts == 3);
	bench_end(&bench);
}

/* ---- the verdict */

static const struct {
	const char *what;
	struct tls_facts tls;
	bool by_peer; /* the end */
	const char *cause;
	enum confidence confidence;
} rows[] = {
	{ "the agent's alert",
	  { .track = TLS_ANSWERED, .alert_sent = true, .sent = CERTIFICATE_EXPIRED, .begun = 9 },
	  false,
	  "tls-refused-by-agent",
	  CONFIDENCE_PROVED },
	{ "the same, and the peer's FIN came first",
	  { .track = TLS_ANSWERED, .alert_sent = true, .sent = CERTIFICATE_EXPIRED, .begun = 9 },
	  true,
	  "tls-refused-by-agent",
	  CONFIDENCE_PROVED },
	{ "the agent's alert, encrypted",
	  { .track = TLS_ANSWERED, .alert_sent = true, .sent = TLS_ALERT_SEALED, .begun = 9 },
	  false,
	  "tls-refused-by-agent",
	  CONFIDENCE_LIKELY },
	{ "the hub's alert",
	  { .track = TLS_BEGUN, .alert_received = true, .received = HANDSHAKE_FAILURE, .begun = 9 },
	  true,
	  "tls-refused-by-hub",
	  CONFIDENCE_PROVED },
	{ "the hub's alert, encrypted",
	  { .track = TLS_ANSWERED,
	    .is_13 = true,
	    .finished = true,
	    .alert_received = true,
	    .received = TLS_ALERT_SEALED,
	    .begun = 9 },
	  true,
	  "tls-refused-by-hub",
	  CONFIDENCE_LIKELY },
	{ "a portal",
	  { .track = TLS_NOT_SPOKEN, .answer = TLS_ANSWER_HTTP, .begun = 9 },
	  false,
	  "tls-not-spoken",
	  CONFIDENCE_PROVED },
	{ "no answer",
	  { .track = TLS_BEGUN, .begun = 6 * USEC_PER_SEC },
	  false,
	  "tls-stalled",
	  CONFIDENCE_SUSPECTED },
	{ "no answer for a moment",
	  { .track = TLS_BEGUN, .begun = USEC_PER_SEC },
	  false,
	  "agent-close",
	  CONFIDENCE_SUSPECTED },
	{ "an alert of an error of its own, before any answer",
	  { .track = TLS_BEGUN,
	    .begun = 6 * USEC_PER_SEC,
	    .alert_sent = true,
	    .sent = INTERNAL_ERROR },
	  false,
	  "tls-stalled",
	  CONFIDENCE_SUSPECTED },
	{ "an alert before any answer, soon",
	  { .track = TLS_BEGUN, .begun = USEC_PER_SEC, .alert_sent = true, .sent = INTERNAL_ERROR },
	  false,
	  "agent-close",
	  CONFIDENCE_SUSPECTED },
	{ "an error of its own, at once",
	  { .track = TLS_ANSWERED, .begun = 9, .alert_sent = true, .sent = INTERNAL_ERROR },
	  false,
	  "tls-refused-by-agent",
	  CONFIDENCE_PROVED },
	{ "a handshake that was over",
	  { .track = TLS_SECURED, .finished = true, .begun = 9 },
	  true,
	  "peer-close",
	  CONFIDENCE_SUSPECTED },
};

static void each_failure_has_its_cause(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bench bench;
		struct event end;
		const struct verdict *verdict;

		begin(&bench);
		end = rows[i].by_peer ? peer_fin(2, USEC_PER_MINUTE) : local_fin(2);
		open_in_view(&bench, 2);
		bench_speak(&bench, 2, begun());
		bench.now += USEC_PER_MINUTE;
		end.connection.tls = rows[i].tls;
		bench_step(&bench, end);
		bench_pass(&bench, 2 * USEC_PER_SEC);
		verdict = &bench_record(&bench, RECORD_ENDED, 1)->verdict;
		CHECK(strcmp(cause_to_string(verdict->cause), rows[i].cause) == 0, rows[i].what);
		if (rows[i].confidence != CONFIDENCE_SUSPECTED)
			CHECK(verdict->confidence == rows[i].confidence, rows[i].what);
		bench_end(&bench);
	}
}

/* The hub's answer broke off, and after a long wait the agent gives up with an alert. */
static const struct {
	const char *what;
	uint8_t alert;
	unsigned retransmit_timeouts;
	const char *cause;
	enum confidence confidence;
} alerts_late[] = {
	{ "an error of its own", INTERNAL_ERROR, 0, "tls-stalled", CONFIDENCE_SUSPECTED },
	{ "one that says why", CERTIFICATE_EXPIRED, 0, "tls-refused-by-agent", CONFIDENCE_PROVED },
	{ "encrypted", TLS_ALERT_SEALED, 0, "tls-refused-by-agent", CONFIDENCE_SUSPECTED },
	{ "on a path that lost something", INTERNAL_ERROR, 3, "path-silent", CONFIDENCE_SUSPECTED },
};

static void an_alert_after_a_silence_may_be_of_that(void)
{
	for (size_t i = 0; i < sizeof(alerts_late) / sizeof(alerts_late[0]); i++) {
		struct bench bench;
		struct event end = local_fin(2);
		const struct verdict *verdict;

		begin(&bench);
		open_in_view(&bench, 2);
		bench_speak(&bench, 2, begun());
		end.connection.tls = (struct tls_facts){ .track = TLS_ANSWERED,
							 .begun = USEC_PER_MINUTE,
							 .alert_sent = true,
							 .sent = alerts_late[i].alert };
		end.connection.facts.idle_rx = USEC_PER_MINUTE;
		end.connection.facts.unacked_bytes = 7;
		end.connection.facts.retransmit_timeouts = alerts_late[i].retransmit_timeouts;
		bench_step(&bench, end);
		bench_pass(&bench, 2 * USEC_PER_SEC);
		verdict = &bench_record(&bench, RECORD_ENDED, 1)->verdict;
		CHECK(strcmp(cause_to_string(verdict->cause), alerts_late[i].cause) == 0,
		      alerts_late[i].what);
		CHECK(verdict->confidence == alerts_late[i].confidence, alerts_late[i].what);
		bench_end(&bench);
	}
}

/* ---- the clock */

enum { BAD_CERTIFICATE = 42, UNKNOWN_CA = 48 };

static const struct {
	const char *what;
	enum clock_state clock;
	bool accepted; /* a handshake was over before */
	uint8_t alert; /* 0: none, the agent closed before its Finished */
	const char *cause;
	enum confidence confidence;
	struct certificate_facts certificate; /* as it was seen */
	const char *evidence;
} clocks[] = {
	{ "a clock that is set", CLOCK_SYNCHRONISED, false, CERTIFICATE_EXPIRED,
	  "tls-refused-by-agent", .confidence = CONFIDENCE_PROVED },
	{ "one of which nothing is known", CLOCK_UNKNOWN, false, CERTIFICATE_EXPIRED,
	  "tls-refused-by-agent", .confidence = CONFIDENCE_PROVED },
	{ "one that nobody vouches for", CLOCK_UNVOUCHED, false, CERTIFICATE_EXPIRED, "clock-wrong",
	  .confidence = CONFIDENCE_SUSPECTED },
	{ "one that is to be set yet", CLOCK_AWAITED, false, CERTIFICATE_EXPIRED, "clock-wrong",
	  .confidence = CONFIDENCE_SUSPECTED },
	{ "by which the hub was accepted before", CLOCK_UNVOUCHED, true, CERTIFICATE_EXPIRED,
	  "tls-refused-by-agent", .confidence = CONFIDENCE_LIKELY },
	{ "an alert that may mean anything", CLOCK_UNVOUCHED, false, BAD_CERTIFICATE,
	  "tls-refused-by-agent", .confidence = CONFIDENCE_LIKELY },
	{ "an alert of something else", CLOCK_UNVOUCHED, false, UNKNOWN_CA, "tls-refused-by-agent",
	  .confidence = CONFIDENCE_PROVED },
	{ "a clock in the past", CLOCK_PAST, false, BAD_CERTIFICATE, "clock-wrong",
	  .confidence = CONFIDENCE_LIKELY },
	{ "an encrypted alert, in the past", CLOCK_PAST, true, TLS_ALERT_SEALED, "clock-wrong",
	  .confidence = CONFIDENCE_LIKELY },
	{ "no alert, in the past", CLOCK_PAST, false, 0, "clock-wrong",
	  .confidence = CONFIDENCE_SUSPECTED },
	{ "nothing has expired in the past", CLOCK_PAST, false, CERTIFICATE_EXPIRED,
	  "tls-refused-by-agent", .confidence = CONFIDENCE_SUSPECTED },
	{ "an alert of something else, in the past", CLOCK_PAST, false, UNKNOWN_CA,
	  "tls-refused-by-agent", .confidence = CONFIDENCE_PROVED },
	{ "the certificate has expired, and the alert may say so", CLOCK_UNVOUCHED, false,
	  BAD_CERTIFICATE, "clock-wrong", .confidence = CONFIDENCE_SUSPECTED,
	  .certificate = { 1000, 2000, 19700101, 2500 }, .evidence = "certificate_over_sec=500" },
	{ "it has, by a clock that is set", CLOCK_SYNCHRONISED, false, BAD_CERTIFICATE,
	  "tls-refused-by-agent", .confidence = CONFIDENCE_PROVED,
	  .certificate = { 1000, 2000, 19700101, 2500 },
	  .evidence = "certificate_until=1970-01-01" },
	{ "it is yet to begin", CLOCK_AWAITED, false, BAD_CERTIFICATE, "clock-wrong",
	  .confidence = CONFIDENCE_LIKELY, .certificate = { 1000, 2000, 19700101, 700 },
	  .evidence = "certificate_early_sec=300" },
	{ "it is yet to begin, and the alert is of something else", CLOCK_AWAITED, false,
	  UNKNOWN_CA, "tls-refused-by-agent", .confidence = CONFIDENCE_PROVED,
	  .certificate = { 1000, 2000, 19700101, 700 }, .evidence = "certificate_early_sec=300" },
	{ "it is valid", CLOCK_UNVOUCHED, false, BAD_CERTIFICATE, "tls-refused-by-agent",
	  .confidence = CONFIDENCE_LIKELY, .certificate = { 1000, 2000, 19700101, 1500 },
	  .evidence = "certificate_until=1970-01-01" },
	{ "it could not be read", CLOCK_UNVOUCHED, false, BAD_CERTIFICATE, "tls-refused-by-agent",
	  .confidence = CONFIDENCE_LIKELY, .certificate = { 0, 0, 0, 1500 } },
};

static void show_certificate(struct bench *bench, uint64_t cookie,
			     const struct certificate_facts *facts)
{
	struct event event = opened(cookie);

	event.type = EVENT_CERTIFICATE;
	event.connection.certificate = *facts;
	if (facts->now)
		bench_step(bench, event);
}

static void a_clock_may_be_the_reason(void)
{
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		struct bench bench;
		struct event end = local_fin(3);
		const struct verdict *verdict;
		unsigned ends;

		begin(&bench);
		bench_step(&bench, (struct event){ .type = EVENT_CLOCK, .clock = clocks[i].clock });
		if (clocks[i].accepted) {
			open_in_view(&bench, 2);
			bench_speak(&bench, 2, secured());
			bench_step(&bench, peer_fin(2, USEC_PER_MINUTE));
			bench_pass(&bench, 5 * USEC_PER_SEC);
		}
		ends = bench_count(&bench, RECORD_ENDED);
		open_in_view(&bench, 3);
		bench_speak(&bench, 3, begun());
		show_certificate(&bench, 3, &clocks[i].certificate);
		end.connection.tls = begun();
		end.connection.tls.track = TLS_ANSWERED;
		end.connection.tls.is_13 = true;
		end.connection.tls.alert_sent = clocks[i].alert != 0;
		end.connection.tls.sent = clocks[i].alert;
		bench_step(&bench, end);
		bench_pass(&bench, 5 * USEC_PER_SEC);
		verdict = &bench_record(&bench, RECORD_ENDED, ends)->verdict;
		CHECK(strcmp(cause_to_string(verdict->cause), clocks[i].cause) == 0,
		      clocks[i].what);
		CHECK(verdict->confidence == clocks[i].confidence, clocks[i].what);
		if (clocks[i].evidence)
			CHECK(bench_has_token(bench_record(&bench, RECORD_ENDED, ends),
					      clocks[i].evidence),
			      clocks[i].what);
		bench_end(&bench);
	}
}

/* ---- what the agent's own library says */

enum {
	VERIFICATION_FAILED = 1,
	NOT_YET_VALID = 9,
	HAS_EXPIRED = 10,
	SELF_SIGNED = 18,
	HOSTNAME_MISMATCH = 62
};

static const struct {
	const char *what;
	enum clock_state clock;
	uint8_t error;
	uint8_t alert; /* 0: none, the agent closed before its Finished */
	const char *cause;
	enum confidence confidence;
	const char *evidence; /* NULL: none of this kind */
} errors[] = {
	{ "expired", CLOCK_SYNCHRONISED, HAS_EXPIRED, CERTIFICATE_EXPIRED, "tls-refused-by-agent",
	  CONFIDENCE_PROVED, "x509_error=certificate-has-expired" },
	{ "expired, by a clock that nobody vouches for", CLOCK_UNVOUCHED, HAS_EXPIRED,
	  CERTIFICATE_EXPIRED, "clock-wrong", CONFIDENCE_SUSPECTED,
	  "x509_error=certificate-has-expired" },
	{ "another name, by such a clock: the alert may be of time, the error is not",
	  CLOCK_UNVOUCHED, HOSTNAME_MISMATCH, BAD_CERTIFICATE, "tls-refused-by-agent",
	  CONFIDENCE_PROVED, "x509_error=hostname-mismatch" },
	{ "another name, by a clock in the past", CLOCK_PAST, HOSTNAME_MISMATCH, BAD_CERTIFICATE,
	  "tls-refused-by-agent", CONFIDENCE_PROVED, "x509_error=hostname-mismatch" },
	{ "yet to begin, by a clock in the past", CLOCK_PAST, NOT_YET_VALID, BAD_CERTIFICATE,
	  "clock-wrong", CONFIDENCE_PROVED, "x509_error=certificate-is-not-yet-valid" },
	{ "yet to begin, by a clock that nobody vouches for", CLOCK_UNVOUCHED, NOT_YET_VALID,
	  BAD_CERTIFICATE, "clock-wrong", CONFIDENCE_LIKELY,
	  "x509_error=certificate-is-not-yet-valid" },
	{ "yet to begin, by a clock that is set", CLOCK_SYNCHRONISED, NOT_YET_VALID,
	  BAD_CERTIFICATE, "tls-refused-by-agent", CONFIDENCE_PROVED,
	  "x509_error=certificate-is-not-yet-valid" },
	{ "the application refused it", CLOCK_PAST, VERIFICATION_FAILED, INTERNAL_ERROR,
	  "tls-refused-by-agent", CONFIDENCE_PROVED, "x509_error=verification-failed" },
	{ "an error that was passed over, and the alert is of something else", CLOCK_UNVOUCHED,
	  SELF_SIGNED, BAD_CERTIFICATE, "tls-refused-by-agent", CONFIDENCE_LIKELY, NULL },
	{ "no alert, as Node.js", CLOCK_SYNCHRONISED, SELF_SIGNED, 0, "tls-refused-by-agent",
	  CONFIDENCE_LIKELY, "x509_error=self-signed-certificate" },
	{ "no alert, and no error", CLOCK_SYNCHRONISED, 0, 0, "tls-refused-by-agent",
	  CONFIDENCE_SUSPECTED, NULL },
	{ "an error without a name", CLOCK_SYNCHRONISED, 200, BAD_CERTIFICATE,
	  "tls-refused-by-agent", CONFIDENCE_PROVED, NULL },
};

static void verify(struct bench *bench, uint64_t cookie, uint8_t error)
{
	struct event event = opened(cookie);

	event.type = EVENT_VERIFIED;
	event.connection.x509_error = error;
	bench_step(bench, event);
}

static bool has_error(const struct record *record)
{
	for (unsigned i = 0; i < record->verdict.evidence.count; i++)
		if (strncmp(record->verdict.evidence.text[i], "x509_error=", 11) == 0)
			return true;
	return false;
}

static void the_agents_library_says_why(void)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct bench bench;
		struct event end = local_fin(3);
		const struct record *record;

		begin(&bench);
		bench_step(&bench, (struct event){ .type = EVENT_CLOCK, .clock = errors[i].clock });
		open_in_view(&bench, 2);
		open_in_view(&bench, 3);
		bench_speak(&bench, 3, begun());
		verify(&bench, 3, VERIFICATION_FAILED); /* the last one counts */
		verify(&bench, 4, HAS_EXPIRED);         /* of no connection that is known */
		verify(&bench, 3, errors[i].error);
		end.connection.tls = begun();
		end.connection.tls.track = TLS_ANSWERED;
		end.connection.tls.is_13 = true;
		end.connection.tls.alert_sent = errors[i].alert != 0;
		end.connection.tls.sent = errors[i].alert;
		bench_step(&bench, end);
		bench_pass(&bench, 5 * USEC_PER_SEC);
		record = bench_record(&bench, RECORD_ENDED, 1);
		CHECK(strcmp(cause_to_string(record->verdict.cause), errors[i].cause) == 0,
		      errors[i].what);
		CHECK(record->verdict.confidence == errors[i].confidence, errors[i].what);
		if (errors[i].evidence)
			CHECK(bench_has_token(record, errors[i].evidence), errors[i].what);
		else
			CHECK(!has_error(record), errors[i].what);
		bench_end(&bench);
	}
}

/* ---- goodbyes */

enum way { OWN_FIN, OWN_RESET, PEER_FIN, PEER_RESET };

static const struct {
	const char *what;
	enum way end;
	const char *cause;
	struct tls_facts tls;
} goodbyes[] = {
	{ "the hub said goodbye, the agent closed",
	  OWN_FIN,
	  "peer-close",
	  { .goodbye_received = true, .goodbye_peer_first = true } },
	{ "the same, and the agent answered it",
	  OWN_FIN,
	  "peer-close",
	  { .goodbye_received = true, .goodbye_peer_first = true, .goodbye_sent = true } },
	{ "TLS 1.3, and a message as short went before",
	  OWN_FIN,
	  "agent-close",
	  { .is_13 = true,
	    .goodbye_received = true,
	    .goodbye_peer_first = true,
	    .goodbye_received_unclear = true } },
	{ "the agent said goodbye first",
	  OWN_FIN,
	  "agent-close",
	  { .goodbye_sent = true, .goodbye_received = true } },
	{ "the agent said goodbye, the hub closed",
	  PEER_FIN,
	  "agent-close",
	  { .goodbye_sent = true } },
	{ "the same in TLS 1.3", PEER_FIN, "agent-close", { .is_13 = true, .goodbye_sent = true } },
	{ "it had asked something of that length before",
	  PEER_FIN,
	  "peer-close",
	  { .is_13 = true, .goodbye_sent = true, .goodbye_sent_unclear = true } },
	{ "the agent said goodbye and left something unread",
	  OWN_RESET,
	  "agent-close",
	  { .goodbye_sent = true } },
	{ "without a goodbye", OWN_RESET, "agent-abort", { .is_13 = false } },
	{ "the hub said goodbye and left something unread",
	  PEER_RESET,
	  "peer-close",
	  { .goodbye_received = true, .goodbye_peer_first = true } },
	{ "a RST out of nothing", PEER_RESET, "peer-reset", { .is_13 = false } },
};

static struct event end_of(enum way way)
{
	struct event end = local_fin(2);

	switch (way) {
	case OWN_FIN:
		break;
	case OWN_RESET:
		end.connection.facts.unread_bytes = 4;
		break;
	case PEER_FIN:
		return peer_fin(2, USEC_PER_MINUTE);
	case PEER_RESET:
		end = peer_fin(2, USEC_PER_MINUTE);
		end.connection.facts.fin_received = false;
		end.connection.facts.reset_received = true;
		end.connection.facts.error = ECONNRESET;
		break;
	}
	if (way == OWN_RESET || way == PEER_RESET) {
		end.type = EVENT_ENDED;
		end.connection.facts.state = TCP_STATE_CLOSE;
	}
	return end;
}

static void who_says_goodbye_first_ends_it(void)
{
	for (size_t i = 0; i < sizeof(goodbyes) / sizeof(goodbyes[0]); i++) {
		struct event end = end_of(goodbyes[i].end);
		const struct verdict *verdict;
		struct bench bench;

		begin(&bench);
		open_in_view(&bench, 2);
		bench_speak(&bench, 2, secured());
		bench.now += USEC_PER_MINUTE;
		end.connection.tls = goodbyes[i].tls;
		end.connection.tls.track = TLS_SECURED;
		end.connection.tls.begun = USEC_PER_MINUTE;
		bench_step(&bench, end);
		bench_pass(&bench, 2 * USEC_PER_SEC);
		verdict = &bench_record(&bench, RECORD_ENDED, 1)->verdict;
		CHECK(strcmp(cause_to_string(verdict->cause), goodbyes[i].cause) == 0,
		      goodbyes[i].what);
		bench_end(&bench);
	}
}

/* The agent's last data, in the send queue when it closes, turns out to be an alert. */
static void an_alert_may_leave_after_the_close(void)
{
	struct event end = local_fin(2);
	struct tls_facts alert = { .track = TLS_ANSWERED,
				   .is_13 = true,
				   .alert_sent = true,
				   .sent = TLS_ALERT_SEALED,
				   .begun = 9 };
	struct bench bench;

	begin(&bench);
	open_in_view(&bench, 2);
	bench_speak(&bench, 2, begun());
	end.connection.tls = alert;
	end.connection.tls.alert_sent = false;
	end.connection.tls.unsent = true;
	bench_step(&bench, end);
	CU_ASSERT(bench_count(&bench, RECORD_ENDED) == 1);
	bench_speak(&bench, 2, alert);
	CU_ASSERT(bench_count(&bench, RECORD_ENDED) == 2);
	CU_ASSERT_STRING_EQUAL(cause_to_string(bench_last(&bench)->verdict.cause),
			       "tls-refused-by-agent");
	bench_end(&bench);
}

static void an_alert_after_the_peers_fin_is_no_reason_for_it(void)
{
	struct event end = peer_fin(2, USEC_PER_SEC);
	struct tls_facts alert = begun();
	struct bench bench;

	begin(&bench);
	open_in_view(&bench, 2);
	bench_speak(&bench, 2, begun());
	end.connection.tls = begun();
	bench_step(&bench, end);
	alert.alert_sent = true;
	alert.sent = 50;
	bench_speak(&bench, 2, alert);
	bench_pass(&bench, 2 * USEC_PER_SEC);
	CU_ASSERT_STRING_EQUAL(
		cause_to_string(bench_record(&bench, RECORD_ENDED, 1)->verdict.cause),
		"peer-close");
	bench_end(&bench);
}

SUITE("engine tls",
      { "a session is up once its handshake is over", a_session_is_up_once_its_handshake_is_over },
      { "what speaks no TLS is up since its handshake of TCP",
	what_speaks_no_tls_is_up_since_its_handshake_of_tcp },
      { "so is what says nothing for a second", so_is_what_says_nothing_for_a_second },
      { "and what ends before its first word", and_what_ends_before_its_first_word },
      { "out of view nothing is waited for", out_of_view_nothing_is_waited_for },
      { "after Finished a refusal may follow", after_finished_a_refusal_may_follow },
      { "refused attempts do not recover", refused_attempts_do_not_recover },
      { "each failure has its cause", each_failure_has_its_cause },
      { "an alert after a silence may be of that", an_alert_after_a_silence_may_be_of_that },
      { "a clock may be the reason", a_clock_may_be_the_reason },
      { "the agent's library says why", the_agents_library_says_why },
      { "who says goodbye first ends it", who_says_goodbye_first_ends_it },
      { "an alert may leave after the close", an_alert_may_leave_after_the_close },
      { "an alert after the peer's FIN is no reason for it",
	an_alert_after_the_peers_fin_is_no_reason_for_it })
