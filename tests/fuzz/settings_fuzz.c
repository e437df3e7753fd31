/* Whatever a settings file holds: complaints name a line of it, and what was understood comes out
 * as assignments that give the same settings again. */
#include "core/settings.h"

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

struct text {
	char *at;
	size_t left;
};

static void write_out(void *userdata, const char *section, const char *key, const char *value)
{
	struct text *text = userdata;
	size_t length = strlen(section) + strlen(key) + strlen(value) + 3;

	MUST(length < text->left);
	text->at = stpcpy(text->at, section);
	text->at = stpcpy(stpcpy(text->at, "."), key);
	text->at = stpcpy(stpcpy(stpcpy(text->at, "="), value), "\n");
	text->left -= length;
}

static void check_round_trip(const struct agent_settings *settings)
{
	static char first[1 << 16], second[1 << 16];
	struct agent_settings again;

	*first = *second = '\0';
	agent_settings_defaults(&again, settings->name);
	agent_settings_format(settings, assign, &again);
	agent_settings_format(settings, write_out, &(struct text){ first, sizeof(first) });
	agent_settings_format(&again, write_out, &(struct text){ second, sizeof(second) });
	MUST(strcmp(first, second) == 0);
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
	check_round_trip(&settings);

	file.complaints = 0;
	daemon_settings_defaults(&daemon);
	MUST(daemon_settings_parse(&daemon, "fuzz.agent", (const char *)data, size, complain,
				   &file) == file.complaints);
	return 0;
}
