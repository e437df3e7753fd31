/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/mapping.h"

#include <errno.h>
#include <string.h>

enum { LINE_MAX_SIZE = 4096, WORDS_MAX = 64, FIRST_COLUMN = 2 };

/* What each word of a line is. */
struct columns {
	bool known; /* the first line was read */
	unsigned count;
	int field[WORDS_MAX]; /* number in `groups`; -1: nobody asks for it */
};

/* Cuts `line` into its words. Returns how many they are, or -E2BIG. */
static int split(char *line, char *words[WORDS_MAX])
{
	static const char blanks[] = " \t\r\n";
	char *rest = NULL;
	int count = 0;

	for (char *word = strtok_r(line, blanks, &rest); word;
	     word = strtok_r(NULL, blanks, &rest)) {
		if (count == WORDS_MAX)
			return -E2BIG;
		words[count++] = word;
	}
	return count;
}

/* Returns true if the words name the columns. */
static bool take_head(struct columns *columns, const struct groups *groups, char **words, int count)
{
	bool is_head = !columns->known && count > FIRST_COLUMN && strcmp(words[0], "HUBID") == 0 &&
		       strcmp(words[1], "DEVICE") == 0;

	columns->known = true;
	if (!is_head)
		return false;
	columns->count = (unsigned)count;
	for (int i = FIRST_COLUMN; i < count; i++)
		columns->field[i] = groups ? groups_find_field(groups, words[i]) : -1;
	return true;
}

static int take_value(struct device *device, struct groups *groups, int field, const char *word)
{
	uint16_t value;

	if (field < 0 || strcmp(word, "-") == 0)
		return 0;
	value = groups_value(groups, (unsigned)field, 0, word);
	if (device->values[field] && device->values[field] != value)
		return -EEXIST;
	device->values[field] = value;
	return 0;
}

static int take_words(struct columns *columns, struct devices *devices, struct groups *groups,
		      char **words, int count)
{
	int r;

	if (count < FIRST_COLUMN)
		return -EINVAL;
	if (take_head(columns, groups, words, count))
		return 0;
	if (count > FIRST_COLUMN && (unsigned)count > columns->count)
		return columns->count ? -E2BIG : -EINVAL;
	r = devices_map(devices, words[0], words[1]);
	for (int i = FIRST_COLUMN; i < count && r >= 0; i++)
		r = take_value(devices_find(devices, words[0]), groups, columns->field[i],
			       words[i]);
	return r;
}

int mapping_read(FILE *file, struct devices *devices, struct groups *groups, unsigned *line)
{
	struct columns columns = { .known = false };
	char text[LINE_MAX_SIZE], *words[WORDS_MAX];

	for (*line = 1; fgets(text, sizeof(text), file); (*line)++) {
		int count, r;

		if (!strchr(text, '\n') && !feof(file))
			return -E2BIG;
		count = split(text, words);
		if (count == 0 || (count > 0 && words[0][0] == '#'))
			continue;
		r = count < 0 ? count : take_words(&columns, devices, groups, words, count);
		if (r < 0)
			return r;
	}
	return ferror(file) ? -EIO : 0;
}
