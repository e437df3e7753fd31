/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl replay: runs the engine over a recorded trace. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "engine/engine.h"
#include "events/trace.h"
#include "support/cleanup.h"
#include "watch/output.h"
#include "watch/path.h"

enum { REPLAY_AGENTS = 64, REPLAY_CONNECTIONS = 65536 };

struct replay {
	struct engine *engine;
	const char *file;
	enum output output;
	/* The settings of each agent, which the events of the trace point to. */
	struct agent_settings *settings[REPLAY_AGENTS + 1];
};

static void print_outcome(void *userdata, const struct outcome *outcome)
{
	struct replay *replay = userdata;

	if (outcome->type == OUTCOME_RECORD && !outcome->record->belated)
		output_record(replay->output, outcome->record, USEC_INFINITY);
}

static int keep_settings(struct replay *replay, struct event *event)
{
	struct agent_settings *kept;

	if (event->type != EVENT_AGENT || event->agent > REPLAY_AGENTS)
		return 0;
	kept = malloc(sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	*kept = *event->watching.settings;
	event->watching.settings = kept;
	engine_step(replay->engine, event, print_outcome, replay);
	free(replay->settings[event->agent]);
	replay->settings[event->agent] = kept;
	return 1;
}

static int replay_line(struct replay *replay, const char *line, unsigned number)
{
	struct agent_settings settings;
	struct event event;
	const char *complaint;
	size_t column;
	int r = trace_parse(line, &event, &settings, &complaint, &column);

	if (r < 0) {
		fprintf(stderr, "%s:%u:%zu: %s\n", replay->file, number, column, complaint);
		return -EBADMSG;
	}
	if (r == 0)
		return 0;
	r = keep_settings(replay, &event);
	if (r == 0)
		engine_step(replay->engine, &event, print_outcome, replay);
	return r < 0 ? r : 0;
}

static int replay_stream(struct replay *replay, FILE *stream)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int r = 0;

	for (unsigned number = 1; r >= 0 && (length = getline(&line, &room, stream)) >= 0;
	     number++) {
		if (length > 0 && line[length - 1] == '\n')
			line[length - 1] = '\0';
		r = replay_line(replay, line, number);
	}
	return r;
}

/* Lets the engine give the verdicts that were still waiting when the recording ended. */
static void finish(struct replay *replay)
{
	while (engine_verdicts_pending(replay->engine)) {
		struct event event = { .type = EVENT_TIME,
				       .time = engine_deadline(replay->engine) };

		engine_step(replay->engine, &event, print_outcome, replay);
	}
}

static int replay_file(const char *file, enum output output)
{
	struct engine_limits limits = {
		.agents = REPLAY_AGENTS,
		.connections = REPLAY_CONNECTIONS,
		.processes = REPLAY_CONNECTIONS,
		.namespaces = NAMESPACES_MAX,
	};
	struct replay replay = { .file = file, .output = output };
	_cleanup_fclose_ FILE *stream = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	int r;

	if (!stream) {
		fprintf(stderr, "connwatchctl replay: %s: %s\n", file, strerror(errno));
		return EXIT_NO_INPUT;
	}
	r = engine_new(&replay.engine, &limits);
	if (r >= 0)
		r = replay_stream(&replay, stream);
	if (r >= 0)
		finish(&replay);
	engine_free(replay.engine);
	for (size_t i = 0; i <= REPLAY_AGENTS; i++)
		free(replay.settings[i]);
	if (r == -EBADMSG)
		return EXIT_DATA;
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	enum output output = OUTPUT_TEXT;
	int r = command_take_output_alone(command, argc, argv, &output);

	if (r)
		return r;
	if (optind + 1 != argc)
		return command_misused(command, "exactly one FILE is needed ('-': standard input)");
	return replay_file(argv[optind], output);
}

const struct command command_replay = {
	.name = "replay",
	.arguments = "[OPTIONS...] FILE",
	.summary = "Repeat the verdicts of a recorded trace",
	.options =
		"Needs no privileges and changes nothing. FILE is what --record wrote; '-' reads\n"
		"standard input.\n\n"
		"  -o, --output=FORMAT    text: sentences (the default)\n"
		"                         json: one object a line\n"
		"  -h, --help             print this\n",
	.run = run,
};
