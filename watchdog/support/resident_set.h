/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps this process's memory small. */
#pragma once

/* From now on each large block of memory is given back when it is freed. malloc(3) keeps as much as
 * the largest block that it ever had, and the start needs some of many megabytes. */
void resident_set_keep_small(void);

/* Gives back what only the start needed: free heap, and the pages of code and constants, which are
 * read from the page cache when they are used again. To be called when the start is over. */
void resident_set_shrink(void);
