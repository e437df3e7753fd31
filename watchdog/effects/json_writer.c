/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "effects/json_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "effects/field_list.h"
#include "support/json.h"

static size_t name_length(const char *field)
{
	return strcspn(field, "=");
}

static bool same_name(const char *a, const char *b)
{
	return name_length(a) == name_length(b) && memcmp(a, b, name_length(a)) == 0;
}

/* The number of fields from `first` on that have the same name. */
static unsigned run_length(const struct field_list *list, unsigned first)
{
	unsigned end = first + 1;

	while (end < list->count && same_name(list->fields[first], list->fields[end]))
		end++;
	return end - first;
}

static void write_members(FILE *stream, const struct field_list *list)
{
	for (unsigned i = 0, run; i < list->count; i += run) {
		size_t name = name_length(list->fields[i]);

		run = run_length(list, i);
		fprintf(stream, "%s\"%.*s\":%s", i ? "," : "", (int)name, list->fields[i],
			run > 1 ? "[" : "");
		for (unsigned k = i; k < i + run; k++) {
			if (k > i)
				putc(',', stream);
			json_quote(stream, list->fields[k] + name + 1);
		}
		if (run > 1)
			putc(']', stream);
	}
}

int json_write(FILE *stream, const struct record *record, usec_t realtime)
{
	struct field_list list;
	int incomplete = field_list_fill(&list, record);

	putc('{', stream);
	write_members(stream, &list);
	if (realtime != USEC_INFINITY)
		fprintf(stream, ",\"__REALTIME_TIMESTAMP\":\"%" PRIu64 "\"", realtime);
	fprintf(stream, ",\"__MONOTONIC_TIMESTAMP\":\"%" PRIu64 "\"}\n", record->time);
	if (fflush(stream) != 0)
		return -errno;
	return incomplete;
}
