/* Writing text into a fixed buffer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A text that grows at its end, always terminated. What no longer fits is dropped and `cut` set. */
struct text {
	char *start;
	size_t size;
	size_t length;
	bool cut;
};

/* A text in the array `buffer`, empty. */
#define TEXT_IN(buffer) text_begin(buffer, sizeof(buffer))

/* An empty text in `size` bytes at `buffer`; size is at least 1. */
struct text text_begin(char *buffer, size_t size);

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Replaces by '?', in place, every byte that is a control character or not valid UTF-8. */
void text_make_printable(char *text);
