/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/login_facts.h"

#include <stdio.h>

enum { HTTP_FAILS = 500, HTTP_MOST = 599 };

struct reason {
	unsigned code;
	const char *name;
	enum cause cause;
};

/* RFC 9110, 15.5 and 15.6; RFC 6585. Without 400 and 404: they refuse a page as well as a session,
 * and the agent may speak plain HTTP. */
static const struct reason statuses[] = {
	{ 401, "Unauthorized", CAUSE_SESSION_REJECTED },
	{ 403, "Forbidden", CAUSE_SESSION_REJECTED },
	{ 407, "Proxy-Authentication-Required", CAUSE_SESSION_REJECTED },
	{ 426, "Upgrade-Required", CAUSE_SESSION_REJECTED },
	{ 429, "Too-Many-Requests", CAUSE_SESSION_REJECTED },
	{ 500, "Internal-Server-Error", CAUSE_SERVICE_TRANSIENT },
	{ 502, "Bad-Gateway", CAUSE_SERVICE_TRANSIENT },
	{ 503, "Service-Unavailable", CAUSE_SERVICE_TRANSIENT },
	{ 504, "Gateway-Timeout", CAUSE_SERVICE_TRANSIENT },
};

/* RFC 6455, 7.4.1, and IANA's registry of close codes. */
static const struct reason close_codes[] = {
	{ 1000, "normal", CAUSE_UNKNOWN },
	{ 1001, "going-away", CAUSE_SERVICE_TRANSIENT },
	{ 1002, "protocol-error", CAUSE_UNKNOWN },
	{ 1003, "unsupported-data", CAUSE_UNKNOWN },
	{ 1007, "invalid-payload", CAUSE_UNKNOWN },
	{ 1008, "policy-violation", CAUSE_SESSION_REJECTED },
	{ 1009, "message-too-big", CAUSE_UNKNOWN },
	{ 1011, "internal-error", CAUSE_SERVICE_TRANSIENT },
	{ 1012, "service-restart", CAUSE_SERVICE_TRANSIENT },
	{ 1013, "try-again-later", CAUSE_SERVICE_TRANSIENT },
	{ 1014, "bad-gateway", CAUSE_SERVICE_TRANSIENT },
	{ 3000, "unauthorized", CAUSE_SESSION_REJECTED },
	{ 3003, "forbidden", CAUSE_SESSION_REJECTED },
	{ 3008, "timeout", CAUSE_UNKNOWN },
};

/* AMQP 1.0, part 5, 5.3.3.6. 0 accepts. */
static const struct reason outcomes[] = {
	{ 1, "auth", CAUSE_SESSION_REJECTED },
	{ 2, "sys", CAUSE_SERVICE_TRANSIENT },
	{ 3, "sys-perm", CAUSE_SESSION_REJECTED },
	{ 4, "sys-temp", CAUSE_SERVICE_TRANSIENT },
};

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

/* NULL: the code is in no list. */
static const struct reason *find_reason(const struct reason *list, size_t length, unsigned code)
{
	for (size_t i = 0; i < length; i++)
		if (list[i].code == code)
			return &list[i];
	return NULL;
}

static enum cause cause_of_amqp(enum amqp_error error)
{
	switch (error) {
	case AMQP_UNAUTHORIZED_ACCESS:
	case AMQP_NOT_ALLOWED:
	case AMQP_NOT_FOUND:
	case AMQP_RESOURCE_LIMIT_EXCEEDED:
		return CAUSE_SESSION_REJECTED;
	case AMQP_INTERNAL_ERROR:
		return CAUSE_SERVICE_TRANSIENT;
	case AMQP_NO_ERROR:
	case AMQP_DECODE_ERROR:
	case AMQP_INVALID_FIELD:
	case AMQP_NOT_IMPLEMENTED:
	case AMQP_RESOURCE_LOCKED:
	case AMQP_PRECONDITION_FAILED:
	case AMQP_RESOURCE_DELETED:
	case AMQP_ILLEGAL_STATE:
	case AMQP_FRAME_SIZE_TOO_SMALL:
	case AMQP_CONNECTION_FORCED:
	case AMQP_FRAMING_ERROR:
	case AMQP_CONNECTION_REDIRECT:
	case AMQP_OTHER_ERROR:
	case AMQP_ERROR_MAX:
	case AMQP_ERROR_INVALID:
		break;
	}
	return CAUSE_UNKNOWN;
}

