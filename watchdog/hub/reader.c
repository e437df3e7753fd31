/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cuts a stream into JSON objects and lines. Objects may follow each other with or without commas,
 * over several lines, and within an array. After a mistake, reading goes on with the next line. */
#include <string.h>

#include "base/text.h"
#include "hub/hub.h"

void hub_reader_begin(struct hub_reader *reader, const struct hub_sink *sink)
{
	if (reader->session_count)
		memset(reader->sessions, 0, sizeof(reader->sessions));
	memset(reader, 0, offsetof(struct hub_reader, item));
	reader->sink = *sink;
	reader->line = 1;
}

/* ---- sessions */

static struct hub_session *set_of(struct hub_reader *reader, uint64_t session)
{
	return reader->sessions[session % HUB_SESSION_SETS];
}

/* Forgets the oldest of those that share its place. */
static void keep_session(struct hub_reader *reader, const struct hub_event *event)
{
	struct hub_session *set = set_of(reader, event->session);

	memmove(set + 1, set, (HUB_SESSION_WAYS - 1) * sizeof(*set));
	set->session = event->session;
	memcpy(set->device, event->device, sizeof(set->device));
	reader->session_count++;
}

/* Returns false if the log has no beginning of it. */
static bool name_session(struct hub_reader *reader, struct hub_event *event)
{
	struct hub_session *set = set_of(reader, event->session);

	for (unsigned i = 0; i < HUB_SESSION_WAYS; i++)
		if (set[i].session && set[i].session == event->session) {
			memcpy(event->device, set[i].device, sizeof(event->device));
			set[i].session = 0; /* its address may be that of another one next */
			return true;
		}
	return false;
}

/* ---- items */

static void tell(struct hub_reader *reader, enum hub_reading reading, const struct hub_event *event)
{
	switch (reading) {
	case HUB_EVENT:
		reader->sink.event(reader->sink.userdata, event, reader->first_line);
		break;
	case HUB_UNNAMED:
		reader->unnamed++;
		break;
	case HUB_UNRELATED:
		reader->unrelated++;
		break;
	case HUB_MALFORMED:
		reader->sink.malformed(reader->sink.userdata, reader->first_line);
		break;
	}
}

static void begin_item(struct hub_reader *reader)
{
	reader->length = 0;
	reader->depth = 0;
	reader->json = reader->in_string = reader->escaped = reader->skip = false;
	reader->last = '\0';
}

static enum hub_reading read_text(struct hub_reader *reader, struct hub_event *event)
{
	enum hub_reading reading = hub_read_text(reader->item, event);

	if (reading == HUB_EVENT && event->session && event->symptom == HUB_CONNECT)
		keep_session(reader, event);
	if (reading == HUB_UNNAMED && name_session(reader, event))
		return HUB_EVENT;
	return reading;
}

static void end_line(struct hub_reader *reader)
{
	struct hub_event event;
	char *text = reader->item;

	if (reader->length && text[reader->length - 1] == '\r')
		reader->length--;
	text[reader->length] = '\0';
	if (strlen(text) != reader->length)
		tell(reader, HUB_MALFORMED, NULL);
	else if (reader->columns.count)
		tell(reader, hub_read_csv(text, &reader->columns, &event), &event);
	else if (!hub_read_csv_head(text, &reader->columns))
		tell(reader, read_text(reader, &event), &event);
	begin_item(reader);
}

/* True for `{"records":[` alone. */
static bool is_wrapper(const struct hub_reader *reader)
{
	static const char wanted[] = "{\"records\":[";
	size_t at = 0;

	for (size_t i = 0; i < reader->length; i++) {
		if (text_contains(" \t\r\n", reader->item[i]))
			continue;
		if (at == sizeof(wanted) - 1 || reader->item[i] != wanted[at++])
			return false;
	}
	return at == sizeof(wanted) - 1;
}

static void end_object(struct hub_reader *reader)
{
	struct hub_event event;

	tell(reader, hub_read_json(reader->item, reader->length, &event), &event);
	begin_item(reader);
}

static void fail(struct hub_reader *reader, bool skip_line)
{
	tell(reader, HUB_MALFORMED, NULL);
	begin_item(reader);
	reader->skip = skip_line;
}

static void keep(struct hub_reader *reader, char byte)
{
	if (reader->length < HUB_ITEM_MAX)
		reader->item[reader->length++] = byte;
	else
		fail(reader, true);
}

static void take_in_string(struct hub_reader *reader, char byte)
{
	if (byte == '\n') { /* JSON has none in a string: the line was cut off */
		fail(reader, false);
		return;
	}
	if (reader->escaped)
		reader->escaped = false;
	else if (byte == '\\')
		reader->escaped = true;
	else if (byte == '"')
		reader->in_string = false;
	keep(reader, byte);
}

static void begin(struct hub_reader *reader, char byte);

/* An object that begins a line, where none can be: the one before was cut off. */
static bool is_cut_off(const struct hub_reader *reader, char byte)
{
	return byte == '{' && reader->length > 0 && reader->item[reader->length - 1] == '\n' &&
	       !text_contains(":,[", reader->last);
}

static void take_in_object(struct hub_reader *reader, char byte)
{
	if (is_cut_off(reader, byte)) {
		fail(reader, false);
		begin(reader, byte);
		return;
	}
	keep(reader, byte);
	if (!reader->json)
		return;
	reader->in_string = byte == '"';
	if (byte == '{' || byte == '[')
		reader->depth++;
	if ((byte == '}' || byte == ']') && --reader->depth == 0) {
		end_object(reader);
		return;
	}
	if (byte == '[' && reader->depth == 2 && is_wrapper(reader)) {
		begin_item(reader);
		reader->wrapped = true;
	}
	if (!text_contains(" \t\r\n", byte))
		reader->last = byte;
}

/* Between items. */
static void begin(struct hub_reader *reader, char byte)
{
	if (text_contains(" \t\r\n", byte) ||
	    text_contains("\xef\xbb\xbf", byte)) /* UTF-8's mark */
		return;
	if (byte == '[')
		reader->wrapped = true;
	if (byte == '[' || (reader->wrapped && text_contains(",]}", byte)))
		return;
	reader->first_line = reader->line;
	if (byte == '{') {
		reader->json = true;
		reader->depth = 1;
		reader->last = byte;
	}
	keep(reader, byte);
}

static void take(struct hub_reader *reader, char byte)
{
	if (reader->skip)
		reader->skip = byte != '\n';
	else if (reader->length == 0)
		begin(reader, byte);
	else if (reader->json && reader->in_string)
		take_in_string(reader, byte);
	else if (reader->json)
		take_in_object(reader, byte);
	else if (byte == '\n')
		end_line(reader);
	else
		keep(reader, byte);
	reader->line += byte == '\n';
}

void hub_reader_feed(struct hub_reader *reader, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		take(reader, bytes[i]);
}

void hub_reader_end(struct hub_reader *reader)
{
	if (reader->length && reader->json)
		fail(reader, false);
	else if (reader->length)
		end_line(reader);
	begin_item(reader);
}
