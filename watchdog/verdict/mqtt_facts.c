/* What the two ends told each other in MQTT: the evidence of it, and the rules that rest on it. */
#include "verdict_rules.h"

#include <stdio.h>

/* An answer that takes longer than this is not on its way. */
#define PING_PATIENCE (1 * USEC_PER_SEC)

enum { FIRST_REASON = 0x80 };

/* MQTT 5, 2.4: why a server refuses a session or ends it. No cause: none that the code alone tells.
 */
static const struct reason {
	const char *name;
	enum cause cause;
} reasons[] = {
	[0x80 - FIRST_REASON] = { "unspecified-error", CAUSE_UNKNOWN },
	[0x81 - FIRST_REASON] = { "malformed-packet", CAUSE_UNKNOWN },
	[0x82 - FIRST_REASON] = { "protocol-error", CAUSE_UNKNOWN },
	[0x83 - FIRST_REASON] = { "implementation-specific-error", CAUSE_UNKNOWN },
	[0x84 - FIRST_REASON] = { "unsupported-protocol-version", CAUSE_UNKNOWN },
	[0x85 - FIRST_REASON] = { "client-identifier-not-valid", CAUSE_UNKNOWN },
	[0x86 - FIRST_REASON] = { "bad-user-name-or-password", CAUSE_SESSION_REJECTED },
	[0x87 - FIRST_REASON] = { "not-authorized", CAUSE_SESSION_REJECTED },
	[0x88 - FIRST_REASON] = { "server-unavailable", CAUSE_SERVICE_TRANSIENT },
	[0x89 - FIRST_REASON] = { "server-busy", CAUSE_SERVICE_TRANSIENT },
	[0x8a - FIRST_REASON] = { "banned", CAUSE_SESSION_REJECTED },
	[0x8b - FIRST_REASON] = { "server-shutting-down", CAUSE_SERVICE_TRANSIENT },
	[0x8c - FIRST_REASON] = { "bad-authentication-method", CAUSE_SESSION_REJECTED },
	[0x8d - FIRST_REASON] = { "keep-alive-timeout", CAUSE_PEER_IDLE_TIMEOUT },
	[0x8e - FIRST_REASON] = { "session-taken-over", CAUSE_SESSION_TAKEOVER },
	[0x8f - FIRST_REASON] = { "topic-filter-invalid", CAUSE_UNKNOWN },
	[0x90 - FIRST_REASON] = { "topic-name-invalid", CAUSE_UNKNOWN },
	[0x93 - FIRST_REASON] = { "receive-maximum-exceeded", CAUSE_UNKNOWN },
	[0x94 - FIRST_REASON] = { "topic-alias-invalid", CAUSE_UNKNOWN },
	[0x95 - FIRST_REASON] = { "packet-too-large", CAUSE_UNKNOWN },
	[0x96 - FIRST_REASON] = { "message-rate-too-high", CAUSE_SESSION_REJECTED },
	[0x97 - FIRST_REASON] = { "quota-exceeded", CAUSE_SESSION_REJECTED },
	[0x98 - FIRST_REASON] = { "administrative-action", CAUSE_UNKNOWN },
	[0x99 - FIRST_REASON] = { "payload-format-invalid", CAUSE_UNKNOWN },
	[0x9a - FIRST_REASON] = { "retain-not-supported", CAUSE_UNKNOWN },
	[0x9b - FIRST_REASON] = { "qos-not-supported", CAUSE_UNKNOWN },
	[0x9c - FIRST_REASON] = { "use-another-server", CAUSE_UNKNOWN },
	[0x9d - FIRST_REASON] = { "server-moved", CAUSE_UNKNOWN },
	[0x9e - FIRST_REASON] = { "shared-subscriptions-not-supported", CAUSE_UNKNOWN },
	[0x9f - FIRST_REASON] = { "connection-rate-exceeded", CAUSE_SESSION_REJECTED },
	[0xa0 - FIRST_REASON] = { "maximum-connect-time", CAUSE_TOKEN_EXPIRED },
	[0xa1 - FIRST_REASON] = { "subscription-identifiers-not-supported", CAUSE_UNKNOWN },
	[0xa2 - FIRST_REASON] = { "wildcard-subscriptions-not-supported", CAUSE_UNKNOWN },
};
enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

