/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TLS records as evidence for the end of a connection (RFC 8446). */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* Clients begin their handshake at once, and servers answer within a round trip: a handshake that
 * has had no answer for so long has stalled. */
#define TLS_PATIENCE (5 * USEC_PER_SEC)

/* True if a ClientHello was sent and the handshake was not over. */
bool tls_is_under_way(const struct tls_facts *tls);

/* True for an alert in plain text: what it says is known. */
bool tls_alert_is_plain(uint8_t alert);

/* True if the handshake got no answer, or only part of it, for TLS_PATIENCE before `given->time`,
 * and all that the agent sent was acknowledged but its last words, as it gave up. */
bool tls_has_stalled(const struct circumstances *given);

/* True for an alert of the agent's that refuses something of the hub's. One that came before any
 * answer does not, nor one of an error of its own after a long wait: so GnuTLS gives up. */
bool tls_alert_refuses(const struct circumstances *given);

/* True if the agent closed between the server's flight and its own Finished, alive and without an
 * alert, as clients do that verify the certificate themselves. */
bool tls_agent_left_early(const struct circumstances *given, const struct verdict *verdict);

/* Returns the X509_V_ERR_ of the agent's libssl that is the reason for its refusal; 0: none is
 * known. An application may pass over an error and end the handshake for another reason: then its
 * alert is not the one that libssl sends for that error. */
uint8_t tls_library_error(const struct circumstances *given);

/* True for an error of a certificate, or a list of revoked ones, that is not valid at the time; for
 * that of a certificate that is yet to begin. */
bool tls_error_is_of_time(uint8_t error);
bool tls_error_is_early(uint8_t error);

/* Adds that error, where there is one. */
void tls_describe_error(const struct circumstances *given, struct tokens *evidence);

/* True for a certificate_expired of the agent's. */
bool tls_alert_says_expired(const struct tls_facts *tls);

/* True if the hub's certificate was seen, and by the host's clock had ended, or had yet to begin.
 */
bool tls_certificate_is_over(const struct circumstances *given);
bool tls_certificate_is_early(const struct circumstances *given);

/* True if the agent refused the hub's certificate because it had expired: it says so, or its alert
 * may say so, and it was seen to have. */
bool tls_refused_as_expired(const struct circumstances *given);

/* True for an alert of the agent's by which libraries refuse a certificate that is not valid at the
 * time, among other reasons. */
bool tls_alert_may_be_of_time(const struct tls_facts *tls);

/* True if the agent may have refused the hub's certificate for the time at which it is valid, and
 * the host's clock may be the reason. An agent that accepted one before, by a clock that nobody
 * sets, knows better. */
bool tls_clock_may_be_wrong(const struct circumstances *given, const struct verdict *verdict);

/* True if a goodbye (close_notify) of the agent's or the peer's came before that of the other side,
 * and nothing followed it from its side. In TLS 1.3 a goodbye is known by its length alone: it must
 * be of the last second before the end, and no data of that length may have gone before. */
bool tls_agent_left_first(const struct tls_facts *tls, const struct socket_facts *socket);
bool tls_peer_left_first(const struct tls_facts *tls, const struct socket_facts *socket);

/* True if it is certain that the agent said no goodbye: TLS 1.2, and all that it wrote was seen. */
bool tls_agent_sent_no_goodbye(const struct tls_facts *tls);

/* Adds when the hub's certificate ends, where that was seen, and whether it is valid by the host's
 * clock. */
void tls_describe_certificate(const struct circumstances *given, struct tokens *evidence);

/* Adds the evidence of TLS, where any was seen. */
void tls_describe(const struct circumstances *given, struct tokens *evidence);
