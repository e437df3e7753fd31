/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lies in the directories of the settings and is never read. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/nearest.h"
#include "base/text.h"
#include "sources/settings_files.h"
#include "support/cleanup.h"

#define DROPINS_SUFFIX ".d"

struct search {
	const char *root;
	settings_complaint complain;
	void *userdata;
	int complaints;
};

__attribute__((format(printf, 3, 4))) static void complain(struct search *search, const char *path,
							   const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_make_printable(text);
	search->complaints++;
	search->complain(search->userdata, path, 0, text);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length > tail && strcmp(name + length - tail, suffix) == 0;
}

/* Returns true if one of the directories has the file `name`, also as a mask. */
static bool exists(const struct search *search, const char *name)
{
	for (size_t i = 0; i < SETTINGS_DIRECTORIES; i++) {
		char path[PATH_MAX];
		struct stat status;

		snprintf(path, sizeof(path), "%s%s/%s", search->root, settings_directories[i],
			 name);
		if (lstat(path, &status) == 0)
			return true;
	}
	return false;
}

/* Stores the name of an agent's file that is closest to `name`, or an empty text. */
static void find_nearest(const struct search *search, const char *name,
			 char ret[static NEAREST_WORD_SIZE])
{
	struct nearest nearest = nearest_begin_name(name);

	ret[0] = '\0';
	for (size_t i = 0; i < SETTINGS_DIRECTORIES; i++) {
		_cleanup_closedir_ DIR *directory = NULL;
		char path[PATH_MAX];
		struct dirent *entry;

		snprintf(path, sizeof(path), "%s%s", search->root, settings_directories[i]);
		directory = opendir(path);
		while (directory && (entry = readdir(directory)))
			if (nearest_consider_name(&nearest, entry->d_name))
				text_copy(ret, NEAREST_WORD_SIZE, entry->d_name);
	}
}

/* ---- drop-ins */

/* A name with ".conf" inside is a copy that an editor or a packager keeps, or one that somebody put
 * aside. */
static bool is_put_aside(const char *name)
{
	return name[0] == '.' || strstr(name, SETTINGS_DROPIN_SUFFIX) ||
	       strncmp(name, "README", strlen("README")) == 0;
}

static void look_at_dropins(struct search *search, const char *path, DIR *directory)
{
	struct dirent *entry;

	while ((entry = readdir(directory))) {
		char file[PATH_MAX];

		if (is_put_aside(entry->d_name))
			continue;
		if ((size_t)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) <
		    sizeof(file))
			complain(search, file,
				 "Is never read: the name of a drop-in ends in .conf");
	}
}

/* `name` is that of the directory. */
static void look_at_directory(struct search *search, const char *path, const char *name)
{
	_cleanup_closedir_ DIR *directory = opendir(path);
	char owner[NAME_MAX + 1], nearest[NEAREST_WORD_SIZE];

	if (!directory)
		return;
	snprintf(owner, sizeof(owner), "%.*s", (int)(strlen(name) - strlen(DROPINS_SUFFIX)), name);
	if (strcmp(owner, SETTINGS_DAEMON_FILE) != 0 && !has_suffix(owner, SETTINGS_AGENT_SUFFIX)) {
		complain(search, path,
			 "Is never read: drop-ins are in NAME.agent.d and in " SETTINGS_DAEMON_FILE
				 DROPINS_SUFFIX);
		return;
	}
	if (strcmp(owner, SETTINGS_DAEMON_FILE) != 0 && !exists(search, owner)) {
		find_nearest(search, owner, nearest);
		complain(search, path, "Is never read: there is no %s%s%s%s", owner,
			 *nearest ? ". Did you mean " : "", nearest, *nearest ? "?" : "");
		return;
	}
	look_at_dropins(search, path, directory);
}

/* ---- what is beside the agents' files */

static void look_at(struct search *search, const char *directory, const char *name)
{
	char path[PATH_MAX];

	if (name[0] == '.' ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
		return;
	if (has_suffix(name, DROPINS_SUFFIX))
		look_at_directory(search, path, name);
	else if (has_suffix(name, SETTINGS_DROPIN_SUFFIX) &&
		 strcmp(name, SETTINGS_DAEMON_FILE) != 0)
		complain(search, path,
			 "Is never read: an agent's file is NAME.agent, and its "
			 "drop-ins are in NAME.agent.d");
}

int settings_files_find_strays(const char *root, settings_complaint complain_to, void *userdata)
{
	struct search search = { root, complain_to, userdata, 0 };

	for (size_t i = 0; i < SETTINGS_DIRECTORIES; i++) {
		_cleanup_closedir_ DIR *directory = NULL;
		char path[PATH_MAX - NAME_MAX];
		struct dirent *entry;

		snprintf(path, sizeof(path), "%s%s", root, settings_directories[i]);
		directory = opendir(path);
		while (directory && (entry = readdir(directory)))
			look_at(&search, path, entry->d_name);
	}
	return search.complaints;
}
