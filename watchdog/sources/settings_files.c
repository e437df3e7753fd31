/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/settings_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cleanup.h"

#define DAEMON_FILE   SETTINGS_DAEMON_FILE
#define AGENT_SUFFIX  SETTINGS_AGENT_SUFFIX
#define DROPIN_SUFFIX SETTINGS_DROPIN_SUFFIX

enum { FILE_SIZE_MAX = 1024 * 1024 };

const char *const settings_directories[SETTINGS_DIRECTORIES] = {
	"/etc/connwatch", "/run/connwatch", "/usr/lib/connwatch", /* what is shipped */
};
enum { SHIPPED = SETTINGS_DIRECTORIES - 1 };

struct reading {
	const char *root;
	settings_complaint complain; /* NULL: nobody hears it */
	void *userdata;
	int complaints;
	bool of_operator; /* a file outside of SHIPPED was read */
};

/* The destination of a file's text: the member that is not NULL. */
struct target {
	struct agent_settings *agent;
	struct daemon_settings *daemon;
	struct search *search;
};

struct search {
	const char *key;
	struct settings_place *ret; /* its line is 0 until the key is found */
};

static void complain_about(struct reading *reading, const char *path, const char *text)
{
	reading->complaints++;
	if (reading->complain)
		reading->complain(reading->userdata, path, 0, text);
}

static void check_rights(struct reading *reading, const char *path, const struct stat *status)
{
	if (status->st_mode & S_IWOTH)
		complain_about(reading, path,
			       "Every user may write here, and so have connwatchd act as root");
}

/* ---- one file */

static void search(const struct search *search, const char *path, const char *text, size_t size)
{
	unsigned line = settings_line_of(text, size, search->key);

	if (!line)
		return;
	search->ret->line = line;
	snprintf(search->ret->file, sizeof search->ret->file, "%s", path);
}

static void parse(struct reading *reading, const char *path, const char *text, size_t size,
		  const struct target *target)
{
	if (target->search) {
		search(target->search, path, text, size);
		return;
	}
	reading->complaints +=
		(int)(target->agent ? agent_settings_parse(target->agent, path, text, size,
							   reading->complain, reading->userdata)
				    : daemon_settings_parse(target->daemon, path, text, size,
							    reading->complain, reading->userdata));
}

/* Returns the number of bytes read, at most `size`, or -errno. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, text + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* The lack is ours, and says nothing of the settings. */
static bool is_for_want_of_room(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* Returns 1 if the file was read, 0 if it masks another or cannot be used, or the -errno of
 * is_for_want_of_room(). */
static int read_file(struct reading *reading, const char *path, const struct target *target)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	struct stat status;
	ssize_t size;

	/* does not hang on a FIFO, nor take a terminal */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && is_for_want_of_room(errno))
		return -errno;
	if (fd < 0 || fstat(fd, &status) < 0) {
		complain_about(reading, path, strerror(errno));
		return 0;
	}
	if (S_ISCHR(status.st_mode)) /* masked by /dev/null */
		return 0;
	if (!S_ISREG(status.st_mode)) {
		complain_about(reading, path, "Not a regular file");
		return 0;
	}
	check_rights(reading, path, &status);
	if (status.st_size == 0) /* masked */
		return 0;
	text = malloc(FILE_SIZE_MAX + 1);
	if (!text)
		return -ENOMEM;
	size = read_all(fd, text, FILE_SIZE_MAX + 1);
	if (size < 0 || size > FILE_SIZE_MAX) {
		complain_about(reading, path, size < 0 ? strerror((int)-size) : "Over 1 MiB");
		return 0;
	}
	parse(reading, path, text, (size_t)size, target);
	return 1;
}

/* ---- the names of files in all directories, sorted, each once */

struct names {
	char **items;
	size_t count;
};

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

static int add_name(struct names *names, const char *name)
{
	char **items = reallocarray(names->items, names->count + 1, sizeof *items);
	char *copy = strdup(name);

	if (items)
		names->items = items;
	if (!items || !copy) {
		free(copy);
		return -ENOMEM;
	}
	names->items[names->count++] = copy;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct names *names)
{
	size_t kept = 0;

	if (names->count == 0)
		return;
	qsort(names->items, names->count, sizeof *names->items, compare_names);
	for (size_t i = 1; i < names->count; i++) {
		if (strcmp(names->items[i], names->items[kept]) == 0)
			free(names->items[i]);
		else
			names->items[++kept] = names->items[i];
	}
	names->count = kept + 1;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name);
	size_t tail = strlen(suffix);

	return name[0] != '.' && length > tail && strcmp(name + length - tail, suffix) == 0;
}

static int add_names_of(struct reading *reading, const char *path, const char *suffix,
			struct names *names)
{
	_cleanup_closedir_ DIR *directory = opendir(path);
	struct dirent *entry;
	struct stat status;

