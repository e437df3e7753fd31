/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/tls_facts.h"

#include <stdio.h>

#include "verdict/ended_by.h"

/* The names of RFC 8446, 6, and of RFC 5246, 7.2, for what older versions have. */
static const char *const alerts[] = {
	[0] = "close_notify",
	[10] = "unexpected_message",
	[20] = "bad_record_mac",
	[22] = "record_overflow",
	[40] = "handshake_failure",
	[42] = "bad_certificate",
	[43] = "unsupported_certificate",
	[44] = "certificate_revoked",
	[45] = "certificate_expired",
	[46] = "certificate_unknown",
	[47] = "illegal_parameter",
	[48] = "unknown_ca",
	[49] = "access_denied",
	[50] = "decode_error",
	[51] = "decrypt_error",
	[70] = "protocol_version",
	[71] = "insufficient_security",
	[80] = "internal_error",
	[86] = "inappropriate_fallback",
	[90] = "user_canceled",
	[109] = "missing_extension",
	[110] = "unsupported_extension",
	[112] = "unrecognized_name",
	[113] = "bad_certificate_status_response",
	[115] = "unknown_psk_identity",
	[116] = "certificate_required",
	[120] = "no_application_protocol",
};
enum { ALERTS = sizeof(alerts) / sizeof(alerts[0]) };

bool tls_is_under_way(const struct tls_facts *tls)
{
	return tls->track == TLS_BEGUN || tls->track == TLS_ANSWERED;
}

bool tls_alert_is_plain(uint8_t alert)
{
	return alert != TLS_ALERT_SEALED;
}

/* The handshake got no answer, or only part of it, for long enough. */
static bool was_silent(const struct circumstances *given)
{
	const struct tls_facts *tls = given->tls;
	usec_t silence = tls->track == TLS_BEGUN ? tls->begun : given->socket->idle_rx;

	return tls_is_under_way(tls) && !tls->finished && silence >= TLS_PATIENCE;
}

/* Last words have no answer yet, and none is missing. */
static bool has_arrived(const struct socket_facts *socket)
{
	return socket->unacked_bytes == 0 ||
	       (socket->idle_tx < USEC_PER_SEC && socket->retransmit_timeouts == 0);
}

bool tls_has_stalled(const struct circumstances *given)
{
	return was_silent(given) && has_arrived(given->socket);
}

enum { INTERNAL_ERROR = 80 };

bool tls_alert_refuses(const struct circumstances *given)
{
	const struct tls_facts *tls = given->tls;

	if (!tls->alert_sent || tls->track == TLS_BEGUN)
		return false;
	return tls->sent != INTERNAL_ERROR || !was_silent(given);
}

bool tls_agent_left_early(const struct circumstances *given, const struct verdict *verdict)
{
	const struct tls_facts *tls = given->tls;

	return tls->track == TLS_ANSWERED && tls->is_13 && !tls->finished && !tls->alert_sent &&
	       !tls->alert_received && given->socket->idle_rx < USEC_PER_SEC &&
	       (verdict->ended_by == ENDED_BY_LOCAL_FIN ||
		verdict->ended_by == ENDED_BY_LOCAL_RESET) &&
	       given->current && !given->current->exiting;
}

enum { BAD_CERTIFICATE = 42, CERTIFICATE_EXPIRED = 45, CERTIFICATE_UNKNOWN = 46 };

bool tls_alert_says_expired(const struct tls_facts *tls)
{
	return tls->alert_sent && tls->sent == CERTIFICATE_EXPIRED;
}

bool tls_alert_may_be_of_time(const struct tls_facts *tls)
{
	return tls->alert_sent &&
	       (tls->sent == CERTIFICATE_EXPIRED || tls->sent == BAD_CERTIFICATE ||
		tls->sent == CERTIFICATE_UNKNOWN || !tls_alert_is_plain(tls->sent));
}

bool tls_certificate_is_over(const struct circumstances *given)
{
	return given->certificate.until && given->certificate.now > given->certificate.until;
}

bool tls_certificate_is_early(const struct circumstances *given)
{
	return given->certificate.until && given->certificate.now < given->certificate.from;
}

bool tls_refused_as_expired(const struct circumstances *given)
{
	return tls_alert_says_expired(given->tls) ||
	       (tls_certificate_is_over(given) && tls_alert_may_be_of_time(given->tls));
}

/* By a clock in the past nothing has expired; libraries have no alert for "not yet valid", and say
 * something general. */
static bool may_say_not_yet_valid(const struct circumstances *given, const struct verdict *verdict)
{
	if (!given->tls->alert_sent)
		return tls_agent_left_early(given, verdict);
	return tls_alert_may_be_of_time(given->tls) && !tls_alert_says_expired(given->tls);
}

bool tls_clock_may_be_wrong(const struct circumstances *given, const struct verdict *verdict)
{
	uint8_t error = tls_library_error(given);

	switch (given->clock) {
	case CLOCK_PAST:
		return error ? tls_error_is_early(error) : may_say_not_yet_valid(given, verdict);
	case CLOCK_UNVOUCHED:
	case CLOCK_AWAITED:
		if (error)
			return tls_error_is_early(error) ||
			       (tls_error_is_of_time(error) && !given->accepted_tls);
		if (tls_certificate_is_early(given))
			return may_say_not_yet_valid(given, verdict);
		return tls_refused_as_expired(given) && !given->accepted_tls;
	case CLOCK_UNKNOWN:
	case CLOCK_SYNCHRONISED:
	case CLOCK_STATE_MAX:
	case CLOCK_STATE_INVALID:
		break;
	}
	return false;
}

