/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl verify: checks the settings as the daemon would read them. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "sources/settings_files.h"
#include "support/json.h"

enum { ARGUMENT_ROOT = 256 };

static void complain(void *userdata, const char *file, unsigned line, const char *text)
{
	const bool *as_json = userdata;
	struct json json = { .stream = stdout };

	if (!*as_json && line)
		fprintf(stderr, "%s:%u: %s\n", file, line, text);
	else if (!*as_json)
		fprintf(stderr, "%s: %s\n", file, text);
	if (!*as_json)
		return;
	json_open(&json, NULL, '{');
	json_string(&json, "file", file);
	if (line)
		json_number(&json, "line", line);
	json_string(&json, "complaint", text);
	json_close(&json, '{');
	putchar('\n');
}

static void take_agent(void *userdata, const struct agent_settings *settings)
{
	(void)userdata, (void)settings;
}

static int verify(const char *root, char *files[], int count, bool as_json)
{
	struct daemon_settings daemon;
	int complaints = 0, r = 0;

	if (count == 0)
		r = complaints = settings_files_load(root, &daemon, take_agent, complain, &as_json);
	for (int i = 0; r >= 0 && i < count; i++) {
		r = settings_files_verify(files[i], complain, &as_json);
		complaints += r;
	}
	if (r < 0)
		fprintf(stderr, "connwatchctl verify: %s\n", strerror(-r));
	return r < 0 || complaints > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "output", required_argument, NULL, 'o' },
		{ "root", required_argument, NULL, ARGUMENT_ROOT },
		{ 0 },
	};
	const char *root = "";
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (option == 'h')
			return command_help(command);
		if (option == ARGUMENT_ROOT)
			root = optarg;
		else if (option != 'o')
			return command_misread(command);
		else if (strcmp(optarg, "json") != 0 && strcmp(optarg, "short") != 0)
			return command_misused(command, "--output: '%s' is neither short nor json",
					       optarg);
		else
			as_json = strcmp(optarg, "json") == 0;
	}
	if (*root && optind < argc)
		return command_misused(command, "--root cannot be used with FILEs");
	return verify(root, argv + optind, argc - optind, as_json);
}

const struct command command_verify = {
	.name = "verify",
	.arguments = "[OPTIONS...] [FILE...]",
	.summary = "Check the settings",
	.options =
		"Reads the settings as the daemon would and reports mistakes. With FILEs, reads\n"
		"only these: NAME.agent, connwatchd.conf, or a drop-in of either\n"
		"(NAME.agent.d/*.conf). The exit status is 1 if there is a mistake.\n\n"
		"      --root=DIR         read the settings below DIR\n"
		"  -o, --output=FORMAT    short: text (the default); json: one object a line\n"
		"  -h, --help             print this\n",
	.run = run,
};
