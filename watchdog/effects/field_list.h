/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A record's fields as "NAME=value" strings, for the journal and for JSON. */
#pragma once

#include "record/record.h"

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

/* Collects the fields of record_fields(), in its order. Returns 0, or -ENOBUFS if some did not fit;
 * the list then has the others. */
int field_list_fill(struct field_list *list, const struct record *record);

/* Returns the value of the field `name` (the first one if it repeats), or NULL. */
const char *field_list_find(const struct field_list *list, const char *name);
