/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl hold, resume and reload: what the operator tells connwatchd to do. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/agent_named.h"
#include "cli/bus_client.h"
#include "cli/command.h"

DEFINE_CLEANUP(struct bus_client *, bus_client_close);

/* ---- hold and resume */

static int tell(const struct command *command, struct bus_client *client, const struct value *agent,
		bool quietly)
{
	const char *name = value_text(agent, "Name");
	bool hold = command == &command_hold;
	int r = bus_client_hold(client, name, hold);

	if (r == -ESRCH)
		command_complain(command, "there is no agent '%s' any more", name);
	if (r < 0)
		return bus_client_exit_status(command, r);
	if (quietly)
		return EXIT_SUCCESS;
	if (hold)
		printf("%s: no actions until 'connwatchctl resume' or a restart of connwatchd\n",
		       name);
	else
		printf("%s: acts as its settings say\n", name);
	return EXIT_SUCCESS;
}

/* Also those that are not on this host: one that comes is held, and nothing is said of it now. */
static int tell_all(const struct command *command, struct bus_client *client,
		    const struct value *agents)
{
	int result = EXIT_SUCCESS;

	FOR_EACH_PART(agent, agents)
	if (result == EXIT_SUCCESS)
		result = tell(command, client, agent, value_number(agent, "Absent"));
	return result;
}

/* Nobody is told anything unless all names are right. */
static int tell_named(const struct command *command, struct bus_client *client,
		      const struct value *agents, char *names[])
{
	int result = EXIT_SUCCESS;

	for (char **name = names; *name; name++)
		if (!agent_named(command, agents, *name))
			result = EXIT_NO_INPUT;
	for (char **name = names; *name && result == EXIT_SUCCESS; name++)
		result = tell(command, client, agent_named(command, agents, *name), false);
	return result;
}

static int run(const struct command *command, int argc, char *argv[])
{
	_cleanup_(bus_client_close_held) struct bus_client *client = NULL;
	_cleanup_(value_free_held) struct value *agents = NULL;
	int r = command_take_help_alone(command, argc, argv);

	if (r)
		return r;
	r = bus_client_open(&client);
	if (r >= 0)
		r = bus_client_agents(client, &agents);
	if (r < 0)
		return bus_client_exit_status(command, r);
	return optind < argc ? tell_named(command, client, agents, argv + optind)
			     : tell_all(command, client, agents);
}

const struct command command_hold = {
	.name = "hold",
	.arguments = "[AGENT...]",
	.summary = "Take no actions for the agents, as before work on them",
	.options = "Until 'connwatchctl resume' or a restart of connwatchd. The journal has the\n"
		   "actions that were held. Without AGENT: all agents. Only root may.\n\n"
		   "  -h, --help             print this\n",
	.run = run,
};

const struct command command_resume = {
	.name = "resume",
	.arguments = "[AGENT...]",
	.summary = "Take actions for the agents again, after hold",
	.options = "Without AGENT: all agents. Only root may.\n\n"
		   "  -h, --help             print this\n",
	.run = run,
};

/* ---- reload */

static int run_reload(const struct command *command, int argc, char *argv[])
{
	_cleanup_(bus_client_close_held) struct bus_client *client = NULL;
	int r = command_take_help_alone(command, argc, argv);

	if (r)
		return r;
	if (optind < argc)
		return command_misused(command, "'%s' is not expected here", argv[optind]);
	r = bus_client_open(&client);
	if (r >= 0)
		r = bus_client_reload(client);
	return bus_client_exit_status(command, r);
}

const struct command command_reload = {
	.name = "reload",
	.arguments = "",
	.summary = "Have connwatchd read its settings again",
	.options = "As 'systemctl reload connwatchd'; also for a connwatchd that is no service.\n"
		   "Ends when they are in force; 'connwatchctl verify' finds mistakes in them.\n"
		   "Only root may.\n\n"
		   "  -h, --help             print this\n",
	.run = run_reload,
};
