/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings/cgroup_pattern.h"

#include <string.h>

#include "settings/settings.h"

/* A pattern is a nondeterministic state machine that reads a path character by character. It may be
 * in several states at once, so the time is bounded by the product of both lengths for every
 * pattern. State n waits for a character that token n accepts; the state after the last token
 * accepts the path. */
enum token {
	/* smaller values: the character itself */
	TOKEN_IN_NAME = 256, /* any text without a slash */
	TOKEN_ACROSS,        /* any text */
	TOKEN_NAMES,         /* nothing, or TOKEN_NAMES_LOOP */
	TOKEN_NAMES_LOOP,    /* any text that ends with a slash */
};

struct machine {
	enum token tokens[CGROUP_PATH_SIZE];
	unsigned count;
	bool states[CGROUP_PATH_SIZE + 1];
};

static void add_token(struct machine *machine, enum token token)
{
	machine->tokens[machine->count++] = token;
}

/* True if the next character starts a name in the path. */
static bool is_at_name(const struct machine *machine)
{
	enum token last = machine->count > 0 ? machine->tokens[machine->count - 1] : 0;

	return last == '/' || last == TOKEN_NAMES_LOOP;
}

/* Adds the tokens for the start of `text`, no more than it has characters. Returns the number of
 * characters that were read. */
static size_t read_token(struct machine *machine, const char *text)
{
	if (is_at_name(machine) && strncmp(text, "**/", 3) == 0 && text[strspn(text, "*/")]) {
		add_token(machine, TOKEN_NAMES);
		add_token(machine, TOKEN_NAMES_LOOP);
		return 3;
	}
	if (text[0] == '*') {
		add_token(machine, text[1] == '*' ? TOKEN_ACROSS : TOKEN_IN_NAME);
		return text[1] == '*' ? 2 : 1;
	}
	if (text[0] == '\\' && (text[1] == '*' || text[1] == '\\')) {
		add_token(machine, (unsigned char)text[1]);
		return 2;
	}
	if (text[0] != '/' || !is_at_name(machine))
		add_token(machine, (unsigned char)text[0]);
	return 1;
}

/* Enters the states that need no character. All of them come later in the pattern, so one pass is
 * enough. */
static void pass_on(struct machine *machine)
{
	for (unsigned i = 0; i < machine->count; i++) {
		if (!machine->states[i])
			continue;
		if (machine->tokens[i] == TOKEN_IN_NAME || machine->tokens[i] == TOKEN_ACROSS)
			machine->states[i + 1] = true;
		if (machine->tokens[i] == TOKEN_NAMES)
			machine->states[i + 1] = machine->states[i + 2] = true;
	}
}

static bool start(struct machine *machine, const char *pattern)
{
	*machine = (struct machine){ .states = { true } };
	if (strnlen(pattern, CGROUP_PATH_SIZE) == CGROUP_PATH_SIZE)
		return false;
	while (*pattern)
		pattern += read_token(machine, pattern);
	if (machine->count > 0 && machine->tokens[machine->count - 1] == '/')
		machine->count--;
	pass_on(machine);
	return true;
}

static void read_character(struct machine *machine, char c)
{
	bool before[CGROUP_PATH_SIZE + 1];

	memcpy(before, machine->states, sizeof(before));
	memset(machine->states, 0, sizeof(machine->states));
	for (unsigned i = 0; i < machine->count; i++) {
		enum token token = machine->tokens[i];

		if (!before[i])
			continue;
		if ((token == TOKEN_IN_NAME && c != '/') || token == TOKEN_ACROSS ||
		    token == TOKEN_NAMES_LOOP)
			machine->states[i] = true;
		if (token == (unsigned char)c || (token == TOKEN_NAMES_LOOP && c == '/'))
			machine->states[i + 1] = true;
	}
	pass_on(machine);
}

/* Feeds `path` to the machine, without repeated and trailing slashes. */
static bool read_path(struct machine *machine, const char *path)
{
	if (strnlen(path, CGROUP_PATH_SIZE) == CGROUP_PATH_SIZE)
		return false;
	for (; *path; path++)
		if (*path != '/' || (path[1] != '/' && path[1] != '\0'))
			read_character(machine, *path);
	return true;
}

bool cgroup_pattern_matches(const char *pattern, const char *path)
{
	struct machine machine;

	return start(&machine, pattern) && read_path(&machine, path) &&
	       machine.states[machine.count];
}

/* In each state before the last, some text leads to the end: so any live state will do. */
bool cgroup_pattern_reaches_below(const char *pattern, const char *path)
{
	struct machine machine;

	if (!start(&machine, pattern) || !read_path(&machine, path))
		return false;
	read_character(&machine, '/');
	return memchr(machine.states, 1, machine.count) != NULL;
}
