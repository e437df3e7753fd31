/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The actions of a policy and their names in the settings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "base/nearest.h"
#include "base/vocabulary.h"

enum { ACTION_TEXT_SIZE = UNIT_NAME_SIZE + 8 };

struct action {
	enum action_type type;
	int signal;                /* ACTION_SIGNAL */
	char unit[UNIT_NAME_SIZE]; /* ACTION_START_UNIT */
};

/* Reads "none", "reload", "signal:SIGHUP", "abort-connection", "restart" or "start:UNIT".
 * Returns 0, or -EINVAL. */
int action_parse(const char *text, struct action *action);

/* Finds what `text`, which action_parse() refuses, may have been meant to be: another action, or
 * another signal. Returns true, and the action's text in `ret`. */
bool action_nearest(const char *text, char ret[static NEAREST_WORD_SIZE]);

/* Writes what action_parse() reads to the `size` bytes at `text`. `text` is always terminated;
 * ACTION_TEXT_SIZE bytes are enough. */
void action_format(const struct action *action, char *text, size_t size);

/* Returns true if `name` is a valid unit name with its suffix (systemd.unit(5)). */
bool unit_name_is_valid(const char *name);
