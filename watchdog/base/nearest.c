/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/nearest.h"

#include <string.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned d = a < b ? a : b;

	return d < c ? d : c;
}

static bool same(char a, char b)
{
	return lower(a) == lower(b);
}

/* The number of letters to insert, delete or change, and of neighbours to swap, to make one word of
 * the other (optimal string alignment), without regard to case. */
static unsigned edit_distance(const char *a, const char *b)
{
	/* of the first letters of `a`, two less, one less and all; to those of `b` */
	unsigned before[NEAREST_WORD_SIZE] = { 0 }, row[NEAREST_WORD_SIZE] = { 0 },
		 next[NEAREST_WORD_SIZE] = { 0 };
	size_t length = strlen(b);

	if (length >= NEAREST_WORD_SIZE || strlen(a) >= NEAREST_WORD_SIZE)
		return NEAREST_WORD_SIZE;
	for (unsigned i = 0; i <= length; i++)
		row[i] = i;
	for (unsigned i = 0; a[i]; i++) {
		next[0] = i + 1;
		for (size_t j = 0; j < length; j++) {
			next[j + 1] =
				least(row[j] + !same(a[i], b[j]), next[j] + 1, row[j + 1] + 1);
			if (i > 0 && j > 0 && same(a[i], b[j - 1]) && same(a[i - 1], b[j]) &&
			    before[j - 1] + 1 < next[j + 1])
				next[j + 1] = before[j - 1] + 1;
		}
		memcpy(before, row, sizeof(before));
		memcpy(row, next, sizeof(row));
	}
	return row[length];
}

struct nearest nearest_begin(const char *word)
{
	return (struct nearest){ .word = word, .best = 1 + (unsigned)strlen(word) / 3 };
}

static const char *suffix_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : name + strlen(name);
}

struct nearest nearest_begin_name(const char *name)
{
	return (struct nearest){ .word = name, .best = 1 + (unsigned)(suffix_of(name) - name) / 3 };
}

bool nearest_consider_name(struct nearest *nearest, const char *known)
{
	return strcmp(suffix_of(nearest->word), suffix_of(known)) == 0 &&
	       nearest_consider(nearest, known);
}

bool nearest_consider(struct nearest *nearest, const char *known)
{
	unsigned distance = edit_distance(nearest->word, known);

	if (distance >= nearest->best)
		return false;
	nearest->best = distance;
	nearest->found = known;
	return true;
}
