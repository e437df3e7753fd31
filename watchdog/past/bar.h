/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spans of time as a row of cells, to be shown or drawn. Times are microseconds since 1970. */
#pragma once

#include "past/timeline.h"

enum { BAR_CELLS = 512 }; /* at most */

struct cell {
	usec_t time[PRESENCE_MAX]; /* how much of the cell's time was spent how */
	unsigned marks;            /* ends in the cell */
	char mark;                 /* the letter of their cause; '+': several causes */
};

struct bar {
	usec_t since, until;
	unsigned width;
	struct cell cells[BAR_CELLS];
};

/* An empty bar of `width` cells, from 1 to BAR_CELLS. */
void bar_begin(struct bar *bar, usec_t since, usec_t until, unsigned width);

/* Adds a span, or an end with the letter of its cause. What lies outside of the bar is left out. */
void bar_add_span(struct bar *bar, const struct span *span);
void bar_add_mark(struct bar *bar, usec_t time, char mark);

/* How most of the cell's time was spent; PRESENCE_UNKNOWN only if nothing else is known of it. */
enum presence cell_presence(const struct cell *cell);

/* The distance between two marks of an axis over `length` microseconds: the shortest round one that
 * makes at most `steps` steps. */
usec_t axis_step(usec_t length, unsigned steps);
