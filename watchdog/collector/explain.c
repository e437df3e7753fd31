/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatch-fleet explain: what the devices know about each end in the log of their hub. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "collector/collector.h"
#include "collector/explanation.h"
#include "collector/mapping.h"
#include "collector/reading.h"
#include "support/cleanup.h"
#include "support/terminal.h"

enum { ARGUMENT_HUB = ARGUMENT_COLLECTOR_OWN, ARGUMENT_DEVICE, ARGUMENT_DEVICES };

/* The fields that the join needs, and what goes with them. */
static const char *const fields[] = {
	"_BOOT_ID",
	"CONNWATCH_KIND",
	"CONNWATCH_AGENT",
	"CONNWATCH_CAUSE",
	"CONNWATCH_ENDED_BY",
	"CONNWATCH_CONFIDENCE",
	"CONNWATCH_AGE_USEC",
	"CONNWATCH_TIME_USEC",
	"CONNWATCH_OUTAGE_ID",
	"CONNWATCH_ATTEMPTS",
	"CONNWATCH_OUTAGE_CAUSE",
	"CONNWATCH_DEVICE_ID",
	NULL,
};
/* The other fields, before those of --by. */
enum { OTHER_MACHINE, OTHER_HOST, OTHER_BY };

enum { MAPPINGS_MAX = 16 };

struct explaining {
	const struct command *command;
	struct journal_arguments journal;
	const char *html; /* write a page there; NULL: print */
	const char *others[OTHER_BY + FLEET_FIELDS_MAX + 1];
	unsigned by_count;
	const char *mappings[MAPPINGS_MAX]; /* files of names */
	unsigned mapping_count;
	struct groups *groups; /* NULL: no --by */
	struct explanation explanation;
	struct devices *devices;
	struct answers *answers;
	struct strangeness strangeness;
	uint32_t file; /* number of the log that is read now */
	int error;     /* of taking its lines; 0, or -errno */
};

/* ---- the logs of the hubs */

static bool is_asked_for(const struct explaining *work, usec_t time)
{
	return time >= work->journal.query.since && time <= work->journal.query.until;
}

static void take_event(void *userdata, const struct hub_event *event, uint64_t line)
{
	struct explaining *work = userdata;
	int r;

	work->explanation.events[event->format]++;
	if (is_asked_for(work, event->time))
		explanation_note_event(&work->explanation, event->time);
	r = answers_add_event(work->answers, event, work->file, line);
	if (r == -ENOSPC && !devices_find(work->devices, event->device))
		work->explanation.no_room++;
	else if (r < 0)
		work->error = r;
}

static void take_malformed(void *userdata, uint64_t line)
{
	struct explaining *work = userdata;
	struct explanation *explanation = &work->explanation;

	if (explanation->malformed < PLACES_TOLD)
		explanation->places[explanation->malformed] =
			(struct hub_place){ .file = work->file, .line = line };
	explanation->malformed++;
}

