/* Rules: sessions that end in rhythm. The time in a token is on the clock of the wall, a session's
 * age is not: a session over which the host slept has no part in a rhythm (history.c). */
#include "verdict_rules.h"

/* A rhythm is one from here on; with the token's lifetime known, one repetition is enough. */
enum { RHYTHM_LEARNED = 3, RHYTHM_CONFIGURED = 2 };

/* SDKs renew at 75 % of the token's lifetime (Node.js) to 97 % (Python). */
enum { RENEWAL_FROM_PERCENT = 70, RENEWAL_TO_PERCENT = 100 };
/* Hubs close from the token's end to 5 .. 10 minutes of an hour later. */
enum { EXPIRY_FROM_PERCENT = 98, EXPIRY_TO_PERCENT = 120 };

/* A rival with our client id has us thrown out whenever it comes back, so a shorter rhythm may be
 * its pause: clients wait for up to 2 minutes (paho, AWS) before they try again. */
#define LONGER_THAN_A_PAUSE (5 * USEC_PER_MINUTE)

static bool within_lifetime(const struct circumstances *given, unsigned from, unsigned to)
{
	usec_t lifetime = given->settings->token_lifetime;

	return lifetime && given->session->age >= lifetime / 100 * from &&
	       given->session->age <= lifetime / 100 * to;
}

/* Likely with a rhythm, suspected where only the configured lifetime says so. */
static enum ruling decide_rhythm(struct deliberation *on, enum cause cause, bool configured)
{
	const struct circumstances *given = on->given;
	struct rhythm rhythm = history_ages(given->history, given->session);
	unsigned wanted = configured ? RHYTHM_CONFIGURED : RHYTHM_LEARNED;

	if (!configured && rhythm.count < wanted)
		return SILENT;
	if (configured)
		tokens_add(evidence(on), "token_lifetime_sec=%llu",
			   (unsigned long long)(given->settings->token_lifetime / USEC_PER_SEC));
	tokens_add(evidence(on), "like_ages=%u", rhythm.count);
	if (rhythm.count < wanted)
		return decide(on, cause, CONFIDENCE_SUSPECTED);
	on->verdict->period = rhythm.period;
	on->verdict->period_count = rhythm.count;
	return decide(on, cause, CONFIDENCE_LIKELY);
}

static bool has_rhythm_facts(const struct circumstances *given)
{
	return given->session && !given->session->suspended;
}

enum ruling rule_token_renewal(struct deliberation *on)
{
	if (!has_rhythm_facts(on->given) || on->given->session->end != SESSION_ENDED_HERE)
		return SILENT;
	return decide_rhythm(on, CAUSE_TOKEN_RENEWAL,
			     within_lifetime(on->given, RENEWAL_FROM_PERCENT, RENEWAL_TO_PERCENT));
}

/* Where nothing was said for most of such a life, the peer's patience explains its length, too. */
static bool may_be_impatience(const struct circumstances *given)
{
	return 2 * given->session->silence > given->session->age &&
	       history_silences(given->history, given->session).count >= RHYTHM_LEARNED;
}

/* By the rhythm alone. */
static enum ruling learn_expiry(struct deliberation *on)
{
	if (on->given->session->age < LONGER_THAN_A_PAUSE ||
	    decide_rhythm(on, CAUSE_TOKEN_EXPIRED, false) == SILENT)
		return SILENT;
	tokens_add(ruled_out(on), "session-takeover=rivals-come-back-sooner");
	if (may_be_impatience(on->given))
		on->verdict->confidence = CONFIDENCE_SUSPECTED;
	else
		tokens_add(ruled_out(on), "peer-idle-timeout=no-long-like-silence");
	return DECIDED;
}

enum ruling rule_token_expired(struct deliberation *on)
{
	if (!has_rhythm_facts(on->given))
		return SILENT;
	if (within_lifetime(on->given, EXPIRY_FROM_PERCENT, EXPIRY_TO_PERCENT))
		return decide_rhythm(on, CAUSE_TOKEN_EXPIRED, true);
	return learn_expiry(on);
}
