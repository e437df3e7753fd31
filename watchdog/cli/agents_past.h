/* The past of each agent, as the journal has it: what `timeline` and `stats` show. */
#pragma once

#include "cli/journal_arguments.h"
#include "core/statistics.h"
#include "core/timeline.h"

struct ending {
	usec_t time;
	usec_t age;
	enum side side;
	char cause[WORD_SIZE];
	char ended_by[WORD_SIZE];
};

struct agent_past {
	char name[AGENT_NAME_SIZE];
	struct timeline timeline;
	struct statistics statistics;
	struct span *spans; /* like ones in a row are one */
	size_t span_count;
	struct ending *endings;
	size_t ending_count;
	int error;
};

struct agents_past {
	struct agent_past **agents; /* sorted by name */
	size_t count;
	usec_t since, until; /* the time that is shown */
};

/* Reads all of the journal that is asked for, and says why it cannot. Returns 0 or the exit status;
 * to be freed with agents_past_free() in any case. */
int agents_past_read(struct agents_past *past, const struct command *command,
		     const struct journal_arguments *arguments, struct strangeness *strangeness);
void agents_past_free(struct agents_past *past);
