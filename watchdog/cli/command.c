/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *command_program(const struct command *command)
{
	return command->program ?: "connwatchctl";
}

int command_help(const struct command *command)
{
	printf("%s %s %s\n\n%s.\n\n%s", command_program(command), command->name, command->arguments,
	       command->summary, command->options);
	return HELP_GIVEN;
}

int command_misread(const struct command *command)
{
	fprintf(stderr, "Try '%s %s --help'.\n", command_program(command), command->name);
	return EXIT_USAGE;
}

__attribute__((format(printf, 2, 0))) static void complain(const struct command *command,
							   const char *format, va_list arguments)
{
	fprintf(stderr, "%s %s: ", command_program(command), command->name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

void command_complain(const struct command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(command, format, arguments);
	va_end(arguments);
}

int command_misused(const struct command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(command, format, arguments);
	va_end(arguments);
	return command_misread(command);
}

int command_take_help_alone(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option = getopt_long(argc, argv, "h", options, NULL);

	if (option == -1)
		return 0;
	return option == 'h' ? command_help(command) : command_misread(command);
}

int command_exit_status(int error)
{
	switch (-error) {
	case 0:
		return EXIT_SUCCESS;
	case EPERM:
	case EACCES:
		return EXIT_NO_PERMISSION;
	case ESRCH:
	case ENOENT:
		return EXIT_NO_INPUT;
	case EOPNOTSUPP:
		return EXIT_UNAVAILABLE;
	default:
		return EXIT_FAILURE;
	}
}
