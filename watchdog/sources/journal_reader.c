/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/journal_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-journal.h>

#include "base/limits.h"
#include "base/text.h"
#include "support/cleanup.h"

enum {
	KINDS_MAX = 32, /* kinds of records that are looked for at most, newer ones included */
	FIELD_SIZE_MAX = 4096, /* bytes; longer fields are cut: none of ours is */
	FIELDS_MAX = 256,
	NAMES_MAX = 24,
};

/* Names of fields, measured once: each field of each record is compared with all of them. */
struct names {
	unsigned count;
	struct {
		const char *text;
		size_t length;
	} items[NAMES_MAX];
};

struct journal_reader {
	sd_journal *journal;
	struct journal_query query;
	struct names fields, others;
	char values[OTHERS_MAX][OTHER_SIZE]; /* of query->others */
	char boot_id[SD_ID128_STRING_MAX];
};

void journal_reader_free(struct journal_reader *reader)
{
	sd_journal_close(reader->journal);
	free(reader);
}

bool journal_reader_is_live(const struct journal_reader *reader)
{
	return !reader->query.files && !reader->query.directory;
}

/* ---- what is looked for */

static int match(sd_journal *journal, const char *name, const char *value)
{
	char field[FIELD_SIZE_MAX];
	int length = snprintf(field, sizeof(field), "%s=%s", name, value);

	if ((size_t)length >= sizeof(field))
		return -EINVAL;
	return sd_journal_add_match(journal, field, (size_t)length);
}

/* Matches all values of CONNWATCH_KIND in the journal: a newer version may have written kinds that
 * are not known here. */
static int match_kinds(sd_journal *journal)
{
	unsigned kinds = 0;
	const void *field;
	size_t size;
	int r;

	for (int kind = 0; kind < RECORD_KIND_MAX; kind++) {
		r = match(journal, "CONNWATCH_KIND", record_kind_to_string(kind));
		if (r < 0)
			return r;
	}
	r = sd_journal_query_unique(journal, "CONNWATCH_KIND");
	while (r >= 0 && kinds++ < KINDS_MAX) {
		r = sd_journal_enumerate_available_unique(journal, &field, &size);
		if (r <= 0)
			break;
		r = sd_journal_add_match(journal, field, size);
	}
	return r < 0 ? r : 0;
}

static int match_all(sd_journal *journal, const char *const *matches)
{
	int r = 0;

	for (; r >= 0 && *matches; matches++)
		r = sd_journal_add_match(journal, *matches, 0);
	return r;
}

/* Records have the name of an agent as printable text. */
static int match_agent(sd_journal *journal, const char *agent)
{
	char name[UNIT_NAME_SIZE];
	int r;

	text_copy(name, sizeof(name), agent);
	text_make_printable(name);
	r = match(journal, "CONNWATCH_AGENT", name);
	if (r >= 0)
		r = sd_journal_add_disjunction(journal);
	if (r >= 0)
		r = match(journal, "OBJECT_SYSTEMD_UNIT", agent);
	return r;
}

static int match_agents(sd_journal *journal, const char *const *agents)
{
	int r = sd_journal_add_conjunction(journal);

	for (; r >= 0 && *agents; agents++) {
		r = match_agent(journal, *agents);
		if (r >= 0)
			r = sd_journal_add_disjunction(journal);
	}
	return r;
}

/* ---- boots */

struct boot {
	char field[sizeof("_BOOT_ID=") + BOOT_ID_SIZE];
	usec_t first;
};

static int first_time_of(sd_journal *journal, struct boot *boot)
{
	int r = sd_journal_add_match(journal, boot->field, 0);

	if (r >= 0)
		r = sd_journal_seek_head(journal);
	if (r >= 0)
		r = sd_journal_next(journal);
	if (r > 0)
		r = sd_journal_get_realtime_usec(journal, &boot->first);
	sd_journal_flush_matches(journal);
	return r;
}

