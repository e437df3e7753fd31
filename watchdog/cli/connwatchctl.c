#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static const struct command *const commands[] = {
	&command_run,     &command_watch,    &command_record, &command_replay, &command_log,
	&command_explain, &command_timeline, &command_stats,  &command_fleet,  &command_verify,
	&command_status,  &command_monitor,  &command_check,
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

int command_help(const struct command *command)
{
	printf("connwatchctl %s %s\n\n%s.\n\n%s", command->name, command->arguments,
	       command->summary, command->options);
	return HELP_GIVEN;
}

int command_misread(const struct command *command)
{
	fprintf(stderr, "Try 'connwatchctl %s --help'.\n", command->name);
	return EXIT_USAGE;
}

int command_misused(const struct command *command, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "connwatchctl %s: ", command->name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return command_misread(command);
}

int command_take_output(const struct command *command, const char *value, enum output *output)
{
	*output = output_from_string(value);
	if (*output == OUTPUT_NONE)
		return command_misused(command, "--output: '%s' is neither text nor json", value);
	return 0;
}

int command_take_output_alone(const struct command *command, int argc, char *argv[],
			      enum output *output)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "output", required_argument, NULL, 'o' },
		{ 0 },
	};
	int option, r = 0;

	while (!r && (option = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (option == 'h')
			return command_help(command);
		r = option == 'o' ? command_take_output(command, optarg, output)
				  : command_misread(command);
	}
	return r;
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

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	fprintf(stderr, "connwatchctl: there is no command '%s'\nTry 'connwatchctl --help'.\n",
		name);
	return NULL;
}

static int help(const char *name)
{
	const struct command *command = name ? find(name) : NULL;

	if (!name)
		return usage(stdout);
	if (!command)
		return EXIT_USAGE;
	command_help(command);
	return EXIT_SUCCESS;
}

/* What getopt_long(3) complains about begins with argv[0]: the command by its full name. */
static int run(const struct command *command, int argc, char *argv[])
{
	char name[64];
	int r;

	snprintf(name, sizeof(name), "connwatchctl %s", command->name);
	argv[0] = name;
	r = command->run(command, argc, argv);
	return r == HELP_GIVEN ? EXIT_SUCCESS : r;
}

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *command;

	if (!name)
		return usage(stderr);
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
		return help(argv[2]);
	if (strcmp(name, "--version") == 0)
		return puts("connwatch " VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	command = find(name);
	return command ? run(command, argc - 1, argv + 1) : EXIT_USAGE;
}
