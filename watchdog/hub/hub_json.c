/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The events of hubs that write JSON, and the CSV of Log Analytics, whose columns are the same. */
#include <string.h>

#include "base/text.h"
#include "hub/hub_code.h"
#include "hub/hub_time.h"
#include "hub/json_fields.h"

/* The fields that any of the formats needs. Names that mean the same share a number. */
enum field {
	TIME,
	OPERATION,
	RESULT,
	DEVICE,
	CATEGORY,
	STATUS,
	EVENT_TYPE,
	REASON,
	SESSION,
	VERSION_NUMBER,
	CLIENT,
	TIMESTAMP,
	EVENT,
	FIELDS,
};

static const struct {
	const char *name;
	enum field field;
} names[] = {
	{ "time", TIME },
	{ "TimeGenerated", TIME },
	{ "TimeGenerated [UTC]", TIME },
	{ "operationName", OPERATION },
	{ "OperationName", OPERATION },
	{ "resultType", RESULT },
	{ "ResultType", RESULT },
	{ "deviceId", DEVICE },
	{ "category", CATEGORY },
	{ "Category", CATEGORY },
	{ "statusCode", STATUS },
	{ "eventType", EVENT_TYPE },
	{ "disconnectReason", REASON },
	{ "reason", REASON },
	{ "sessionIdentifier", SESSION },
	{ "versionNumber", VERSION_NUMBER },
	{ "clientId", CLIENT },
	{ "clientid", CLIENT },
	{ "timestamp", TIMESTAMP },
	{ "event", EVENT },
};

enum { VALUE_SIZE = HUB_ID_SIZE };

struct fields {
	char value[FIELDS][VALUE_SIZE];
	unsigned depth;
};

static int field_of(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, name) == 0)
			return (int)names[i].field;
	return -1;
}

/* The first one counts: what is deeper in the event is less its own. */
static void take_field(void *userdata, const char *name, const char *value)
{
	struct fields *fields = userdata;
	int field = field_of(name);

	if ((strcmp(name, "properties") == 0 || strcmp(name, "properties_s") == 0) &&
	    value[0] == '{' && fields->depth == 0) {
		fields->depth++;
		json_fields(value, strlen(value), take_field, fields);
		fields->depth--;
	} else if (field >= 0 && !fields->value[field][0] && strcmp(value, "null") != 0) {
		text_copy(fields->value[field], VALUE_SIZE, value);
	}
}

static bool set_device(struct hub_event *event, const char *id)
{
	return text_copy(event->device, sizeof(event->device), id) == 0 && id[0];
}

/* Stores the hub's word; a clean end has none that says more. */
static void set_code(struct hub_event *event, const char *code, enum hub_symptom symptom)
{
	event->symptom = symptom;
	text_copy(event->code, sizeof(event->code), code);
}

static enum hub_reading read_azure(const struct fields *fields, struct hub_event *event)
{
	const char *operation = fields->value[OPERATION], *result = fields->value[RESULT];
	bool connect = strcmp(operation, "deviceConnect") == 0;

	if (!connect && strcmp(operation, "deviceDisconnect") != 0)
		return HUB_UNRELATED;
	event->format = HUB_FORMAT_AZURE;
	if (!hub_time_iso(fields->value[TIME], &event->time) ||
	    !set_device(event, fields->value[DEVICE]))
		return HUB_MALFORMED;
	if (result[0] == '\0' || strcmp(result, "0") == 0)
		event->symptom = connect ? HUB_CONNECT : HUB_CLEAN;
	else
		set_code(event, result, hub_code_azure(result));
	return HUB_EVENT;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return hub_hash(hash, text, strlen(text) + 1);
}

static enum hub_reading read_aws(const struct fields *fields, struct hub_event *event)
{
	const char *type = fields->value[EVENT_TYPE], *reason = fields->value[REASON];
	const char *session = fields->value[SESSION];
	bool connect = strcmp(type, "connected") == 0 || strcmp(type, "Connect") == 0;

	if (!connect && strcmp(type, "disconnected") != 0 && strcmp(type, "Disconnect") != 0)
		return HUB_UNRELATED;
	event->format = HUB_FORMAT_AWS;
	if ((!hub_time_iso(fields->value[TIMESTAMP], &event->time) &&
	     !hub_time_number(fields->value[TIMESTAMP], &event->time)) ||
	    !set_device(event, fields->value[CLIENT]))
		return HUB_MALFORMED;
	if (connect)
		event->symptom = HUB_CONNECT;
	else
		set_code(event, reason, reason[0] ? hub_code_aws(reason) : HUB_OTHER);
	if (session[0]) {
		event->session = hash_text(HUB_HASH, session);
		event->identity = hash_text(
			hash_text(hash_text(event->session, type), fields->value[VERSION_NUMBER]),
			event->device);
	}
	return HUB_EVENT;
}

