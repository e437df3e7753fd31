/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/cleanup.h"

static struct journal_query query_of(const struct reading *reading)
{
	struct journal_query query = reading->arguments->query;

	query.since = 0;
	query.until = USEC_INFINITY;
	query.fields = reading->fields;
	query.others = reading->others;
	if (!query.files && !query.directory)
		query.directory = REMOTE_JOURNALS;
	return query;
}

/* sd-journal silently ignores files beyond this number: JOURNAL_FILES_MAX in its sd-journal.c. */
static void warn_of_too_many_files(const struct command *command, const char *directory)
{
	enum { JOURNAL_FILES_MAX = 7168 };
	_cleanup_closedir_ DIR *files = opendir(directory);
	const struct dirent *file;
	unsigned count = 0;

	while (files && (file = readdir(files)))
		count += strstr(file->d_name, ".journal") != NULL;
	if (count > JOURNAL_FILES_MAX)
		command_complain(command,
				 "%s has %u journals, of which only %d are read: collect "
				 "them into one (docs/FLEET.md)",
				 directory, count, JOURNAL_FILES_MAX);
}

/* Reads all journals at once: their senders are what the records say. Returns 0 or the exit status.
 */
static int read_together(const struct reading *reading, const struct journal_query *query)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	struct journal_arguments opened = *reading->arguments;
	const struct fleet_journal of_anybody = { .sender = "" };
	int r;

	opened.query = *query;
	if (!query->files)
		warn_of_too_many_files(reading->command, query->directory);
	r = journal_open(&reader, &opened, reading->command);
	if (r)
		return r;
	r = reading->take(reading->userdata, reader, &of_anybody);
	return r < 0 ? journal_failed(reading->command, r) : 0;
}

/* Reads the journals of one sender. One that cannot be read does not keep back the others. */
static int read_sender(const struct reading *reading, const struct journal_query *query,
		       const struct fleet_journal *journals, unsigned count)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	_cleanup_free_ const char **files = calloc(count + 1, sizeof(*files));
	struct journal_query one = *query;
	int r;

	if (!files)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		files[i] = journals[i].path;
	one.files = files;
	r = journal_reader_new(&reader, &one);
	if (r >= 0)
		return reading->take(reading->userdata, reader, journals);
	command_complain(reading->command, "%s is left out: %s", journals->path, strerror(-r));
	return 0;
}

/* Reads the journals of each sender for themselves. Returns 0 or the exit status. */
static int read_apart(const struct reading *reading, const struct journal_query *query,
		      const struct fleet_journals *journals)
{
	int r = 0;

	for (unsigned i = 0, count; i < journals->count && r >= 0; i += count) {
		count = fleet_journals_of_sender(journals, i);
		r = read_sender(reading, query, &journals->items[i], count);
	}
	return r < 0 ? journal_failed(reading->command, r) : 0;
}

int read_journals(const struct reading *reading)
{
	_cleanup_(fleet_journals_free) struct fleet_journals journals = { 0 };
	struct journal_query query = query_of(reading);
	bool any_sender = false;

	/* what cannot be listed, read_together() complains of */
	if (fleet_journals_list(&journals, query.directory, query.files) >= 0)
		for (unsigned i = 0; i < journals.count; i++)
			any_sender |= journals.items[i].sender[0] != '\0';
	return any_sender ? read_apart(reading, &query, &journals) : read_together(reading, &query);
}

int take_by_field(const struct command *command, const char *names[static FLEET_FIELDS_MAX],
		  unsigned *count, const char *name)
{
	if (*count == FLEET_FIELDS_MAX)
		return command_misused(command, "--by: no more than %d fields", FLEET_FIELDS_MAX);
	if (!name[0] || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(name))
		return command_misused(command, "--by: '%s' is not the name of a journal field",
				       name);
	names[(*count)++] = name;
	return 0;
}
