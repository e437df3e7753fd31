/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sorts any number of items of one size with a fixed amount of memory: an external merge sort in an
 * unnamed file in $TMPDIR or /var/tmp. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct spool;

/* What is sorted. */
struct spool_kind {
	size_t size;
	uint32_t room; /* items in memory at a time; room squared is the most in all */
	int (*compare)(const void *a, const void *b); /* as for qsort(3) */
};

/* Creates a spool; the caller frees it with spool_free(). Returns 0 or -errno. */
int spool_new(struct spool **spool, const struct spool_kind *kind);
void spool_free(struct spool *spool);
DEFINE_CLEANUP(struct spool *, spool_free);

/* Adds an item. Returns 0 or -errno; the disk may be full. */
int spool_add(struct spool *spool, const void *item);

/* Passes every item to `take`, in the order of `compare`, until it returns a negative number. To be
 * called after the last item was added; may be called again. Returns 0, what `take` returned, or
 * -errno. */
int spool_read(struct spool *spool, int (*take)(void *userdata, const void *item), void *userdata);