static int compare_boots(const void *a, const void *b)
{
	const struct boot *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

/* Lists the journal's boots, the earliest first, in an array to be freed. Returns how many there
 * are, or -errno. */
static int list_boots(sd_journal *journal, struct boot **boots)
{
	const void *field;
	int count = 0, r;
	size_t size;

	r = sd_journal_query_unique(journal, "_BOOT_ID");
	while (r >= 0 && (r = sd_journal_enumerate_available_unique(journal, &field, &size)) > 0) {
		struct boot *grown = reallocarray(*boots, (size_t)count + 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*boots = grown;
		grown[count] = (struct boot){ 0 };
		snprintf(grown[count++].field, sizeof(grown->field), "%.*s", (int)size,
			 (const char *)field);
	}
	for (int i = 0; r >= 0 && i < count; i++)
		r = first_time_of(journal, &(*boots)[i]);
	if (r < 0)
		return r;
	if (count)
		qsort(*boots, (size_t)count, sizeof(**boots), compare_boots);
	return count;
}

/* Matches one boot: an ID, or a number from the end (0, -1, ...). */
static int match_boot(sd_journal *journal, const char *boot)
{
	_cleanup_free_ struct boot *boots = NULL;
	char *end;
	long offset = strtol(boot, &end, 10);
	int count;

	if (strlen(boot) == BOOT_ID_SIZE - 1)
		return match(journal, "_BOOT_ID", boot);
	if (*end || end == boot || offset > 0)
		return -ENODATA;
	count = list_boots(journal, &boots);
	if (count < 0)
		return count;
	if (offset <= -count)
		return -ENODATA;
	return sd_journal_add_match(journal, boots[count - 1 + offset].field, 0);
}

/* Takes the boot of the last entry for the present one: the caller was started in it, which systemd
 * logs. sd_id128_get_boot() is no help in a container, where a unit may see the host's ID in /proc
 * and journald the container's. */
static int note_boot(struct journal_reader *reader)
{
	sd_journal *journal = reader->journal;
	sd_id128_t boot;
	uint64_t time = 0;
	int r = sd_journal_seek_tail(journal);

	if (r >= 0)
		r = sd_journal_previous(journal);
	if (r > 0)
		r = sd_journal_get_monotonic_usec(journal, &time, &boot);
	if (r >= 0 && time)
		sd_id128_to_string(boot, reader->boot_id);
	return r;
}

const char *journal_reader_boot(const struct journal_reader *reader)
{
	return reader->boot_id;
}

/* ---- opening */

static int open_journal(struct journal_reader *reader)
{
	const struct journal_query *query = &reader->query;

	if (query->files)
		return sd_journal_open_files(&reader->journal, query->files, 0);
	if (query->directory)
		return sd_journal_open_directory(&reader->journal, query->directory, 0);
	return sd_journal_open(&reader->journal, SD_JOURNAL_LOCAL_ONLY);
}

/* sd_journal_open() skips files that may not be read. */
static int check_readable(sd_journal *journal)
{
	uint64_t bytes;
	int r = sd_journal_get_usage(journal, &bytes);

	return r < 0 ? r : bytes == 0 ? -ENOENT : 0;
}

static int apply_query(struct journal_reader *reader)
{
	const struct journal_query *query = &reader->query;
	sd_journal *journal = reader->journal;
	int r = 0;

	if (query->boot)
		r = match_boot(journal, query->boot);
	if (r >= 0 && !query->any_sender)
		r = match(journal, "_UID", "0");
	if (r >= 0 && query->sender)
		r = match(journal, "_SYSTEMD_UNIT", query->sender);
	if (r >= 0)
		r = query->matches ? match_all(journal, query->matches) : match_kinds(journal);
	if (r >= 0 && query->agents && *query->agents)
		r = match_agents(journal, query->agents);
	return r < 0 ? r : journal_reader_first(reader);
}

static int measure_names(struct names *names, const char *const *list, unsigned most)
{
	for (; list && *list; list++) {
		if (names->count == most)
			return -E2BIG;
		names->items[names->count].text = *list;
		names->items[names->count++].length = strlen(*list);
	}
	return 0;
}

int journal_reader_new(struct journal_reader **reader, const struct journal_query *query)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *new = calloc(1, sizeof(*new));
	int r;

	if (!new)
		return -ENOMEM;
	new->query = *query;
	r = measure_names(&new->fields, query->fields, NAMES_MAX);
	if (r >= 0)
		r = measure_names(&new->others, query->others, OTHERS_MAX);
	if (r >= 0)
		r = open_journal(new);
	if (r >= 0)
		r = check_readable(new->journal);
	if (r >= 0)
		r = sd_journal_set_data_threshold(new->journal, FIELD_SIZE_MAX);
	if (r >= 0)
		r = note_boot(new);
	if (r >= 0)
		r = apply_query(new);
	if (r < 0)
		return r;
	*reader = STEAL_POINTER(new);
	return 0;
}

/* ---- records */

static bool is_name(const struct names *names, unsigned number, const char *field, size_t length)
{
	return names->items[number].length == length &&
	       memcmp(names->items[number].text, field, length) == 0;
}

static bool is_wanted(const struct journal_reader *reader, const char *field, size_t length)
{
	for (unsigned i = 0; i < reader->fields.count; i++)
		if (is_name(&reader->fields, i, field, length))
			return true;
	return reader->query.fields == NULL;
}

static void take_other(struct journal_reader *reader, const char *field, size_t length,
		       const char *value, size_t size)
{
	for (unsigned i = 0; i < reader->others.count; i++) {
		if (!is_name(&reader->others, i, field, length))
			continue;
		snprintf(reader->values[i], OTHER_SIZE, "%.*s", (int)size, value);
		text_make_printable(reader->values[i]);
	}
}

static void take_field(struct journal_reader *reader, struct past_record *past, const char *field,
		       size_t size)
{
	const char *equals = memchr(field, '=', size);
	size_t length = equals ? (size_t)(equals - field) : 0;

	if (!equals)
		return;
	if (is_wanted(reader, field, length))
		record_parse_field(past, field, size);
	take_other(reader, field, length, equals + 1, size - length - 1);
}

static void forget_others(struct journal_reader *reader)
{
	for (unsigned i = 0; i < OTHERS_MAX; i++)
		reader->values[i][0] = '\0';
}

static int read_record(struct journal_reader *reader, struct past_record *past)
{
	sd_journal *journal = reader->journal;
	const void *field;
	sd_id128_t boot;
	size_t size;
	int r;

	record_parse_begin(past);
	forget_others(reader);
	sd_journal_restart_data(journal);
	while ((r = sd_journal_enumerate_available_data(journal, &field, &size)) > 0)
		take_field(reader, past, field, size);
	if (r >= 0)
		r = sd_journal_get_realtime_usec(journal, &past->realtime);
	if (r >= 0)
		r = sd_journal_get_monotonic_usec(journal, &past->record.time, &boot);
	if (r < 0)
		return r;
	return record_parse_end(past);
}

/* Skips a damaged entry (-EBADMSG), as journalctl does. */
int journal_reader_next(struct journal_reader *reader, struct past_record *past)
{
	int r;

	while ((r = sd_journal_next(reader->journal)) > 0) {
		r = read_record(reader, past);
		if (r < 0 && r != -EBADMSG)
			return r;
		if (r > 0)
			return past->realtime <= reader->query.until;
	}
	return r;
}

int journal_reader_previous(struct journal_reader *reader, struct past_record *past)
{
	int r;

	while ((r = sd_journal_previous(reader->journal)) > 0) {
		r = read_record(reader, past);
		if (r < 0 && r != -EBADMSG)
			return r;
		if (r > 0)
			return past->realtime >= reader->query.since;
	}
	return r;
}

int journal_reader_first(struct journal_reader *reader)
{
	usec_t since = reader->query.since;

	return since ? sd_journal_seek_realtime_usec(reader->journal, since)
		     : sd_journal_seek_head(reader->journal);
}

int journal_reader_last(struct journal_reader *reader)
{
	usec_t until = reader->query.until;

	return until == USEC_INFINITY ? sd_journal_seek_tail(reader->journal)
				      : sd_journal_seek_realtime_usec(reader->journal, until + 1);
}

int journal_reader_go_to(struct journal_reader *reader, const char *cursor,
			 struct past_record *past)
{
	int r = sd_journal_seek_cursor(reader->journal, cursor);

	if (r < 0)
		return r;
	r = sd_journal_next(reader->journal);
	if (r > 0)
		r = sd_journal_test_cursor(reader->journal, cursor);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = read_record(reader, past);
	return r < 0 ? r : r > 0 ? 0 : -ENOENT;
}

const char *journal_reader_other(const struct journal_reader *reader, unsigned number)
{
	return reader->values[number];
}

char *journal_reader_catalog(struct journal_reader *reader)
{
	char *text = NULL;

	if (sd_journal_get_catalog(reader->journal, &text) < 0)
		return NULL;
	text_make_latin(text); /* fields of the record are in it */
	return text;
}

/* ---- the fields of an entry, as they are */

struct fields {
	unsigned count;
	char *items[FIELDS_MAX]; /* "NAME=value" */
};

static void free_fields(struct fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++)
		free(fields->items[i]);
}

