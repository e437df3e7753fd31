#include "text.h"

#include <stdarg.h>
#include <stdio.h>

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

static bool between(unsigned char byte, unsigned char low, unsigned char high)
{
	return byte >= low && byte <= high;
}

/* The length of the UTF-8 sequence at `bytes`, or 0 if it is malformed or a control character.
 * The second byte's range is narrower after some first bytes: RFC 3629, section 4. */
static size_t printable_length(const unsigned char *bytes)
{
	unsigned char first = bytes[0], low = 0x80, high = 0xbf;
	size_t length, i;

	if (first < 0x80)
		return first >= 0x20 && first != 0x7f;
	if (between(first, 0xc2, 0xdf))
		length = 2;
	else if (between(first, 0xe0, 0xef))
		length = 3;
	else if (between(first, 0xf0, 0xf4))
		length = 4;
	else
		return 0;

	if (first == 0xc2 || first == 0xe0)
		low = 0xa0; /* U+0080..U+009F are control characters; E0 80..9F is overlong */
	else if (first == 0xf0)
		low = 0x90; /* overlong */
	else if (first == 0xed)
		high = 0x9f; /* surrogates */
	else if (first == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	if (!between(bytes[1], low, high))
		return 0;
	for (i = 2; i < length; i++)
		if (!between(bytes[i], 0x80, 0xbf))
			return 0;
	return length;
}

void text_make_printable(char *text)
{
	while (*text) {
		size_t length = printable_length((const unsigned char *)text);

		if (length == 0) {
			*text = '?';
			length = 1;
		}
		text += length;
	}
}
