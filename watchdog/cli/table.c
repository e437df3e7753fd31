/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

void table_begin(struct table *table, const char *const *titles, unsigned columns,
		 unsigned coloured)
{
	*table = (struct table){ .titles = titles, .columns = columns, .coloured = coloured };
	for (unsigned i = 0; i < columns; i++)
		table->widths[i] = (int)strlen(titles[i]);
}

void table_measure(struct table *table, const struct row *row)
{
	for (unsigned i = 0; i < table->columns; i++) {
		int width = (int)strlen(row->cells[i]);

		if (width > table->widths[i])
			table->widths[i] = width;
	}
}

/* The last cell that is not empty needs no padding. */
void table_print_row(const struct table *table, const struct row *row, const char *colour,
		     const char *plain)
{
	unsigned used = table->columns;

	while (used > 1 && !row->cells[used - 1][0])
		used--;
	for (unsigned i = 0; i < used; i++) {
		int width = i + 1 < used ? table->widths[i] : 0;
		bool coloured = i == table->coloured;

		printf("%s%s%-*s%s", i ? "  " : "", coloured ? colour : "", width, row->cells[i],
		       coloured ? plain : "");
	}
	putchar('\n');
}

void table_print_titles(const struct table *table)
{
	struct row row = { 0 };

	for (unsigned i = 0; i < table->columns; i++)
		snprintf(row.cells[i], CELL_SIZE, "%s", table->titles[i]);
	table_print_row(table, &row, "", "");
}
