/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/timeline_svg.h"

#include <errno.h>
#include <string.h>

#include "past/bar.h"
#include "support/markup.h"

/* Sizes in pixels. */
enum {
	WIDTH = 1200,
	NAMES = 160, /* the agents' names at the left */
	EDGE = 44,
	TOP = 40, /* the axis */
	ROW = 44,
	BAR = 22,
	LEGEND = 60,
	STEPS = 8,
};

/* Colours that people with colour blindness can distinguish too (Okabe and Ito). */
static const char style[] = "text{font:13px sans-serif;fill:#222}.small{font-size:11px;fill:#555}"
			    ".up{fill:#b8dcc8}.down{fill:#f3f3f3;stroke:#bbb;stroke-width:.5}"
			    ".stalled{fill:#f0e442}.unknown{fill:none}.grid{stroke:#ddd}"
			    ".none{stroke:#000}.agent{stroke:#e69f00}.peer{stroke:#0072b2}"
			    ".network{stroke:#cc79a7}.host{stroke:#d55e00}line.end{stroke-width:2}";

static double place_of(const struct agents_past *past, usec_t time)
{
	double length = (double)(past->until - past->since);
	double width = WIDTH - NAMES - EDGE;

	if (time <= past->since || past->until <= past->since)
		return NAMES;
	if (time >= past->until)
		return NAMES + width;
	return NAMES + width * (double)(time - past->since) / length;
}

static unsigned height_of(const struct agents_past *past)
{
	return TOP + ROW * (unsigned)past->count + LEGEND;
}

/* ---- parts */

static void print_axis(FILE *stream, const struct agents_past *past)
{
	usec_t step = axis_step(past->until - past->since, STEPS);

	for (usec_t time = round_time_after(past->since, step); time < past->until; time += step) {
		double x = place_of(past, time);
		char text[TIMESTAMP_SIZE];

		timestamp(time, text);
		fprintf(stream,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%u\"/>\n", x,
			x, TOP - 6, height_of(past) - LEGEND);
		fprintf(stream,
			"<text class=\"small\" x=\"%.1f\" y=\"14\" text-anchor=\"middle\">%.10s"
			"</text><text class=\"small\" x=\"%.1f\" y=\"28\" "
			"text-anchor=\"middle\">%s</text>\n",
			x, text, x, strlen(text) > 11 ? text + 11 : "");
	}
}

static void print_span(FILE *stream, const struct agents_past *past, const struct span *span,
		       unsigned y)
{
	double from = place_of(past, span->from), until = place_of(past, span->until);
	char begin[TIMESTAMP_SIZE], end[TIMESTAMP_SIZE];

	if (span->presence == PRESENCE_UNKNOWN || until <= from)
		return;
	fprintf(stream,
		"<rect class=\"%s\" x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\">"
		"<title>%s: %s to %s</title></rect>\n",
		presence_to_string(span->presence), from, y, until - from, BAR,
		presence_to_string(span->presence), timestamp(span->from, begin),
		timestamp(span->until, end));
}

static void print_ending(FILE *stream, const struct agents_past *past,
			 const struct past_ending *ending, unsigned y)
{
	double x = place_of(past, ending->time);
	char time[TIMESTAMP_SIZE], age[TIME_SPAN_TEXT_SIZE];

	time_span_format(ending->age, age, sizeof(age));
	fprintf(stream,
		"<line class=\"end %s\" x1=\"%.2f\" x2=\"%.2f\" y1=\"%u\" y2=\"%u\"><title>%s: ",
		side_class(ending->side), x, x, y - 4, y + BAR + 4, timestamp(ending->time, time));
	markup_text(stream, ending->cause);
	fputs(" (", stream);
	markup_text(stream, ending->ended_by);
	fprintf(stream, ")%s%s</title></line>\n", ending->age ? " after " : "",
		ending->age ? age : "");
}

static void print_agent(FILE *stream, const struct agents_past *past,
			const struct agent_past *agent, unsigned y)
{
	fprintf(stream, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">", NAMES - 10, y + BAR - 6);
	markup_text(stream, agent->name);
	fputs("</text>\n", stream);
	for (size_t i = 0; i < agent->span_count; i++)
		print_span(stream, past, &agent->spans[i], y);
	for (size_t i = 0; i < agent->ending_count; i++)
		print_ending(stream, past, &agent->endings[i], y);
}

static void print_legend(FILE *stream, unsigned y)
{
	static const struct {
		const char *class, *words;
	} spans[] = { { "up", "connected" },
		      { "stalled", "in trouble" },
		      { "down", "no connection" } };
	int x = NAMES;

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++, x += 120)
		fprintf(stream,
			"<rect class=\"%s\" x=\"%d\" y=\"%u\" width=\"18\" height=\"12\"/>"
			"<text class=\"small\" x=\"%d\" y=\"%u\">%s</text>\n",
			spans[i].class, x, y, x + 24, y + 10, spans[i].words);
	for (int side = SIDE_AGENT; side < SIDE_MAX; side++, x += 120)
		fprintf(stream,
			"<line class=\"end %s\" x1=\"%d\" x2=\"%d\" y1=\"%u\" y2=\"%u\"/>"
			"<text class=\"small\" x=\"%d\" y=\"%u\">end: %s</text>\n",
			side_class(side), x + 9, x + 9, y - 2, y + 14, x + 18, y + 10,
			side_to_string(side));
}

int timeline_svg_write(FILE *stream, const struct agents_past *past)
{
	unsigned height = height_of(past);

	fprintf(stream,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
		"viewBox=\"0 0 %d %u\">\n<title>connwatch timeline</title>\n<style>%s</style>\n"
		"<rect width=\"%d\" height=\"%u\" fill=\"#fff\"/>\n",
		WIDTH, height, WIDTH, height, style, WIDTH, height);
	print_axis(stream, past);
	for (size_t i = 0; i < past->count; i++)
		print_agent(stream, past, past->agents[i], TOP + ROW * (unsigned)i + 8);
	print_legend(stream, height - LEGEND + 24);
	fputs("</svg>\n", stream);
	return fflush(stream) == 0 && !ferror(stream) ? 0 : -EIO;
}