/* An agent that sends more after the answer was not refused: it speaks plain HTTP. */
static bool is_refused_by_http(const struct login_facts *login)
{
	unsigned status = login->http_status;

	return (find_reason(statuses, LENGTH(statuses), status) ||
		(status >= HTTP_FAILS && status <= HTTP_MOST)) &&
	       !login->went_on;
}

static bool is_refused_by_sasl(const struct login_facts *login)
{
	return login->sasl_ended && login->sasl != 0;
}

enum { WS_NORMAL = 1000 }; /* gives no reason; a peer may repeat it after the agent's close */

static bool is_closed_by_websocket(const struct login_facts *login)
{
	return login->close_code && login->close_code != WS_NORMAL && !login->left;
}

bool login_peer_gave_the_reason(const struct login_facts *login)
{
	return is_refused_by_sasl(login) || login->amqp_error != AMQP_NO_ERROR ||
	       is_refused_by_http(login) || is_closed_by_websocket(login);
}

static enum cause cause_of(const struct reason *reason, enum cause otherwise)
{
	return reason ? reason->cause : otherwise;
}

enum cause login_cause(const struct login_facts *login)
{
	if (is_refused_by_sasl(login))
		return cause_of(find_reason(outcomes, LENGTH(outcomes), login->sasl),
				CAUSE_SESSION_REJECTED);
	if (login->amqp_error != AMQP_NO_ERROR)
		return cause_of_amqp(login->amqp_error);
	if (is_refused_by_http(login))
		return cause_of(find_reason(statuses, LENGTH(statuses), login->http_status),
				CAUSE_SERVICE_TRANSIENT);
	return cause_of(find_reason(close_codes, LENGTH(close_codes), login->close_code),
			CAUSE_UNKNOWN);
}

bool login_is_not_authorized(const struct login_facts *login)
{
	enum { SASL_AUTH = 1, HTTP_UNAUTHORIZED = 401 };

	return (is_refused_by_sasl(login) && login->sasl == SASL_AUTH) ||
	       login->amqp_error == AMQP_UNAUTHORIZED_ACCESS ||
	       (is_refused_by_http(login) && login->http_status == HTTP_UNAUTHORIZED);
}

bool login_is_accepted(const struct login_facts *login)
{
	enum { HTTP_SWITCHING_PROTOCOLS = 101 };

	return !login_peer_gave_the_reason(login) && !login->left &&
	       ((login->sasl_ended && login->sasl == 0) ||
		login->http_status == HTTP_SWITCHING_PROTOCOLS);
}

enum { REASON_SIZE = 48 };

/* "CODE-NAME", or "CODE" for a code without a name, in `text`. */
static const char *words_of(unsigned code, const struct reason *reason,
			    char text[static REASON_SIZE])
{
	snprintf(text, REASON_SIZE, "%u%s%s", code, reason ? "-" : "", reason ? reason->name : "");
	return text;
}

void login_describe(const struct circumstances *given, struct tokens *evidence)
{
	const struct login_facts *login = given->login;
	char text[REASON_SIZE];

	if (is_refused_by_sasl(login))
		tokens_add(evidence, "sasl_outcome=%s",
			   words_of(login->sasl,
				    find_reason(outcomes, LENGTH(outcomes), login->sasl), text));
	if (login->amqp_error != AMQP_NO_ERROR)
		tokens_add(evidence, "amqp_error=%s", amqp_error_to_string(login->amqp_error));
	if (is_refused_by_http(login))
		tokens_add(evidence, "http_status=%s",
			   words_of(login->http_status,
				    find_reason(statuses, LENGTH(statuses), login->http_status),
				    text));
	if (login->close_code)
		tokens_add(
			evidence, "websocket_close=%s",
			words_of(login->close_code,
				 find_reason(close_codes, LENGTH(close_codes), login->close_code),
				 text));
}

bool login_more_may_come(const struct circumstances *given)
{
	return given->login->protocol != LOGIN_NONE && !given->closed &&
	       !login_peer_gave_the_reason(given->login);
}
