/* A verdict told in full: its evidence in words, and what happened in the order of time. */
#pragma once

#include "record_parse.h"

enum {
	WORDS_SIZE = 256,
	MOMENTS_MAX = 8 + TOKENS_MAX,
};

/* Puts an evidence token ("closed_by=bash[7]") into words ("bash[7] closed it"); one that is not
 * known comes out as it reads. Returns `words`, or NULL for one that account_moments() tells. */
const char *account_evidence(const char *token, char words[static WORDS_SIZE]);

/* The same for a cause that was ruled out: "peer-reset=no-RST-arrived" becomes "peer-reset: no RST
 * arrived". */
const char *account_ruled_out(const char *token, char words[static WORDS_SIZE]);

/* The evidence in the order to tell it in: the journal keeps none. */
void account_sort(struct tokens *evidence);

struct moment {
	int64_t offset; /* to the end of the connection, in microseconds; negative: before it */
	char words[WORDS_SIZE];
};

struct moments {
	unsigned count;
	struct moment items[MOMENTS_MAX];
};

/* What the record tells about points in time, the earliest first. */
void account_moments(const struct past_record *past, struct moments *moments);
