/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatch-fleet report: what the devices of a fleet have in common, from their journals. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/journals.h"
#include "collector/report.h"
#include "collector/spool.h"
#include "support/cleanup.h"
#include "support/terminal.h"

enum {
	ARGUMENT_BY = ARGUMENT_OWN,
	ARGUMENT_HTML,
	DEVICES_MAX = 1 << 18,
	PLACES_MAX = 1024,
	VALUES_MAX = 4096,
	FIRST_FIELD = 2, /* the index of the first other field, after machine ID and host name */
};

/* The directory that systemd-journal-remote(8) writes to. */
#define REMOTE_JOURNALS "/var/log/journal/remote"

/* The fields that an event needs. */
static const char *const fields[] = {
	"_BOOT_ID",
	"CONNWATCH_KIND",
	"CONNWATCH_AGENT",
	"CONNWATCH_CAUSE",
	"CONNWATCH_ENDED_BY",
	"CONNWATCH_CONFIDENCE",
	"CONNWATCH_AGE_USEC",
	"CONNWATCH_DOWNTIME_USEC",
	"CONNWATCH_SOCKET_COOKIE",
	"CONNWATCH_PEER_ADDRESS",
	"CONNWATCH_PEER_PORT",
	"CONNWATCH_ACTION_RESULT",
	"CONNWATCH_LOST_EVENTS",
	NULL,
};

struct fleet_arguments {
	struct journal_arguments journal;
	const char *others[FIRST_FIELD + FLEET_FIELDS_MAX + 1];
	unsigned fields;
	const char *html;
};

/* ---- reading */

static struct fleet_origin origin_of(const struct journal_reader *reader,
				     const struct fleet_journal *journal, unsigned field_count)
{
	struct fleet_origin origin = { .source = journal->sender,
				       .source_name = journal->name,
				       .machine = journal_reader_other(reader, 0),
				       .hostname = journal_reader_other(reader, 1) };

	for (unsigned i = 0; i < field_count; i++)
		origin.values[i] = journal_reader_other(reader, FIRST_FIELD + i);
	return origin;
}

/* What all journals are read into. */
struct reading {
	const struct command *command;
	const struct fleet_arguments *arguments;
	struct fleet *fleet;
	struct fleet_spool *spool;
	struct strangeness *strangeness;
};

/* All records are from the sender of `journal`. */
static int read_records(struct journal_reader *reader, const struct reading *into,
			const struct fleet_journal *journal)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	struct fleet_event event;
	int r;

	if (!past)
		return -ENOMEM;
	fleet_begin_journal(into->fleet);
	while ((r = journal_reader_next(reader, past)) > 0) {
		struct fleet_origin origin = origin_of(reader, journal, into->arguments->fields);

		strangeness_note(into->strangeness, past);
		if (fleet_take(into->fleet, past, &origin, &event))
			r = fleet_spool_add(into->spool, &event);
		if (r < 0)
			return r;
	}
	return r;
}

static int look_at_events(struct fleet *fleet, struct fleet_spool *spool)
{
	for (enum fleet_pass pass = 0; pass < FLEET_PASSES; pass++) {
		int64_t same;

		fleet_pass_begin(fleet, pass);
		same = fleet_spool_read(spool, fleet_pass_add, fleet);
		if (same < 0)
			return (int)same;
		fleet_count_duplicates(fleet, (uint64_t)same);
		fleet_pass_end(fleet);
	}
	return 0;
}

/* The records of many devices are not in the order of their time. So the query reads the whole
 * journal, and each record is compared with the wanted time. */
static struct journal_query query_of(const struct fleet_arguments *arguments)
{
	struct journal_query query = arguments->journal.query;

	query.since = 0;
	query.until = USEC_INFINITY;
	query.fields = fields;
	query.others = arguments->others;
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
static int read_together(const struct reading *into, const struct journal_query *query)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	struct journal_arguments opened = into->arguments->journal;
	const struct fleet_journal of_anybody = { .sender = "" };
	int r;

	opened.query = *query;
	if (!query->files)
		warn_of_too_many_files(into->command, query->directory);
	r = journal_open(&reader, &opened, into->command);
	if (r)
		return r;
	r = read_records(reader, into, &of_anybody);
	return r < 0 ? journal_failed(into->command, r) : 0;
}

/* Reads the journals of one sender. One that cannot be read does not keep back the others. */
static int read_sender(const struct reading *into, const struct journal_query *query,
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
		return read_records(reader, into, journals);
	command_complain(into->command, "%s is left out: %s", journals->path, strerror(-r));
	return 0;
}

/* Reads the journals of each sender for themselves. Returns 0 or the exit status. */
static int read_apart(const struct reading *into, const struct journal_query *query,
		      const struct fleet_journals *journals)
{
	int r = 0;

	for (unsigned i = 0, count; i < journals->count && r >= 0; i += count) {
		count = fleet_journals_of_sender(journals, i);
		r = read_sender(into, query, &journals->items[i], count);
	}
	return r < 0 ? journal_failed(into->command, r) : 0;
}

static int read_journals(const struct reading *into)
{
	_cleanup_(fleet_journals_free) struct fleet_journals journals = { 0 };
	struct journal_query query = query_of(into->arguments);
	bool any_sender = false;

	/* what cannot be listed, read_together() complains of */
	if (fleet_journals_list(&journals, query.directory, query.files) >= 0)
		for (unsigned i = 0; i < journals.count; i++)
			any_sender |= journals.items[i].sender[0] != '\0';
	return any_sender ? read_apart(into, &query, &journals) : read_together(into, &query);
}

