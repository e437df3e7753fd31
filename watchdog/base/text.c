/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text text_begin(char *buffer, size_t size)
{
	buffer[0] = '\0';
	return (struct text){ .start = buffer, .size = size };
}

void text_add(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->start + text->length, room, format, arguments);
	va_end(arguments);

	if (length >= 0 && (size_t)length < room) {
		text->length += (size_t)length;
		return;
	}
	text->cut = true;
	text->length = text->size - 1;
}

int text_copy(char *to, size_t size, const char *text)
{
	size_t length = strnlen(text, size);
	bool fits = length < size;

	if (!fits)
		length = size - 1;
	memcpy(to, text, length);
	to[length] = '\0';
	return fits ? 0 : -ENOSPC;
}

static bool is_printable_ascii(char byte)
{
	return byte >= 0x20 && byte <= 0x7e;
}

bool text_contains(const char *set, char byte)
{
	return byte && strchr(set, byte);
}

void text_make_printable(char *text)
{
	for (; *text; text++)
		if (!is_printable_ascii(*text))
			*text = '?';
}

/* U+00A0..U+024F in UTF-8: two bytes, the first of C2..C9, the second 80..BF, but A0..BF after C2.
 */
static bool is_latin(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	unsigned char lowest = bytes[0] == 0xc2 ? 0xa0 : 0x80;
	unsigned char highest = bytes[0] == 0xc9 ? 0x8f : 0xbf;

	return bytes[0] >= 0xc2 && bytes[0] <= 0xc9 && bytes[1] >= lowest && bytes[1] <= highest;
}

void text_make_latin(char *text)
{
	while (*text) {
		if (is_latin(text)) {
			text += 2;
			continue;
		}
		if (!is_printable_ascii(*text) && *text != '\n')
			*text = '?';
		text++;
	}
}
