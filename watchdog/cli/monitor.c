/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl monitor: prints verdicts as they come, over D-Bus. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bus_client.h"
#include "cli/command.h"
#include "events/event.h"
#include "support/terminal.h"
#include "watch/output.h"

struct monitor {
	const char *agent; /* NULL: all */
	enum output output;
};

/* The colours that journalctl uses for priorities. */
static const char *colour_of(const struct value *record)
{
	long priority = strtol(value_text(record, "PRIORITY"), NULL, 10);

	if (!terminal_wants_colour(stdout) || priority >= 6)
		return NULL;
	if (priority <= 3)
		return "\x1b[1;31m";
	return priority == 4 ? "\x1b[1;33m" : "\x1b[1m";
}

static void print_text(const struct value *record)
{
	time_t seconds = (time_t)(value_number(record, "__REALTIME_TIMESTAMP") / USEC_PER_SEC);
	const char *colour = colour_of(record);
	struct tm local;
	char text[16];

	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&seconds, &local));
	printf("%s %s%s%s\n", text, colour ? colour : "", value_text(record, "MESSAGE"),
	       colour ? "\x1b[0m" : "");
}

/* Prints a field as `journalctl -o json` does: every value is a string, and a list with one entry
 * is just that string. */
static void print_field(const struct value *field, struct json *json)
{
	char number[24];

	if (field->type == VALUE_NUMBER) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)field->number);
		json_string(json, field->name, number);
	} else if (field->type == VALUE_LIST && field->first && !field->first->next) {
		json_string(json, field->name, field->first->text);
	} else {
		value_print(field, json);
	}
}

static void print_json(const struct value *record)
{
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	FOR_EACH_PART(field, record)
	print_field(field, &json);
	json_close(&json, '{');
	putchar('\n');
}

static int print_signal(void *userdata, const char *signal, struct value *record)
{
	const struct monitor *monitor = userdata;

	(void)signal;
	if (monitor->agent && strcmp(monitor->agent, value_text(record, "CONNWATCH_AGENT")) != 0)
		return 0;
	if (monitor->output == OUTPUT_TEXT)
		print_text(record);
	else
		print_json(record);
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int listen_to(struct monitor *monitor)
{
	struct bus_client *client = NULL;
	int r = bus_client_open(&client);

	if (r >= 0)
		r = bus_client_listen(client, print_signal, monitor);
	bus_client_close(client);
	if (r >= 0 || r == -EPIPE)
		return EXIT_SUCCESS;
	fprintf(stderr, "connwatchctl monitor: the system bus: %s\n", strerror(-r));
	return EXIT_UNAVAILABLE;
}

static int run(const struct command *command, int argc, char *argv[])
{
	struct monitor monitor = { .output = OUTPUT_TEXT };
	int r = command_take_output_alone(command, argc, argv, &monitor.output);

	if (r)
		return r;
	if (optind + 1 < argc)
		return command_misused(command, "'%s' is not expected here", argv[optind + 1]);
	monitor.agent = argv[optind];
	return listen_to(&monitor);
}

const struct command command_monitor = {
	.name = "monitor",
	.arguments = "[OPTIONS...] [AGENT]",
	.summary = "Print verdicts, recoveries and actions as they come",
	.options =
		"Listens to connwatchd over D-Bus until interrupted; every user may. Waits while\n"
		"connwatchd is not running.\n\n"
		"  -o, --output=FORMAT    text (the default)\n"
		"                         json: one object a line, as 'journalctl -o json'\n"
		"  -h, --help             print this\n",
	.run = run,
};
