/* connwatchctl fleet: what the journals of many devices tell together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fleet_report.h"
#include "cli/fleet_spool.h"
#include "support/cleanup.h"
#include "support/terminal.h"

DEFINE_CLEANUP(struct journal_reader *, journal_reader_free);
DEFINE_CLEANUP(struct fleet_spool *, fleet_spool_free);
DEFINE_CLEANUP(struct fleet *, fleet_free);

enum {
	ARGUMENT_BY = ARGUMENT_OWN,
	ARGUMENT_HTML,
	DEVICES_MAX = 1 << 18,
	PLACES_MAX = 1024,
	VALUES_MAX = 4096,
	FIRST_FIELD = 2, /* of the others: before them stand machine ID and host name */
};

/* What systemd-journal-remote(8) writes to. */
#define REMOTE_JOURNALS "/var/log/journal/remote"

/* What an event is made of. */
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

static struct fleet_origin origin_of(const struct journal_reader *reader, unsigned field_count)
{
	struct fleet_origin origin = { .machine = journal_reader_other(reader, 0),
				       .hostname = journal_reader_other(reader, 1) };

	for (unsigned i = 0; i < field_count; i++)
		origin.values[i] = journal_reader_other(reader, FIRST_FIELD + i);
	return origin;
}

static int read_records(struct journal_reader *reader, struct fleet *fleet,
			struct fleet_spool *spool, const struct fleet_arguments *arguments,
			struct strangeness *strangeness)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	struct fleet_event event;
	int r;

	if (!past)
		return -ENOMEM;
	while ((r = journal_reader_next(reader, past)) > 0) {
		struct fleet_origin origin = origin_of(reader, arguments->fields);

		strangeness_note(strangeness, past);
		if (fleet_take(fleet, past, &origin, &event))
			r = fleet_spool_add(spool, &event);
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

/* In a journal of many devices records do not stand in the order of their time, so all of it is
 * read: the time that is asked for is looked at record by record. */
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

/* sd-journal leaves out the rest without a word: JOURNAL_FILES_MAX in its sd-journal.c. */
static void warn_of_too_many_files(const struct command *command, const char *directory)
{
	enum { JOURNAL_FILES_MAX = 7168 };
	_cleanup_closedir_ DIR *files = opendir(directory);
	const struct dirent *file;
	unsigned count = 0;

	while (files && (file = readdir(files)))
		count += strstr(file->d_name, ".journal") != NULL;
	if (count > JOURNAL_FILES_MAX)
		fprintf(stderr,
			"connwatchctl %s: %s has %u journals, of which only %d are read: collect "
			"them into one (docs/FLEET.md)\n",
			command->name, directory, count, JOURNAL_FILES_MAX);
}

static int read_fleet(const struct command *command, const struct fleet_arguments *arguments,
		      struct fleet *fleet, struct strangeness *strangeness)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	_cleanup_(fleet_spool_free_held) struct fleet_spool *spool = NULL;
	struct journal_arguments opened = arguments->journal;
	int r;

	opened.query = query_of(arguments);
	if (!opened.query.files)
		warn_of_too_many_files(command, opened.query.directory);
	r = journal_open(&reader, &opened, command);
	if (r)
		return r;
	r = fleet_spool_new(&spool);
	if (r < 0) {
		fprintf(stderr,
			"connwatchctl %s: no file for what is sorted, in $TMPDIR or /var/tmp: %s\n",
			command->name, strerror(-r));
		return EXIT_FAILURE;
	}
	r = read_records(reader, fleet, spool, arguments, strangeness);
	if (r >= 0)
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
	fprintf(stderr, "connwatchctl %s: %s: %s\n", command->name, path, strerror(errno));
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
		fprintf(stderr, "connwatchctl %s: the journal has no such records\n",
			command->name);
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
		return command_misused(command, "--by: '%s' is no name of a journal field", name);
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

const struct command command_fleet = {
	.name = "fleet",
	.arguments = "[OPTIONS...]",
	.summary = "Tell what many devices have in common, from their collected journals",
	.options =
		"Reads what systemd-journal-remote has collected and tells which connections "
		"ended\ntogether, which devices have a trouble of their own, and what goes with "
		"what.\n\n"
		"      --by=FIELD         a field by which devices are grouped, like a site or a\n"
		"                         version; may repeat\n"
		"      --html=FILE        write a page into FILE\n"
		"  -S, --since=TIME       from this time on: '2026-11-23 12:00', 'today', '-1h'\n"
		"  -U, --until=TIME       up to this time\n"
		"  -D, --directory=DIR    read the journal files in DIR; without it, those in\n"
		"                         " REMOTE_JOURNALS "\n"
		"      --file=FILE        read this journal file; may repeat\n"
		"      --any-sender       also records that were not sent by root\n"
		"      --no-pager         never use a pager\n"
		"  -o, --output=FORMAT    short: text (the default); json: one object\n"
		"  -h, --help             print this\n",
	.run = run,
};
