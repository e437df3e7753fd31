/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "cli/command.h"

static const struct command *const commands[] = {
	&command_run,     &command_watch,  &command_record,   &command_replay, &command_outages,
	&command_explain, &command_log,    &command_timeline, &command_stats,  &command_fleet,
	&command_verify,  &command_status, &command_monitor,  &command_hold,   &command_resume,
	&command_reload,  &command_check,
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static int usage(void)
{
	fputs("connwatchctl COMMAND [OPTIONS...]\n\n"
	      "Shows why an agent's connection to its hub ended.\n\n"
	      "Commands:\n",
	      stdout);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	puts("\n'connwatchctl COMMAND --help' describes each; --version prints the version.\n"
	     "Without a command: 'status', and the last of 'outages'.");
	return EXIT_SUCCESS;
}

static const struct command *find(const char *name)
{
	struct nearest nearest = nearest_begin(name);

	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	for (size_t i = 0; i < COMMANDS; i++)
		nearest_consider(&nearest, commands[i]->name);
	fprintf(stderr, "connwatchctl: there is no command '%s'", name);
	if (nearest.found)
		fprintf(stderr, "; did you mean %s?", nearest.found);
	fputs("\nTry 'connwatchctl --help'.\n", stderr);
	return NULL;
}

static int help(const char *name)
{
	const struct command *command = name ? find(name) : NULL;

	if (!name)
		return usage();
	if (!command)
		return EXIT_USAGE;
	command_help(command);
	return EXIT_SUCCESS;
}

/* getopt_long(3) starts its messages with argv[0], so that is the full name of the command. */
static int run(const struct command *command, int argc, char *argv[])
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), "connwatchctl %s", command->name);
	argv[0] = name;
	r = command->run(command, argc, argv);
	return r == HELP_GIVEN ? EXIT_SUCCESS : r;
}

/* What goes on, and what went wrong last. Either may be all that there is: the journal outlives the
 * daemon, and a new host has no outages. */
static int overview(void)
{
	char status[] = "status", outages[] = "outages", lines[] = "--lines=10";
	char no_pager[] = "--no-pager";
	char *now[] = { status, NULL }, *past[] = { outages, lines, no_pager, NULL };
	int r = run(&command_status, 1, now), past_r;

	putchar('\n');
	optind = 0; /* getopt_long(3) begins anew */
	past_r = run(&command_outages, 3, past);
	if (r != EXIT_SUCCESS && past_r != EXIT_SUCCESS)
		fputs("Try 'connwatchctl --help'.\n", stderr);
	return r == EXIT_SUCCESS ? past_r : r;
}

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *command;

	if (!name)
		return overview();
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return help(argv[2]);
	if (strcmp(name, "--version") == 0)
		return puts("connwatch " VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	command = find(name);
	return command ? run(command, argc - 1, argv + 1) : EXIT_USAGE;
}
