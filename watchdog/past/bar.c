/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "past/bar.h"

#define USEC_PER_DAY (24 * USEC_PER_HOUR)

void bar_begin(struct bar *bar, usec_t since, usec_t until, unsigned width)
{
	*bar = (struct bar){ .since = since, .until = until, .width = width };
	if (bar->until <= bar->since)
		bar->until = bar->since + 1;
}

/* The time at which a cell begins; for the index after the last cell, the end of the bar. */
static usec_t cell_from(const struct bar *bar, unsigned index)
{
	usec_t length = bar->until - bar->since;
	usec_t step = length / bar->width;
	usec_t rest = length % bar->width;

	return bar->since + step * index + rest * index / bar->width;
}

/* The last cell that does not begin after `time`. */
static unsigned cell_at(const struct bar *bar, usec_t time)
{
	unsigned low = 0, high = bar->width;

	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (cell_from(bar, middle) <= time)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void bar_add_span(struct bar *bar, const struct span *span)
{
	usec_t from = span->from > bar->since ? span->from : bar->since;
	usec_t until = span->until < bar->until ? span->until : bar->until;

	while (from < until) {
		unsigned index = cell_at(bar, from);
		usec_t end = cell_from(bar, index + 1);

		if (end <= from || end > until) /* a cell may be shorter than a microsecond */
			end = until;
		bar->cells[index].time[span->presence] += end - from;
		from = end;
	}
}

void bar_add_mark(struct bar *bar, usec_t time, char mark)
{
	struct cell *cell;

	if (time < bar->since || time > bar->until)
		return;
	cell = &bar->cells[cell_at(bar, time)];
	cell->mark = cell->marks && cell->mark != mark ? '+' : mark;
	cell->marks++;
}

enum presence cell_presence(const struct cell *cell)
{
	enum presence most = PRESENCE_UNKNOWN;

	for (enum presence i = PRESENCE_DOWN; i < PRESENCE_MAX; i++)
		if (cell->time[i] > 0 &&
		    (most == PRESENCE_UNKNOWN || cell->time[i] > cell->time[most]))
			most = i;
	return most;
}

usec_t axis_step(usec_t length, unsigned steps)
{
	static const usec_t round[] = {
		USEC_PER_SEC,         2 * USEC_PER_SEC,    5 * USEC_PER_SEC,
		10 * USEC_PER_SEC,    30 * USEC_PER_SEC,   USEC_PER_MINUTE,
		2 * USEC_PER_MINUTE,  5 * USEC_PER_MINUTE, 10 * USEC_PER_MINUTE,
		30 * USEC_PER_MINUTE, USEC_PER_HOUR,       2 * USEC_PER_HOUR,
		3 * USEC_PER_HOUR,    6 * USEC_PER_HOUR,   12 * USEC_PER_HOUR,
		USEC_PER_DAY,         2 * USEC_PER_DAY,    7 * USEC_PER_DAY,
		28 * USEC_PER_DAY,    91 * USEC_PER_DAY,   365 * USEC_PER_DAY,
	};
	enum { ROUND = sizeof(round) / sizeof(round[0]) };

	for (unsigned i = 0; steps > 0 && i < ROUND; i++)
		if (length / round[i] <= steps)
			return round[i];
	return length ? length : 1;
}
