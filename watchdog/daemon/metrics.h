/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps MetricsFile= up to date: writes it when a value has changed, but not more often than it is
 * read, and else with each heartbeat. */
#pragma once

#include "record/tally.h"
#include "watch/loop.h"

/* The minimum time between two writes: most users scrape every 15 s (Prometheus's default is a
 * minute). */
#define METRICS_INTERVAL (15 * USEC_PER_SEC)

/* A file that is older than that has been left by a connwatchd that died or hangs. */
#define METRICS_HEARTBEAT (60 * USEC_PER_SEC)

struct metrics;

/* Creates the object; `loop` and `tallies` must outlive it. Returns 0 or -errno. */
int metrics_new(struct metrics **ret, struct watch_loop *loop, const struct tallies *tallies);

/* Removes the file and frees `metrics`. Returns NULL. */
struct metrics *metrics_free(struct metrics *metrics);

/* Sets the path of the file ("": no file) and removes the file at the path before. */
void metrics_set_path(struct metrics *metrics, const char *path);

/* Marks the values as possibly changed. */
void metrics_stepped(struct metrics *metrics);
