/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl status: what connwatchd knows now. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time_span.h"
#include "base/vocabulary.h"
#include "cli/agent_named.h"
#include "cli/bus_client.h"
#include "cli/command.h"
#include "support/clock.h"
#include "support/hub_certificates.h"
#include "support/terminal.h"
#include "watch/output.h"

struct style {
	const char *good;
	const char *bad;
	const char *strong;
	const char *plain;
};

static const struct style colours = { "\x1b[1;32m", "\x1b[1;31m", "\x1b[1m", "\x1b[0m" };
static const struct style no_colours = { "", "", "", "" };

/* ---- text */

static void print_span(const char *before, usec_t span, const char *after)
{
	char text[TIME_SPAN_TEXT_SIZE];

	time_span_format(span, text, sizeof(text));
	printf("%s%s%s", before, text, after);
}

static void print_time(const char *before, usec_t realtime)
{
	time_t seconds = (time_t)(realtime / USEC_PER_SEC);
	struct tm local;
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &local));
	printf("%s%s", before, text);
}

/* Without data, the time since it is that since the handshake. */
static void print_idle(const struct value *connection, const char *bytes, const char *idle,
		       const char *what)
{
	if (value_number(connection, bytes))
		print_span(what, value_number(connection, idle), " ago");
	else
		printf("%snothing", what);
}

static void print_facts(const struct value *connection)
{
	usec_t age = value_number(connection, "AgeUSec");
	usec_t round_trip = value_number(connection, "RoundTripUSec");

	if (age)
		print_span(", ", age, " old");
	else
		fputs(", age unknown", stdout);
	print_idle(connection, "BytesReceived", "IdleReceiveUSec", "\n             last received ");
	print_idle(connection, "BytesSent", "IdleSendUSec", ", sent ");
	printf("; %" PRIu64 " bytes not acknowledged, %" PRIu64 " not read",
	       value_number(connection, "UnackedBytes"), value_number(connection, "UnreadBytes"));
	if (round_trip)
		print_span("; round trip ", round_trip, "");
	else
		fputs("; round trip unknown", stdout);
}

static void print_path(const struct value *connection)
{
	const char *interface = value_text(connection, "Interface");

	printf("\n             path: %s", value_text(connection, "Path"));
	if (*interface)
		printf(" (%s)", interface);
}

static const char *state_of(const struct value *connection)
{
	if (value_number(connection, "Ended"))
		return "closing";
	if (!value_number(connection, "Up"))
		return "connecting";
	return value_number(connection, "InSession") ? "open" : "open, but no session yet";
}

static void print_connection(const struct value *connection, const struct style *style)
{
	const char *trouble = value_text(connection, "Trouble");

	printf("       %5s %s, by %s[%" PRIu64 "], %s", "to", value_text(connection, "Peer"),
	       value_text(connection, "Command"), value_number(connection, "PID"),
	       state_of(connection));
	if (value_find(connection, "AgeUSec"))
		print_facts(connection);
	print_path(connection);
	if (value_find(connection, "TokenEnds"))
		print_time("\n             its token ends ", value_number(connection, "TokenEnds"));
	if (*trouble)
		printf("\n             %sin trouble: %s%s", style->bad, trouble, style->plain);
	putchar('\n');
}

static void print_counts(const char *title, const struct value *counts)
{
	const char *separator = title;

	FOR_EACH_PART(count, counts)
	{
		printf("%s%s %" PRIu64, separator, count->name, count->number);
		separator = ", ";
	}
	if (separator != title)
		putchar('\n');
}

static void print_limit(const struct value *agent)
{
	uint64_t burst = value_number(agent, "ActionLimitBurst");
	usec_t next = value_number(agent, "NextAction");

	printf("limit of %" PRIu64 " in ", burst);
	print_span("", value_number(agent, "ActionLimitIntervalUSec"), " reached");
	if (next == USEC_INFINITY)
		fputs(", none is allowed", stdout);
	else
		print_time(", the next one is allowed at ", next);
}

