/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hub/json_fields.h"

#include <string.h>

#include "base/text.h"

enum { NAME_SIZE = 64 };

struct scan {
	const char *at, *end;
	json_take take;
	void *userdata;
	unsigned depth;
	char value[JSON_TEXT_SIZE];
};

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end && text_contains(" \t\r\n", *scan->at))
		scan->at++;
}

static bool accept(struct scan *scan, char wanted)
{
	skip_blanks(scan);
	if (scan->at == scan->end || *scan->at != wanted)
		return false;
	scan->at++;
	return true;
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit |= 0x20;
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte of an escape sequence, after the backslash; '?' for what is not ASCII, -1 for none. */
static int read_escape(struct scan *scan)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *name;
	int code = 0;

	if (scan->at == scan->end)
		return -1;
	name = strchr(names, *scan->at);
	if (name && *name)
		return scan->at++, bytes[name - names];
	if (*scan->at++ != 'u' || scan->end - scan->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*scan->at++);

		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code > 0 && code < 0x7f ? code : '?';
}

/* Reads a string behind its quote into the `size` bytes at `to`. */
static bool read_string(struct scan *scan, char *to, size_t size)
{
	size_t length = 0;

	while (scan->at < scan->end && *scan->at != '"') {
		int byte = (unsigned char)*scan->at++;

		if (byte < ' ')
			return false;
		if (byte == '\\')
			byte = read_escape(scan);
		if (byte < 0)
			return false;
		if (length + 1 < size)
			to[length++] = (char)byte;
	}
	to[length] = '\0';
	text_make_printable(to);
	return scan->at < scan->end && *scan->at++ == '"';
}

/* Reads a number, true, false or null: not their grammar, but where they end. */
static bool read_word(struct scan *scan, char *to, size_t size)
{
	size_t length = 0;

	while (scan->at < scan->end && !text_contains(" \t\r\n,]}:\"[{", *scan->at)) {
		if (length + 1 < size)
			to[length++] = *scan->at;
		scan->at++;
	}
	to[length] = '\0';
	text_make_printable(to);
	return length > 0;
}

static bool read_members(struct scan *scan, bool object);

static bool read_value(struct scan *scan, const char *name)
{
	bool good;

	if (accept(scan, '{') || accept(scan, '[')) {
		if (++scan->depth > JSON_DEPTH_MAX)
			return false;
		good = read_members(scan, scan->at[-1] == '{');
		scan->depth--;
		return good;
	}
	good = accept(scan, '"') ? read_string(scan, scan->value, sizeof(scan->value))
				 : read_word(scan, scan->value, sizeof(scan->value));
	if (good)
		scan->take(scan->userdata, name, scan->value);
	return good;
}

/* Recursion: at most JSON_DEPTH_MAX levels. */
static bool read_members(struct scan *scan, bool object)
{
	char close = object ? '}' : ']';

	if (accept(scan, close))
		return true;
	do {
		char name[NAME_SIZE] = "";

		if (object && !(accept(scan, '"') && read_string(scan, name, sizeof(name)) &&
				accept(scan, ':')))
			return false;
		if (!read_value(scan, name))
			return false;
	} while (accept(scan, ','));
	return accept(scan, close);
}

bool json_fields(const char *text, size_t size, json_take take, void *userdata)
{
	struct scan scan = { .at = text, .end = text + size, .take = take, .userdata = userdata };

	if (!accept(&scan, '{') || !read_members(&scan, true))
		return false;
	skip_blanks(&scan);
	return scan.at == scan.end;
}
