/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/watch_arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/cleanup.h"

void watch_arguments_defaults(struct watch_arguments *arguments)
{
	*arguments = (struct watch_arguments){ .output = OUTPUT_TEXT, .mode = MODE_INVALID };
	agent_settings_defaults(&arguments->settings, "");
}

static int take_mode(struct watch_arguments *arguments, const struct command *command,
		     const char *value)
{
	arguments->mode = mode_from_string(value);
	if (arguments->mode == MODE_INVALID && strcmp(value, "auto") != 0)
		return command_misused(command, "--mode: '%s' is not ebpf, sock-diag or auto",
				       value);
	return 0;
}

static int no_such_setting(const struct command *command, const char *key)
{
	char nearest[NEAREST_WORD_SIZE];

	if (!agent_settings_nearest(key, nearest))
		return command_misused(command, "--set: there is no setting '%s'", key);
	return command_misused(command, "--set: there is no setting '%s'; did you mean %s?", key,
			       nearest);
}

static int no_such_value(const struct command *command, const char *key, const char *value)
{
	char nearest[NEAREST_WORD_SIZE];

	if (!agent_settings_nearest_value(key, value, nearest))
		return command_misused(command, "--set: '%s' is not a value for %s", value, key);
	return command_misused(command, "--set: '%s' is not a value for %s; did you mean %s?",
			       value, key, nearest);
}

/* Assigns one KEY=VALUE of --set. The key alone is enough, because no key is in two sections. */
static int take_setting(struct watch_arguments *arguments, const struct command *command,
			const char *text)
{
	static const char *const sections[] = { "Policy", "Connection", "Match" };
	_cleanup_free_ char *key = strdup(text);
	char *value = key ? strchr(key, '=') : NULL;
	int r = -ENOENT;

	if (!value)
		return command_misused(command, "--set: '%s' is not KEY=VALUE", text);
	*value++ = '\0';
	for (size_t i = 0; r == -ENOENT && i < sizeof(sections) / sizeof(*sections); i++)
		r = agent_settings_assign(&arguments->settings, sections[i], key, value);
	if (r == -ENOENT)
		return no_such_setting(command, key);
	return r < 0 ? no_such_value(command, key, value) : 0;
}

static void complain(void *userdata, const char *file, unsigned line, const char *text)
{
	(void)userdata;
	fprintf(stderr, "%s:%u: %s\n", file, line, text);
}

static int take_agent_file(struct watch_arguments *arguments, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char text[64 * 1024];
	size_t size;

	if (!file) {
		fprintf(stderr, "connwatchctl: %s: %s\n", path, strerror(errno));
		return EXIT_NO_INPUT;
	}
	size = fread(text, 1, sizeof(text), file);
	if (!feof(file)) {
		fprintf(stderr, "connwatchctl: %s: %s\n", path,
			"cannot be read, or is over 64 KiB");
		return EXIT_DATA;
	}
	if (agent_settings_parse(&arguments->settings, path, text, size, complain, NULL))
		return EXIT_DATA;
	return 0;
}

int watch_arguments_take(struct watch_arguments *arguments, const struct command *command,
			 int option, const char *value)
{
	switch (option) {
	case 'h':
		return command_help(command);
	case 'o':
		return command_take_output(command, value, &arguments->output);
	case ARGUMENT_RECORD:
		arguments->trace = value;
		return 0;
	case ARGUMENT_PEER:
		if (agent_settings_assign(&arguments->settings, "Match", "Peer", value) < 0)
			return command_misused(command,
					       "--peer: '%s' is not ADDRESS[/BITS]:PORT or *:PORT",
					       value);
		return 0;
	case ARGUMENT_MODE:
		return take_mode(arguments, command, value);
	case ARGUMENT_BTF:
		arguments->btf = value;
		return 0;
	case ARGUMENT_SET:
		return take_setting(arguments, command, value);
	case ARGUMENT_NAME:
		snprintf(arguments->settings.name, sizeof(arguments->settings.name), "%s", value);
		return 0;
	case ARGUMENT_AGENT:
		return take_agent_file(arguments, value);
	default: /* getopt_long(3) has said what is wrong */
		return command_misread(command);
	}
}