/* MQTT 3.1.1, table 3.1. Code 0 accepts. */
static const struct reason refusals[] = {
	[1] = { "unacceptable-protocol-version", CAUSE_SESSION_REJECTED },
	[2] = { "identifier-rejected", CAUSE_SESSION_REJECTED },
	[3] = { "server-unavailable", CAUSE_SERVICE_TRANSIENT },
	[4] = { "bad-user-name-or-password", CAUSE_SESSION_REJECTED },
	[5] = { "not-authorized", CAUSE_SESSION_REJECTED },
};
enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

/* The name is NULL for a code that means nothing to us. */
static struct reason reason_of(uint8_t code)
{
	if (code >= FIRST_REASON && code - FIRST_REASON < REASONS)
		return reasons[code - FIRST_REASON];
	return (struct reason){ NULL, CAUSE_UNKNOWN };
}

static struct reason refusal_of(uint8_t code)
{
	struct reason reason = code < REFUSALS ? refusals[code] : reason_of(code);

	if (reason.cause != CAUSE_SERVICE_TRANSIENT)
		reason.cause = CAUSE_SESSION_REJECTED;
	return reason;
}

/* MQTT 5, 3.14.2.1 */
static struct reason farewell_of(uint8_t code)
{
	if (code == 0x00)
		return (struct reason){ "normal", CAUSE_UNKNOWN };
	if (code == 0x04)
		return (struct reason){ "with-will-message", CAUSE_UNKNOWN };
	return reason_of(code);
}

/* ---- evidence */

enum { CODE_SIZE = 8 };

/* Its name, or the number of `code` in `number`. */
static const char *name_of(struct reason reason, uint8_t code, char number[static CODE_SIZE])
{
	snprintf(number, CODE_SIZE, "0x%02X", code);
	return reason.name ?: number;
}

static void describe_sent(struct deliberation *on, const struct mqtt_facts *mqtt)
{
	char number[CODE_SIZE];

	if (mqtt->unsent)
		tokens_add(evidence(on), "mqtt_unsent=yes");
	if (mqtt->sent == MQTT_NOTHING)
		return;
	tokens_add(evidence(on), "mqtt_last_sent=%s", mqtt_packet_to_string(mqtt->sent));
	tokens_add(evidence(on), "mqtt_sent_before_msec=%llu",
		   (unsigned long long)(mqtt->sent_ago / USEC_PER_MSEC));
	if (mqtt->sent == MQTT_DISCONNECT)
		tokens_add(evidence(on), "mqtt_disconnect_sent=%s",
			   name_of(farewell_of(mqtt->sent_reason), mqtt->sent_reason, number));
}

static void describe_received(struct deliberation *on, const struct mqtt_facts *mqtt)
{
	char number[CODE_SIZE];

	if (mqtt->received == MQTT_NOTHING)
		return;
	tokens_add(evidence(on), "mqtt_last_received=%s", mqtt_packet_to_string(mqtt->received));
	tokens_add(evidence(on), "mqtt_received_before_msec=%llu",
		   (unsigned long long)(mqtt->received_ago / USEC_PER_MSEC));
	if (mqtt->answered && mqtt->connack)
		tokens_add(evidence(on), "mqtt_connack=%s",
			   name_of(refusal_of(mqtt->connack), mqtt->connack, number));
	if (mqtt->received == MQTT_DISCONNECT)
		tokens_add(
			evidence(on), "mqtt_disconnect_received=%s",
			name_of(farewell_of(mqtt->received_reason), mqtt->received_reason, number));
}

