/* What can be done about a cause, as the settings name it. */
#pragma once

#include "event.h"

enum { ACTION_TEXT_SIZE = UNIT_NAME_SIZE + 8 };

struct action {
	enum action_type type;
	int signal;                /* ACTION_SIGNAL */
	char unit[UNIT_NAME_SIZE]; /* ACTION_START_UNIT */
};

/* Reads "none", "reload", "signal:SIGHUP", "abort-connection", "restart" or "start:UNIT".
 * Returns 0, or -EINVAL. */
int action_parse(const char *text, struct action *action);

/* The same text back, into `text` of `size` bytes; always terminated, ACTION_TEXT_SIZE bytes are
 * enough. */
void action_format(const struct action *action, char *text, size_t size);

/* True for a name that systemd.unit(5) allows, with its suffix. */
bool unit_name_is_valid(const char *name);