static int add_field(struct fields *fields, const char *bytes, size_t size)
{
	char *copy;

	if (fields->count == FIELDS_MAX)
		return 0;
	copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++)
		copy[i] = bytes[i] ? bytes[i] : '?';
	copy[size] = '\0';
	text_make_printable(copy);
	fields->items[fields->count++] = copy;
	return 0;
}

static int add_place(struct journal_reader *reader, struct fields *fields)
{
	_cleanup_free_ char *cursor = NULL;
	char field[FIELD_SIZE_MAX];
	uint64_t realtime, monotonic;
	sd_id128_t boot;
	int r;

	r = sd_journal_get_cursor(reader->journal, &cursor);
	if (r >= 0)
		r = sd_journal_get_realtime_usec(reader->journal, &realtime);
	if (r >= 0)
		r = sd_journal_get_monotonic_usec(reader->journal, &monotonic, &boot);
	if (r < 0)
		return r;
	snprintf(field, sizeof(field), "__CURSOR=%s", cursor);
	r = add_field(fields, field, strlen(field));
	snprintf(field, sizeof(field), "__REALTIME_TIMESTAMP=%" PRIu64, realtime);
	if (r >= 0)
		r = add_field(fields, field, strlen(field));
	snprintf(field, sizeof(field), "__MONOTONIC_TIMESTAMP=%" PRIu64, monotonic);
	if (r >= 0)
		r = add_field(fields, field, strlen(field));
	return r;
}

