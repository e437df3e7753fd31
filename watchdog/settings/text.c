/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads settings files: the syntax of systemd.syntax(7). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "base/text.h"
#include "settings/schema.h"
#include "settings/settings.h"

enum {
	LINE_SIZE = 4096, /* with its continuations */
	COMPLAINT_SIZE = 256,
	NAME_SIZE = sizeof(((struct setting *)NULL)->key),
};

struct reader {
	settings_schema schema;
	void *settings;
	const char *file;
	settings_complaint complain;
	void *userdata;
	unsigned complaints;
	const char *wanted; /* only look for this key; NULL: assign what is read */
	unsigned found;     /* the line that assigned it last; 0: none */
	char section[NAME_SIZE];
	bool section_known;
	/* The current line, with its continuation lines. */
	unsigned line; /* its first physical line */
	char text[LINE_SIZE];
	size_t length;
	bool continued;
	bool unusable; /* already reported */
};

static void complain(struct reader *reader, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void complain(struct reader *reader, unsigned line, const char *format, ...)
{
	char text[COMPLAINT_SIZE];
	va_list arguments;

	if (!reader->complain)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_make_printable(text);
	reader->complaints++;
	reader->complain(reader->userdata, reader->file, line, text);
}

/* ---- did you mean */

/* Finds the known key closest to `key`. Returns false if none is close enough to be suggested. */
static bool closest_key(settings_schema schema, const char *key, struct setting *closest)
{
	struct nearest nearest = nearest_begin(key);
	struct setting setting;
	bool found = false;

	for (unsigned i = 0; schema(i, &setting); i++)
		if (nearest_consider(&nearest, setting.key)) {
			*closest = setting;
			found = true;
		}
	return found;
}

static const char *closest_section(settings_schema schema, const char *section)
{
	struct nearest nearest = nearest_begin(section);
	const char *closest = NULL;
	struct setting setting;

	for (unsigned i = 0; schema(i, &setting); i++)
		if (nearest_consider(&nearest, setting.section))
			closest = setting.section;
	return closest;
}

/* ---- one line */

static char *strip(char *text)
{
	static const char blanks[] = " \t\r";
	size_t length;

	text += strspn(text, blanks);
	length = strlen(text);
	while (length > 0 && strchr(blanks, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

static void read_section(struct reader *reader, char *text)
{
	size_t length = strlen(text);
	struct setting setting;
	const char *meant;

	reader->section_known = false;
	reader->section[0] = '\0';
	if (text[length - 1] != ']') {
		complain(reader, reader->line, "Section header without a closing bracket: %s",
			 text);
		return;
	}
	text[length - 1] = '\0';
	snprintf(reader->section, sizeof(reader->section), "%s", text + 1);
	for (unsigned i = 0; reader->schema(i, &setting) && !reader->section_known; i++)
		reader->section_known = strcmp(setting.section, text + 1) == 0;
	if (reader->section_known)
		return;
	meant = closest_section(reader->schema, text + 1);
	complain(reader, reader->line, "Unknown section [%s], what is in it is ignored%s%s%s",
		 text + 1, meant ? ". Did you mean [" : "", meant ? meant : "", meant ? "]?" : "");
}

static void complain_unknown(struct reader *reader, const char *key)
{
	struct setting meant;

	if (!closest_key(reader->schema, key, &meant))
		complain(reader, reader->line, "Unknown key %s= in section [%s]", key,
			 reader->section);
	else if (strcmp(meant.key, key) == 0)
		complain(reader, reader->line, "%s= belongs in section [%s], not in [%s]", key,
			 meant.section, reader->section);
	else
		complain(reader, reader->line, "Unknown key %s= in section [%s]. Did you mean %s=?",
			 key, reader->section, meant.key);
}

static void complain_of_value(struct reader *reader, const struct setting *setting,
			      const char *value)
{
	char nearest[NEAREST_WORD_SIZE];
	bool known = setting->type->nearest && setting->type->nearest(value, nearest);

	complain(reader, reader->line, "%s=%s is ignored, it must be %s%s%s%s", setting->key, value,
		 setting->type->expects, known ? ". Did you mean " : "", known ? nearest : "",
		 known ? "?" : "");
}

static void assign(struct reader *reader, const char *key, const char *value)
{
	struct setting setting;

	for (unsigned i = 0; reader->schema(i, &setting); i++) {
		int r;

		if (strcmp(setting.section, reader->section) != 0 || strcmp(setting.key, key) != 0)
			continue;
		r = setting_assign(&setting, reader->settings, value);
		if (r == -ENOSPC)
			complain(reader, reader->line, "Too many values for %s=, ignoring \"%s\"",
				 key, value);
		else if (r < 0)
			complain_of_value(reader, &setting, value);
		return;
	}
	complain_unknown(reader, key);
}

static void look_for_wanted(struct reader *reader, const char *text)
{
	size_t length = strlen(reader->wanted);

	if (strncmp(text, reader->wanted, length) == 0 &&
	    text[length + strspn(text + length, " \t")] == '=')
		reader->found = reader->line;
}

/* Reads the current line, which is complete. */
static void read_line(struct reader *reader)
{
	char *text = strip(reader->text), *equals = strchr(text, '=');

	if (*text == '\0' || reader->unusable)
		return;
	if (reader->wanted) {
		look_for_wanted(reader, text);
		return;
	}
	if (*text == '[') {
		read_section(reader, text);
		return;
	}
	if (!equals || equals == text) {
		complain(reader, reader->line, "Neither a section nor KEY=VALUE: %s", text);
		return;
	}
	*equals = '\0';
	if (reader->section_known)
		assign(reader, strip(text), strip(equals + 1));
	else if (reader->section[0] == '\0')
		complain(reader, reader->line, "%s= stands before any section", strip(text));
}

/* ---- physical lines to logical lines */

static void begin_line(struct reader *reader, unsigned line)
{
	reader->line = line;
	reader->length = 0;
	reader->text[0] = '\0';
	reader->unusable = false;
}

/* Adds a physical line. A backslash at its end becomes a space and continues the line. */
static void add_physical_line(struct reader *reader, const char *text, size_t length, unsigned line)
{
	bool goes_on;

	if (!reader->continued)
		begin_line(reader, line);
	if (length > 0 && text[length - 1] == '\r')
		length--;
	goes_on = length > 0 && text[length - 1] == '\\';

	if (reader->length + length >= LINE_SIZE) {
		if (!reader->unusable)
			complain(reader, reader->line,
				 "Line is longer than %d bytes and is ignored", LINE_SIZE - 1);
		reader->unusable = true;
	} else if (memchr(text, '\0', length)) {
		complain(reader, line, "Line holds a NUL byte and is ignored");
		reader->unusable = true;
	} else {
		memcpy(reader->text + reader->length, text, length);
		reader->length += length;
		if (goes_on)
			reader->text[reader->length - 1] = ' ';
		reader->text[reader->length] = '\0';
	}
	reader->continued = goes_on;
	if (!goes_on)
		read_line(reader);
}

static bool is_comment(const char *text, size_t length)
{
	while (length > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		length--;
	}
	return length > 0 && (*text == '#' || *text == ';');
}

static unsigned read_text(struct reader *reader, const char *text, size_t size)
{
	static const char byte_order_mark[] = { '\xef', '\xbb', '\xbf' };
	const char *end = text + size;

	if (size >= sizeof(byte_order_mark) &&
	    memcmp(text, byte_order_mark, sizeof(byte_order_mark)) == 0)
		text += sizeof(byte_order_mark);
	for (unsigned line = 1; text < end; line++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text);

		if (!is_comment(text, length))
			add_physical_line(reader, text, length, line);
		text += length + 1;
	}
	if (reader->continued)
		read_line(reader);
	return reader->complaints;
}

unsigned agent_settings_parse(struct agent_settings *settings, const char *file, const char *text,
			      size_t size, settings_complaint complaint, void *userdata)
{
	struct reader reader = { .schema = agent_setting,
				 .settings = settings,
				 .file = file,
				 .complain = complaint,
				 .userdata = userdata };

	return read_text(&reader, text, size);
}

unsigned daemon_settings_parse(struct daemon_settings *settings, const char *file, const char *text,
			       size_t size, settings_complaint complaint, void *userdata)
{
	struct reader reader = { .schema = daemon_setting,
				 .settings = settings,
				 .file = file,
				 .complain = complaint,
				 .userdata = userdata };

	return read_text(&reader, text, size);
}

unsigned settings_line_of(const char *text, size_t size, const char *key)
{
	struct reader reader = { .wanted = key };

	read_text(&reader, text, size);
	return reader.found;
}
