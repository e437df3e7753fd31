/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A D-Bus value as a tree of texts, numbers, lists and dictionaries. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
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
	char *name; /* its key if it is in a dictionary, otherwise NULL */
	char *text;
	uint64_t number;     /* a boolean: 0 or 1 */
	struct value *first; /* the first part of a list or dictionary */
	struct value *last;
	struct value *next; /* the next part of the same list or dictionary */
};

struct sd_bus_message;

/* Reads the next complete value of `message` into `*ret`, which the caller frees. Returns 0, -ENXIO
 * if there is none, or another -errno. */
int value_read(struct sd_bus_message *message, struct value **ret);
struct value *value_free(struct value *value); /* returns NULL */
DEFINE_CLEANUP(struct value *, value_free);

/* Creates an empty value; returns NULL without memory. */
struct value *value_new(enum value_type type);

/* Adds `part` to `whole`, in a dictionary under `name`, and takes ownership of it. Returns 0, or
 * -ENOMEM after freeing `part`. */
int value_add(struct value *whole, const char *name, struct value *part);

/* Returns the value under `name`, or NULL. */
struct value *value_find(const struct value *dictionary, const char *name);

/* Return the text or number under `name`; "" or 0 if there is none. */
const char *value_text(const struct value *dictionary, const char *name);
uint64_t value_number(const struct value *dictionary, const char *name);

void value_print(const struct value *value, struct json *json);

#define FOR_EACH_PART(part, whole) \
	for (const struct value *part = (whole) ? (whole)->first : NULL; part; part = part->next)
