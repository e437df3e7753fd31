/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/journal_arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time_point.h"
#include "support/clock.h"
#include "support/terminal.h"

void journal_arguments_defaults(struct journal_arguments *arguments)
{
	*arguments = (struct journal_arguments){
		.query = { .until = USEC_INFINITY },
		.now = clock_now(CLOCK_REALTIME),
		.pager = true,
		.colour = terminal_wants_colour(stdout),
	};
	arguments->query.agents = arguments->agents;
}

/* ---- points in time */

static usec_t calendar_time(const struct time_point *point, usec_t now)
{
	time_t seconds = (time_t)(now / USEC_PER_SEC);
	struct tm date;

	if (point->utc)
		gmtime_r(&seconds, &date);
	else
		localtime_r(&seconds, &date);
	if (point->year) {
		date.tm_year = point->year - 1900;
		date.tm_mon = point->month - 1;
		date.tm_mday = point->day;
	}
	date.tm_mday += point->days;
	date.tm_hour = point->hour;
	date.tm_min = point->minute;
	date.tm_sec = point->second;
	date.tm_isdst = -1;
	seconds = point->utc ? timegm(&date) : mktime(&date);
	return seconds < 0 ? 0 : (usec_t)seconds * USEC_PER_SEC;
}

static int take_time(const struct command *command, const char *name, const char *value, usec_t now,
		     usec_t *time)
{
	struct time_point point;
	int64_t usec;

	if (time_point_parse(value, &point) < 0)
		return command_misused(command, "%s: '%s' is not a time as in systemd.time(7)",
				       name, value);
	if (point.type == TIME_POINT_CALENDAR) {
		*time = calendar_time(&point, now);
		return 0;
	}
	if (__builtin_add_overflow(point.usec, point.type == TIME_POINT_FROM_NOW ? now : 0, &usec))
		usec = point.usec > 0 ? INT64_MAX : 0;
	*time = usec < 0 ? 0 : (usec_t)usec;
	return 0;
}

/* ---- the options */

static int take_output(struct journal_arguments *arguments, const struct command *command,
		       const char *value)
{
	arguments->json = strcmp(value, "json") == 0;
	if (!arguments->json && strcmp(value, "short") != 0)
		return command_misused(command, "--output: '%s' is neither short nor json", value);
	return 0;
}

static int take_file(struct journal_arguments *arguments, const struct command *command,
		     const char *value)
{
	unsigned count = 0;

	while (arguments->files[count])
		count++;
	if (count == FILES_MAX)
		return command_misused(command, "--file: no more than %d files", FILES_MAX);
	arguments->files[count] = value;
	arguments->query.files = arguments->files;
	return 0;
}

static int add_agent(struct journal_arguments *arguments, const struct command *command,
		     const char *name)
{
	if (arguments->agent_count == AGENTS_MAX)
		return command_misused(command, "no more than %d agents", AGENTS_MAX);
	arguments->agents[arguments->agent_count++] = name;
	return 0;
}

/* As with journalctl(1), a name without a suffix is that of a service. */
static int take_unit(struct journal_arguments *arguments, const struct command *command,
		     const char *value)
{
	char *unit = arguments->units[arguments->agent_count % AGENTS_MAX];

	snprintf(unit, UNIT_NAME_SIZE, "%s%s", value, strchr(value, '.') ? "" : ".service");
	return add_agent(arguments, command, unit);
}

/* A number with or without a sign, or an ID. */
static bool is_boot(const char *word)
{
	const char *digits = word + (*word == '-' || *word == '+');
	size_t length = strlen(digits);

	return (length > 0 && strspn(digits, "0123456789") == length) ||
	       (digits == word && length == 32 && strspn(word, "0123456789abcdef") == length);
}

/* As with journalctl(1), the value may also be the next word. */
static const char *boot_of(const struct journal_arguments *arguments, const char *value)
{
	const char *next = !value && arguments->argv ? arguments->argv[optind] : NULL;

	if (!next || !is_boot(next))
		return value ?: "0";
	optind++;
	return next;
}

int journal_arguments_take(struct journal_arguments *arguments, const struct command *command,
			   int option, const char *value)
{
	struct journal_query *query = &arguments->query;

	switch (option) {
	case 'h':
		return command_help(command);
	case 'o':
		return take_output(arguments, command, value);
	case 'S':
		return take_time(command, "--since", value, arguments->now, &query->since);
	case 'U':
		return take_time(command, "--until", value, arguments->now, &query->until);
	case 'r':
		arguments->reverse = true;
		return 0;
	case 'b':
		query->boot = boot_of(arguments, value);
		return 0;
	case 'D':
		query->directory = value;
		return 0;
	case 'u':
		return take_unit(arguments, command, value);
	case ARGUMENT_UTC:
		setenv("TZ", "UTC", 1);
		tzset();
		return 0;
	case ARGUMENT_FILE:
		return take_file(arguments, command, value);
	case ARGUMENT_ANY_SENDER:
		query->any_sender = true;
		return 0;
	case ARGUMENT_NO_PAGER:
		arguments->pager = false;
		return 0;
	default: /* getopt_long(3) has said what is wrong */
		return command_misread(command);
	}
}

int journal_arguments_take_agents(struct journal_arguments *arguments,
				  const struct command *command, int argc, char *argv[])
{
	int r = 0;

	for (int i = optind; !r && i < argc; i++)
		r = add_agent(arguments, command, argv[i]);
	return r;
}

