/* The options that the commands which read the journal share, and what all of them print. */
#pragma once

#include <getopt.h>
#include <stdbool.h>

#include "cli/command.h"
#include "sources/journal_reader.h"
#include "support/json.h"

enum { ARGUMENT_FILE = 256, ARGUMENT_ANY_SENDER, ARGUMENT_NO_PAGER, ARGUMENT_OWN };

#define JOURNAL_SHORT_OPTIONS "ho:S:U:b::D:"
#define JOURNAL_LONG_OPTIONS                                                            \
	{ "help", no_argument, NULL, 'h' }, { "output", required_argument, NULL, 'o' }, \
		{ "since", required_argument, NULL, 'S' },                              \
		{ "until", required_argument, NULL, 'U' },                              \
		{ "boot", optional_argument, NULL, 'b' },                               \
		{ "directory", required_argument, NULL, 'D' },                          \
		{ "file", required_argument, NULL, ARGUMENT_FILE },                     \
		{ "any-sender", no_argument, NULL, ARGUMENT_ANY_SENDER },               \
	{                                                                               \
		"no-pager", no_argument, NULL, ARGUMENT_NO_PAGER                        \
	}

#define JOURNAL_OPTIONS_HELP                                                                \
	"  -S, --since=TIME       from this time on: '2026-11-23 12:00', 'today', '-1h'\n"  \
	"  -U, --until=TIME       up to this time\n"                                        \
	"  -b, --boot[=BOOT]      one boot: 0 the last (the default), -1 the one before,\n" \
	"                         or its ID\n"                                              \
	"  -D, --directory=DIR    read the journal files in DIR\n"                          \
	"      --file=FILE        read this journal file; may repeat\n"                     \
	"      --any-sender       also records that were not sent by root\n"                \
	"      --no-pager         never use a pager\n"                                      \
	"  -o, --output=FORMAT    short: text (the default); json: one object a line\n"     \
	"  -h, --help             print this\n"

enum { FILES_MAX = 64, TIMESTAMP_SIZE = 32 };

struct journal_arguments {
	struct journal_query query;
	const char *files[FILES_MAX + 1];
	usec_t now;
	bool json;
	bool pager;
	bool colour;
};

void journal_arguments_defaults(struct journal_arguments *arguments);

/* Takes one option as getopt_long(3) returned it. Returns 0, HELP_GIVEN,
 * or the exit status of a mistake (already said). */
int journal_arguments_take(struct journal_arguments *arguments, const struct command *command,
			   int option, const char *value);

/* Takes the one name of an agent that may follow the options; returns as above. */
int journal_arguments_take_agent(struct journal_arguments *arguments, const struct command *command,
				 int argc, char *argv[]);

/* Opens the journal and says why it cannot. Returns 0 or the exit status. */
int journal_open(struct journal_reader **reader, const struct journal_arguments *arguments,
		 const struct command *command);

/* Says that reading broke off with `error`; returns the exit status. */
int journal_failed(const struct command *command, int error);

/* Collects what this version does not understand of the records, and says it at the end. */
struct strangeness {
	unsigned records;
	char first[TOKEN_SIZE];
};
void strangeness_note(struct strangeness *strangeness, const struct past_record *past);
void strangeness_say(const struct strangeness *strangeness, const struct command *command);

/* Prints the record just read as `journalctl -o json` would. Returns 0 or -errno. */
int print_fields(struct journal_reader *reader);

/* The first multiple of `step` after `time`, counted in the local time zone. */
usec_t round_time_after(usec_t time, usec_t step);

/* "2026-11-23 12:00:00", in the local time zone. Returns `text`. */
const char *timestamp(usec_t realtime, char text[static TIMESTAMP_SIZE]);

/* The start of the colour for what is this side's doing; "" without colour. */
const char *side_colour(const struct journal_arguments *arguments, enum side side);
/* What it is called in a picture's style sheet. */
const char *side_class(enum side side);
/* The end of any colour; "" without. */
const char *plain(const struct journal_arguments *arguments);
