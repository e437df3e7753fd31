/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log of RabbitMQ, as its MQTT plugin writes it: "TIME [LEVEL] <0.1.0> WORDS". Most ends name
 * the connection alone, "ADDRESS:PORT -> ADDRESS:PORT", often in "..." or <<"...">>: whose it is,
 * its beginning says. */
#include <string.h>

#include "base/text.h"
#include "hub/hub_code.h"

/* Reads the connection at `text`. Returns the first byte behind it, or NULL. */
static const char *read_connection(const char *text, uint64_t *session)
{
	static const char parts[] = "0123456789abcdefABCDEF.:[]%";
	const char *arrow, *end;

	text += strspn(text, "<\"'");
	arrow = text + strspn(text, parts);
	if (arrow == text || strncmp(arrow, " -> ", 4) != 0)
		return NULL;
	end = arrow + 4 + strspn(arrow + 4, parts);
	while (end[-1] == ':')
		end--;
	*session = hub_hash(HUB_HASH, text, (size_t)(end - text));
	return end + strspn(end, "\">'");
}

static bool begins(const char **text, const char *words)
{
	size_t length = strlen(words);

	if (strncmp(*text, words, length) != 0)
		return false;
	*text += length;
	return true;
}

static enum hub_reading end_of(struct hub_event *event, enum hub_symptom symptom, const char *code)
{
	event->symptom = symptom;
	text_copy(event->code, sizeof(event->code), code);
	return HUB_UNNAMED;
}

/* Behind "Accepted MQTT connection ". */
static enum hub_reading read_accepted(const char *text, struct hub_event *event)
{
	text = read_connection(text, &event->session);
	if (!text || !begins(&text, " for client ID "))
		return HUB_MALFORMED;
	event->symptom = HUB_CONNECT;
	return hub_take_device(event, text, strlen(text));
}

/* Until 3.11, behind "accepting MQTT connection ": "<0.1.0> (CONNECTION, client id: ID)". */
static enum hub_reading read_accepting(const char *text, struct hub_event *event)
{
	size_t length;

	text = strstr(text, "> (");
	text = text ? read_connection(text + 3, &event->session) : NULL;
	if (!text || !begins(&text, ", client id: "))
		return HUB_MALFORMED;
	length = strlen(text);
	event->symptom = HUB_CONNECT;
	return length > 0 && text[length - 1] == ')' ? hub_take_device(event, text, length - 1)
						     : HUB_MALFORMED;
}

/* Behind "MQTT disconnecting client ": the ID is between quotes, and may have any in it. */
static enum hub_reading read_disconnecting(const char *text, struct hub_event *event)
{
	const char *end = NULL;

	text = read_connection(text, &event->session);
	if (!text)
		return HUB_MALFORMED;
	if (begins(&text, " with duplicate id '")) {
		end_of(event, HUB_TAKEN_OVER, "duplicate id");
		end = strrchr(text, '\'');
	} else if (begins(&text, " with client ID '")) {
		end_of(event, HUB_ENDED_BY_HUB, "disconnecting client");
		for (const char *at = text; (at = strstr(at, "', reason: ")); at++)
			end = at;
	}
	return end ? hub_take_device(event, text, (size_t)(end - text)) : HUB_MALFORMED;
}

/* Behind "closing MQTT connection ". */
static enum hub_reading read_closing(const char *text, struct hub_event *event)
{
	const char *rest = read_connection(text, &event->session);

	if (rest && strcmp(rest, " (keepalive timeout)") == 0)
		return end_of(event, HUB_KEEP_ALIVE, "keepalive timeout");
	if (rest && strcmp(rest, " (login timeout)") == 0)
		return HUB_UNRELATED; /* it never said who it is */
	rest = strstr(text, "> (");
	if (text[0] != '<' || !rest || !read_connection(rest + 3, &event->session))
		return HUB_MALFORMED;
	return end_of(event, HUB_CLEAN, "");
}

/* Behind "MQTT connection ". */
static enum hub_reading read_of_connection(const char *text, struct hub_event *event)
{
	text = read_connection(text, &event->session);
	if (!text)
		return HUB_UNRELATED;
	if (strcmp(text, " will terminate because peer closed TCP connection") == 0)
		return end_of(event, HUB_CLOSED, "peer closed");
	if (strcmp(text, " is closing due to an authorization failure") == 0)
		return end_of(event, HUB_NOT_AUTHORIZED, "authorization failure");
	return HUB_UNRELATED;
}

static const struct {
	const char *words, *code;
	enum hub_symptom symptom;
} ends[] = {
	{ "MQTT detected network error for ", "network error", HUB_CLOSED },
	{ "MQTT protocol error on connection ", "protocol error", HUB_PROTOCOL_ERROR },
	{ "MQTT detected a packet error on connection ", "packet error", HUB_PROTOCOL_ERROR },
	{ "MQTT detected a framing error on connection ", "framing error", HUB_PROTOCOL_ERROR },
	{ "Unparseable MQTT packet received from connection ", "unparseable packet",
	  HUB_PROTOCOL_ERROR },
};

enum hub_reading hub_read_rabbitmq(const char *text, struct hub_event *event)
{
	event->format = HUB_FORMAT_RABBITMQ;
	if (begins(&text, "Accepted MQTT connection "))
		return read_accepted(text, event);
	if (begins(&text, "accepting MQTT connection "))
		return read_accepting(text, event);
	if (begins(&text, "MQTT disconnecting client "))
		return read_disconnecting(text, event);
	if (begins(&text, "closing MQTT connection "))
		return read_closing(text, event);
	if (begins(&text, "MQTT connection "))
		return read_of_connection(text, event);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (begins(&text, ends[i].words))
			return read_connection(text, &event->session)
				       ? end_of(event, ends[i].symptom, ends[i].code)
				       : HUB_MALFORMED;
	return HUB_UNRELATED;
}