/* Sorts MESSAGE first, then by name. */
static int compare_fields(const void *a, const void *b)
{
	const char *left = *(char *const *)a, *right = *(char *const *)b;
	bool left_first = strncmp(left, "MESSAGE=", strlen("MESSAGE=")) == 0;
	bool right_first = strncmp(right, "MESSAGE=", strlen("MESSAGE=")) == 0;

	return left_first != right_first ? right_first - left_first : strcmp(left, right);
}

int journal_reader_fields(struct journal_reader *reader, record_emit emit, void *userdata)
{
	_cleanup_(free_fields) struct fields fields = { 0 };
	const void *bytes;
	size_t size;
	int r = add_place(reader, &fields);

	sd_journal_restart_data(reader->journal);
	while (r >= 0 &&
	       (r = sd_journal_enumerate_available_data(reader->journal, &bytes, &size)) > 0)
		r = add_field(&fields, bytes, size);
	if (r < 0)
		return r;
	qsort(fields.items, fields.count, sizeof(fields.items[0]), compare_fields);
	for (unsigned i = 0; i < fields.count; i++) {
		char *value = strchr(fields.items[i], '=');

		if (!value)
			continue;
		*value = '\0';
		emit(userdata, fields.items[i], value + 1);
	}
	return 0;
}
