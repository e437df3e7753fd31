/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings files of any content: complaints name a line of the file, and accepted settings are
 * written as assignments that give the same settings again. */
#include "settings/settings.h"

#include "base/text.h"
#include "fuzz.h"

struct file {
	unsigned lines;
	unsigned complaints;
};

static void complain(void *userdata, const char *name, unsigned line, const char *text)
{
	struct file *file = userdata;

	MUST(strcmp(name, "fuzz.agent") == 0);
	MUST(line >= 1 && line <= file->lines);
	MUST(*text && !strchr(text, '\n'));
	file->complaints++;
}

static void assign(void *userdata, const char *section, const char *key, const char *value)
{
	MUST(agent_settings_assign(userdata, section, key, value) == 0);
}

static void write_out(void *userdata, const char *section, const char *key, const char *value)
{
	struct text *text = userdata;

	text_add(text, "%s.%s=%s\n", section, key, value);
	MUST(!text->cut);
}

static void check_round_trip(const struct agent_settings *settings)
{
	static char first[1 << 16], second[1 << 16];
	struct text first_text = TEXT_IN(first), second_text = TEXT_IN(second);
	struct agent_settings again;

	agent_settings_defaults(&again, settings->name);
	agent_settings_format(settings, assign, &again);
	agent_settings_format(settings, write_out, &first_text);
	agent_settings_format(&again, write_out, &second_text);
	MUST(strcmp(first, second) == 0);
}

struct whole {
	const char *text;
	size_t size;
	unsigned lines;
};

static void take_futile(void *userdata, const char *key, const char *text)
{
	const struct whole *whole = userdata;

	MUST(*text && !strchr(text, '\n'));
	MUST(settings_line_of(whole->text, whole->size, key) <= whole->lines);
}

static void check_futile(const struct agent_settings *settings, const char *text, size_t size,
			 unsigned lines)
{
	struct whole whole = { text, size, lines };

	agent_settings_find_futile(settings, take_futile, &whole);
}

static unsigned count_lines(const uint8_t *data, size_t size)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file = { .lines = count_lines(data, size) };
	struct agent_settings settings;
	struct daemon_settings daemon;

	agent_settings_defaults(&settings, "fuzz");
	MUST(agent_settings_parse(&settings, "fuzz.agent", (const char *)data, size, complain,
				  &file) == file.complaints);
	agent_settings_check(&settings);
	check_futile(&settings, (const char *)data, size, file.lines);
	check_round_trip(&settings);

	file.complaints = 0;
	daemon_settings_defaults(&daemon);
	MUST(daemon_settings_parse(&daemon, "fuzz.agent", (const char *)data, size, complain,
				   &file) == file.complaints);
	return 0;
}
