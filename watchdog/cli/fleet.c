/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl fleet: hands over to connwatch-fleet, which devices do without. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

#define PROGRAM "connwatch-fleet"

static int run(const struct command *command, int argc, char *argv[])
{
	char name[] = PROGRAM;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return command_help(command);
	argv[0] = name;
	execvp(name, argv);
	if (errno == ENOENT) {
		command_complain(command,
				 PROGRAM " is not installed: on the host that collects the "
					 "journals, install the package " PROGRAM);
		return EXIT_UNAVAILABLE;
	}
	command_complain(command, PROGRAM ": %s", strerror(errno));
	return command_exit_status(-errno);
}

const struct command command_fleet = {
	.name = "fleet",
	.arguments = "[COMMAND] [OPTIONS...]",
	.summary = "Run connwatch-fleet: what many devices have in common",
	.options =
		"Hands over to connwatch-fleet, a program and a package of its own for the host\n"
		"that collects the journals of many devices. See connwatch-fleet(1).\n",
	.run = run,
};
