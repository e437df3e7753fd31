/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The logs in text: mosquitto's and EMQX's, and which is RabbitMQ's. A client chooses its ID,
 * blanks included: so fixed words are looked for from the ends of the line. */
#include <string.h>

#include "base/text.h"
#include "hub/hub_code.h"
#include "hub/hub_time.h"

static void set_code(struct hub_event *event, const char *code, enum hub_symptom symptom)
{
	event->symptom = symptom;
	text_copy(event->code, sizeof(event->code), code);
}

/* ---- mosquitto 2.0, as its log_type notice writes them */

static const struct {
	const char *tail, *code;
	enum hub_symptom symptom;
} tails[] = {
	{ " already connected, closing old connection.", "already connected", HUB_TAKEN_OVER },
	{ " has exceeded timeout, disconnecting.", "exceeded timeout", HUB_KEEP_ALIVE },
	{ " disconnected, not authorised.", "not authorised", HUB_NOT_AUTHORIZED },
	{ " closed its connection.", "closed its connection", HUB_CLOSED },
	{ " disconnected due to protocol error.", "protocol error", HUB_PROTOCOL_ERROR },
	{ " disconnected due to malformed packet.", "malformed packet", HUB_PROTOCOL_ERROR },
	{ " disconnected due to out of memory.", "out of memory", HUB_SERVER_ERROR },
	{ " been disconnected by administrative action.", "administrative", HUB_ENDED_BY_HUB },
	{ " disconnected.", "", HUB_CLEAN },
};

static enum hub_reading read_end(const char *text, struct hub_event *event)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		size_t tail = strlen(tails[i].tail);

		if (length < tail || strcmp(text + length - tail, tails[i].tail) != 0)
			continue;
		set_code(event, tails[i].code, tails[i].symptom);
		return hub_take_device(event, text, length - tail);
	}
	return HUB_UNRELATED;
}

/* "ADDRESS:PORT as ID (p2, c1, k60).": the last parenthesis is mosquitto's own. */
static enum hub_reading read_connect(const char *text, struct hub_event *event)
{
	const char *id = strstr(text, " as "), *end = NULL;

	if (!id)
		return HUB_MALFORMED;
	id += strlen(" as ");
	for (const char *at = id; (at = strstr(at, " (p")); at++)
		end = at;
	if (!end)
		return HUB_MALFORMED;
	event->symptom = HUB_CONNECT;
	return hub_take_device(event, id, (size_t)(end - id));
}

static enum hub_reading read_mosquitto(const char *text, struct hub_event *event)
{
	static const char connect[] = "New client connected from ", client[] = "Client ";

	event->format = HUB_FORMAT_MOSQUITTO;
	if (strncmp(text, connect, strlen(connect)) == 0)
		return read_connect(text + strlen(connect), event);
	if (strncmp(text, client, strlen(client)) == 0)
		return read_end(text + strlen(client), event);
	return HUB_UNRELATED;
}

/* ---- EMQX 5: "TIME [info] msg: terminate, mfa: ..., clientid: ID, ..., reason: {shutdown,R}" */

static const char *find_last(const char *text, const char *words)
{
	const char *last = NULL;

	for (; (text = strstr(text, words)); text++)
		last = text;
	return last;
}

/* Copies the value at `at` up to `end`; NULL: up to a comma and a blank, or the end. */
static bool value_of(const char *at, const char *end, char *to, size_t size)
{
	size_t length;

	if (!at)
		return false;
	if (!end)
		end = strstr(at, ", ");
	length = end ? (size_t)(end - at) : strlen(at);
	if (length == 0 || length >= size)
		return false;
	memcpy(to, at, length);
	to[length] = '\0';
	return true;
}

/* A client may have ", reason: ..." in its ID, or ", " and the rest of a line about another: the ID
 * ends where the broker's own words go on, and the reason is the last one. */
static enum hub_reading read_emqx(const char *text, struct hub_event *event)
{
	static const char client[] = "clientid: ", because[] = "reason: ";
	const char *named = strstr(text, client), *said = find_last(text, because);
	char reason[64], id[HUB_ID_SIZE];
	const char *word = reason;

	event->format = HUB_FORMAT_EMQX;
	if (!strstr(text, "msg: terminate,"))
		return HUB_UNRELATED;
	if (!named || !said)
		return HUB_MALFORMED;
	named += strlen(client);
	if (!value_of(named, find_last(named, ", peername: "), id, sizeof(id)) ||
	    !value_of(said + strlen(because), NULL, reason, sizeof(reason)))
		return HUB_MALFORMED;
	if (strncmp(word, "{shutdown,", strlen("{shutdown,")) == 0)
		word += strlen("{shutdown,");
	reason[strcspn(reason, "}")] = '\0';
	text_make_printable(reason);
	set_code(event, word, hub_code_emqx(word));
	return hub_take_device(event, id, strlen(id));
}

enum hub_reading hub_read_text(const char *text, struct hub_event *event)
{
	const char *rest;

	*event = (struct hub_event){ .time = 0 };
	rest = hub_time_iso(text, &event->time);
	if (!rest)
		rest = hub_time_number(text, &event->time);
	if (!rest)
		return HUB_MALFORMED;
	if (strncmp(rest, " [", 2) == 0) {
		const char *words = strstr(rest, "] <0."), *end = words ? strchr(words, '>') : NULL;

		return end && end[1] == ' ' ? hub_read_rabbitmq(end + 2, event)
					    : read_emqx(rest, event);
	}
	if (strncmp(rest, ": ", 2) != 0)
		return HUB_MALFORMED;
	return read_mosquitto(rest + 2, event);
}
