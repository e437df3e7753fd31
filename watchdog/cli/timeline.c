/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl timeline: connections and outages as bars over time. */
#include "past/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/agents_past.h"
#include "cli/timeline_svg.h"
#include "past/bar.h"
#include "support/cleanup.h"
#include "support/terminal.h"

enum {
	ARGUMENT_SVG = ARGUMENT_OWN,
	LETTERS_MAX = 26,
	WIDTH_MIN = 40,
	TICK_WIDTH = 14, /* a label of the axis and the space after it */
};

/* Each cause gets a letter, in the order of their first appearance. */
struct letters {
	unsigned count;
	struct {
		char cause[WORD_SIZE];
		enum side side;
		unsigned endings; /* records */
	} items[LETTERS_MAX];
};

struct drawing {
	const struct journal_arguments *arguments;
	const struct agents_past *past;
	struct letters letters;
	struct bar bar;
	unsigned names; /* columns */
	unsigned width; /* of the bars */
	bool crowded;   /* a column has ends of several causes */
	const char *const *glyphs;
};

/* ---- glyphs */

enum glyph { GLYPH_UNKNOWN, GLYPH_DOWN, GLYPH_UP, GLYPH_STALLED, GLYPH_ENDED, GLYPH_TICK, GLYPHS };

static const char *const unicode_glyphs[GLYPHS] = { " ", "·", "█", "▒", "▌", "╵" };
static const char *const ascii_glyphs[GLYPHS] = { " ", ".", "#", "~", "|", "'" };

static enum glyph glyph_of(const struct cell *cell)
{
	switch (cell_presence(cell)) {
	case PRESENCE_DOWN:
		return GLYPH_DOWN;
	case PRESENCE_UP:
		return cell->marks || cell->time[PRESENCE_DOWN] ? GLYPH_ENDED : GLYPH_UP;
	case PRESENCE_STALLED:
		return GLYPH_STALLED;
	case PRESENCE_UNKNOWN:
	case PRESENCE_MAX:
	case PRESENCE_INVALID:
		break;
	}
	return GLYPH_UNKNOWN;
}

static const char *glyph_colour(const struct journal_arguments *arguments, enum glyph glyph)
{
	if (!arguments->colour)
		return "";
	if (glyph == GLYPH_UP || glyph == GLYPH_ENDED)
		return "\x1b[32m"; /* green */
	return glyph == GLYPH_STALLED ? "\x1b[33m" : "\x1b[31m";
}

/* ---- letters */

static char letter_of(struct letters *letters, const struct past_ending *ending)
{
	unsigned i = 0;

	while (i < letters->count && strcmp(letters->items[i].cause, ending->cause) != 0)
		i++;
	if (i == LETTERS_MAX)
		return '?';
	if (i == letters->count) {
		memcpy(letters->items[i].cause, ending->cause, WORD_SIZE);
		letters->items[i].side = ending->side;
		letters->count++;
	}
	letters->items[i].endings++;
	return (char)('a' + i);
}

/* ---- rows */

static void fill_bar(struct drawing *drawing, const struct agent_past *agent)
{
	bar_begin(&drawing->bar, drawing->past->since, drawing->past->until, drawing->width);
	for (size_t i = 0; i < agent->span_count; i++)
		bar_add_span(&drawing->bar, &agent->spans[i]);
	for (size_t i = 0; i < agent->ending_count; i++)
		bar_add_mark(&drawing->bar, agent->endings[i].time,
			     letter_of(&drawing->letters, &agent->endings[i]));
}

static void print_bar(const struct drawing *drawing)
{
	enum glyph before = GLYPHS;

	for (unsigned i = 0; i < drawing->width; i++) {
		enum glyph glyph = glyph_of(&drawing->bar.cells[i]);

		if (glyph != before)
			fputs(glyph_colour(drawing->arguments, glyph), stdout);
		fputs(drawing->glyphs[glyph], stdout);
		before = glyph;
	}
	printf("%s\n", plain(drawing->arguments));
}

static void print_marks(struct drawing *drawing)
{
	char marks[BAR_CELLS + 1] = "";
	unsigned used = 0;

	for (unsigned i = 0; i < drawing->width; i++) {
		const struct cell *cell = &drawing->bar.cells[i];

		marks[i] = cell->marks ? cell->mark : ' ';
		drawing->crowded |= marks[i] == '+';
		if (cell->marks)
			used = i + 1;
	}
	printf("%*s%.*s\n", (int)drawing->names, "", (int)used, marks);
}

