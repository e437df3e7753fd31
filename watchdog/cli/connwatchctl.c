#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static const struct command *const commands[] = {
	&command_run,
	&command_watch,
	&command_replay,
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

int command_help(const struct command *command)
{
	printf("connwatchctl %s %s\n\n%s.\n\n%s", command->name, command->arguments,
	       command->summary, command->options);
	return EXIT_SUCCESS;
}

int command_misused(const struct command *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "connwatchctl %s: ", command->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\nTry 'connwatchctl %s --help'.\n", command->name);
	return EXIT_USAGE;
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

static int usage(FILE *stream)
{
	fputs("connwatchctl COMMAND [OPTIONS...]\n\n"
	      "Tells why an agent's connection to its hub ended.\n\n"
	      "Commands:\n",
	      stream);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(stream, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'connwatchctl COMMAND --help' tells more of each; --version prints the version.\n",
	      stream);
	return stream == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name)
		return usage(stderr);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return usage(stdout);
	if (strcmp(name, "--version") == 0)
		return puts("connwatch " VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	fprintf(stderr, "connwatchctl: there is no command '%s'\nTry 'connwatchctl --help'.\n",
		name);
	return EXIT_USAGE;
}