static int take_lines(const struct command *command, const char *value, size_t *last)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9')
		return command_misused(command, "--lines: '%s' is not a number", value);
	*last = number;
	return 0;
}

int journal_arguments_read_list(struct journal_arguments *arguments, const struct command *command,
				int argc, char *argv[], size_t *last)
{
	static const struct option options[] = {
		JOURNAL_LONG_OPTIONS,
		{ "lines", required_argument, NULL, 'n' },
		{ "reverse", no_argument, NULL, 'r' },
		{ 0 },
	};
	int option, r = 0;

	journal_arguments_defaults(arguments);
	arguments->argv = argv;
	*last = SIZE_MAX;
	while (!r &&
	       (option = getopt_long(argc, argv, JOURNAL_SHORT_OPTIONS "n:r", options, NULL)) != -1)
		r = option == 'n' ? take_lines(command, optarg, last)
				  : journal_arguments_take(arguments, command, option, optarg);
	return r ?: journal_arguments_take_agents(arguments, command, argc, argv);
}

/* ---- the journal */

int journal_open(struct journal_reader **reader, const struct journal_arguments *arguments,
		 const struct command *command)
{
	const struct journal_query *query = &arguments->query;
	int r = journal_reader_new(reader, query);

	if (r == 0)
		return 0;
	if (r == -ENODATA) {
		command_complain(command, "the journal has no boot '%s'", query->boot);
		return EXIT_NO_INPUT;
	}
	if (r == -ENOENT && !query->files && !query->directory) {
		command_complain(command, "there is no journal, or you may not read it: root and "
					  "the members of systemd-journal may");
		return EXIT_NO_INPUT;
	}
	if (r == -ENOENT && !query->files) {
		command_complain(command,
				 "%s: there is no journal in it, or none that you may "
				 "read",
				 query->directory);
		return EXIT_NO_INPUT;
	}
	command_complain(command, "%s: %s", query->directory ?: "cannot read the journal",
			 strerror(-r));
	return command_exit_status(r);
}

int journal_failed(const struct command *command, int error)
{
	command_complain(command, "reading the journal failed: %s", strerror(-error));
	return EXIT_FAILURE;
}

void strangeness_note(struct strangeness *strangeness, const struct past_record *past)
{
	if (past->strange.count == 0)
		return;
	if (strangeness->records++ == 0)
		memcpy(strangeness->first, past->strange.text[0], TOKEN_SIZE);
}

void strangeness_say(const struct strangeness *strangeness, const struct command *command)
{
	if (strangeness->records)
		command_complain(command,
				 "%u record%s not fully understood (%s): damaged, or of a "
				 "newer version",
				 strangeness->records, strangeness->records == 1 ? " is" : "s are",
				 strangeness->first);
}

/* ---- printing */

/* A field is printed only after the next one was read: then it is known whether it repeats. */
struct printing {
	struct json json;
	char name[128];
	char *value; /* NULL: no field is pending */
	bool array;
};

static void flush_field(struct printing *printing)
{
	if (printing->array)
		json_close(&printing->json, '[');
	else if (printing->value)
		json_string(&printing->json, printing->name, printing->value);
	free(printing->value);
	printing->value = NULL;
	printing->array = false;
}

static void print_field(void *userdata, const char *name, const char *value)
{
	struct printing *printing = userdata;
	bool repeats = printing->value && strcmp(printing->name, name) == 0;

	if (!repeats) {
		flush_field(printing);
		snprintf(printing->name, sizeof(printing->name), "%s", name);
		printing->value = strdup(value);
		return;
	}
	if (!printing->array) {
		json_open(&printing->json, name, '[');
		json_string(&printing->json, NULL, printing->value);
		printing->array = true;
	}
	json_string(&printing->json, NULL, value);
}

int print_fields(struct journal_reader *reader)
{
	struct printing printing = { .json = { .stream = stdout } };
	int r;

	json_open(&printing.json, NULL, '{');
	r = journal_reader_fields(reader, print_field, &printing);
	flush_field(&printing);
	json_close(&printing.json, '{');
	putchar('\n');
	return r;
}

usec_t round_time_after(usec_t time, usec_t step)
{
	time_t seconds = (time_t)(time / USEC_PER_SEC);
	struct tm date = { 0 };
	int64_t east;

	localtime_r(&seconds, &date);
	east = date.tm_gmtoff * (int64_t)USEC_PER_SEC;
	return time + step - (usec_t)((int64_t)time + east) % step;
}

const char *timestamp(usec_t realtime, char text[static TIMESTAMP_SIZE])
{
	time_t seconds = (time_t)(realtime / USEC_PER_SEC);
	struct tm date;

	if (!localtime_r(&seconds, &date) ||
	    strftime(text, TIMESTAMP_SIZE, "%Y-%m-%d %H:%M:%S", &date) == 0)
		snprintf(text, TIMESTAMP_SIZE, "?");
	return text;
}

const char *side_colour(const struct journal_arguments *arguments, enum side side)
{
	static const char *const colours[SIDE_MAX] = {
		[SIDE_NONE] = "\x1b[1m",    [SIDE_AGENT] = "\x1b[1;33m",
		[SIDE_PEER] = "\x1b[1;36m", [SIDE_NETWORK] = "\x1b[1;35m",
		[SIDE_HOST] = "\x1b[1;31m",
	};

	return arguments->colour ? colours[side] : "";
}

const char *side_class(enum side side)
{
	return side == SIDE_NONE ? "none" : side_to_string(side);
}

const char *plain(const struct journal_arguments *arguments)
{
	return arguments->colour ? "\x1b[0m" : "";
}
