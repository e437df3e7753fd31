/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The past of each agent from the journal, for `timeline` and `stats`. */
#pragma once

#include "cli/journal_arguments.h"
#include "past/statistics.h"
#include "past/timeline.h"

struct past_ending {
	usec_t time;
	usec_t age;
	enum side side;
	unsigned times; /* how many ends and failed attempts it stands for */
	char cause[WORD_SIZE];
	char ended_by[WORD_SIZE];
};

struct agent_past {
	char name[AGENT_NAME_SIZE];
	struct timeline timeline;
	struct statistics statistics;
	struct span *spans; /* equal ones in a row are merged */
	size_t span_count;
	struct past_ending *endings;
	size_t ending_count;
	int error;
};

struct agents_past {
	struct agent_past **agents; /* sorted by name */
	size_t count;
	usec_t since, until; /* the shown time */
};

/* Reads the selected part of the journal, or prints why it cannot. Returns 0 or the exit status.
 * The caller frees `past` with agents_past_free() in both cases. */
int agents_past_read(struct agents_past *past, const struct command *command,
		     const struct journal_arguments *arguments, struct strangeness *strangeness);
void agents_past_free(struct agents_past *past);
