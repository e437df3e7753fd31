/* What came over D-Bus as a tree: texts, numbers, lists, and dictionaries of them. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "support/json.h"

enum value_type {
	VALUE_TEXT, /* also object paths and signatures */
	VALUE_NUMBER,
	VALUE_BOOLEAN,
	VALUE_LIST, /* arrays and structures */
	VALUE_DICTIONARY,
};

struct value {
	enum value_type type;
	char *name; /* its key, inside a dictionary; else NULL */
	char *text;
	uint64_t number;     /* a boolean: 0 or 1 */
	struct value *first; /* of what it holds */
	struct value *last;
	struct value *next; /* beside it */
};

struct sd_bus_message;

/* Reads the next complete value of `message` into `*ret`, to be freed. Returns 0, -ENXIO if there
 * is none, or another -errno. */
int value_read(struct sd_bus_message *message, struct value **ret);
struct value *value_free(struct value *value); /* returns NULL */

/* An empty one; NULL: no memory. */
struct value *value_new(enum value_type type);

/* Adds `part`, which it then owns, to `whole`, under `name` in a dictionary. Returns 0, or -ENOMEM
 * and `part` is freed. */
int value_add(struct value *whole, const char *name, struct value *part);

/* What a dictionary has under `name`; NULL: nothing. */
struct value *value_find(const struct value *dictionary, const char *name);

/* A text, "" if there is none; a number, 0 if there is none. */
const char *value_text(const struct value *dictionary, const char *name);
uint64_t value_number(const struct value *dictionary, const char *name);

void value_print(const struct value *value, struct json *json);

#define FOR_EACH_PART(part, whole) \
	for (const struct value *part = (whole) ? (whole)->first : NULL; part; part = part->next)
