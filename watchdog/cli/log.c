/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl log: the verdicts of the journal, one a line, similar ones in a row combined. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/journal_arguments.h"
#include "cli/table.h"
#include "past/digest.h"
#include "support/array.h"
#include "support/cleanup.h"
#include "support/terminal.h"

enum { COLUMNS = 8, CAUSE_COLUMN = 2 };

static const char *const titles[COLUMNS] = { "TIME",     "AGENT", "CAUSE",   "SURE",
					     "ENDED BY", "AFTER", "BACK IN", "REPEATED" };

struct lines {
	struct digest_line *items;
	size_t count;
	int error;
};

static void keep_line(void *userdata, const struct digest_line *line)
{
	struct lines *lines = userdata;
	struct digest_line *grown = array_grow(lines->items, lines->count, sizeof(*grown));

	if (!grown) {
		lines->error = -ENOMEM;
		return;
	}
	lines->items = grown;
	grown[lines->count++] = *line;
}

static int compare_lines(const void *a, const void *b)
{
	const struct digest_line *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

/* ---- a line in columns */

static void describe_cause(const struct digest_line *line, char text[CELL_SIZE])
{
	const char *kind = record_kind_to_string(line->kind);

	if (line->kind == RECORD_ACTION)
		snprintf(text, CELL_SIZE, "action: %s", line->what);
	else
		snprintf(text, CELL_SIZE, "%s", line->what[0] ? line->what : kind ?: "?");
}

static void describe_ending(const struct digest_line *line, char text[CELL_SIZE])
{
	if (line->kind == RECORD_STALLED)
		snprintf(text, CELL_SIZE, "(open)");
	else if (line->kind == RECORD_EVIDENCE_LOST)
		snprintf(text, CELL_SIZE, "%" PRIu64 " records", line->lost_events);
	else
		snprintf(text, CELL_SIZE, "%s", line->detail);
}

static void describe_ages(const struct digest_line *line, char text[CELL_SIZE])
{
	char least[TIME_SPAN_TEXT_SIZE], most[TIME_SPAN_TEXT_SIZE];

	if (line->age_max == 0)
		return;
	time_span_format(line->age_min, least, sizeof(least));
	time_span_format(line->age_max, most, sizeof(most));
	if (strcmp(least, most) == 0)
		snprintf(text, CELL_SIZE, "%s", most);
	else
		snprintf(text, CELL_SIZE, "%s to %s", least, most);
}

static void describe_return(const struct digest_line *line, char text[CELL_SIZE])
{
	char most[TIME_SPAN_TEXT_SIZE];

	if (line->recovered == 0)
		return;
	time_span_format(line->downtime_max, most, sizeof(most));
	snprintf(text, CELL_SIZE, "%s%s", line->recovered > 1 ? "<= " : "", most);
}

static void describe_repetition(const struct digest_line *line, char text[CELL_SIZE])
{
	char period[TIME_SPAN_TEXT_SIZE], until[TIMESTAMP_SIZE];
	struct text words = text_begin(text, CELL_SIZE);

	if (line->times == 1)
		return;
	text_add(&words, "%u times", line->times);
	if (digest_period(line)) {
		time_span_format(digest_period(line), period, sizeof(period));
		text_add(&words, ", every %s", period);
	}
	text_add(&words, ", until %s", timestamp(line->last, until));
}

static void describe(const struct digest_line *line, struct row *row)
{
	char time[TIMESTAMP_SIZE];

	*row = (struct row){ 0 };
	snprintf(row->cells[0], CELL_SIZE, "%s", timestamp(line->first, time));
	snprintf(row->cells[1], CELL_SIZE, "%s", line->agent);
	describe_cause(line, row->cells[CAUSE_COLUMN]);
	snprintf(row->cells[3], CELL_SIZE, "%s", confidence_to_string(line->confidence) ?: "");
	describe_ending(line, row->cells[4]);
	describe_ages(line, row->cells[5]);
	describe_return(line, row->cells[6]);
	describe_repetition(line, row->cells[7]);
}

static void print_table(const struct journal_arguments *arguments, const struct lines *lines,
			size_t first)
{
	struct table table;
	struct row row;

	table_begin(&table, titles, COLUMNS, CAUSE_COLUMN);
	for (size_t k = first; k < lines->count; k++) {
		describe(&lines->items[k], &row);
		table_measure(&table, &row);
	}
	table_print_titles(&table);
	for (size_t k = first; k < lines->count; k++) {
		const struct digest_line *line =
			&lines->items[arguments->reverse ? lines->count - 1 - (k - first) : k];

		describe(line, &row);
		table_print_row(&table, &row, side_colour(arguments, line->side), plain(arguments));
	}
}

/* ---- the command */

static int print_digest(struct journal_reader *reader, const struct journal_arguments *arguments,
			size_t last, struct strangeness *strangeness)
{
	_cleanup_free_ struct digest *digest = malloc(sizeof(*digest));
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	struct lines lines = { 0 };
	pid_t pager;
	int r;

	if (!digest || !past)
		return -ENOMEM;
	digest_begin(digest, keep_line, &lines);
	while ((r = journal_reader_next(reader, past)) > 0) {
		digest_add(digest, past);
		strangeness_note(strangeness, past);
	}
	digest_finish(digest);
	if (r >= 0)
		r = lines.error;
	if (r >= 0 && lines.count) {
		qsort(lines.items, lines.count, sizeof(*lines.items), compare_lines);
		pager = arguments->pager ? pager_start() : 0;
		print_table(arguments, &lines, lines.count > last ? lines.count - last : 0);
		pager_finish(pager);
	} else if (r >= 0) {
		fputs("connwatchctl log: the journal has no such records\n", stderr);
	}
	free(lines.items);
	return r;
}

/* Moves before the last `last` records, or before all if there are fewer. */
static int go_back(struct journal_reader *reader, size_t last, struct past_record *past)
{
	int r = journal_reader_last(reader);

	for (size_t i = 0; r >= 0 && i <= last; i++) {
		r = journal_reader_previous(reader, past);
		if (r == 0)
			return journal_reader_first(reader);
	}
	return r;
}

static int print_records(struct journal_reader *reader, size_t last,
			 struct strangeness *strangeness)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	int r = 0;

	if (!past)
		return -ENOMEM;
	if (last != SIZE_MAX)
		r = go_back(reader, last, past);
	while (r >= 0 && (r = journal_reader_next(reader, past)) > 0) {
		strangeness_note(strangeness, past);
		r = print_fields(reader);
	}
	return r;
}

