/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings/action.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool unit_name_is_valid(const char *name)
{
	/* systemd.unit(5) */
	static const char *const suffixes[] = { ".service", ".scope", ".slice",    ".target",
						".socket",  ".timer", ".path",     ".mount",
						".device",  ".swap",  ".automount" };
	size_t length = strlen(name);
	const char *suffix = strrchr(name, '.');

	if (!suffix || suffix == name || name[0] == '@' || length >= UNIT_NAME_SIZE)
		return false;
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			 ":-_.\\@") != length)
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strcmp(suffix, suffixes[i]) == 0)
			return true;
	return false;
}

/* Reads the text after the colon; NULL if there is no colon. */
static int parse_argument(const char *argument, struct action *action)
{
	if (action->type == ACTION_SIGNAL) {
		action->signal = argument ? signal_from_string(argument) : -1;
		return action->signal >= 1 && action->signal < _NSIG ? 0 : -EINVAL;
	}
	if (action->type == ACTION_START_UNIT) {
		if (!argument || !unit_name_is_valid(argument))
			return -EINVAL;
		return text_copy(action->unit, sizeof(action->unit), argument) < 0 ? -EINVAL : 0;
	}
	return argument ? -EINVAL : 0;
}

int action_parse(const char *text, struct action *action)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	struct action parsed = { 0 };
	char type[32];

	if (length >= sizeof(type))
		return -EINVAL;
	memcpy(type, text, length);
	type[length] = '\0';
	parsed.type = action_type_from_string(type);
	if (parsed.type == ACTION_TYPE_INVALID ||
	    parse_argument(colon ? colon + 1 : NULL, &parsed) < 0)
		return -EINVAL;
	*action = parsed;
	return 0;
}

void action_format(const struct action *action, char *text, size_t size)
{
	const char *type = action_type_to_string(action->type);
	const char *signal = signal_to_string(action->signal);

	if (action->type == ACTION_START_UNIT)
		snprintf(text, size, "%s:%s", type, action->unit);
	else if (action->type == ACTION_SIGNAL && signal)
		snprintf(text, size, "%s:%s", type, signal);
	else if (action->type == ACTION_SIGNAL)
		snprintf(text, size, "%s:%d", type, action->signal);
	else
		snprintf(text, size, "%s", type ? type : "");
}
