/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface of the fuzz targets. libFuzzer calls LLVMFuzzerTestOneInput() with one input after
 * the other (https://llvm.org/docs/LibFuzzer.html); a finding is a crash. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert() it also holds with NDEBUG. */
#define MUST(condition)                   \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

/* Calls `take` with each line of the input, terminated and in a block of its very length, so that
 * ASan sees a byte too many. A line longer than `longest` is cut. */
static inline void fuzz_lines(const uint8_t *data, size_t size, size_t longest,
			      void (*take)(void *userdata, const char *line, size_t length),
			      void *userdata)
{
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t whole = end ? (size_t)(end - data) : size;
		size_t length = whole < longest ? whole : longest;
		char *line = malloc(length + 1);

		MUST(line);
		memcpy(line, data, length);
		line[length] = '\0';
		take(userdata, line, strlen(line));
		free(line);
		whole += end != NULL;
		data += whole;
		size -= whole;
	}
}
