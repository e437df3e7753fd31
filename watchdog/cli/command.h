/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subcommands of connwatchctl, and what all of them need to read their command line. A
 * subcommand is one file and one row of the table in connwatchctl.c, which no other file calls.
 * connwatch-fleet, in collector/, has subcommands of the same kind. */
#pragma once

#include "watch/output.h"

/* Exit codes, from sysexits(3). */
enum {
	EXIT_USAGE = 64,         /* EX_USAGE: the command line is wrong */
	EXIT_DATA = 65,          /* EX_DATAERR: a trace or a settings file is wrong */
	EXIT_NO_INPUT = 66,      /* EX_NOINPUT: no such file, unit or process */
	EXIT_UNAVAILABLE = 69,   /* EX_UNAVAILABLE: the kernel or the host does not support it */
	EXIT_NO_PERMISSION = 77, /* EX_NOPERM */
};

/* Not an exit status: the help text was printed, and the command is done. */
enum { HELP_GIVEN = -1 };

struct command {
	const char *program; /* that it is a subcommand of; NULL: connwatchctl */
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;   /* one line */
	const char *options;   /* the text of `PROGRAM NAME --help` below the usage line */

	/* argv[0] is the subcommand's name. Returns the exit status, or HELP_GIVEN. */
	int (*run)(const struct command *command, int argc, char *argv[]);
};

extern const struct command command_run;
extern const struct command command_watch;
extern const struct command command_record;
extern const struct command command_replay;
extern const struct command command_outages;
extern const struct command command_log;
extern const struct command command_explain;
extern const struct command command_timeline;
extern const struct command command_stats;
extern const struct command command_fleet;
extern const struct command command_verify;
extern const struct command command_status;
extern const struct command command_monitor;
extern const struct command command_hold;
extern const struct command command_resume;
extern const struct command command_reload;
extern const struct command command_check;

/* Returns the name of the program that `command` is a subcommand of, static. */
const char *command_program(const struct command *command);

/* Prints the usage of `command` to standard output; returns HELP_GIVEN. */
int command_help(const struct command *command);

/* Prints where to find help, after getopt_long(3) has printed the mistake. Returns EXIT_USAGE. */
int command_misread(const struct command *command);

/* Prints "PROGRAM COMMAND: ", the text as by printf(3), and a line break to standard error. */
void command_complain(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints to standard error what is wrong with the command line, and where to find help. Returns
 * EXIT_USAGE. */
int command_misused(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Reads the options of a command that has only --help; the arguments are at argv[optind] and after
 * it. Returns 0, HELP_GIVEN, or EXIT_USAGE after printing what is wrong. */
int command_take_help_alone(const struct command *command, int argc, char *argv[]);

/* Reads the `value` of --output. Returns 0, or EXIT_USAGE after printing what is wrong with it. */
int command_take_output(const struct command *command, const char *value, enum output *output);

/* Reads the options of a command that has only --output and --help; the arguments are at
 * argv[optind] and after it. Returns 0, HELP_GIVEN, or EXIT_USAGE after printing what is wrong. */
int command_take_output_alone(const struct command *command, int argc, char *argv[],
			      enum output *output);

/* Returns the exit status for an -errno whose message was printed already. */
int command_exit_status(int error);
