/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an agent does with TCP now, if it runs, by its settings alone: for `verify`. */
#pragma once

#include <sys/types.h>

#include "settings/settings.h"
#include "sources/own_peer.h"

struct agent_now {
	unsigned processes; /* whose sockets can be seen */
	pid_t listener;     /* one of them that listens; 0: none */
	struct own_peer_use use;
};

/* Looks at the processes in the control groups that `settings` match: a unit's have its name. Looks
 * for these for a second at most. Returns 0 and what it saw in `*now`; -ENOENT without control
 * groups of version 2; -EAGAIN if the second was too short or some sockets cannot be seen; or
 * -ENOMEM. */
int agent_now_look(const struct agent_settings *settings, struct agent_now *now);
