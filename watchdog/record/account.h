/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explains a record: its evidence in words, and what happened in order of time. */
#pragma once

#include "record/parse.h"

enum {
	WORDS_SIZE = 256,
	MOMENTS_MAX = 8 + TOKENS_MAX, /* those of the socket, and one a token */
};

/* Writes an evidence token ("closed_by=bash[7]") as words ("bash[7] closed it"). An unknown
 * name becomes itself with blanks for underscores. Returns `words`, or NULL for a point in time:
 * account_moments() has it. */
const char *account_evidence(const char *token, char words[static WORDS_SIZE]);

/* Writes a cause that was ruled out as words: "peer-reset=no-RST-arrived" becomes "peer-reset: no
 * RST arrived". Returns `words`. */
const char *account_ruled_out(const char *token, char words[static WORDS_SIZE]);

/* Sorts the evidence into the order in which to show it. The journal does not keep the order of
 * values of one field. */
void account_sort(struct tokens *evidence);

struct moment {
	int64_t offset; /* from the end of the connection, in microseconds; negative: before it */
	char words[WORDS_SIZE];
};

struct moments {
	unsigned count;
	struct moment items[MOMENTS_MAX];
};

/* Sets `*moments` to the points in time that the record holds, the earliest first. */
void account_moments(const struct past_record *past, struct moments *moments);
