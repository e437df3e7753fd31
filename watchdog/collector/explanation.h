/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `connwatch-fleet explain` tells: an answer for each end in the hub's log, and a summary. As
 * text and JSON, both; as a page, the summary. */
#pragma once

#include "cli/journal_arguments.h"
#include "collector/answers.h"
#include "collector/groups.h"
#include "collector/page.h"

enum {
	HUB_FILES_MAX = 64,
	PLACES_TOLD = 5,
	EXAMPLES_TOLD = 4,
	GROUPS_TOLD = 20, /* values of a field, in text and page */
	CAUSES_OF_GROUP_TOLD = 3,
};

struct hub_place {
	uint32_t file; /* number, from 0 on */
	uint64_t line;
};

/* The first of a finding, each of another device. */
struct examples {
	unsigned count;
	char hub_ids[EXAMPLES_TOLD][HUB_ID_SIZE];
	usec_t times[EXAMPLES_TOLD];
};

enum { EXPLANATION_SIDES = SIDE_MAX + 1, NO_RECORD = SIDE_MAX };

/* One part of the time: what the hub wrote, and when the devices saw the same, by the hub's clock.
 * What is expected is in neither. */
struct explanation_bin {
	unsigned symptoms[HUB_SYMPTOM_MAX];
	unsigned sides[EXPLANATION_SIDES]; /* NO_RECORD: at the time of the hub's line */
};

struct explanation {
	const struct journal_arguments *arguments;
	const struct groups *groups;      /* by the fields of --by; NULL: there is none */
	const char *files[HUB_FILES_MAX]; /* logs of hubs */
	unsigned file_count;
	/* what was read */
	uint64_t lines, unrelated, malformed;
	uint64_t unnamed; /* ends of connections that began before the log, by no name */
	uint64_t no_room; /* of too many devices, not used */
	uint64_t events[HUB_FORMAT_MAX];
	struct hub_place places[PLACES_TOLD]; /* the first that are malformed */
	usec_t first, last; /* of the events in the time asked for; first USEC_INFINITY: none */
	/* what was answered, of the time asked for */
	uint64_t connects, duplicates;
	uint64_t ends, joined, sure; /* sure: of those that are joined */
	uint64_t expected;           /* of those that are joined: see fleet_is_expected() */
	uint64_t contradicted;
	uint64_t causes[HUB_SYMPTOM_MAX][CAUSE_MAX];
	uint64_t unexplained[HUB_SYMPTOM_MAX];
	uint64_t results[JOIN_RESULT_MAX], no_causes[NO_CAUSE_MAX]; /* of those that are not */
	uint64_t contradictions[JOIN_CONTRADICTION_MAX];
	struct examples result_examples[JOIN_RESULT_MAX], no_cause_examples[NO_CAUSE_MAX];
	struct examples contradiction_examples[JOIN_CONTRADICTION_MAX];
	uint64_t devices[CAUSE_MAX];         /* that had it */
	const char *last_devices[CAUSE_MAX]; /* the one that was counted last */
	struct explanation_bin bins[PAGE_BINS];
};

/* Counts an event of the log in, which is in the time asked for, before the first answer. */
void explanation_note_event(struct explanation *explanation, usec_t time);

/* Counts the answer to an end in. The answers about a device must follow each other. */
void explanation_count(struct explanation *explanation, const struct answer *answer);

/* Returns the ends with that symptom, or by that cause. */
uint64_t explanation_of_symptom(const struct explanation *explanation, enum hub_symptom symptom);
uint64_t explanation_of_cause(const struct explanation *explanation, enum cause cause);

/* Fills `order` with the numbers below `count`, those with the highest count first. */
void explanation_order(const uint64_t *counts, unsigned count, unsigned *order);

/* Fills `order` with the causes that are not expected, the most frequent first. Returns how many
 * they are. */
unsigned explanation_to_do(const struct explanation *explanation, enum cause order[CAUSE_MAX]);

/* Where a cause (or GROUP_UNEXPLAINED) is concentrated by a field, from 0 on; NULL if it is not, or
 * after the last field. Of a symptom: if nearly all lines of that cause say it. */
bool explanation_has_field(const struct explanation *explanation, unsigned field);
const struct concentration *explanation_concentration(const struct explanation *explanation,
						      unsigned field, int cause);
const struct concentration *explanation_concentration_of_symptom(
	const struct explanation *explanation, unsigned field, enum hub_symptom symptom, int cause);

/* Fills `order` with the causes of a group that are not expected (GROUP_UNEXPLAINED included), the
 * most frequent first. Returns how many have ends. */
unsigned explanation_group_causes(const struct group *group, unsigned order[GROUP_CAUSES]);

double explanation_percent(uint64_t part, uint64_t all);

/* Why a line has no cause, and what a contradiction means: words, static. */
const char *explanation_result_words(enum join_result result);
const char *explanation_no_cause_words(enum no_cause no_cause);
const char *explanation_contradiction_words(enum join_contradiction contradiction);

/* Prints the answer to an end. */
void explanation_print_text(const struct explanation *explanation, const struct answer *answer);
void explanation_print_json(const struct explanation *explanation, const struct answer *answer);

/* Prints the head of the table, and the summary. */
void explanation_head_text(void);
void explanation_end_text(const struct explanation *explanation);
void explanation_end_json(const struct explanation *explanation);

/* Writes the summary of the content, a struct explanation, as an HTML page. Returns 0 or -errno. */
int explanation_write_html(FILE *stream, const void *content);
