/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl outages: the outages in the journal, one a line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/journal_arguments.h"
#include "cli/table.h"
#include "past/outages.h"
#include "support/array.h"
#include "support/cleanup.h"
#include "support/terminal.h"

enum { COLUMNS = 9, CAUSE_COLUMN = 2, ID_SHOWN = 8 };

static const char *const titles[COLUMNS] = { "BEGAN",    "AGENT",  "CAUSE",  "SURE", "LASTED",
					     "ATTEMPTS", "ACTION", "HELPED", "ID" };

struct list {
	struct past_outage *items;
	size_t count;
	int error;
};

static void keep(void *userdata, const struct past_outage *outage)
{
	struct list *list = userdata;
	struct past_outage *grown = array_grow(list->items, list->count, sizeof(*grown));

	if (!grown) {
		list->error = -ENOMEM;
		return;
	}
	list->items = grown;
	grown[list->count++] = *outage;
}

static int compare(const void *a, const void *b)
{
	const struct past_outage *left = a, *right = b;

	return left->began < right->began ? -1 : left->began > right->began;
}

/* ---- a row */

/* An outage without an end goes on, unless the host was started anew since. */
static const char *describe_length(const struct past_outage *outage, const char *boot,
				   char text[static TIME_SPAN_TEXT_SIZE])
{
	if (!outage->ended)
		return strcmp(outage->boot_id, boot) == 0 ? "goes on" : "until a reboot";
	time_span_format(outage->lasted, text, TIME_SPAN_TEXT_SIZE);
	return text;
}

static const char *describe_help(const struct past_outage *outage)
{
	switch (action_outcome_from_string(outage->action_result)) {
	case ACTION_HELPED:
		return "yes";
	case ACTION_DID_NOT_HELP:
		return "no";
	default:
		return outage->action_result;
	}
}

static void describe(const struct past_outage *outage, const char *boot, struct row *row)
{
	char time[TIMESTAMP_SIZE], span[TIME_SPAN_TEXT_SIZE];

	*row = (struct row){ 0 };
	snprintf(row->cells[0], CELL_SIZE, "%s", timestamp(outage->began, time));
	snprintf(row->cells[1], CELL_SIZE, "%s", outage->agent);
	snprintf(row->cells[CAUSE_COLUMN], CELL_SIZE, "%s",
		 outage->diagnosed ? outage->cause : "?");
	snprintf(row->cells[3], CELL_SIZE, "%s", confidence_to_string(outage->confidence) ?: "");
	snprintf(row->cells[4], CELL_SIZE, "%s", describe_length(outage, boot, span));
	snprintf(row->cells[5], CELL_SIZE, "%u", outage->attempts + (outage->ended != 0));
	snprintf(row->cells[6], CELL_SIZE, "%s", outage->action);
	snprintf(row->cells[7], CELL_SIZE, "%s", describe_help(outage));
	snprintf(row->cells[8], CELL_SIZE, "%.*s", ID_SHOWN, outage->id);
}

/* The one to be printed after `i` others, of which `first` are left out. */
static const struct past_outage *item(const struct journal_arguments *arguments,
				      const struct list *list, size_t first, size_t i)
{
	return &list->items[arguments->reverse ? list->count - 1 - (i - first) : i];
}

static void print_table(const struct journal_arguments *arguments, const struct list *list,
			size_t first, const char *boot)
{
	struct table table;
	struct row row;

	table_begin(&table, titles, COLUMNS, CAUSE_COLUMN);
	for (size_t i = first; i < list->count; i++) {
		describe(&list->items[i], boot, &row);
		table_measure(&table, &row);
	}
	table_print_titles(&table);
	for (size_t i = first; i < list->count; i++) {
		const struct past_outage *outage = item(arguments, list, first, i);

		describe(outage, boot, &row);
		table_print_row(&table, &row, side_colour(arguments, outage->side),
				plain(arguments));
	}
}

/* ---- JSON */

static void print_failed(struct json *json, const struct outage_summary *summary)
{
	json_open(json, "failed_by", '{');
	for (unsigned i = 0; i < summary->failed_count; i++)
		json_number(json, cause_to_string(summary->failed[i].by), summary->failed[i].count);
	json_close(json, '{');
}

static void print_object(const struct past_outage *outage)
{
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	json_string(&json, "id", outage->id);
	json_string(&json, "agent", outage->agent);
	json_string(&json, "unit", outage->unit);
	json_number(&json, "began_usec", outage->began);
	if (outage->ended) {
		json_number(&json, "ended_usec", outage->ended);
		json_number(&json, "lasted_usec", outage->lasted);
	}
	if (outage->diagnosed) {
		json_string(&json, "cause", outage->cause);
		json_string(&json, "side", side_to_string(outage->side));
		json_string(&json, "confidence", confidence_to_string(outage->confidence) ?: "");
	}
	json_number(&json, "attempts_failed", outage->attempts);
	print_failed(&json, &outage->summary);
	if (outage->action[0]) {
		json_string(&json, "action", outage->action);
		json_string(&json, "action_result", outage->action_result);
	}
	json_close(&json, '{');
	putchar('\n');
}

/* ---- the command */

static int read_all(struct journal_reader *reader, struct list *list,
		    struct strangeness *strangeness)
{
	_cleanup_free_ struct outages *outages = malloc(sizeof(*outages));
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	int r;

	if (!outages || !past)
		return -ENOMEM;
	outages_begin(outages, keep, list);
	while ((r = journal_reader_next(reader, past)) > 0) {
		outages_add(outages, past);
		strangeness_note(strangeness, past);
	}
	outages_finish(outages);
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare);
	return r < 0 ? r : list->error;
}

static void print_all(const struct journal_arguments *arguments, const struct list *list,
		      size_t first, const char *boot)
{
	pid_t pager = arguments->pager && !arguments->json ? pager_start() : 0;

	if (arguments->json)
		for (size_t i = first; i < list->count; i++)
			print_object(item(arguments, list, first, i));
	else
		print_table(arguments, list, first, boot);
	pager_finish(pager);
}

static int print_outages(const struct command *command, const struct journal_arguments *arguments,
			 size_t last)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	struct strangeness strangeness = { 0 };
	struct list list = { 0 };
	int r = journal_open(&reader, arguments, command);

	if (r)
		return r;
	r = read_all(reader, &list, &strangeness);
	if (r >= 0 && list.count)
		print_all(arguments, &list, list.count > last ? list.count - last : 0,
			  journal_reader_boot(reader));
	else if (r >= 0 && !arguments->json)
		fputs("connwatchctl outages: the journal has none\n", stderr);
	free(list.items);
	strangeness_say(&strangeness, command);
	return r < 0 ? journal_failed(command, r) : EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	struct journal_arguments arguments;
	size_t last;
	int r = journal_arguments_read_list(&arguments, command, argc, argv, &last);

	return r ?: print_outages(command, &arguments, last);
}

const struct command command_outages = {
	.name = "outages",
	.arguments = "[OPTIONS...] [AGENT...]",
	.summary = "List the outages in the journal: when, why, how long, what was done",
	.options = "An AGENT is the name of an agent or of its unit.\n\n"
		   "  -n, --lines=N          only the last N outages\n"
		   "  -r, --reverse          the newest first\n" JOURNAL_OPTIONS_HELP,
	.run = run,
};