/* Returns 0 or -errno. */
static int read_stream(struct explaining *work, int fd)
{
	enum { PIECE = 64 * 1024 };
	const struct hub_sink sink = { take_event, take_malformed, work };
	_cleanup_free_ struct hub_reader *reader = calloc(1, sizeof(*reader));
	_cleanup_free_ char *piece = malloc(PIECE);
	char last = '\n';
	ssize_t got;

	if (!reader || !piece)
		return -ENOMEM;
	hub_reader_begin(reader, &sink);
	while (!work->error && (got = read(fd, piece, PIECE)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		hub_reader_feed(reader, piece, (size_t)got);
		last = piece[got - 1];
	}
	hub_reader_end(reader);
	work->explanation.lines += reader->line - (last == '\n');
	work->explanation.unrelated += reader->unrelated;
	work->explanation.unnamed += reader->unnamed;
	return 0;
}

static int read_hub(struct explaining *work, const char *path)
{
	_cleanup_close_ int fd =
		strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : read_stream(work, fd);

	if (r < 0) {
		command_complain(work->command, "%s: %s", path, strerror(-r));
		return EXIT_NO_INPUT;
	}
	if (work->error) {
		command_complain(work->command, "cannot keep the lines of %s: %s", path,
				 strerror(-work->error));
		return EXIT_FAILURE;
	}
	return 0;
}

static int read_hubs(struct explaining *work)
{
	uint64_t events = 0;
	int r = 0;

	for (; !r && work->file < work->explanation.file_count; work->file++)
		r = read_hub(work, work->explanation.files[work->file]);
	for (int format = 0; format < HUB_FORMAT_MAX; format++)
		events += work->explanation.events[format];
	if (r || events)
		return r;
	command_complain(work->command,
			 "no line of %s is about a connection, in a format that is known here",
			 work->explanation.files[0]);
	return EXIT_NO_INPUT;
}

/* ---- the journals of the devices */

/* What of a record is about who sent it. */
static struct device_record origin_of(struct explaining *work, const struct journal_reader *reader,
				      const struct fleet_journal *journal,
				      const struct device *device, bool is_claim)
{
	struct device_record origin = { .is_claim = is_claim,
					.is_proven = journal->sender[0] != '\0' };
	uint64_t sender =
		device_source(journal->sender, journal_reader_other(reader, OTHER_MACHINE));

	for (unsigned i = 0; device->wanted && i < work->by_count; i++)
		origin.values[i] = groups_value(work->groups, i, sender,
						journal_reader_other(reader, OTHER_BY + i));
	return origin;
}

static int read_record(struct explaining *work, const struct journal_reader *reader,
		       const struct fleet_journal *journal, const struct past_record *past)
{
	const char *name =
		journal->sender[0] ? journal->name : journal_reader_other(reader, OTHER_HOST);
	struct device *device = devices_of_record(work->devices, name, past->record.device_id);
	struct device_record origin;
	bool is_claim;

	if (!device)
		return 0;
	is_claim = strcmp(device->name, name) != 0;
	device_note(is_claim ? &device->claim : &device->own, journal->sender,
		    journal_reader_other(reader, OTHER_MACHINE), name);
	origin = origin_of(work, reader, journal, device, is_claim);
	return answers_add_record(work->answers, device, past, &origin);
}

static int read_records(void *userdata, struct journal_reader *reader,
			const struct fleet_journal *journal)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	struct explaining *work = userdata;
	int r;

	if (!past)
		return -ENOMEM;
	while ((r = journal_reader_next(reader, past)) > 0) {
		strangeness_note(&work->strangeness, past);
		r = read_record(work, reader, journal, past);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- telling */

static void tell(void *userdata, const struct answer *answer)
{
	struct explaining *work = userdata;
	struct explanation *explanation = &work->explanation;

	if (!is_asked_for(work, answer->time))
		return;
	if (work->groups)
		groups_count(work->groups, answer);
	explanation->connects += answer->result == JOIN_CONNECT;
	explanation->duplicates += answer->result == JOIN_DUPLICATE;
	if (answer->result == JOIN_CONNECT || answer->result == JOIN_DUPLICATE)
		return;
	explanation_count(explanation, answer);
	if (work->html)
		return;
	if (work->journal.json)
		explanation_print_json(explanation, answer);
	else
		explanation_print_text(explanation, answer);
}

static int answer_all(struct explaining *work)
{
	int r = answers_tell(work->answers, tell, work);

	if (work->groups)
		groups_finish(work->groups);
	return r;
}

static int tell_page(struct explaining *work)
{
	int r = answer_all(work);

	if (r < 0)
		return journal_failed(work->command, r);
	return page_write(work->command, work->html, explanation_write_html, &work->explanation);
}

static int tell_all(struct explaining *work)
{
	pid_t pager = work->journal.pager && !work->journal.json ? pager_start() : 0;
	int r;

	if (!work->journal.json)
		explanation_head_text();
	r = answer_all(work);
	if (r >= 0 && work->journal.json)
		explanation_end_json(&work->explanation);
	else if (r >= 0)
		explanation_end_text(&work->explanation);
	pager_finish(pager);
	return r < 0 ? journal_failed(work->command, r) : EXIT_SUCCESS;
}

static int explain(struct explaining *work)
{
	const struct reading reading = { .command = work->command,
					 .arguments = &work->journal,
					 .fields = fields,
					 .others = work->others,
					 .take = read_records,
					 .userdata = work };
	int r = answers_new(&work->answers, work->devices);

	if (r < 0) {
		command_complain(work->command, "cannot create a file in $TMPDIR or /var/tmp: %s",
				 strerror(-r));
		return EXIT_FAILURE;
	}
	r = read_hubs(work);
	if (!r)
		r = read_journals(&reading);
	if (!r)
		r = work->html ? tell_page(work) : tell_all(work);
	strangeness_say(&work->strangeness, work->command);
	return r;
}

/* ---- the command */

static const char *wrong_with_mapping(int error)
{
	if (error == -EEXIST)
		return "this name of the hub has another device already";
	if (error == -E2BIG)
		return "more words than the columns that are named";
	return error == -ENOSPC ? "too many devices" : "not a name of the hub and a device";
}

static int take_hub(struct explaining *work, const char *path)
{
	struct explanation *explanation = &work->explanation;

	if (explanation->file_count == HUB_FILES_MAX)
		return command_misused(work->command, "--hub: no more than %d files",
				       HUB_FILES_MAX);
	explanation->files[explanation->file_count++] = path;
	return 0;
}

static int take_device(struct explaining *work, char *mapping)
{
	char *equals = strchr(mapping, '=');
	int r = -EINVAL;

	if (equals) {
		*equals = '\0';
		r = devices_map(work->devices, mapping, equals + 1);
		*equals = '=';
	}
	return r < 0 ? command_misused(work->command, "--device: '%s': %s", mapping,
				       wrong_with_mapping(r))
		     : 0;
}

static int take_mapping(struct explaining *work, const char *path)
{
	if (work->mapping_count == MAPPINGS_MAX)
		return command_misused(work->command, "--devices: no more than %d files",
				       MAPPINGS_MAX);
	work->mappings[work->mapping_count++] = path;
	return 0;
}

static int take_option(struct explaining *work, int option)
{
	switch (option) {
	case ARGUMENT_HUB:
		return take_hub(work, optarg);
	case ARGUMENT_DEVICE:
		return take_device(work, optarg);
	case ARGUMENT_DEVICES:
		return take_mapping(work, optarg);
	case ARGUMENT_BY:
		return take_by_field(work->command, work->others + OTHER_BY, &work->by_count,
				     optarg);
	case ARGUMENT_HTML:
		work->html = optarg;
		return 0;
	default:
		return journal_arguments_take(&work->journal, work->command, option, optarg);
	}
}

static int take_arguments(struct explaining *work, int argc, char *argv[])
{
	static const struct option options[] = {
		COLLECTOR_LONG_OPTIONS,
		{ "hub", required_argument, NULL, ARGUMENT_HUB },
		{ "device", required_argument, NULL, ARGUMENT_DEVICE },
		{ "devices", required_argument, NULL, ARGUMENT_DEVICES },
		{ 0 },
	};
	int option, r = 0;

	while (!r &&
	       (option = getopt_long(argc, argv, COLLECTOR_SHORT_OPTIONS, options, NULL)) != -1)
		r = take_option(work, option);
	if (r)
		return r;
	if (optind < argc)
		return command_misused(work->command, "'%s' is not expected here", argv[optind]);
	if (work->explanation.file_count == 0)
		return command_misused(work->command, "--hub is missing: the log of the hub");
	return 0;
}

/* ---- the names, once all options are known */

static int read_mapping(struct explaining *work, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	unsigned line = 0;
	int r;

	if (!file) {
		command_complain(work->command, "%s: %s", path, strerror(errno));
		return EXIT_NO_INPUT;
	}
	r = mapping_read(file, work->devices, work->groups, &line);
	if (r >= 0)
		return 0;
	if (r == -EIO) {
		command_complain(work->command, "%s: cannot be read", path);
		return EXIT_NO_INPUT;
	}
	command_complain(work->command, "%s:%u: %s", path, line, wrong_with_mapping(r));
	return EXIT_DATA;
}

static int read_mappings(struct explaining *work)
{
	int r = 0;

	for (unsigned i = 0; !r && i < work->mapping_count; i++)
		r = read_mapping(work, work->mappings[i]);
	return r;
}

static int prepare_groups(struct explaining *work)
{
	int r = work->by_count ? groups_new(&work->groups, work->others + OTHER_BY) : 0;

	work->explanation.groups = work->groups;
	return r < 0 ? journal_failed(work->command, r) : 0;
}

static int run(const struct command *command, int argc, char *argv[])
{
	_cleanup_(devices_free_held) struct devices *devices = NULL;
	struct explaining work = { .command = command, .others = { "_MACHINE_ID", "_HOSTNAME" } };
	int r = devices_new(&devices);

	if (r < 0)
		return journal_failed(command, r);
	work.devices = devices;
	journal_arguments_defaults(&work.journal);
	work.explanation.arguments = &work.journal;
	work.explanation.first = USEC_INFINITY;
	r = take_arguments(&work, argc, argv);
	if (!r)
		r = prepare_groups(&work);
	if (!r)
		r = read_mappings(&work);
	if (!r)
		r = explain(&work);
	answers_free_held(&work.answers);
	groups_free_held(&work.groups);
	return r;
}

const struct command command_explain_hub = {
	.program = COLLECTOR_PROGRAM,
	.name = "explain",
	.arguments = "--hub=FILE [OPTIONS...]",
	.summary = "Say for each disconnect in a hub's log what its device knows of it",
	.options =
		"Reads the log of a hub (Azure IoT Hub, AWS IoT Core, mosquitto, EMQX,\n"
		"RabbitMQ) and the journals that systemd-journal-remote has collected, and says "
		"for\n"
		"each end of a connection in the log why it ended, by the device, or why that is\n"
		"not known.\n\n"
		"      --hub=FILE         read this log; - is standard input; may repeat\n"
		"      --device=HUBID=DEVICE[/AGENT]\n"
		"                         what the hub calls HUBID is the host or the journal\n"
		"                         DEVICE, or one of its agents; may repeat\n"
		"      --devices=FILE     read 'HUBID DEVICE[/AGENT]' from each line of FILE\n"
		"      --by=FIELD         split causes by this field of the records or column of "
		"FILE,\n"
		"                         like a site or a version; may "
		"repeat\n" COLLECTOR_OPTIONS_HELP("lines of the log", "one object a line"),
	.run = run,
};
