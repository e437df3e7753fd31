/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The subcommands of connwatch-fleet: one file and one row of the table in main.c each; and the
 * options that they share. */
#pragma once

#include "collector/reading.h"

#define COLLECTOR_PROGRAM "connwatch-fleet"

extern const struct command command_report;
extern const struct command command_explain_hub;

enum { ARGUMENT_HTML = ARGUMENT_OWN, ARGUMENT_BY, ARGUMENT_COLLECTOR_OWN };

#define COLLECTOR_SHORT_OPTIONS "ho:S:U:D:"
#define COLLECTOR_LONG_OPTIONS                                                          \
	{ "help", no_argument, NULL, 'h' }, { "output", required_argument, NULL, 'o' }, \
		{ "since", required_argument, NULL, 'S' },                              \
		{ "until", required_argument, NULL, 'U' },                              \
		{ "directory", required_argument, NULL, 'D' },                          \
		{ "utc", no_argument, NULL, ARGUMENT_UTC },                             \
		{ "file", required_argument, NULL, ARGUMENT_FILE },                     \
		{ "any-sender", no_argument, NULL, ARGUMENT_ANY_SENDER },               \
		{ "no-pager", no_argument, NULL, ARGUMENT_NO_PAGER },                   \
		{ "by", required_argument, NULL, ARGUMENT_BY },                         \
	{                                                                               \
		"html", required_argument, NULL, ARGUMENT_HTML                          \
	}

/* `what` is limited by time; `objects` are what JSON has. */
#define COLLECTOR_OPTIONS_HELP(what, objects)                                            \
	"      --html=FILE        write an HTML page to FILE\n"                          \
	"  -S, --since=TIME       only " what " since: '2026-11-23 12:00', '-1h'\n"      \
	"  -U, --until=TIME       only " what " until this time\n"                       \
	"      --utc              print times in UTC\n"                                  \
	"  -D, --directory=DIR    read the journal files in DIR; without it, those in\n" \
	"                         " REMOTE_JOURNALS "\n"                                 \
	"      --file=FILE        read this journal file; may repeat\n"                  \
	"      --any-sender       also records that were not sent by root\n"             \
	"      --no-pager         never use a pager\n"                                   \
	"  -o, --output=FORMAT    short: text (the default); json: " objects "\n"        \
	"  -h, --help             print this\n"
