/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/agent_named.h"

#include <string.h>

#include "base/nearest.h"

static bool is_service(const char *unit, const char *word)
{
	size_t length = strlen(word);

	return strncmp(unit, word, length) == 0 && strcmp(unit + length, ".service") == 0;
}

bool agent_is_named(const struct value *agent, const char *word)
{
	const char *unit = value_text(agent, "Unit");

	return strcmp(value_text(agent, "Name"), word) == 0 ||
	       (*unit && (strcmp(unit, word) == 0 || is_service(unit, word)));
}

static const char *nearest_to(const struct value *agents, const char *word)
{
	struct nearest nearest = nearest_begin(word);

	FOR_EACH_PART(agent, agents)
	{
		nearest_consider(&nearest, value_text(agent, "Name"));
		nearest_consider(&nearest, value_text(agent, "Unit"));
	}
	return nearest.found;
}

const struct value *agent_named(const struct command *command, const struct value *agents,
				const char *word)
{
	const char *nearest;

	FOR_EACH_PART(agent, agents)
	if (strcmp(value_text(agent, "Name"), word) == 0)
		return agent;
	FOR_EACH_PART(agent, agents)
	if (agent_is_named(agent, word))
		return agent;
	nearest = nearest_to(agents, word);
	if (nearest)
		command_complain(command, "there is no agent '%s'; did you mean %s?", word,
				 nearest);
	else
		command_complain(command, "there is no agent '%s'", word);
	return NULL;
}