void tls_describe_certificate(const struct circumstances *given, struct tokens *evidence)
{
	const struct certificate_facts *certificate = &given->certificate;

	uint32_t day = certificate->last_day;

	if (!certificate->until)
		return;
	tokens_add(evidence, "certificate_until=%04u-%02u-%02u", day / 10000, day / 100 % 100,
		   day % 100);
	if (tls_certificate_is_over(given))
		tokens_add(evidence, "certificate_over_sec=%llu",
			   (unsigned long long)(certificate->now - certificate->until));
	if (tls_certificate_is_early(given))
		tokens_add(evidence, "certificate_early_sec=%llu",
			   (unsigned long long)(certificate->from - certificate->now));
}

/* OpenSSL's X509_V_ERR_, and the alert that libssl sends for each. */
enum { NOT_YET_VALID = 9, HAS_EXPIRED = 10, CRL_HAS_EXPIRED = 12 };
static const struct {
	uint8_t error, alert;
	char words[29];
} errors[] = {
	{ 1, 80, "verification-failed" },
	{ 2, 48, "issuer-not-found" },
	{ 7, 51, "wrong-signature" },
	{ NOT_YET_VALID, 42, "certificate-is-not-yet-valid" },
	{ HAS_EXPIRED, 45, "certificate-has-expired" },
	{ CRL_HAS_EXPIRED, 45, "crl-has-expired" },
	{ 18, 48, "self-signed-certificate" },
	{ 19, 48, "self-signed-in-chain" },
	{ 20, 48, "local-issuer-not-found" },
	{ 21, 48, "first-certificate-unverified" },
	{ 23, 44, "certificate-revoked" },
	{ 26, 43, "unsuitable-purpose" },
	{ 62, 42, "hostname-mismatch" },
	{ 64, 42, "ip-address-mismatch" },
};
enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

uint8_t tls_library_error(const struct circumstances *given)
{
	const struct tls_facts *tls = given->tls;

	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].error == given->x509_error)
			return !tls->alert_sent || !tls_alert_is_plain(tls->sent) ||
					       tls->sent == errors[i].alert
				       ? given->x509_error
				       : 0;
	return 0;
}

bool tls_error_is_of_time(uint8_t error)
{
	return error == NOT_YET_VALID || error == HAS_EXPIRED || error == CRL_HAS_EXPIRED;
}

bool tls_error_is_early(uint8_t error)
{
	return error == NOT_YET_VALID;
}

void tls_describe_error(const struct circumstances *given, struct tokens *evidence)
{
	uint8_t error = tls_library_error(given);

	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].error == error)
			tokens_add(evidence, "x509_error=%s", errors[i].words);
}

static bool is_prompt(const struct tls_facts *tls, usec_t since)
{
	return !tls->is_13 || since < USEC_PER_SEC;
}

bool tls_agent_left_first(const struct tls_facts *tls, const struct socket_facts *socket)
{
	return tls->track == TLS_SECURED && tls->goodbye_sent && !tls->goodbye_sent_unclear &&
	       !(tls->goodbye_received && tls->goodbye_peer_first) &&
	       is_prompt(tls, socket->idle_tx);
}

bool tls_peer_left_first(const struct tls_facts *tls, const struct socket_facts *socket)
{
	return tls->track == TLS_SECURED && tls->goodbye_received &&
	       !tls->goodbye_received_unclear && tls->goodbye_peer_first &&
	       is_prompt(tls, socket->idle_rx);
}

bool tls_agent_sent_no_goodbye(const struct tls_facts *tls)
{
	return tls->track == TLS_SECURED && !tls->is_13 && !tls->goodbye_sent && !tls->unsent;
}

/* `number` has room for three digits. */
static const char *alert_words(uint8_t alert, char number[static 4])
{
	if (!tls_alert_is_plain(alert))
		return "encrypted";
	if (alert < ALERTS && alerts[alert])
		return alerts[alert];
	snprintf(number, 4, "%u", alert);
	return number;
}

static bool ended_by_peer(const struct socket_facts *socket)
{
	enum ended_by ended_by = ended_by_classify(socket);

	return ended_by == ENDED_BY_PEER_FIN || ended_by == ENDED_BY_PEER_RESET;
}

/* A goodbye of TLS 1.3 is known by its length alone. */
static void add_goodbyes(const struct circumstances *given, struct tokens *evidence)
{
	const struct tls_facts *tls = given->tls;

	if (tls->goodbye_sent && !tls->goodbye_sent_unclear)
		tokens_add(evidence, "tls_goodbye_sent=%s", tls->is_13 ? "by-its-length" : "yes");
	if (tls->goodbye_received && !tls->goodbye_received_unclear)
		tokens_add(evidence, "tls_goodbye_received=%s",
			   tls->is_13 ? "by-its-length" : "yes");
	else if (ended_by_peer(given->socket) && tls->track == TLS_SECURED &&
		 !tls->goodbye_received)
		tokens_add(evidence, "tls_goodbye_received=no");
}

void tls_describe(const struct circumstances *given, struct tokens *evidence)
{
	const struct tls_facts *tls = given->tls;
	char number[4];

	if (!tls->begun)
		return;
	if (tls->took)
		tokens_add(evidence, "tls_msec=%llu",
			   (unsigned long long)(tls->took / USEC_PER_MSEC));
	if (tls->alert_sent)
		tokens_add(evidence, "tls_alert_sent=%s", alert_words(tls->sent, number));
	if (tls->alert_received)
		tokens_add(evidence, "tls_alert_received=%s", alert_words(tls->received, number));
	if (tls->answer != TLS_ANSWER_NONE)
		tokens_add(evidence, "tls_answer=%s", tls_answer_to_string(tls->answer));
	add_goodbyes(given, evidence);
}
