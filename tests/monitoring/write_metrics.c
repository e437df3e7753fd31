/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the metrics of three agents to standard output: one that crashed and was restarted, one
 * with a name that must be escaped, and one of which nothing was ever counted. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "effects/metrics_writer.h"

static void count(struct tallies *tallies, struct record record)
{
	text_copy(record.agent, sizeof(record.agent), "edge");
	tallies_add(tallies, &record);
}

int main(void)
{
	static struct tallies tallies;
	const struct agent_gauges agents[] = {
		{ .agent = "edge", .connections = 1 },
		{ .agent = "quo\"ted\\agent", .actions_held = true },
		{ .agent = "new" },
	};
	char *text;

	count(&tallies, (struct record){ .kind = RECORD_ENDED,
					 .verdict = { .cause = CAUSE_AGENT_CRASH,
						      .ended_by = ENDED_BY_LOCAL_FIN } });
	count(&tallies,
	      (struct record){ .kind = RECORD_STALLED, .verdict.cause = CAUSE_NAME_SERVER_SILENT });
	count(&tallies, (struct record){ .kind = RECORD_RECOVERED, .downtime = 1500000 });
	text = metrics_format(&tallies, agents, sizeof(agents) / sizeof(agents[0]));
	if (!text)
		return EXIT_FAILURE;
	fputs(text, stdout);
	free(text);
	return EXIT_SUCCESS;
}
