/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatch-fleet: the program of the collecting host. Devices do without it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/collector.h"

/* The first is the one that runs if none is named. */
static const struct command *const commands[] = { &command_report, &command_explain_hub };

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static int usage(void)
{
	puts(COLLECTOR_PROGRAM " [COMMAND] [OPTIONS...]\n\n"
			       "Shows what many devices have in common, from their collected "
			       "journals.\n\n"
			       "Commands:");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nWithout a command, it is '%s'. '" COLLECTOR_PROGRAM
	       " COMMAND --help' describes each; --version prints the version.\n",
	       commands[0]->name);
	return EXIT_SUCCESS;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	fprintf(stderr,
		COLLECTOR_PROGRAM ": there is no command '%s'\nTry '" COLLECTOR_PROGRAM
				  " --help'.\n",
		name);
	return NULL;
}

/* getopt_long(3) starts its messages with argv[0], so that is the full name of the command. */
static int run(const struct command *command, int argc, char *argv[])
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), COLLECTOR_PROGRAM " %s", command->name);
	argv[0] = name;
	r = command->run(command, argc, argv);
	return r == HELP_GIVEN ? EXIT_SUCCESS : r;
}

static int help(const char *name)
{
	const struct command *command;

	if (!name)
		return usage();
	command = find(name);
	if (!command)
		return EXIT_USAGE;
	command_help(command);
	return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : "-";
	const struct command *command;

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return usage();
	if (strcmp(name, "help") == 0)
		return help(argv[2]);
	if (strcmp(name, "--version") == 0)
		return puts(COLLECTOR_PROGRAM " " VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (name[0] == '-')
		return run(commands[0], argc, argv);
	command = find(name);
	return command ? run(command, argc - 1, argv + 1) : EXIT_USAGE;
}