/* The label of a mark: the part of "2026-11-23 12:00:00" that differs from mark to mark. */
static void axis_label(const struct agents_past *past, usec_t step, usec_t time,
		       char label[static TIMESTAMP_SIZE])
{
	enum { AT_MONTH = 5, AT_HOUR = 11, AT_SECOND = 16, AT_END = 19 };
	unsigned from = past->until - past->since > 24 * USEC_PER_HOUR ? AT_MONTH : AT_HOUR;
	unsigned until = step < USEC_PER_MINUTE ? AT_END : AT_SECOND;
	char text[TIMESTAMP_SIZE];

	timestamp(time, text);
	snprintf(label, TIMESTAMP_SIZE, "%.*s", (int)(until - from), text + from);
}

/* Prints marks at round times, as many as fit. */
static void print_axis(const struct drawing *drawing)
{
	const struct agents_past *past = drawing->past;
	usec_t length = past->until - past->since;
	usec_t step = axis_step(length, drawing->width / TICK_WIDTH);
	unsigned column = 0;

	printf("%*s", (int)drawing->names, "");
	for (usec_t time = round_time_after(past->since, step); time < past->until; time += step) {
		unsigned wanted =
			(unsigned)((double)(time - past->since) / (double)length * drawing->width);
		char label[TIMESTAMP_SIZE];
		unsigned width;

		axis_label(past, step, time, label);
		width = 1 + (unsigned)strlen(label);
		if (wanted < column || wanted + width > drawing->width)
			continue;
		printf("%*s%s%s", (int)(wanted - column), "", drawing->glyphs[GLYPH_TICK], label);
		column = wanted + width;
	}
	putchar('\n');
}

/* Also the attempts that failed by it without a record. */
static void print_cause(const struct drawing *drawing, unsigned letter)
{
	const char *name = drawing->letters.items[letter].cause;
	enum cause cause = cause_from_string(name);
	unsigned times = 0, outages = 0;

	for (size_t i = 0; cause != CAUSE_INVALID && i < drawing->past->count; i++) {
		times += drawing->past->agents[i]->statistics.causes[cause];
		outages += drawing->past->agents[i]->statistics.began[cause];
	}
	if (cause == CAUSE_INVALID) /* of a newer version */
		times = drawing->letters.items[letter].endings;
	printf("%c %s%s%s, %u time%s", 'a' + letter,
	       side_colour(drawing->arguments, drawing->letters.items[letter].side), name,
	       plain(drawing->arguments), times, times == 1 ? "" : "s");
	if (outages)
		printf(", began %u outage%s", outages, outages == 1 ? "" : "s");
	putchar('\n');
}

static void print_legend(const struct drawing *drawing)
{
	const char *const *glyphs = drawing->glyphs;

	for (unsigned i = 0; i < drawing->letters.count; i++)
		print_cause(drawing, i);
	if (drawing->crowded)
		puts("+ several of them in a column");
	printf("%s connected  %s connected, with an end  %s in trouble  %s no connection\n",
	       glyphs[GLYPH_UP], glyphs[GLYPH_ENDED], glyphs[GLYPH_STALLED], glyphs[GLYPH_DOWN]);
}

static void draw(struct drawing *drawing)
{
	const struct agents_past *past = drawing->past;
	char since[TIMESTAMP_SIZE], until[TIMESTAMP_SIZE], cell[TIME_SPAN_TEXT_SIZE];

	time_span_format((past->until - past->since) / drawing->width, cell, sizeof(cell));
	printf("%s to %s, %s a column\n", timestamp(past->since, since),
	       timestamp(past->until, until), cell);
	print_axis(drawing);
	for (size_t i = 0; i < past->count; i++) {
		fill_bar(drawing, past->agents[i]);
		printf("%-*s", (int)drawing->names, past->agents[i]->name);
		print_bar(drawing);
		print_marks(drawing);
	}
	print_legend(drawing);
}

static int draw_all(const struct journal_arguments *arguments, const struct agents_past *past,
		    unsigned width)
{
	_cleanup_free_ struct drawing *drawing = calloc(1, sizeof(*drawing));
	pid_t pager;

	if (!drawing)
		return -ENOMEM;
	drawing->arguments = arguments;
	drawing->past = past;
	drawing->glyphs = terminal_is_utf8() ? unicode_glyphs : ascii_glyphs;
	for (size_t i = 0; i < past->count; i++)
		if (strlen(past->agents[i]->name) + 2 > drawing->names)
			drawing->names = (unsigned)strlen(past->agents[i]->name) + 2;
	drawing->width = width > drawing->names + WIDTH_MIN ? width - drawing->names : WIDTH_MIN;
	if (drawing->width > BAR_CELLS)
		drawing->width = BAR_CELLS;
	pager = arguments->pager ? pager_start() : 0;
	draw(drawing);
	pager_finish(pager);
	return 0;
}

