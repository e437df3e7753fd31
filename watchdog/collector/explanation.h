/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `connwatch-fleet explain` tells, in its two formats: a line for each end in the hub's log,
 * and a summary. */
#pragma once

#include "cli/journal_arguments.h"
#include "collector/answers.h"

enum { HUB_FILES_MAX = 64, PLACES_TOLD = 5 };

struct hub_place {
	uint32_t file; /* number, from 0 on */
	uint64_t line;
};

struct explanation {
	const struct journal_arguments *arguments;
	const char *files[HUB_FILES_MAX]; /* logs of hubs */
	unsigned file_count;
	/* what was read */
	uint64_t lines, unrelated, malformed, no_room; /* no_room: of too many devices, not used */
	uint64_t events[HUB_FORMAT_MAX];
	struct hub_place places[PLACES_TOLD]; /* the first that are malformed */
	/* what was answered, of the time asked for */
	uint64_t connects, duplicates;
	uint64_t ends, joined, sure; /* sure: of those that are joined */
	uint64_t causes[HUB_SYMPTOM_MAX][CAUSE_MAX];
	uint64_t results[JOIN_RESULT_MAX], no_causes[NO_CAUSE_MAX]; /* of those that are not */
	uint64_t contradictions[JOIN_CONTRADICTION_MAX];
};

/* Prints the answer to an end. */
void explanation_print_text(const struct explanation *explanation, const struct answer *answer);
void explanation_print_json(const struct answer *answer, const char *file);

/* Prints the head of the table, and the summary. */
void explanation_head_text(void);
void explanation_end_text(const struct explanation *explanation);
void explanation_end_json(const struct explanation *explanation);
