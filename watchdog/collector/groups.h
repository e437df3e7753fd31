/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ends in a hub's log by what the devices have in common, such as a site or a version (--by),
 * and which causes are concentrated on some values.
 *
 * A value comes from the operator's file, or else from the records of the device. A cause is
 * concentrated on some values of a field if
 * - at least half of the devices that had it have one of them; one that had it twice counts for
 *   two, four times for three, 8 times for four, ...
 * - each has three such devices at least, and twice the share of the devices without them,
 * - chance does not explain that (Fisher's exact test; Bonferroni).
 * Devices count, not lines, so one that writes what it likes is one of many. Where nearly all had
 * the cause once, those that had it often are compared: twice or more, four times or more, ...
 *
 * Memory is bounded: a sender may bring a few values of a field, and all of them together some
 * thousands. What is beyond counts as "other", and is told. */
#pragma once

#include "collector/answers.h"

enum {
	GROUPS_VALUES_MAX = 4096,
	GROUP_VALUES_OF_SENDER = 4, /* of each field */
	GROUP_TEXT_SIZE = 64,       /* longer values are cut, and end with "..." */
	GROUP_LEVELS = 8,           /* how often a device had a cause: once, twice, 4 times, ... */
	GROUP_CAUSES = CAUSE_MAX + 1,
	GROUP_UNEXPLAINED = CAUSE_MAX, /* a line without a cause */
	CONCENTRATED_MAX = 8,          /* values */
};

struct group_cell {
	uint64_t ends;
	uint32_t devices[GROUP_LEVELS]; /* that had it 1 << level times or more */
};

struct group {
	char text[GROUP_TEXT_SIZE];
	unsigned field;
	bool rest; /* the values that found no room */
	uint64_t ends;
	uint64_t expected;  /* of these: fleet_is_expected() */
	uint32_t devices;   /* a device counts once for each value that it had */
	uint32_t explained; /* of these, all but those of which each end is unexplained */
	struct group_cell causes[GROUP_CAUSES];
};

/* Where a cause is concentrated: the devices of all its values together, and those of all others.
 */
struct concentration {
	unsigned count; /* of values; 0: it is not */
	const struct group *values[CONCENTRATED_MAX];
	unsigned least;    /* how often a device had it to be counted */
	uint32_t with, of; /* devices: that had it; that there are, as far as they are explained */
	uint32_t others_with, others_of;
	uint64_t ends, all_ends; /* by that cause: of these values; in all */
	double chance;           /* logarithm to base 10 */
};

struct groups;

/* Returns 0, and groups to be freed with groups_free(); or -ENOMEM. `fields` are the names, ended
 * by NULL, which must live as long. */
int groups_new(struct groups **groups, const char *const *fields);
void groups_free(struct groups *groups);
DEFINE_CLEANUP(struct groups *, groups_free);

/* The name of a field, from 0 on; NULL after the last. */
const char *groups_field(const struct groups *groups, unsigned field);

/* The number of a field by its name, in any case of letters; -1 if it is none of them. */
int groups_find_field(const struct groups *groups, const char *name);

/* Returns the number of a value of a field; 0 for "". `sender` is a hash of who says it; 0: the
 * operator, who has no quota. */
uint16_t groups_value(struct groups *groups, unsigned field, uint64_t sender, const char *text);

/* By the number of a value that is not 0. */
const struct group *groups_at(const struct groups *groups, uint16_t number);

/* Counts the answer to a line, connects included. The answers about a device must follow each
 * other. */
void groups_count(struct groups *groups, const struct answer *answer);

/* After the last answer: finds what is concentrated. */
void groups_finish(struct groups *groups);

/* ---- after groups_finish() */

/* Returns the values of a field, the one with the most ends that are not expected first; ends with
 * NULL. The caller frees the array. Returns NULL without memory. */
const struct group **groups_of_field(const struct groups *groups, unsigned field);

/* How many ends are of devices of which no value is known. */
uint64_t groups_without(const struct groups *groups, unsigned field);

/* How many values found no room, or are more than a sender may bring. */
uint64_t groups_no_room(const struct groups *groups, unsigned field);

/* NULL if it is not concentrated there. `cause` may be GROUP_UNEXPLAINED. */
const struct concentration *groups_concentration(const struct groups *groups, unsigned field,
						 int cause);

enum { CONCENTRATION_SIZE = 1024, CONCENTRATION_TAG_SIZE = 320 };

/* Formats it as a sentence, or as a few words: "FIRMWARE 1.2, 1.3". Returns `text`. */
const char *groups_words(const struct groups *groups, const struct concentration *concentration,
			 char text[static CONCENTRATION_SIZE]);
const char *groups_tag(const struct groups *groups, const struct concentration *concentration,
		       char text[static CONCENTRATION_TAG_SIZE]);

/* The name of a cause, or "unexplained". */
const char *group_cause_name(int cause);
