/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent that an argument names, among those that connwatchd watches. */
#pragma once

#include <stdbool.h>

#include "cli/bus_value.h"
#include "cli/command.h"

/* Returns true if `word` is the agent's name, or its unit's, with or without ".service". */
bool agent_is_named(const struct value *agent, const char *word);

/* Returns the first of `agents`, as bus_client_agents() lists them, that `word` names; NULL if none
 * is named so, after printing that, with the name or unit that is nearest to `word`. */
const struct value *agent_named(const struct command *command, const struct value *agents,
				const char *word);
