/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/mqtt_facts.h"

#include <stdio.h>

/* A PINGRESP that has not come after this is not on its way. */
#define PING_PATIENCE (1 * USEC_PER_SEC)

/* ---- why a server refuses or ends a session */

enum { FIRST_REASON = 0x80 };

/* Reason codes of MQTT 5, 2.4, by which a server refuses a session or ends it. CAUSE_UNKNOWN: the
 * code alone does not say. */
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

/* Return codes of a CONNACK, MQTT 3.1.1, table 3.1. 0 accepts. */
static const struct reason refusals[] = {
	[1] = { "unacceptable-protocol-version", CAUSE_SESSION_REJECTED },
	[2] = { "identifier-rejected", CAUSE_SESSION_REJECTED },
	[3] = { "server-unavailable", CAUSE_SERVICE_TRANSIENT },
	[4] = { "bad-user-name-or-password", CAUSE_SESSION_REJECTED },
	[5] = { "not-authorized", CAUSE_SESSION_REJECTED },
};
enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

/* The name is NULL for a code that is in no table. */
static struct reason reason_of_code(uint8_t code)
{
	if (code >= FIRST_REASON && code - FIRST_REASON < REASONS)
		return reasons[code - FIRST_REASON];
	return (struct reason){ NULL, CAUSE_UNKNOWN };
}

/* MQTT 5 has reason codes in a CONNACK as well. */
static struct reason reason_of_refusal(uint8_t code)
{
	struct reason reason = code < REFUSALS ? refusals[code] : reason_of_code(code);

	if (reason.cause != CAUSE_SERVICE_TRANSIENT)
		reason.cause = CAUSE_SESSION_REJECTED;
	return reason;
}

/* MQTT 5, 3.14.2.1 */
static struct reason reason_of_disconnect(uint8_t code)
{
	if (code == 0x00)
		return (struct reason){ "normal", CAUSE_UNKNOWN };
	if (code == 0x04)
		return (struct reason){ "with-will-message", CAUSE_UNKNOWN };
	return reason_of_code(code);
}

enum cause mqtt_cause_of_refusal(const struct mqtt_facts *mqtt)
{
	return reason_of_refusal(mqtt->connack).cause;
}

enum cause mqtt_cause_of_disconnect(const struct mqtt_facts *mqtt)
{
	return reason_of_disconnect(mqtt->received_reason).cause;
}

/* ---- evidence */

enum { CODE_SIZE = 8 };

/* The name of the reason, or, without one, `code` as text in `number`. */
static const char *name_of(struct reason reason, uint8_t code, char number[static CODE_SIZE])
{
	snprintf(number, CODE_SIZE, "0x%02X", code);
	return reason.name ?: number;
}

static void describe_sent(struct tokens *tokens, const struct mqtt_facts *mqtt)
{
	char number[CODE_SIZE];

	if (mqtt->unsent)
		tokens_add(tokens, "mqtt_unsent=yes");
	if (mqtt->sent == MQTT_NOTHING)
		return;
	tokens_add(tokens, "mqtt_last_sent=%s", mqtt_packet_to_string(mqtt->sent));
	tokens_add(tokens, "mqtt_sent_before_msec=%llu",
		   (unsigned long long)(mqtt->sent_ago / USEC_PER_MSEC));
	if (mqtt->sent == MQTT_DISCONNECT)
		tokens_add(tokens, "mqtt_disconnect_sent=%s",
			   name_of(reason_of_disconnect(mqtt->sent_reason), mqtt->sent_reason,
				   number));
}

static void describe_received(struct tokens *tokens, const struct mqtt_facts *mqtt)
{
	char number[CODE_SIZE];

	if (mqtt->received == MQTT_NOTHING)
		return;
	tokens_add(tokens, "mqtt_last_received=%s", mqtt_packet_to_string(mqtt->received));
	tokens_add(tokens, "mqtt_received_before_msec=%llu",
		   (unsigned long long)(mqtt->received_ago / USEC_PER_MSEC));
	if (mqtt->answered && mqtt->connack)
		tokens_add(tokens, "mqtt_connack=%s",
			   name_of(reason_of_refusal(mqtt->connack), mqtt->connack, number));
	if (mqtt->received == MQTT_DISCONNECT)
		tokens_add(tokens, "mqtt_disconnect_received=%s",
			   name_of(reason_of_disconnect(mqtt->received_reason),
				   mqtt->received_reason, number));
}

void mqtt_describe(const struct circumstances *given, struct tokens *tokens)
{
	const struct mqtt_facts *mqtt = given->mqtt;

	switch (mqtt->track) {
	case MQTT_FOLLOWED:
		describe_sent(tokens, mqtt);
		describe_received(tokens, mqtt);
		if (mqtt->unanswered)
			tokens_add(tokens, "mqtt_ping_unanswered_msec=%llu",
				   (unsigned long long)(mqtt->unanswered / USEC_PER_MSEC));
		break;
	case MQTT_LOST:
		tokens_add(tokens, "mqtt=lost-track");
		break;
	case MQTT_NOT_SEEN:
		if (given->settings->mqtt_inspect && given->came_up)
			tokens_add(tokens, "mqtt=not-seen");
		break;
	case MQTT_TRACK_MAX:
	case MQTT_TRACK_INVALID:
		break;
	}
}

/* ---- questions */

static bool is_followed(const struct mqtt_facts *mqtt)
{
	return mqtt->track == MQTT_FOLLOWED;
}

bool mqtt_connect_is_unanswered(const struct mqtt_facts *mqtt)
{
	return is_followed(mqtt) && !mqtt->answered;
}

bool mqtt_session_is_accepted(const struct mqtt_facts *mqtt)
{
	return is_followed(mqtt) && mqtt->answered && mqtt->connack == 0;
}

bool mqtt_session_is_refused(const struct mqtt_facts *mqtt)
{
	return is_followed(mqtt) && mqtt->answered && mqtt->connack != 0;
}

/* MQTT 3.1.1, table 3.1; MQTT 5, 3.2.2.2 */
bool mqtt_is_not_authorized(const struct mqtt_facts *mqtt)
{
	enum { NOT_AUTHORIZED = 5, NOT_AUTHORIZED_5 = 0x87 };

	return mqtt_session_is_refused(mqtt) &&
	       (mqtt->connack == NOT_AUTHORIZED || mqtt->connack == NOT_AUTHORIZED_5);
}

/* The DISCONNECT of the other end may still have crossed the first one. */
bool mqtt_peer_disconnected_first(const struct mqtt_facts *mqtt)
{
	return is_followed(mqtt) && mqtt->received == MQTT_DISCONNECT &&
	       (mqtt->sent != MQTT_DISCONNECT || mqtt->received_ago > mqtt->sent_ago);
}

bool mqtt_agent_disconnected_first(const struct mqtt_facts *mqtt)
{
	return is_followed(mqtt) && mqtt->sent == MQTT_DISCONNECT &&
	       !mqtt_peer_disconnected_first(mqtt);
}

bool mqtt_agent_sent_no_disconnect(const struct mqtt_facts *mqtt)
{
	return is_followed(mqtt) && mqtt->sent != MQTT_DISCONNECT && !mqtt->unsent;
}

bool mqtt_ping_is_unanswered(const struct mqtt_facts *mqtt)
{
	return is_followed(mqtt) && mqtt->unanswered >= PING_PATIENCE &&
	       mqtt->received_ago >= mqtt->unanswered;
}

bool mqtt_more_may_come(const struct circumstances *given)
{
	return is_followed(given->mqtt) && (given->mqtt->tls || given->mqtt->unsent) &&
	       !given->closed;
}
