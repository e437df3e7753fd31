/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writing text into a fixed buffer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A text that only grows and is always NUL-terminated. If a part does not fit, the rest is dropped
 * and `cut` is set. */
struct text {
	char *start;
	size_t size;
	size_t length;
	bool cut;
};

/* An empty text in the array `buffer`. */
#define TEXT_IN(buffer) text_begin(buffer, sizeof(buffer))

/* An empty text in the `size` bytes at `buffer`; `size` is at least 1. */
struct text text_begin(char *buffer, size_t size);

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Copies `text` into the `size` bytes at `to`, size at least 1. `to` is terminated in every case.
 * Returns 0, or -ENOSPC if not all of it fits: then `to` holds its first size - 1 bytes. The two
 * must not overlap. */
int text_copy(char *to, size_t size, const char *text);

/* Returns true if `byte` is one of those in `set`. The null byte never is. */
bool text_contains(const char *set, char byte);

/* Replaces each byte of `text` that is not printable ASCII by '?', in place: control characters,
 * and what turns a line around, has no width or looks like another character. */
void text_make_printable(char *text);

/* Likewise, but keeps line feeds and the Latin letters of UTF-8 up to U+024F, none of which turns a
 * line around or has no width: for texts in a language of Europe with names of agents in them. */
void text_make_latin(char *text);
