/* A record's fields as "NAME=value" texts: what the journal is handed and what JSON is made of. */
#pragma once

#include "core/record.h"

enum {
	FIELDS_MAX = 128,
	FIELDS_SIZE = 16 * 1024,
};

struct field_list {
	unsigned count;
	const char *fields[FIELDS_MAX];
	size_t used;
	char text[FIELDS_SIZE];
};

/* Collects all of record_fields(), in its order. Returns 0, or -ENOBUFS if there is no room for
 * every one; those that did fit are there. */
int field_list_fill(struct field_list *list, const struct record *record);

/* The value of the field `name`, the first one if it is repeated; NULL if there is none. */
const char *field_list_find(const struct field_list *list, const char *name);
