/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: sessions that end in a rhythm, as a token's lifetime makes them. Other rules ask these
 * once they know which side ended the session.
 *
 * A token's lifetime runs on the wall clock, a session's age on CLOCK_MONOTONIC: a session over
 * which the host slept has no part in a rhythm. */
#pragma once

#include "verdict/evidence.h"

/* A rival with our client id makes the hub close our session whenever the rival comes back, so a
 * shorter rhythm may be the rival's pause: clients wait up to 2 minutes (paho, AWS) before they try
 * again. */
#define LONGER_THAN_A_PAUSE (5 * USEC_PER_MINUTE)

/* token-renewal: the agent closes to reopen with a new token. SILENT where the agent did not end
 * the session. Never WAIT. */
enum ruling rule_token_renewal(struct deliberation *on);

/* token-expired: the hub closes when the token's time is over, by the token's own word where that
 * is known, else by a rhythm. The caller knows that the peer ended the session. Never WAIT. */
enum ruling rule_token_expired(struct deliberation *on);

/* token-expired: the peer refuses the login as not authorized, and its token had ended; where that
 * is not known, after it had accepted the session before and closed it without a reason, and the
 * agent was back at once; or after a refusal of that kind. SILENT where that is not so. Never WAIT.
 */
enum ruling rule_token_refused(struct deliberation *on);

/* By the token's own word (TokenInspect=): true if it had ended a minute at most before
 * `given->time`, or ten minutes at most; or if the peer refused it as not authorized when it had
 * ended. False where its end is not known. */
bool token_had_just_ended(const struct circumstances *given);
bool token_had_ended(const struct circumstances *given);
bool token_was_over_when_refused(const struct circumstances *given);

/* Adds how long before or after the end of its token `given->time` is. That end is known. */
void describe_token(const struct circumstances *given, struct tokens *tokens);

/* What the login of a session that ended for `cause` tells of the token, once it is a past one. */
enum session_login token_login_of(const struct mqtt_facts *mqtt, const struct login_facts *login,
				  enum cause cause);

/* True if the peer's idle time-out explains the session's age as well: the session was silent for
 * most of its life, and so were the ones before it. There is a session. */
bool may_be_impatience(const struct circumstances *given);
