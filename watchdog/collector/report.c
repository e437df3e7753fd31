/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatch-fleet report: what the devices of a fleet have in common, from their journals. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/collector.h"
#include "collector/page.h"
#include "collector/reading.h"
#include "collector/report.h"
#include "collector/spool.h"
#include "support/cleanup.h"
#include "support/terminal.h"

enum {
	DEVICES_MAX = 1 << 18,
	PLACES_MAX = 1024,
	VALUES_MAX = 4096,
	SPOOL_ROOM = 128 * 1024, /* events */
	FIRST_FIELD = 2, /* the index of the first other field, after machine ID and host name */
};

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
	"CONNWATCH_OUTAGE_ID",
	"CONNWATCH_ATTEMPTS",
	"CONNWATCH_CORRECTS",
	"CONNWATCH_OUTAGE_CAUSE",
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
struct census {
	const struct fleet_arguments *arguments;
	struct fleet *fleet;
	struct spool *spool;
	struct strangeness *strangeness;
};

static int read_records(void *userdata, struct journal_reader *reader,
			const struct fleet_journal *journal)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	const struct census *into = userdata;
	struct fleet_event event;
	int r;

	if (!past)
		return -ENOMEM;
	fleet_begin_journal(into->fleet);
	while ((r = journal_reader_next(reader, past)) > 0) {
		struct fleet_origin origin = origin_of(reader, journal, into->arguments->fields);

		strangeness_note(into->strangeness, past);
		if (fleet_take(into->fleet, past, &origin, &event))
			r = spool_add(into->spool, &event);
		if (r < 0)
			return r;
	}
	return r;
}

/* One pass over the events, without those that came twice. */
struct pass {
	struct fleet *fleet;
	struct fleet_event before;
	uint64_t same;
};

static int look_at_event(void *userdata, const void *item)
{
	const struct fleet_event *event = item;
	struct pass *pass = userdata;

	if (fleet_event_is_same(event, &pass->before))
		pass->same++;
	else
		fleet_pass_add(pass->fleet, event);
	pass->before = *event;
	return 0;
}

static int look_at_events(struct fleet *fleet, struct spool *spool)
{
	for (enum fleet_pass number = 0; number < FLEET_PASSES; number++) {
		struct pass pass = { .fleet = fleet };
		int r;

		fleet_pass_begin(fleet, number);
		r = spool_read(spool, look_at_event, &pass);
		if (r < 0)
			return r;
		fleet_count_duplicates(fleet, pass.same);
		fleet_pass_end(fleet);
	}
	return 0;
}

static int read_fleet(const struct command *command, const struct fleet_arguments *arguments,
		      struct fleet *fleet, struct strangeness *strangeness)
{
	static const struct spool_kind kind = { .size = sizeof(struct fleet_event),
						.room = SPOOL_ROOM,
						.compare = fleet_event_compare };
	_cleanup_(spool_free_held) struct spool *spool = NULL;
	struct census into = { arguments, fleet, NULL, strangeness };
	const struct reading reading = { .command = command,
					 .arguments = &arguments->journal,
					 .fields = fields,
					 .others = arguments->others,
					 .take = read_records,
					 .userdata = &into };
	int r = spool_new(&spool, &kind);

	if (r < 0) {
		command_complain(command, "cannot create a file in $TMPDIR or /var/tmp: %s",
				 strerror(-r));
		return EXIT_FAILURE;
	}
	into.spool = spool;
	r = read_journals(&reading);
	if (r)
		return r;
	r = look_at_events(fleet, spool);
	return r < 0 ? journal_failed(command, r) : EXIT_SUCCESS;
}

/* ---- telling */

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
		return page_write(command, arguments->html, fleet_write_html, &report);
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

static int take_option(struct fleet_arguments *arguments, const struct command *command, int option)
{
	if (option == ARGUMENT_BY)
		return take_by_field(command, arguments->others + FIRST_FIELD, &arguments->fields,
				     optarg);
	if (option != ARGUMENT_HTML)
		return journal_arguments_take(&arguments->journal, command, option, optarg);
	arguments->html = optarg;
	return 0;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		COLLECTOR_LONG_OPTIONS,
		{ 0 },
	};
	struct fleet_arguments arguments = { .others = { "_MACHINE_ID", "_HOSTNAME" } };
	int option, r = 0;

	journal_arguments_defaults(&arguments.journal);
	while (!r &&
	       (option = getopt_long(argc, argv, COLLECTOR_SHORT_OPTIONS, options, NULL)) != -1)
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
		"                         may repeat\n" COLLECTOR_OPTIONS_HELP("records",
									       "one object"),
	.run = run,
};
