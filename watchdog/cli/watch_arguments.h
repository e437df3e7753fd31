/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that `run` and `watch` share. */
#pragma once

#include <getopt.h>

#include "cli/command.h"
#include "watch/loop.h"

enum {
	ARGUMENT_RECORD = 256,
	ARGUMENT_PEER,
	ARGUMENT_SET,
	ARGUMENT_NAME,
	ARGUMENT_AGENT,
	ARGUMENT_MODE,
	ARGUMENT_BTF
};

#define WATCH_SHORT_OPTIONS "ho:"
#define WATCH_LONG_OPTIONS                                                              \
	{ "help", no_argument, NULL, 'h' }, { "output", required_argument, NULL, 'o' }, \
		{ "record", required_argument, NULL, ARGUMENT_RECORD },                 \
		{ "peer", required_argument, NULL, ARGUMENT_PEER },                     \
		{ "set", required_argument, NULL, ARGUMENT_SET },                       \
		{ "name", required_argument, NULL, ARGUMENT_NAME },                     \
		{ "mode", required_argument, NULL, ARGUMENT_MODE },                     \
		{ "btf", required_argument, NULL, ARGUMENT_BTF },                       \
	{                                                                               \
		"agent", required_argument, NULL, ARGUMENT_AGENT                        \
	}

#define WATCH_OPTIONS_HELP                                                                  \
	"  -o, --output=FORMAT    text: sentences to standard error (the default)\n"        \
	"                         json: one object a line to standard output\n"             \
	"      --peer=ADDRESS     only connections to this peer, like '*:8883' or\n"        \
	"                         '192.0.2.0/24:443'; may repeat\n"                         \
	"      --agent=FILE       read the settings of an agent file\n"                     \
	"      --set=KEY=VALUE    one setting of an agent file, like KeepAliveSec=60 or\n"  \
	"                         OnAgentCrash=restart; may repeat\n"                       \
	"      --name=NAME        the name of the agent\n"                                  \
	"      --mode=MODE        where the evidence comes from: ebpf, sock-diag or auto\n" \
	"                         (the default): ebpf if it works\n"                        \
	"      --btf=FILE         the BTF of this kernel, if it has none itself\n"          \
	"      --record=FILE      write the events to FILE, for 'connwatchctl replay'\n"    \
	"  -h, --help             print this\n"

struct watch_arguments {
	enum output output;
	const char *trace;
	enum mode mode; /* MODE_INVALID: auto */
	const char *btf;
	struct agent_settings settings;
};

void watch_arguments_defaults(struct watch_arguments *arguments);

/* Handles one option of getopt_long(3). Returns 0, HELP_GIVEN, or the exit status of a mistake,
 * after printing it. */
int watch_arguments_take(struct watch_arguments *arguments, const struct command *command,
			 int option, const char *value);