void describe_mqtt(struct deliberation *on)
{
	const struct mqtt_facts *mqtt = on->given->mqtt;

	switch (mqtt->track) {
	case MQTT_FOLLOWED:
		describe_sent(on, mqtt);
		describe_received(on, mqtt);
		if (mqtt->unanswered)
			tokens_add(evidence(on), "mqtt_ping_unanswered_msec=%llu",
				   (unsigned long long)(mqtt->unanswered / USEC_PER_MSEC));
		break;
	case MQTT_LOST:
		tokens_add(evidence(on), "mqtt=lost-track");
		break;
	case MQTT_NOT_SEEN:
		if (on->given->settings->mqtt_inspect && on->given->came_up)
			tokens_add(evidence(on), "mqtt=not-seen");
		break;
	case MQTT_TRACK_MAX:
	case MQTT_TRACK_INVALID:
		break;
	}
}

/* ---- what it means */

/* Who says DISCONNECT first ends the session; the other's may cross it on the way. */
static bool peer_said_goodbye(const struct mqtt_facts *mqtt)
{
	return mqtt->track == MQTT_FOLLOWED && mqtt->received == MQTT_DISCONNECT &&
	       (mqtt->sent != MQTT_DISCONNECT || mqtt->received_ago > mqtt->sent_ago);
}

bool agent_said_goodbye(const struct mqtt_facts *mqtt)
{
	return mqtt->track == MQTT_FOLLOWED && mqtt->sent == MQTT_DISCONNECT &&
	       !peer_said_goodbye(mqtt);
}

bool agent_left_without_goodbye(const struct mqtt_facts *mqtt)
{
	return mqtt->track == MQTT_FOLLOWED && mqtt->sent != MQTT_DISCONNECT && !mqtt->unsent;
}

bool mqtt_may_tell_more(const struct circumstances *given)
{
	return given->mqtt->track == MQTT_FOLLOWED && (given->mqtt->tls || given->mqtt->unsent) &&
	       !given->closed;
}

/* MQTT 3.1.1, 3.1.2.10: a client that misses a PINGRESP should close the connection. */
bool agent_missed_an_answer(const struct mqtt_facts *mqtt)
{
	return mqtt->track == MQTT_FOLLOWED && mqtt->unanswered >= PING_PATIENCE &&
	       mqtt->received_ago >= mqtt->unanswered;
}

static bool is_refused(const struct mqtt_facts *mqtt)
{
	return mqtt->track == MQTT_FOLLOWED && mqtt->answered && mqtt->connack;
}

/* A keep-alive that was missed has a reason of its own: the peer knows only that it was. */
static enum ruling decide_missed_keepalive(struct deliberation *on)
{
	if (rule_hung(on) == DECIDED || rule_suspended(on) == DECIDED ||
	    rule_broken_path(on) == DECIDED)
		return DECIDED;
	return decide(on, CAUSE_PEER_IDLE_TIMEOUT, CONFIDENCE_PROVED);
}

enum ruling rule_told(struct deliberation *on)
{
	const struct mqtt_facts *mqtt = on->given->mqtt;
	enum cause cause;

	if (is_refused(mqtt))
		return decide(on, refusal_of(mqtt->connack).cause, CONFIDENCE_PROVED);
	if (!peer_said_goodbye(mqtt))
		return SILENT;
	cause = farewell_of(mqtt->received_reason).cause;
	if (cause == CAUSE_PEER_IDLE_TIMEOUT)
		return decide_missed_keepalive(on);
	if (cause != CAUSE_UNKNOWN)
		return decide(on, cause, CONFIDENCE_PROVED);
	if (rule_token_expired(on) == DECIDED)
		return DECIDED;
	tokens_add(ruled_out(on), "agent-close=the-peer-said-DISCONNECT-first");
	return decide(on, CAUSE_PEER_CLOSE, CONFIDENCE_PROVED);
}

/* The peer ended the connection instead of answering the CONNECT: some hubs refuse that way, and a
 * balancer with nothing behind it does the same. */
enum ruling rule_unanswered_connect(struct deliberation *on)
{
	const struct mqtt_facts *mqtt = on->given->mqtt;

	if (mqtt->track != MQTT_FOLLOWED || mqtt->answered)
		return SILENT;
	tokens_add(ruled_out(on), "session-takeover=no-CONNACK-had-come");
	return decide(on, CAUSE_SESSION_REJECTED, CONFIDENCE_SUSPECTED);
}
