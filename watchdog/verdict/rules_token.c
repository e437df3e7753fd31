/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_token.h"

#include "verdict/login_facts.h"
#include "verdict/mqtt_facts.h"

/* Sessions of a like age in a row that are enough where TokenLifetimeSec= is set and met; without,
 * it takes RHYTHM_MIN. */
enum { RHYTHM_CONFIGURED = 2 };

/* SDKs renew at 75 % of the token's lifetime (Node.js) to 97 % (Python). */
enum { RENEWAL_FROM_PERCENT = 70, RENEWAL_TO_PERCENT = 100 };
/* Hubs close between the end of the token's lifetime and 5 to 10 minutes of an hour later. */
enum { EXPIRY_FROM_PERCENT = 98, EXPIRY_TO_PERCENT = 120 };

static bool within_lifetime(const struct circumstances *given, unsigned from, unsigned to)
{
	usec_t lifetime = given->settings->token_lifetime;

	return lifetime && given->session->age >= lifetime / 100 * from &&
	       given->session->age <= lifetime / 100 * to;
}

/* Nominates `cause` by a rhythm, or where the configured lifetime supports it. SILENT without
 * either. */
static enum ruling decide_rhythm(struct deliberation *on, enum cause cause, bool configured)
{
	const struct circumstances *given = on->given;
	struct rhythm rhythm = rhythm_of_ages(given->past_sessions, given->session);
	unsigned wanted = configured ? RHYTHM_CONFIGURED : RHYTHM_MIN;

	if (!configured && rhythm.count < wanted)
		return SILENT;
	if (configured)
		tokens_add(evidence(on), "token_lifetime_sec=%llu",
			   (unsigned long long)(given->settings->token_lifetime / USEC_PER_SEC));
	tokens_add(evidence(on), "like_ages=%u", rhythm.count);
	if (rhythm.count >= wanted) {
		on->verdict->period = rhythm.period;
		on->verdict->period_count = rhythm.count;
	}
	return nominate(on, cause);
}

static bool may_have_rhythm(const struct circumstances *given)
{
	return given->session && !given->session->suspended;
}

enum ruling rule_token_renewal(struct deliberation *on)
{
	if (!may_have_rhythm(on->given) || on->given->session->end != SESSION_ENDED_BY_AGENT)
		return SILENT;
	if (within_lifetime(on->given, RENEWAL_FROM_PERCENT, RENEWAL_TO_PERCENT))
		return decide_rhythm(on, CAUSE_TOKEN_RENEWAL, true);
	/* An agent that closes every few seconds works like that; tokens live for longer. */
	if (on->given->session->age < LONGER_THAN_A_PAUSE)
		return SILENT;
	return decide_rhythm(on, CAUSE_TOKEN_RENEWAL, false);
}

bool may_be_impatience(const struct circumstances *given)
{
	return 2 * given->session->silence > given->session->age &&
	       rhythm_of_silences(given->past_sessions, given->session).count >= RHYTHM_MIN;
}

/* Without a configured lifetime, the rhythm alone tells when a token expires. */
static enum ruling rule_expiry_learned(struct deliberation *on)
{
	if (on->given->session->age < LONGER_THAN_A_PAUSE ||
	    decide_rhythm(on, CAUSE_TOKEN_EXPIRED, false) == SILENT)
		return SILENT;
	return DECIDED;
}

static bool is_not_authorized(const struct mqtt_facts *mqtt, const struct login_facts *login)
{
	return mqtt_is_not_authorized(mqtt) || login_is_not_authorized(login);
}

/* By the token's own word (TokenInspect=). Hubs close when it ends, or sweep every few minutes;
 * their clocks and this host's may differ a little. */
#define TOKEN_CLOCKS_DIFFER (5 * USEC_PER_SEC)
#define TOKEN_JUST_ENDED    (1 * USEC_PER_MINUTE)
#define TOKEN_ENDED         (10 * USEC_PER_MINUTE)
enum { HOURS_OF_A_YEAR = 8766 };

static bool token_ended_within(const struct circumstances *given, usec_t span)
{
	return given->token_ends && given->time + TOKEN_CLOCKS_DIFFER >= given->token_ends &&
	       given->time <= given->token_ends + span;
}

bool token_had_just_ended(const struct circumstances *given)
{
	return token_ended_within(given, TOKEN_JUST_ENDED);
}

bool token_had_ended(const struct circumstances *given)
{
	return token_ended_within(given, TOKEN_ENDED);
}

bool token_was_over_when_refused(const struct circumstances *given)
{
	return token_ended_within(given, USEC_PER_HOUR * HOURS_OF_A_YEAR) &&
	       is_not_authorized(given->mqtt, given->login);
}

void describe_token(const struct circumstances *given, struct tokens *tokens)
{
	if (given->time < given->token_ends)
		tokens_add(tokens, "token_left_sec=%llu",
			   (unsigned long long)((given->token_ends - given->time) / USEC_PER_SEC));
	else
		tokens_add(tokens, "token_over_sec=%llu",
			   (unsigned long long)((given->time - given->token_ends) / USEC_PER_SEC));
}

static enum ruling rule_token_says(struct deliberation *on)
{
	if (!token_had_ended(on->given))
		return SILENT;
	describe_token(on->given, evidence(on));
	return nominate(on, CAUSE_TOKEN_EXPIRED);
}

enum ruling rule_token_expired(struct deliberation *on)
{
	if (on->given->token_ends)
		return rule_token_says(on);
	if (!may_have_rhythm(on->given))
		return SILENT;
	if (within_lifetime(on->given, EXPIRY_FROM_PERCENT, EXPIRY_TO_PERCENT))
		return decide_rhythm(on, CAUSE_TOKEN_EXPIRED, true);
	return rule_expiry_learned(on);
}

enum ruling rule_token_refused(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct session *before;
	usec_t pause;

	if (!given->session || !is_not_authorized(given->mqtt, given->login))
		return SILENT;
	if (given->token_ends && !token_was_over_when_refused(given))
		return SILENT;
	if (given->token_ends) {
		describe_token(given, evidence(on));
		return nominate(on, CAUSE_TOKEN_EXPIRED);
	}
	before = session_before(given->past_sessions, given->session, &pause);
	if (!before || before->login == LOGIN_TELLS_NOTHING)
		return SILENT;
	if (before->login == LOGIN_WAS_ACCEPTED && pause > REOPENED_AT_ONCE)
		return SILENT;
	tokens_add(evidence(on), "refused_after=%s",
		   before->login == LOGIN_WAS_ACCEPTED ? "the-peers-close" : "a-refusal");
	return nominate(on, CAUSE_TOKEN_EXPIRED);
}

enum session_login token_login_of(const struct mqtt_facts *mqtt, const struct login_facts *login,
				  enum cause cause)
{
	bool no_reason = cause == CAUSE_PEER_CLOSE || cause == CAUSE_PEER_RESET ||
			 cause == CAUSE_TOKEN_EXPIRED;

	if (cause == CAUSE_TOKEN_EXPIRED && is_not_authorized(mqtt, login))
		return LOGIN_TOKEN_EXPIRED;
	if (no_reason && !mqtt_peer_disconnected_first(mqtt) &&
	    (mqtt_session_is_accepted(mqtt) || login_is_accepted(login)))
		return LOGIN_WAS_ACCEPTED;
	return LOGIN_TELLS_NOTHING;
}
