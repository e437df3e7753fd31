/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bus_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/text.h"

struct value *value_new(enum value_type type)
{
	struct value *value = calloc(1, sizeof(*value));

	if (value)
		value->type = type;
	return value;
}

struct value *value_free(struct value *value)
{
	struct value *part, *next;

	if (!value)
		return NULL;
	for (part = value->first; part; part = next) {
		next = part->next;
		value_free(part);
	}
	free(value->name);
	free(value->text);
	free(value);
	return NULL;
}

int value_add(struct value *whole, const char *name, struct value *part)
{
	if (!part || (name && !(part->name = strdup(name)))) {
		value_free(part);
		return -ENOMEM;
	}
	if (whole->last)
		whole->last->next = part;
	else
		whole->first = part;
	whole->last = part;
	return 0;
}

struct value *value_find(const struct value *dictionary, const char *name)
{
	for (struct value *part = dictionary ? dictionary->first : NULL; part; part = part->next)
		if (part->name && strcmp(part->name, name) == 0)
			return part;
	return NULL;
}

const char *value_text(const struct value *dictionary, const char *name)
{
	const struct value *value = value_find(dictionary, name);

	return value && value->text ? value->text : "";
}

uint64_t value_number(const struct value *dictionary, const char *name)
{
	const struct value *value = value_find(dictionary, name);

	return value ? value->number : 0;
}

void value_print(const struct value *value, struct json *json)
{
	bool dictionary = value->type == VALUE_DICTIONARY;

	switch (value->type) {
	case VALUE_TEXT:
		json_string(json, value->name, value->text);
		break;
	case VALUE_NUMBER:
		json_number(json, value->name, value->number);
		break;
	case VALUE_BOOLEAN:
		json_boolean(json, value->name, value->number);
		break;
	case VALUE_LIST:
	case VALUE_DICTIONARY:
		json_open(json, value->name, dictionary ? '{' : '[');
		FOR_EACH_PART(part, value)
		value_print(part, json);
		json_close(json, dictionary ? '{' : '[');
		break;
	}
}

/* ---- reading; sd-bus has checked the message, so what is in it fits its signature */

static int read_text(sd_bus_message *message, char type, struct value *value)
{
	const char *text;
	int r = sd_bus_message_read_basic(message, type, &text);

	value->type = VALUE_TEXT;
	if (r < 0)
		return r;
	value->text = strdup(text);
	return value->text ? 0 : -ENOMEM;
}

/* connwatchd sends no negative numbers; they would become large ones. */
static int read_number(sd_bus_message *message, char type, struct value *value)
{
	union {
		uint8_t byte;
		uint16_t half;
		uint32_t word;
		int boolean;
		uint64_t large;
	} number = { .large = 0 };
	int r = sd_bus_message_read_basic(message, type, &number);

	value->type = type == 'b' ? VALUE_BOOLEAN : VALUE_NUMBER;
	if (type == 'y')
		value->number = number.byte;
	else if (type == 'n' || type == 'q')
		value->number = number.half;
	else if (type == 'b')
		value->number = number.boolean != 0;
	else if (type == 'i' || type == 'u')
		value->number = number.word;
	else
		value->number = number.large;
	return r < 0 ? r : 0;
}

static int read_parts(sd_bus_message *message, struct value *value)
{
	int r;

	while ((r = sd_bus_message_at_end(message, false)) == 0) {
		struct value *part = NULL;

		r = value_read(message, &part);
		if (r >= 0)
			r = value_add(value, NULL, part);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

/* All dictionaries that we read have strings as keys. */
static int read_entry(sd_bus_message *message, struct value *dictionary)
{
	struct value *part = NULL;
	const char *key = NULL;
	char type;
	int r = sd_bus_message_peek_type(message, &type, NULL);

	if (r >= 0)
		r = sd_bus_message_read_basic(message, type, &key);
	if (r >= 0)
		r = value_read(message, &part);
	return r < 0 ? r : value_add(dictionary, key, part);
}

static int read_entries(sd_bus_message *message, const char *contents, struct value *value)
{
	char entry[256]; /* no signature is longer: D-Bus Specification */
	int r;

	value->type = VALUE_DICTIONARY;
	text_copy(entry, sizeof(entry), contents + 1); /* without its braces */
	entry[strlen(entry) - 1] = '\0';
	while ((r = sd_bus_message_enter_container(message, 'e', entry)) > 0) {
		r = read_entry(message, value);
		if (r >= 0)
			r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	return r;
}

static int read_container(sd_bus_message *message, char type, const char *contents,
			  struct value *value)
{
	int r = sd_bus_message_enter_container(message, type, contents);

	value->type = VALUE_LIST;
	if (r >= 0 && type == 'a' && contents[0] == '{')
		r = read_entries(message, contents, value);
	else if (r >= 0)
		r = read_parts(message, value);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* A variant becomes the value that it contains. */
static int read_variant(sd_bus_message *message, const char *contents, struct value **ret)
{
	int r = sd_bus_message_enter_container(message, 'v', contents);

	if (r >= 0)
		r = value_read(message, ret);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

int value_read(sd_bus_message *message, struct value **ret)
{
	const char *contents;
	struct value *value;
	char type;
	int r = sd_bus_message_peek_type(message, &type, &contents);

	if (r <= 0)
		return r < 0 ? r : -ENXIO;
	if (type == 'v')
		return read_variant(message, contents, ret);
	value = value_new(VALUE_TEXT);
	if (!value)
		return -ENOMEM;
	if (strchr("sog", type))
		r = read_text(message, type, value);
	else if (strchr("ar", type))
		r = read_container(message, type, contents, value);
	else
		r = read_number(message, type, value);
	if (r < 0) {
		value_free(value);
		return r;
	}
	*ret = value;
	return 0;
}
