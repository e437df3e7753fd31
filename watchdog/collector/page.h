/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pages of HTML without scripts and external resources, for narrow screens too, and labelled for
 * those who listen. Texts are written as they are, those of records with markup_text(). */
#pragma once

#include <stdio.h>

#include "base/usec.h"
#include "base/vocabulary.h"
#include "cli/command.h"

enum { PAGE_BINS = 240 };

/* Opens the page and says its time and the time zone. */
void page_begin(FILE *stream, const char *title, usec_t since, usec_t until);
/* Returns 0 or -errno. */
int page_end(FILE *stream);

/* Makes the file `path` with `content_write`, which returns 0 or -errno. Returns the exit status,
 * after printing what is wrong. */
int page_write(const struct command *command, const char *path,
	       int (*content_write)(FILE *stream, const void *content), const void *content);

void page_tiles_begin(FILE *stream);
void page_tile(FILE *stream, const char *value, const char *words);
void page_count_tile(FILE *stream, uint64_t count, const char *words);
void page_tiles_end(FILE *stream);

/* `count` follows the heading; NO_COUNT: none. */
#define NO_COUNT UINT64_MAX
void page_section(FILE *stream, const char *id, const char *heading, uint64_t count);
void page_section_end(FILE *stream);

/* The names of the columns; one that begins with '#' is of numbers. Ends with NULL. */
void page_table(FILE *stream, const char *label, const char *const *columns);
void page_table_end(FILE *stream);

/* Cells of a row. */
void page_cell_number(FILE *stream, uint64_t number);
void page_cell_cause(FILE *stream, enum cause cause);
void page_cell_confidence(FILE *stream, enum confidence confidence);
/* A bar of `share` percent, and the words behind it. */
void page_bar(FILE *stream, double share);

/* ---- pictures: lanes of bars over the same time, under each other */

/* What one colour stands for. */
struct page_kind {
	const char *class, *name;
};

struct page_lane {
	const char *title;
	const struct page_kind *kinds;
	unsigned kind_count;
	unsigned (*ends)(const void *userdata, unsigned bin, unsigned kind);
	const void *userdata;
};

/* `label` says what there is to be seen to those who do not see it. */
void page_picture(FILE *stream, const char *label, usec_t since, usec_t until,
		  const struct page_lane *lanes, unsigned count);

/* What the colours of the four sides stand for, and that of none. */
extern const struct page_kind page_sides[SIDE_MAX];
