/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl verify: checks the settings as the daemon would read them. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/agent_now.h"
#include "cli/command.h"
#include "sources/settings_files.h"
#include "support/json.h"

enum { ARGUMENT_ROOT = 256 };

struct verification {
	bool as_json;
	bool of_this_host; /* not below another root: agents may run here */
};

static void complain(void *userdata, const char *file, unsigned line, const char *text)
{
	const struct verification *verification = userdata;
	struct json json = { .stream = stdout };

	if (!verification->as_json && line)
		fprintf(stderr, "%s:%u: %s\n", file, line, text);
	else if (!verification->as_json)
		fprintf(stderr, "%s: %s\n", file, text);
	if (!verification->as_json)
		return;
	json_open(&json, NULL, '{');
	json_string(&json, "file", file);
	if (line)
		json_number(&json, "line", line);
	json_string(&json, "complaint", text);
	json_close(&json, '{');
	putchar('\n');
}

/* ---- agents that run now */

/* No mistake: the agent may do otherwise later. */
static void remark(const struct verification *verification, const char *agent, const char *text)
{
	struct json json = { .stream = stdout };

	if (!verification->as_json) {
		fprintf(stderr, "connwatchctl verify: agent %s: %s\n", agent, text);
		return;
	}
	json_open(&json, NULL, '{');
	json_string(&json, "agent", agent);
	json_string(&json, "remark", text);
	json_close(&json, '{');
	putchar('\n');
}

static void remark_on(const struct verification *verification,
		      const struct agent_settings *settings, const struct agent_now *now)
{
	char text[160];

	if (now->use.listens && !now->use.opened) {
		snprintf(text, sizeof(text),
			 "process %d listens, and no process of the agent has opened a connection. "
			 "Those that it accepts are not watched.",
			 (int)now->listener);
		remark(verification, settings->name, text);
	}
	if (settings->peer_count && now->use.opened && !now->use.wanted)
		remark(verification, settings->name,
		       "it has opened connections, and none of them leads to a Peer=. Only those "
		       "that do are watched.");
}

static void take_agent(void *userdata, const struct agent_settings *settings)
{
	const struct verification *verification = userdata;
	struct agent_now now;

	if (verification->of_this_host && agent_now_look(settings, &now) == 0)
		remark_on(verification, settings, &now);
}

static int verify(const char *root, char *files[], int count, bool as_json)
{
	struct verification verification = { .as_json = as_json, .of_this_host = !*root };
	struct daemon_settings daemon;
	int complaints = 0, r = 0;

	if (count == 0)
		r = complaints =
			settings_files_load(root, &daemon, take_agent, complain, &verification);
	for (int i = 0; r >= 0 && i < count; i++) {
		r = settings_files_verify(files[i], take_agent, complain, &verification);
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
		"(NAME.agent.d/*.conf). The exit status is 1 if there is a mistake. Of an agent\n"
		"that runs now and has no connection that would be watched, it says so.\n\n"
		"      --root=DIR         read the settings below DIR\n"
		"  -o, --output=FORMAT    short: text (the default); json: one object a line\n"
		"  -h, --help             print this\n",
	.run = run,
};
