/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/json.h"

#include <inttypes.h>

/* RFC 8259, section 7: what must be escaped. */
void json_quote(FILE *stream, const char *text)
{
	putc('"', stream);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', stream);
		if ((unsigned char)*text < 0x20)
			fprintf(stream, "\\u%04x", *text);
		else
			putc(*text, stream);
	}
	putc('"', stream);
}

static void begin_value(struct json *json, const char *name)
{
	if (json->follows)
		putc(',', json->stream);
	json->follows = true;
	if (!name)
		return;
	json_quote(json->stream, name);
	putc(':', json->stream);
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin_value(json, name);
	putc(bracket, json->stream);
	json->follows = false;
}

void json_close(struct json *json, char bracket)
{
	putc(bracket == '{' ? '}' : ']', json->stream);
	json->follows = true;
}

void json_string(struct json *json, const char *name, const char *value)
{
	begin_value(json, name);
	json_quote(json->stream, value);
}

void json_number(struct json *json, const char *name, uint64_t value)
{
	begin_value(json, name);
	fprintf(json->stream, "%" PRIu64, value);
}

void json_boolean(struct json *json, const char *name, bool value)
{
	begin_value(json, name);
	fputs(value ? "true" : "false", json->stream);
}
