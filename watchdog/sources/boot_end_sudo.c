/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/boot_end_sudo.h"

#include <stdio.h>
#include <string.h>

#define COMMAND " ; COMMAND="

/* Whether the word of `length` bytes is one of `words`, up to NULL. */
static bool is_one_of(const char *word, size_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && memcmp(word, *words, length) == 0)
			return true;
	return false;
}

/* Options of systemctl(1) may come before its verb. */
static bool has_verb(const char *arguments)
{
	static const char *const verbs[] = { "reboot", "poweroff",    "halt",
					     "kexec",  "soft-reboot", NULL };

	while (*arguments) {
		size_t length;

		arguments += strspn(arguments, " ");
		length = strcspn(arguments, " ");
		if (is_one_of(arguments, length, verbs))
			return true;
		arguments += length;
	}
	return false;
}

static bool takes_down(const char *command)
{
	static const char *const programs[] = { "reboot", "poweroff", "halt", "shutdown",
						"init",   "telinit",  NULL };
	static const char *const systemctl[] = { "systemctl", NULL };
	size_t path = strcspn(command, " ");
	const char *name = command;

	for (size_t i = 0; i < path; i++)
		if (command[i] == '/')
			name = command + i + 1;
	path -= (size_t)(name - command);
	return is_one_of(name, path, programs) ||
	       (is_one_of(name, path, systemctl) && has_verb(name + path));
}

/* What follows the user's name is an assignment; the reason, if sudo refused. */
static bool is_granted(const char *text)
{
	size_t name = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return name > 0 && text[name] == '=';
}

bool boot_end_sudo_read(const char *line, char *user, size_t size)
{
	const char *command = strstr(line, COMMAND), *end;

	line += strspn(line, " ");
	end = strstr(line, " : ");
	if (!command || !end || end > command || end == line || !is_granted(end + strlen(" : ")) ||
	    !takes_down(command + strlen(COMMAND)))
		return false;
	snprintf(user, size, "%.*s", (int)(end - line), line);
	return true;
}