static int print_records_reversed(struct journal_reader *reader, size_t last,
				  struct strangeness *strangeness)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	int r = past ? journal_reader_last(reader) : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < last && (r = journal_reader_previous(reader, past)) > 0;
	     i++) {
		strangeness_note(strangeness, past);
		r = print_fields(reader);
	}
	return r;
}

static int print_log(const struct command *command, const struct journal_arguments *arguments,
		     size_t last)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	struct strangeness strangeness = { 0 };
	int r = journal_open(&reader, arguments, command);

	if (r)
		return r;
	r = !arguments->json     ? print_digest(reader, arguments, last, &strangeness)
	    : arguments->reverse ? print_records_reversed(reader, last, &strangeness)
				 : print_records(reader, last, &strangeness);
	strangeness_say(&strangeness, command);
	return r < 0 ? journal_failed(command, r) : EXIT_SUCCESS;
}

static int run(const struct command *command, int argc, char *argv[])
{
	struct journal_arguments arguments;
	size_t last;
	int r = journal_arguments_read_list(&arguments, command, argc, argv, &last);

	return r ?: print_log(command, &arguments, last);
}

const struct command command_log = {
	.name = "log",
	.arguments = "[OPTIONS...] [AGENT...]",
	.summary = "List the verdicts in the journal, similar ones in a row as one",
	.options = "AGENT is the name of an agent or of its unit. With -o json every record is\n"
		   "printed, and none are combined.\n\n"
		   "  -n, --lines=N          only the last N lines\n"
		   "  -r, --reverse          the newest first\n" JOURNAL_OPTIONS_HELP,
	.run = run,
};
