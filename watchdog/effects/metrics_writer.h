/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The metrics of docs/METRICS.md in Prometheus's text format 0.0.4, which the textfile
 * collector of node_exporter reads. */
#pragma once

#include <stdbool.h>

#include "record/tally.h"
#include "support/hub_certificates.h"

/* The present state of one agent. */
struct agent_gauges {
	const char *agent;
	uint32_t connections;
	bool in_outage;
	bool actions_held;
	uint64_t certificates_unread;
	enum rung failed; /* RUNG_NONE: connected, or no attempt has failed yet */
};

/* All arrays are borrowed. */
struct metrics_facts {
	const struct tallies *tallies;
	const struct agent_gauges *agents;
	unsigned count; /* of them */
	const struct hub_certificate *hubs;
	unsigned hub_count;
};

/* Formats all metrics but the heartbeat of the watched agents, without the counts of others.
 * Returns the text, which the caller frees, or NULL without memory. */
char *metrics_format(const struct metrics_facts *facts);

/* Replaces the file at `path` by `text` and the heartbeat, which is the time of the wall clock,
 * atomically (a temporary file and a rename), readable by all. Returns 0 or -errno. */
int metrics_write(const char *path, const char *text, usec_t heartbeat);
