/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatch-fleet explain: what the devices know about each end in the log of their hub. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "collector/collector.h"
#include "collector/explanation.h"
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
enum { OTHER_MACHINE, OTHER_HOST };
static const char *const others[] = { "_MACHINE_ID", "_HOSTNAME", NULL };

struct explaining {
	const struct command *command;
	struct journal_arguments journal;
	const char *html; /* write a page there; NULL: print */
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

static int read_records(void *userdata, struct journal_reader *reader,
			const struct fleet_journal *journal)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	struct explaining *work = userdata;
	int r;

	if (!past)
		return -ENOMEM;
	while ((r = journal_reader_next(reader, past)) > 0) {
		const char *name = journal->sender[0] ? journal->name
						      : journal_reader_other(reader, OTHER_HOST);
		struct device *device =
			devices_of_record(work->devices, name, past->record.device_id);
		bool is_claim = device && strcmp(device->name, name) != 0;

		strangeness_note(&work->strangeness, past);
		if (!device)
			continue;
		(is_claim ? device_note_claim : device_note_source)(
			device, journal->sender, journal_reader_other(reader, OTHER_MACHINE));
		r = answers_add_record(work->answers, device, is_claim, past);
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
	explanation->connects += answer->result == JOIN_CONNECT;
	explanation->duplicates += answer->result == JOIN_DUPLICATE;
	if (answer->result == JOIN_CONNECT || answer->result == JOIN_DUPLICATE)
		return;
	explanation_count(explanation, answer);
	if (work->html)
		return;
	if (work->journal.json)
		explanation_print_json(answer, explanation->files[answer->line->file]);
	else
		explanation_print_text(explanation, answer);
}

static int tell_page(struct explaining *work)
{
	int r = answers_tell(work->answers, tell, work);

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
	r = answers_tell(work->answers, tell, work);
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
					 .others = others,
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

static int take_devices(struct explaining *work, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[2 * HUB_ID_SIZE + 16];
	unsigned number = 0;
	int r = 0;

	while (file && r >= 0 && fgets(line, sizeof(line), file)) {
		number++;
		r = strchr(line, '\n') || feof(file) ? devices_map_line(work->devices, line)
						     : -EINVAL;
	}
	if (r < 0) {
		command_complain(work->command, "%s:%u: %s", path, number, wrong_with_mapping(r));
		return EXIT_DATA;
	}
	if (file && !ferror(file))
		return 0;
	command_complain(work->command, "%s: %s", path, strerror(errno));
	return EXIT_NO_INPUT;
}

static int take_option(struct explaining *work, int option)
{
	switch (option) {
	case ARGUMENT_HUB:
		return take_hub(work, optarg);
	case ARGUMENT_DEVICE:
		return take_device(work, optarg);
	case ARGUMENT_DEVICES:
		return take_devices(work, optarg);
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

static int run(const struct command *command, int argc, char *argv[])
{
	_cleanup_(devices_free_held) struct devices *devices = NULL;
	struct explaining work = { .command = command };
	int r = devices_new(&devices);

	if (r < 0)
		return journal_failed(command, r);
	work.devices = devices;
	journal_arguments_defaults(&work.journal);
	work.explanation.arguments = &work.journal;
	work.explanation.first = USEC_INFINITY;
	r = take_arguments(&work, argc, argv);
	if (!r)
		r = explain(&work);
	answers_free_held(&work.answers);
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
		"      --devices=FILE     read 'HUBID DEVICE[/AGENT]' from each line of "
		"FILE\n" COLLECTOR_OPTIONS_HELP("lines of the log", "one object a line"),
	.run = run,
};
