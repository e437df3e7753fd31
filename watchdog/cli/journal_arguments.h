/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options and the output that the commands which read the journal share. */
#pragma once

#include <getopt.h>
#include <stdbool.h>

#include "cli/command.h"
#include "sources/journal_reader.h"
#include "support/json.h"

enum { ARGUMENT_FILE = 256, ARGUMENT_ANY_SENDER, ARGUMENT_NO_PAGER, ARGUMENT_UTC, ARGUMENT_OWN };

#define JOURNAL_SHORT_OPTIONS "ho:S:U:b::D:u:"
#define JOURNAL_LONG_OPTIONS                                                            \
	{ "help", no_argument, NULL, 'h' }, { "output", required_argument, NULL, 'o' }, \
		{ "since", required_argument, NULL, 'S' },                              \
		{ "until", required_argument, NULL, 'U' },                              \
		{ "boot", optional_argument, NULL, 'b' },                               \
		{ "directory", required_argument, NULL, 'D' },                          \
		{ "unit", required_argument, NULL, 'u' },                               \
		{ "utc", no_argument, NULL, ARGUMENT_UTC },                             \
		{ "file", required_argument, NULL, ARGUMENT_FILE },                     \
		{ "any-sender", no_argument, NULL, ARGUMENT_ANY_SENDER },               \
	{                                                                               \
		"no-pager", no_argument, NULL, ARGUMENT_NO_PAGER                        \
	}

#define JOURNAL_OPTIONS_HELP                                                                \
	"  -S, --since=TIME       only records since: '2026-11-23 12:00', 'today', '-1h'\n" \
	"  -U, --until=TIME       only records until this time\n"                           \
	"  -b, --boot[=BOOT]      one boot: 0 the last (the default), -1 the one before,\n" \
	"                         or the ID of a boot\n"                                    \
	"  -u, --unit=UNIT        only the agent of this unit; may repeat\n"                \
	"      --utc              print times in UTC\n"                                     \
	"  -D, --directory=DIR    read the journal files in DIR\n"                          \
	"      --file=FILE        read this journal file; may repeat\n"                     \
	"      --any-sender       also records that were not sent by root\n"                \
	"      --no-pager         never use a pager\n"                                      \
	"  -o, --output=FORMAT    short: text (the default); json: one object a line\n"     \
	"  -h, --help             print this\n"

enum { FILES_MAX = 64, AGENTS_MAX = 64, TIMESTAMP_SIZE = 32 };

struct journal_arguments {
	struct journal_query query;
	const char *files[FILES_MAX + 1];
	const char *agents[AGENTS_MAX + 1];
	char units[AGENTS_MAX][UNIT_NAME_SIZE]; /* of --unit */
	unsigned agent_count;
	char **argv; /* the command line, so that -b takes the word after it; NULL: it does not */
	usec_t now;
	bool json;
	bool reverse; /* the newest first: for commands with --reverse */
	bool pager;
	bool colour;
};

void journal_arguments_defaults(struct journal_arguments *arguments);

/* Handles one option of getopt_long(3). Returns 0, HELP_GIVEN, or the exit status of a mistake,
 * after printing it. */
int journal_arguments_take(struct journal_arguments *arguments, const struct command *command,
			   int option, const char *value);

/* Reads the names of agents after the options, if there are any. Returns as
 * journal_arguments_take(). */
int journal_arguments_take_agents(struct journal_arguments *arguments,
				  const struct command *command, int argc, char *argv[]);

/* Reads the command line of a command that lists: the options above, --lines and --reverse. `*last`
 * is SIZE_MAX without --lines. Returns as journal_arguments_take(). */
int journal_arguments_read_list(struct journal_arguments *arguments, const struct command *command,
				int argc, char *argv[], size_t *last);

/* Opens the journal, or prints why it cannot. Returns 0 or the exit status. */
int journal_open(struct journal_reader **reader, const struct journal_arguments *arguments,
		 const struct command *command);

/* Prints that reading failed with `error`; returns the exit status. */
int journal_failed(const struct command *command, int error);

/* Counts the records that this version does not fully understand, for a warning at the end. */
struct strangeness {
	unsigned records;
	char first[TOKEN_SIZE];
};
void strangeness_note(struct strangeness *strangeness, const struct past_record *past);
void strangeness_say(const struct strangeness *strangeness, const struct command *command);

/* Prints the current record as `journalctl -o json` would. Returns 0 or -errno. */
int print_fields(struct journal_reader *reader);

/* Returns the first multiple of `step` after `time`, in the local time zone. */
usec_t round_time_after(usec_t time, usec_t step);

/* Formats `realtime` as "2026-11-23 12:00:00" in the local time zone. Returns `text`. */
const char *timestamp(usec_t realtime, char text[static TIMESTAMP_SIZE]);

/* Returns the escape sequence that starts the colour of a side; "" without colour. */
const char *side_colour(const struct journal_arguments *arguments, enum side side);
/* Returns the class of a side in the style sheets of SVG and HTML. */
const char *side_class(enum side side);
/* Returns the escape sequence that ends a colour; "" without colour. */
const char *plain(const struct journal_arguments *arguments);