static void print_actions(const struct value *agent)
{
	const struct value *actions = value_find(agent, "Actions");
	const char *separator = "    actions: ";

	FOR_EACH_PART(action, actions)
	{
		const struct value *result = action->first->next;

		printf("%s%s %s %" PRIu64, separator, action->first->text, result->text,
		       result->next->number);
		separator = ", ";
	}
	if (value_number(agent, "ActionsHeld")) {
		printf("%sheld by the operator", separator);
		separator = ", ";
	}
	if (value_number(agent, "NextAction")) {
		fputs(separator, stdout);
		print_limit(agent);
	}
	if (value_number(agent, "NextAction") || value_number(agent, "ActionsHeld") ||
	    (actions && actions->first))
		putchar('\n');
}

static void print_heading(const struct value *agent, const struct style *style)
{
	const char *unit = value_text(agent, "Unit");
	bool connected = value_number(agent, "Connected");
	usec_t since = value_number(agent, "DownSince");
	const char *failed_at = value_text(agent, "FailedAt");

	printf("%s%s%s", style->strong, value_text(agent, "Name"), style->plain);
	if (*unit)
		printf(" (%s)", unit);
	if (value_number(agent, "Absent")) {
		puts(": not on this host");
		return;
	}
	printf(": %s%s%s", connected ? style->good : style->bad,
	       connected ? "connected" : "not connected", style->plain);
	if (since) {
		print_time(" since ", since);
		printf(", %" PRIu64 " attempts failed", value_number(agent, "Attempts"));
	} else if (!connected) {
		fputs(", since when is unknown", stdout);
	}
	if (*failed_at) {
		printf("; %sfails at: %s%s", style->bad, failed_at, style->plain);
		print_time(" since ", value_number(agent, "FailedSince"));
	}
	putchar('\n');
}

/* Nothing is said of a unit that runs. */
static void print_unit(const struct value *agent, const struct style *style)
{
	static const struct {
		const char *state, *words;
	} states[] = {
		{ "inactive", "stopped" },
		{ "failed", "failed" },
		{ "start-limit", "failed, and has reached systemd's start limit" },
		{ "activating", "starting" },
		{ "deactivating", "stopping" },
		{ "masked", "masked" },
		{ "not-found", "does not exist" },
		{ "unknown", "unknown: systemd cannot be asked" },
	};
	const char *state = value_text(agent, "UnitState");

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state, states[i].state) == 0)
			printf("       unit: %s%s%s\n", style->bad, states[i].words, style->plain);
}

static void print_agent(const struct value *agent, const struct style *style)
{
	print_heading(agent, style);
	print_unit(agent, style);
	FOR_EACH_PART(connection, value_find(agent, "OpenConnections"))
	print_connection(connection, style);
	if (value_number(agent, "LastTime")) {
		print_time("       last: ", value_number(agent, "LastTime"));
		printf(": %s\n", value_text(agent, "LastMessage"));
	}
	print_counts("      ended: ", value_find(agent, "EndedByCause"));
	print_counts("    stalled: ", value_find(agent, "StalledByCause"));
	print_actions(agent);
}

/* Nothing is said of a clock that is well. */
static void print_clock(const char *state, const struct style *style)
{
	enum clock_state clock = clock_state_from_string(state);

	if (clock == CLOCK_UNVOUCHED)
		puts("clock: not synchronised");
	else if (clock == CLOCK_AWAITED)
		puts("clock: not synchronised yet");
	else if (clock == CLOCK_PAST)
		printf("clock: %snot synchronised, and in the past%s\n", style->bad, style->plain);
}

static const char *moment(int64_t seconds, char text[static 32])
{
	time_t time = (time_t)seconds;
	struct tm parts;

	strftime(text, 32, "%Y-%m-%d %H:%M", gmtime_r(&time, &parts));
	return text;
}

static void print_certificates(const struct style *style)
{
	struct hub_certificate hubs[HUB_CERTIFICATES_MAX];
	unsigned count = hub_certificates_read(NULL, hubs);
	int64_t now = (int64_t)(clock_now(CLOCK_REALTIME) / USEC_PER_SEC);
	char ends[32], checked[32];

	for (unsigned i = 0; i < count; i++) {
		bool over = hubs[i].ends <= now;

		printf("%s: %sits certificate %s %s UTC%s (seen %s%s%s)\n", hubs[i].hub,
		       over ? style->bad : "", over ? "ended" : "ends", moment(hubs[i].ends, ends),
		       over ? style->plain : "", moment(hubs[i].checked, checked),
		       *hubs[i].agent ? " by " : "", hubs[i].agent);
	}
}

