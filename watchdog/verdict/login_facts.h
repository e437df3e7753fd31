/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the peer answered a login that is not MQTT's, as evidence: AMQP 1.0 and WebSocket. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* Adds what the peer answered: the outcome of SASL, an AMQP error, the HTTP status of a refusal,
 * the code of a close of WebSocket. */
void login_describe(const struct circumstances *given, struct tokens *evidence);

/* True if the peer refused the login, or ended the session and said why. */
bool login_peer_gave_the_reason(const struct login_facts *login);

/* The cause that the reason stands for: session-rejected, service-transient, or CAUSE_UNKNOWN where
 * the reason does not say. Only if login_peer_gave_the_reason(). */
enum cause login_cause(const struct login_facts *login);

/* True if the peer's reason is that the agent is not authorized: the outcome 1 of SASL (AMQP 1.0,
 * part 5, 5.3.3.6), amqp:unauthorized-access, or the HTTP status 401 (RFC 9110, 15.5.2). */
bool login_is_not_authorized(const struct login_facts *login);

/* True if the peer accepted the login, and neither side gave a reason for an end since. */
bool login_is_accepted(const struct login_facts *login);

/* The reason may still come: the agent has yet to read it. */
bool login_more_may_come(const struct circumstances *given);