	if (!directory && is_for_want_of_room(errno))
		return -errno;
	if (!directory) {
		if (errno != ENOENT)
			complain_about(reading, path, strerror(errno));
		return 0;
	}
	if (fstat(dirfd(directory), &status) == 0)
		check_rights(reading, path, &status);
	while ((entry = readdir(directory))) {
		if (has_suffix(entry->d_name, suffix) && add_name(names, entry->d_name) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Collects names. `below` is "" for the directories themselves, or "/FILE.d". */
static int find_names(struct reading *reading, const char *below, const char *suffix,
		      struct names *names)
{
	for (size_t i = 0; i < SETTINGS_DIRECTORIES; i++) {
		char path[PATH_MAX];
		int r;

		snprintf(path, sizeof path, "%s%s%s", reading->root, settings_directories[i],
			 below);
		r = add_names_of(reading, path, suffix, names);
		if (r < 0)
			return r;
	}
	sort_names(names);
	return 0;
}

/* ---- a file of the settings, as shadowed */

/* Reads the file that wins. Returns as read_file(); 0 also if no directory has it. */
static int read_winner(struct reading *reading, const char *below, const char *name,
		       const struct target *target)
{
	for (size_t i = 0; i < SETTINGS_DIRECTORIES; i++) {
		char path[PATH_MAX];
		struct stat status;

		snprintf(path, sizeof path, "%s%s%s/%s", reading->root, settings_directories[i],
			 below, name);
		if (lstat(path, &status) < 0 && errno == ENOENT)
			continue;
		reading->of_operator |= i != SHIPPED;
		return read_file(reading, path, target);
	}
	return 0;
}

static int read_dropins(struct reading *reading, const char *name, const struct target *target)
{
	_cleanup_(free_names) struct names names = { 0 };
	char below[NAME_MAX + 4];
	int r;

	snprintf(below, sizeof below, "/%s.d", name);
	r = find_names(reading, below, DROPIN_SUFFIX, &names);
	for (size_t i = 0; r >= 0 && i < names.count; i++)
		r = read_winner(reading, below, names.items[i], target);
	return r;
}

static int read_agent(struct reading *reading, const char *file, agent_settings_sink sink)
{
	struct agent_settings agent;
	const struct target target = { .agent = &agent };
	char name[AGENT_NAME_SIZE];
	const char *complaint;
	int r;

	snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(AGENT_SUFFIX)), file);
	if (strlen(file) - strlen(AGENT_SUFFIX) >= sizeof name) {
		complain_about(reading, file, "The agent's name is longer than 63 bytes");
		return 0;
	}
	agent_settings_defaults(&agent, name);
	reading->of_operator = false;
	r = read_winner(reading, "", file, &target);
	if (r <= 0)
		return r;
	r = read_dropins(reading, file, &target);
	if (r < 0)
		return r;
	agent.optional = !reading->of_operator;
	complaint = agent_settings_check(&agent);
	if (complaint)
		complain_about(reading, file, complaint);
	else
		sink(reading->userdata, &agent);
	return 0;
}

int settings_files_load(const char *root, struct daemon_settings *daemon, agent_settings_sink sink,
			settings_complaint complain, void *userdata)
{
	struct reading reading = { root, complain, userdata, 0, false };
	const struct target target = { .daemon = daemon };
	_cleanup_(free_names) struct names names = { 0 };
	int r;

	daemon_settings_defaults(daemon);
	r = read_winner(&reading, "", DAEMON_FILE, &target);
	if (r >= 0)
		r = read_dropins(&reading, DAEMON_FILE, &target);
	if (r >= 0)
		r = find_names(&reading, "", AGENT_SUFFIX, &names);
	for (size_t i = 0; r >= 0 && i < names.count; i++)
		r = read_agent(&reading, names.items[i], sink);
	return r < 0 ? r : reading.complaints;
}

/* ---- one file by itself */

/* Returns true for "NAME.agent" and "NAME.agent.d/ANYTHING.conf". */
static bool is_of_agent(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	static const char dropins[] = AGENT_SUFFIX ".d";
	size_t folder = slash ? (size_t)(slash - path) : 0;

	return has_suffix(name, AGENT_SUFFIX) ||
	       (folder > strlen(dropins) &&
		strncmp(slash - strlen(dropins), dropins, strlen(dropins)) == 0);
}

static void verify_whole(struct reading *reading, const char *path, struct agent_settings *agent,
			 agent_settings_sink sink)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *complaint = agent_settings_check(agent);

	snprintf(agent->name, sizeof agent->name, "%.*s",
		 (int)(strlen(name) - strlen(AGENT_SUFFIX)), name);
	if (complaint)
		complain_about(reading, path, complaint);
	else
		sink(reading->userdata, agent);
}

int settings_files_verify(const char *path, agent_settings_sink sink, settings_complaint complain,
			  void *userdata)
{
	struct reading reading = { "", complain, userdata, 0, false };
	struct daemon_settings daemon;
	struct agent_settings agent;
	struct target target = { 0 };
	bool whole = has_suffix(strrchr(path, '/') ? strrchr(path, '/') + 1 : path, AGENT_SUFFIX);
	int r;

	agent_settings_defaults(&agent, "");
	daemon_settings_defaults(&daemon);
	if (is_of_agent(path))
		target.agent = &agent;
	else
		target.daemon = &daemon;
	r = read_file(&reading, path, &target);
	if (r > 0 && whole)
		verify_whole(&reading, path, &agent, sink);
	return r < 0 ? r : reading.complaints;
}

/* ---- where a key is assigned */

int settings_files_locate(const char *root, const char *agent, const char *path, const char *key,
			  struct settings_place *ret)
{
	struct reading reading = { root, NULL, NULL, 0, false };
	struct search search = { key, ret };
	const struct target target = { .search = &search };
	char file[AGENT_NAME_SIZE + sizeof AGENT_SUFFIX];
	int r;

	ret->line = 0;
	snprintf(file, sizeof file, "%s" AGENT_SUFFIX, agent);
	r = path ? read_file(&reading, path, &target) : read_winner(&reading, "", file, &target);
	if (r > 0 && !path)
		r = read_dropins(&reading, file, &target);
	if (r < 0)
		return r;
	return ret->line ? 0 : -ENOENT;
}
