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

static const char *nearest_signal(const char *name)
{
	struct nearest nearest = nearest_begin(name);
	const char *found = NULL;

	for (int signal = 1; signal < _NSIG; signal++) {
		const char *known = signal_to_string(signal);

		if (known && (nearest_consider(&nearest, known) ||
			      nearest_consider(&nearest, known + strlen("SIG"))))
			found = known;
	}
	return found;
}

static const char *nearest_type(const char *name)
{
	struct nearest nearest = nearest_begin(name);

	for (enum action_type type = 0; type < ACTION_TYPE_MAX; type++)
		nearest_consider(&nearest, action_type_to_string(type));
	return nearest.found;
}

bool action_nearest(const char *text, char ret[static NEAREST_WORD_SIZE])
{
	struct text all = text_begin(ret, NEAREST_WORD_SIZE);
	const char *colon = strchrnul(text, ':'), *type, *signal;
	char word[NEAREST_WORD_SIZE];

	if ((size_t)(colon - text) >= sizeof(word))
		return false;
	memcpy(word, text, (size_t)(colon - text));
	word[colon - text] = '\0';
	type = nearest_type(word);
	signal = *colon && type && action_type_from_string(type) == ACTION_SIGNAL
			 ? nearest_signal(colon + 1)
			 : NULL;
	if (signal)
		text_add(&all, "%s:%s", type, signal);
	else if (type)
		text_add(&all, "%s%s", type, colon);
	return type && !all.cut && strcmp(ret, text) != 0;
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
