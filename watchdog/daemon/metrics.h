/* Keeps MetricsFile= up to date: when something has changed, but not more often than the file is
 * read. */
#pragma once

#include "core/tally.h"
#include "watch_loop.h"

/* Prometheus's default scrape_interval is a minute, most set 15 s. */
#define METRICS_INTERVAL (15 * USEC_PER_SEC)

struct metrics;

/* `loop` and `tallies` must live for as long as this. Returns 0 or -errno. */
int metrics_new(struct metrics **ret, struct watch_loop *loop, const struct tallies *tallies);

/* Removes the file: nobody keeps it up to date any more. Returns NULL. */
struct metrics *metrics_free(struct metrics *metrics);

/* From now on the file is `path`; "": there is none. The one before is removed. */
void metrics_set_path(struct metrics *metrics, const char *path);

/* Something may have changed. */
void metrics_stepped(struct metrics *metrics);
