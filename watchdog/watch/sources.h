/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All sources of events, and the order in which they are taken from.
 *
 * The kernel's records of connections and processes carry the time at which they were made. What
 * other sources tell of the same moment must reach the engine before or after them, however late
 * either is read: each row of the table says which turn its source has. */
#pragma once

#include <stddef.h>

#include "sources/source.h"

enum turn {
	/* Taken each time before the records are: a sleep of the host comes before everything that
	 * woke us. */
	TURN_BEFORE_RECORDS,
	/* Taken before each record up to its time: the path was what it was when the connection
	 * ended. Needs told_until(). */
	TURN_BEFORE_EACH,
	/* The kernel's records of connections and processes. */
	TURN_RECORDS,
	/* Taken after the records: the kernel knew before a service on D-Bus said so. In a flood
	 * of records, which takes 50 ms and more to take, a service need not wait each time. While
	 * records are left over, nothing of this turn is taken, for 5 s at most: a deadline would
	 * pass before them. */
	TURN_AFTER_RECORDS,
	/* Taken when its descriptor is ready, whatever else waits: its order does not matter. */
	TURN_ALONE,
};

enum opening {
	AT_START,  /* by watch_sources_open_all(), without options */
	ON_DEMAND, /* by watch_sources_open() only: by whoever knows its options */
};

struct source_row {
	const struct source *source;
	enum turn turn;
	enum opening opening;
};

struct watch_sources;

/* Makes the sources of `rows` (`count` of them, borrowed), none of which is open yet. Their events
 * and notices go to `listener` (copied), whose loop is referenced. Returns 0 or -errno. */
int watch_sources_new(struct watch_sources **ret, const struct source_row *rows, size_t count,
		      const struct source_listener *listener);

/* Closes all that are open, the last row first. Returns NULL. */
struct watch_sources *watch_sources_free(struct watch_sources *sources);

/* Opens `source`, a row of the table that is not open, with `options` as its header says. Returns
 * 0, or -errno after having said why. */
int watch_sources_open(struct watch_sources *sources, const struct source *source,
		       const void *options);

/* Opens all that are opened at the start, in the order of the table. Returns 0 or -errno, after
 * having said why. */
int watch_sources_open_all(struct watch_sources *sources);

/* Returns what the calls of `source` take; NULL if it is not open, or cannot be had here. Owned by
 * `sources`. */
void *watch_sources_get(const struct watch_sources *sources, const struct source *source);

/* From now on the kernel's records are taken; until then they wait. */
void watch_sources_begin(struct watch_sources *sources);

/* Takes the kernel's records, with what has its turn before them. */
void watch_sources_take(struct watch_sources *sources);

/* Takes the kernel's records likewise, and then what has its turn after them. */
void watch_sources_take_all(struct watch_sources *sources);