static void print_text(const struct value *status)
{
	const struct style *style = terminal_wants_colour(stdout) ? &colours : &no_colours;
	uint64_t lost = value_number(status, "LostEvents");
	const char *mode = value_text(status, "Mode");

	printf("connwatchd %s, evidence by %s%s", value_text(status, "Version"), mode,
	       mode_from_string(mode) == MODE_SOCK_DIAG ? " (not seen: name, tls, login)" : "");
	if (strcmp(value_text(status, "Btf"), "external") == 0)
		printf(" (btf=external)");
	printf(lost ? "; %s%" PRIu64 " events lost%s\n" : "\n", style->bad, lost, style->plain);
	print_clock(value_text(status, "Clock"), style);
	print_certificates(style);
	FOR_EACH_PART(agent, value_find(status, "Agents"))
	{
		putchar('\n');
		print_agent(agent, style);
	}
}

/* ---- the command */

/* Removes all agents from `status` except `chosen`; NULL: except those that are on this host. */
static void choose_agents(struct value *status, const struct value *chosen)
{
	struct value *agents = value_find(status, "Agents"), *next;
	struct value kept = { .type = VALUE_LIST };

	for (struct value *agent = agents->first; agent; agent = next) {
		next = agent->next;
		agent->next = NULL;
		if (chosen ? agent == chosen : !value_number(agent, "Absent"))
			value_add(&kept, NULL, agent);
		else
			value_free(agent);
	}
	agents->first = kept.first;
	agents->last = kept.last;
}

static void print_status(const struct value *status, enum output output)
{
	struct json json = { .stream = stdout };

	if (output == OUTPUT_TEXT) {
		print_text(status);
		return;
	}
	value_print(status, &json);
	putchar('\n');
}

static int ask(const struct command *command, struct value **status)
{
	struct bus_client *client = NULL;
	int r = bus_client_open(&client);

	if (r >= 0)
		r = bus_client_status(client, status);
	bus_client_close(client);
	return bus_client_exit_status(command, r);
}

struct wanted {
	enum output output;
	bool all; /* also profiles of agents that are not on this host */
};

static int show(const struct command *command, const char *name, const struct wanted *wanted)
{
	_cleanup_(value_free_held) struct value *status = NULL;
	const struct value *agent = NULL;
	int result = ask(command, &status);

	if (result != EXIT_SUCCESS)
		return result;
	if (name) {
		agent = agent_named(command, value_find(status, "Agents"), name);
		if (!agent)
			return EXIT_NO_INPUT;
	}
	if (agent || !wanted->all)
		choose_agents(status, agent);
	print_status(status, wanted->output);
	return EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ "output", required_argument, NULL, 'o' },
		{ 0 },
	};
	struct wanted wanted = { .output = OUTPUT_TEXT };
	int option, r = 0;

	while (!r && (option = getopt_long(argc, argv, "aho:", options, NULL)) != -1) {
		if (option == 'h')
			return command_help(command);
		if (option == 'a')
			wanted.all = true;
		else
			r = option == 'o' ? command_take_output(command, optarg, &wanted.output)
					  : command_misread(command);
	}
	if (r)
		return r;
	if (optind + 1 < argc)
		return command_misused(command, "'%s' is not expected here", argv[optind + 1]);
	return show(command, argv[optind], &wanted);
}

const struct command command_status = {
	.name = "status",
	.arguments = "[OPTIONS...] [AGENT]",
	.summary = "Show what connwatchd knows now: agents, connections, last verdicts",
	.options =
		"Asks connwatchd over D-Bus; every user may. AGENT may be the name of its unit.\n\n"
		"  -a, --all              also the shipped profiles whose agent is not on this "
		"host\n"
		"  -o, --output=FORMAT    text (the default)\n"
		"                         json: one object, with the names of org.connwatch1(5)\n"
		"  -h, --help             print this\n",
	.run = run,
};
