/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "Did you mean": the known word that is closest to a mistyped one. */
#pragma once

#include <stdbool.h>

enum { NEAREST_WORD_SIZE = 64 }; /* words of that many bytes and more are far from everything */

struct nearest {
	const char *word; /* the mistyped one */
	unsigned best;    /* only words that are nearer are considered */
	const char *found;
};

/* Begins the search. At most a third of the letters of `word` may be wrong. */
struct nearest nearest_begin(const char *word);

/* Considers `known`, which must outlive the search. Returns true if it is the nearest so far. */
bool nearest_consider(struct nearest *nearest, const char *known);

/* The same for names of files and units: the suffix, from the last dot on, must be the same, and is
 * none of the letters that count. */
struct nearest nearest_begin_name(const char *name);
bool nearest_consider_name(struct nearest *nearest, const char *known);
