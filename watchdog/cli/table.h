/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table on the terminal: its columns are as wide as their longest cell. */
#pragma once

#include <stddef.h>

#include "settings/action.h"

enum { TABLE_COLUMNS_MAX = 10, CELL_SIZE = ACTION_TEXT_SIZE + 16 };

struct table {
	const char *const *titles;
	unsigned columns;  /* TABLE_COLUMNS_MAX at most */
	unsigned coloured; /* the column that gets the row's colour */
	int widths[TABLE_COLUMNS_MAX];
};

/* The cells of a row; "": empty. */
struct row {
	char cells[TABLE_COLUMNS_MAX][CELL_SIZE];
};

/* Makes the columns as wide as their titles. */
void table_begin(struct table *table, const char *const *titles, unsigned columns,
		 unsigned coloured);

/* Makes the columns wide enough for `row`. */
void table_measure(struct table *table, const struct row *row);

void table_print_titles(const struct table *table);

/* `colour` and `plain` are the escape sequences around the coloured cell. */
void table_print_row(const struct table *table, const struct row *row, const char *colour,
		     const char *plain);
