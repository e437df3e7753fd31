/* Spans of time as a row of cells, for a terminal. */
#pragma once

#include "timeline.h"

enum { BAR_CELLS = 512 };

struct cell {
	usec_t time[PRESENCE_MAX]; /* how much of it was spent how */
	unsigned marks;            /* how many ends fall into it */
	char mark;                 /* the letter of their cause; '+' for several causes */
};

struct bar {
	usec_t since, until;
	unsigned width;
	struct cell cells[BAR_CELLS];
};

/* `width` is from 1 to BAR_CELLS. */
void bar_begin(struct bar *bar, usec_t since, usec_t until, unsigned width);

/* What lies outside of the bar's time is left out. */
void bar_add_span(struct bar *bar, const struct span *span);
void bar_add_mark(struct bar *bar, usec_t time, char mark);

/* How most of the cell was spent; what is known goes before PRESENCE_UNKNOWN. */
enum presence cell_presence(const struct cell *cell);

/* The length of a step between two marks of an axis, of a round length, so that there are at most
 * `steps` of them in `length`. */
usec_t axis_step(usec_t length, unsigned steps);
