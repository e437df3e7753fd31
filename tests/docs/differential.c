/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the differential table of the verdicts as Markdown, for docs/CAUSES.md:
 *
 *     build/tests/docs/differential
 *
 * tests/docs/check.py compares the two. */
#include <stdio.h>

#include "verdict/exclusions.h"

static void print_list(const uint8_t *list)
{
	const char *separator = "";

	if (!*list)
		printf("-");
	for (; *list; list++) {
		for (const char *c = exclusions[*list].words; *c; c++)
			putchar(*c == '-' ? ' ' : *c);
		separator = list[1] ? "; " : "";
		printf("%s", separator);
	}
}

static void print_row(void *userdata, enum cause cause, enum cause rival, const uint8_t *kernel,
		      const uint8_t *circumstance)
{
	if (cause != *(enum cause *)userdata)
		return;
	printf("| `%s` | `%s` | ", cause_to_string(cause), cause_to_string(rival));
	print_list(kernel);
	printf(" | ");
	print_list(circumstance);
	printf(" |\n");
}

int main(void)
{
	printf("| cause | it could also be | the kernel's evidence excludes that | circumstance "
	       "excludes "
	       "it |\n|---|---|---|---|\n");
	for (enum cause cause = CAUSE_UNKNOWN; cause < CAUSE_MAX; cause++)
		differential_rows(print_row, &cause);
	return 0;
}
