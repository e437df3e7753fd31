/* What this process keeps in memory. */
#pragma once

/* From now on each large block of memory is given back as soon as it is freed. malloc(3) by itself
 * keeps as much as the largest block it ever saw, and the start needs some of many megabytes. */
void resident_set_keep_small(void);

/* Gives back what only the start needed: free heap, and the pages of code and constants, which come
 * back out of the page cache when they are used again. To be called when the start is over. */
void resident_set_shrink(void);