static int read_fleet(const struct command *command, const struct fleet_arguments *arguments,
		      struct fleet *fleet, struct strangeness *strangeness)
{
	_cleanup_(fleet_spool_free_held) struct fleet_spool *spool = NULL;
	struct reading into = { command, arguments, fleet, NULL, strangeness };
	int r = fleet_spool_new(&spool, FLEET_SPOOL_ROOM);

	if (r < 0) {
		command_complain(command, "cannot create a file in $TMPDIR or /var/tmp: %s",
				 strerror(-r));
		return EXIT_FAILURE;
	}
	into.spool = spool;
	r = read_journals(&into);
	if (r)
		return r;
	r = look_at_events(fleet, spool);
	return r < 0 ? journal_failed(command, r) : EXIT_SUCCESS;
}

/* ---- telling */

static int write_html(const struct command *command, const char *path,
		      const struct fleet_report *report)
{
	_cleanup_fclose_ FILE *file = fopen(path, "we");

	if (file && fleet_write_html(file, report) >= 0)
		return EXIT_SUCCESS;
	command_complain(command, "%s: %s", path, strerror(errno));
	return EXIT_FAILURE;
}

static int tell(const struct command *command, const struct fleet_arguments *arguments,
		const struct fleet *fleet)
{
	struct fleet_report report = { .arguments = &arguments->journal,
				       .fleet = fleet,
				       .found = fleet_findings(fleet) };
	pid_t pager;

	memcpy(report.fields, arguments->others + FIRST_FIELD, sizeof(report.fields));
	if (report.found->agents == 0) {
		command_complain(command, "the journal has no such records");
		return EXIT_NO_INPUT;
	}
	if (arguments->html)
		return write_html(command, arguments->html, &report);
	if (arguments->journal.json) {
		fleet_print_json(&report);
		return EXIT_SUCCESS;
	}
	pager = arguments->journal.pager ? pager_start() : 0;
	fleet_print_text(&report);
	pager_finish(pager);
	return EXIT_SUCCESS;
}

static int report_fleet(const struct command *command, const struct fleet_arguments *arguments)
{
	_cleanup_(fleet_free_held) struct fleet *fleet = NULL;
	struct strangeness strangeness = { 0 };
	struct fleet_settings settings = {
		.devices = DEVICES_MAX,
		.places = PLACES_MAX,
		.values = VALUES_MAX,
		.fields = arguments->fields,
		.since = arguments->journal.query.since,
		.until = arguments->journal.query.until,
		.now = arguments->journal.now,
	};
	int r = fleet_new(&fleet, &settings);

	if (r < 0)
		return journal_failed(command, r);
	r = read_fleet(command, arguments, fleet, &strangeness);
	if (r)
		return r;
	r = tell(command, arguments, fleet);
	strangeness_say(&strangeness, command);
	return r;
}

/* ---- the command */

static int take_field(struct fleet_arguments *arguments, const struct command *command,
		      const char *name)
{
	if (arguments->fields == FLEET_FIELDS_MAX)
		return command_misused(command, "--by: no more than %d fields", FLEET_FIELDS_MAX);
	if (!name[0] || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(name))
		return command_misused(command, "--by: '%s' is not the name of a journal field",
				       name);
	arguments->others[FIRST_FIELD + arguments->fields++] = name;
	return 0;
}

static int take_option(struct fleet_arguments *arguments, const struct command *command, int option)
{
	if (option == ARGUMENT_BY)
		return take_field(arguments, command, optarg);
	if (option != ARGUMENT_HTML)
		return journal_arguments_take(&arguments->journal, command, option, optarg);
	arguments->html = optarg;
	return 0;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "output", required_argument, NULL, 'o' },
		{ "since", required_argument, NULL, 'S' },
		{ "until", required_argument, NULL, 'U' },
		{ "directory", required_argument, NULL, 'D' },
		{ "file", required_argument, NULL, ARGUMENT_FILE },
		{ "any-sender", no_argument, NULL, ARGUMENT_ANY_SENDER },
		{ "no-pager", no_argument, NULL, ARGUMENT_NO_PAGER },
		{ "by", required_argument, NULL, ARGUMENT_BY },
		{ "html", required_argument, NULL, ARGUMENT_HTML },
		{ 0 },
	};
	struct fleet_arguments arguments = { .others = { "_MACHINE_ID", "_HOSTNAME" } };
	int option, r = 0;

	journal_arguments_defaults(&arguments.journal);
	while (!r && (option = getopt_long(argc, argv, "ho:S:U:D:", options, NULL)) != -1)
		r = take_option(&arguments, command, option);
	if (r)
		return r;
	if (optind < argc)
		return command_misused(command, "'%s' is not expected here", argv[optind]);
	return report_fleet(command, &arguments);
}

const struct command command_report = {
	.program = COLLECTOR_PROGRAM,
	.name = "report",
	.arguments = "[OPTIONS...]",
	.summary = "Show what many devices have in common, from their collected journals",
	.options =
		"Reads the journals that systemd-journal-remote has collected and shows which\n"
		"connections ended together, which devices have a trouble of their own, and which\n"
		"groups have which cause.\n\n"
		"      --by=FIELD         group devices by this field, like a site or a "
		"version;\n"
		"                         may repeat\n"
		"      --html=FILE        write the report to FILE as an HTML page\n"
		"  -S, --since=TIME       only records since: '2026-11-23 12:00', 'today', "
		"'-1h'\n"
		"  -U, --until=TIME       only records until this time\n"
		"  -D, --directory=DIR    read the journal files in DIR; without it, those in\n"
		"                         " REMOTE_JOURNALS "\n"
		"      --file=FILE        read this journal file; may repeat\n"
		"      --any-sender       also records that were not sent by root\n"
		"      --no-pager         never use a pager\n"
		"  -o, --output=FORMAT    short: text (the default); json: one object\n"
		"  -h, --help             print this\n",
	.run = run,
};
