/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/field_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct filling {
	struct field_list *list;
	int error;
};

static void add_field(void *userdata, const char *name, const char *value)
{
	struct filling *filling = userdata;
	struct field_list *list = filling->list;
	char *field = list->text + list->used;
	size_t room = sizeof list->text - list->used;
	int length = snprintf(field, room, "%s=%s", name, value);

	if (length < 0 || (size_t)length >= room || list->count == FIELDS_MAX) {
		filling->error = -ENOBUFS;
		return;
	}
	list->fields[list->count++] = field;
	list->used += (size_t)length + 1;
}

int field_list_fill(struct field_list *list, const struct record *record)
{
	struct filling filling = { .list = list };

	list->count = 0;
	list->used = 0;
	record_fields(record, add_field, &filling);
	return filling.error;
}

const char *field_list_find(const struct field_list *list, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < list->count; i++) {
		if (strncmp(list->fields[i], name, length) == 0 && list->fields[i][length] == '=')
			return list->fields[i] + length + 1;
	}
	return NULL;
}