static enum hub_reading read_emqx(const struct fields *fields, struct hub_event *event)
{
	const char *reason = fields->value[REASON];
	bool connect = strcmp(fields->value[EVENT], "client.connected") == 0;

	if (!connect && strcmp(fields->value[EVENT], "client.disconnected") != 0)
		return HUB_UNRELATED;
	event->format = HUB_FORMAT_EMQX;
	if (!hub_time_number(fields->value[TIMESTAMP], &event->time) ||
	    !set_device(event, fields->value[CLIENT]))
		return HUB_MALFORMED;
	if (connect)
		event->symptom = HUB_CONNECT;
	else
		set_code(event, reason, hub_code_emqx(reason));
	return HUB_EVENT;
}

static enum hub_reading read_fields(const struct fields *fields, struct hub_event *event)
{
	if (fields->value[OPERATION][0])
		return read_azure(fields, event);
	if (fields->value[EVENT_TYPE][0])
		return read_aws(fields, event);
	if (strncmp(fields->value[EVENT], "client.", 7) == 0)
		return read_emqx(fields, event);
	return HUB_UNRELATED;
}

/* An event without an ID of its own is the same if its text is. */
static void identify(struct hub_event *event, const char *text, size_t size)
{
	if (!event->identity)
		event->identity = hub_hash(HUB_HASH, text, size);
}

enum hub_reading hub_read_json(const char *text, size_t size, struct hub_event *event)
{
	struct fields fields = { .depth = 0 };
	enum hub_reading reading;

	*event = (struct hub_event){ .time = 0 };
	if (!json_fields(text, size, take_field, &fields))
		return HUB_MALFORMED;
	reading = read_fields(&fields, event);
	identify(event, text, size);
	return reading;
}

/* ---- CSV (RFC 4180), without line breaks in fields */

/* Reads a field into the `size` bytes at `to`. Returns what follows: behind the comma, at the end,
 * or NULL if a quote is missing. */
static const char *read_cell(const char *text, char *to, size_t size)
{
	bool quoted = *text == '"';
	size_t length = 0;

	for (text += quoted; *text; text++) {
		if (quoted && *text == '"' && text[1] == '"')
			text++;
		else if (*text == (quoted ? '"' : ','))
			break;
		if (length + 1 < size)
			to[length++] = *text;
	}
	to[length] = '\0';
	if (quoted && *text++ != '"')
		return NULL;
	return *text == ',' ? text + 1 : *text ? NULL : text;
}

enum { PROPERTIES = FIELDS }; /* in struct hub_columns: the column is JSON */

bool hub_read_csv_head(const char *text, struct hub_columns *columns)
{
	char cell[VALUE_SIZE];
	bool has_time = false, has_operation = false;

	columns->count = 0;
	while (text && *text && columns->count < HUB_COLUMNS_MAX) {
		int field;

		text = read_cell(text, cell, sizeof(cell));
		field = strcmp(cell, "properties_s") == 0 || strcmp(cell, "properties") == 0
				? PROPERTIES
				: field_of(cell);
		has_time |= field == TIME;
		has_operation |= field == OPERATION;
		columns->field[columns->count++] = (signed char)field;
	}
	if (!text || !has_time || !has_operation)
		columns->count = 0;
	return columns->count > 0;
}

enum hub_reading hub_read_csv(const char *text, const struct hub_columns *columns,
			      struct hub_event *event)
{
	struct fields fields = { .depth = 0 };
	const char *at = text;
	enum hub_reading reading;

	*event = (struct hub_event){ .time = 0 };
	for (unsigned i = 0; i < columns->count; i++) {
		char cell[JSON_TEXT_SIZE];

		if (!*at && i > 0)
			return HUB_MALFORMED;
		at = read_cell(at, cell, sizeof(cell));
		if (!at)
			return HUB_MALFORMED;
		if (columns->field[i] == PROPERTIES)
			json_fields(cell, strlen(cell), take_field, &fields);
		else if (columns->field[i] >= 0)
			text_copy(fields.value[columns->field[i]], VALUE_SIZE, cell);
	}
	for (unsigned i = 0; i < FIELDS; i++)
		text_make_printable(fields.value[i]);
	reading = read_fields(&fields, event);
	identify(event, text, strlen(text));
	return reading;
}
