/* The subcommands of connwatchctl: one file each, one row each in connwatchctl.c. */
#pragma once

#include "output.h"

/* Exit codes, from sysexits(3). */
enum {
	EXIT_USAGE = 64,         /* EX_USAGE: the command line is wrong */
	EXIT_DATA = 65,          /* EX_DATAERR: a trace or a settings file is wrong */
	EXIT_NO_INPUT = 66,      /* EX_NOINPUT: no such file, unit or process */
	EXIT_UNAVAILABLE = 69,   /* EX_UNAVAILABLE: the kernel or the host cannot do it */
	EXIT_NO_PERMISSION = 77, /* EX_NOPERM */
};

/* No exit status: --help was answered and there is nothing else to do. */
enum { HELP_GIVEN = -1 };

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;   /* one line */
	const char *options;   /* the text of `connwatchctl NAME --help` below the usage line */

	/* argv[0] is the subcommand's name. Returns the exit status, or HELP_GIVEN. */
	int (*run)(const struct command *command, int argc, char *argv[]);
};

extern const struct command command_run;
extern const struct command command_watch;
extern const struct command command_record;
extern const struct command command_replay;
extern const struct command command_log;
extern const struct command command_explain;
extern const struct command command_timeline;
extern const struct command command_stats;
extern const struct command command_fleet;
extern const struct command command_verify;
extern const struct command command_status;
extern const struct command command_monitor;
extern const struct command command_check;

/* Prints the usage of `command` to standard output; returns HELP_GIVEN. */
int command_help(const struct command *command);

/* After getopt_long(3) has said what is wrong: says where to read more. Returns EXIT_USAGE. */
int command_misread(const struct command *command);

/* Says on standard error what is wrong with the command line and where to read more; returns
 * EXIT_USAGE. */
int command_misused(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Takes the `value` of --output. Returns 0, or EXIT_USAGE after having said what is wrong with it.
 */
int command_take_output(const struct command *command, const char *value, enum output *output);

/* Takes the options of a command that has but --output and --help; the rest is argv[optind] and
 * what follows. Returns 0, HELP_GIVEN, or EXIT_USAGE after having said what is wrong. */
int command_take_output_alone(const struct command *command, int argc, char *argv[],
			      enum output *output);

/* The exit status for an -errno that was already explained. */
int command_exit_status(int error);