/* ---- JSON */

static void print_json(const struct agents_past *past, const struct agent_past *agent)
{
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	json_string(&json, "agent", agent->name);
	json_number(&json, "since_usec", past->since);
	json_number(&json, "until_usec", past->until);
	json_number(&json, "outages", agent->statistics.outages);
	json_open(&json, "spans", '[');
	for (size_t i = 0; i < agent->span_count; i++) {
		json_open(&json, NULL, '{');
		json_number(&json, "from_usec", agent->spans[i].from);
		json_number(&json, "until_usec", agent->spans[i].until);
		json_string(&json, "presence", presence_to_string(agent->spans[i].presence));
		json_close(&json, '{');
	}
	json_close(&json, '[');
	json_open(&json, "ends", '[');
	for (size_t i = 0; i < agent->ending_count; i++) {
		json_open(&json, NULL, '{');
		json_number(&json, "time_usec", agent->endings[i].time);
		json_number(&json, "age_usec", agent->endings[i].age);
		json_string(&json, "cause", agent->endings[i].cause);
		json_number(&json, "times", agent->endings[i].times);
		json_string(&json, "ended_by", agent->endings[i].ended_by);
		json_close(&json, '{');
	}
	json_close(&json, '[');
	json_close(&json, '{');
	putchar('\n');
}

/* ---- the command */

static int write_svg(const struct command *command, const char *path,
		     const struct agents_past *past)
{
	_cleanup_fclose_ FILE *file = fopen(path, "we");

	if (file && timeline_svg_write(file, past) >= 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "connwatchctl %s: %s: %s\n", command->name, path, strerror(errno));
	return EXIT_FAILURE;
}

static int show(const struct command *command, const struct journal_arguments *arguments,
		const struct agents_past *past, unsigned width, const char *svg)
{
	if (past->count == 0) {
		fputs("connwatchctl timeline: the journal has no such records\n", stderr);
		return EXIT_NO_INPUT;
	}
	if (svg)
		return write_svg(command, svg, past);
	if (!arguments->json)
		return command_exit_status(draw_all(arguments, past, width));
	for (size_t i = 0; i < past->count; i++)
		print_json(past, past->agents[i]);
	return EXIT_SUCCESS;
}

static int print_timeline(const struct command *command, const struct journal_arguments *arguments,
			  unsigned width, const char *svg)
{
	_cleanup_(agents_past_free) struct agents_past past = { 0 };
	struct strangeness strangeness = { 0 };
	int r = agents_past_read(&past, command, arguments, &strangeness);

	if (r)
		return r;
	r = show(command, arguments, &past, width, svg);
	strangeness_say(&strangeness, command);
	return r;
}

static int take_width(const struct command *command, const char *value, unsigned *width)
{
	char *end;
	unsigned long number = strtoul(value, &end, 10);

	if (*end || value[0] < '0' || value[0] > '9' || number < WIDTH_MIN || number > 1000)
		return command_misused(command, "--width: '%s' is not from %d to 1000", value,
				       WIDTH_MIN);
	*width = (unsigned)number;
	return 0;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		JOURNAL_LONG_OPTIONS,
		{ "width", required_argument, NULL, 'w' },
		{ "svg", required_argument, NULL, ARGUMENT_SVG },
		{ 0 },
	};
	struct journal_arguments arguments;
	unsigned width = terminal_width();
	const char *svg = NULL;
	int option, r = 0;

	journal_arguments_defaults(&arguments);
	arguments.argv = argv;
	while (!r &&
	       (option = getopt_long(argc, argv, JOURNAL_SHORT_OPTIONS "w:", options, NULL)) != -1)
		if (option == ARGUMENT_SVG)
			svg = optarg;
		else if (option == 'w')
			r = take_width(command, optarg, &width);
		else
			r = journal_arguments_take(&arguments, command, option, optarg);
	r = r ?: journal_arguments_take_agents(&arguments, command, argc, argv);
	return r ?: print_timeline(command, &arguments, width, svg);
}

const struct command command_timeline = {
	.name = "timeline",
	.arguments = "[OPTIONS...] [AGENT]",
	.summary = "Draw connections and outages as bars over time",
	.options = "AGENT is the name of an agent or of its unit. An agent is connected while it "
		   "has\nat least one connection. Letters mark the ends, one for each "
		   "cause.\n\n"
		   "  -w, --width=COLUMNS    the width; the default is the terminal's\n"
		   "      --svg=FILE         write an SVG picture to FILE\n" JOURNAL_OPTIONS_HELP,
	.run = run,
};
