/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps this process's memory small. */
#pragma once

#include <stddef.h>

/* From now on each large block of memory is given back when it is freed. malloc(3) keeps as much as
 * the largest block that it ever had, and the start needs some of many megabytes. */
void resident_set_keep_small(void);

/* Gives back what only the start needed: free heap, the stack below the caller, and the pages of
 * code and constants, which are read from the page cache when they are used again. To be called by
 * the first thread, when the start is over. */
void resident_set_shrink(void);

/* Gives back the pages within `memory`, which the caller has written to and never reads again. It
 * can still be freed. */
void resident_set_drop(const void *memory, size_t size);
