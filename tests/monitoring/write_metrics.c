/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the metrics of three agents to a file: one that crashed and was restarted, one with a name
 * that must be escaped, and one of which nothing was ever counted. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "effects/metrics_writer.h"

#define HEARTBEAT (1700000000 * USEC_PER_SEC)

static void count(struct tallies *tallies, struct record record)
{
	text_copy(record.agent, sizeof(record.agent), "edge");
	tallies_add(tallies, &record);
}

int main(int argc, char **argv)
{
	static struct tallies tallies;
	const struct agent_gauges agents[] = {
		{ .agent = "edge", .connections = 1, .certificates_unread = 2 },
		{ .agent = "quo\"ted\\agent", .in_outage = true, .actions_held = true },
		{ .agent = "new" },
	};
	const struct hub_certificate hubs[] = {
		{ "hub.example.com:8883", 1735689600, 1700000000, "" },
		{ "[2001:db8::1]:443", 1699999999, 1700000000, "" },
		{ "192.0.2.1:8883", 1735689600, 1700000000, "edge" },
		{ "192.0.2.2:8883", 1735689600, 1700000000, "gone" }
	};
	const struct metrics_facts facts = { &tallies, agents, 3, hubs, 4 };
	char *text;
	int r;

	if (argc != 2)
		return EXIT_FAILURE;
	count(&tallies, (struct record){ .kind = RECORD_ENDED,
					 .verdict = { .cause = CAUSE_AGENT_CRASH,
						      .ended_by = ENDED_BY_LOCAL_FIN },
					 .outage_id = "1",
					 .socket.age = 45 * USEC_PER_SEC });
	count(&tallies,
	      (struct record){ .kind = RECORD_STALLED, .verdict.cause = CAUSE_NAME_SERVER_SILENT });
	count(&tallies, (struct record){ .kind = RECORD_RECOVERED,
					 .outage_id = "1",
					 .attempts = 1,
					 .took[RUNG_TCP] = 20 * USEC_PER_MSEC,
					 .downtime = 1500000 });
	text = metrics_format(&facts);
	r = text ? metrics_write(argv[1], text, HEARTBEAT) : -1;
	free(text);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
