/* The counters and gauges of docs/METRICS.md as OpenMetrics text, for the textfile collector of
 * Prometheus's node_exporter. */
#pragma once

#include <stdbool.h>

#include "core/tally.h"

/* One agent's present state. */
struct agent_gauges {
	const char *agent;
	uint32_t connections;
	bool actions_held;
};

/* The whole text, to be freed; NULL: no memory. `agents` are the ones that are watched; what was
 * counted of others is left out. */
char *metrics_format(const struct tallies *tallies, const struct agent_gauges *agents,
		     unsigned count);

/* Puts `text` into the file at `path` in one step, readable by all: it is written beside it first.
 * Returns 0 or -errno. */
int metrics_write(const char *path, const char *text);
