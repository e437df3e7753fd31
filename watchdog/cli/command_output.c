/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The option --output of the commands that print records as they happen. */
#include <getopt.h>

#include "cli/command.h"

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
