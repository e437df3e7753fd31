/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/task_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cgroup_tree.h"
#include "support/process_files.h"

#define CACHE_TIME (50 * USEC_PER_MSEC)

enum {
	STATUS_SIZE = 512,
	GROUPS_SIZE = 8192, /* /proc/PID/cgroup: a line a hierarchy, each with a path */
	FACTS_SIZE = 128,   /* cgroup.events, freezer.state */
};

/* ---- files that stay open from one look to the next: to open one takes as long as to read it */

static void forget(struct task_state_file *file)
{
	if (file->descriptor)
		close(file->descriptor);
	file->descriptor = 0;
	file->absent = false;
	file->path[0] = '\0';
}

/* Returns true with what is in it, as text. Such a file is made anew at each read from its
 * beginning; that of a process or group that is no more cannot be read, whoever has its name by
 * now. */
static bool read_again(const struct task_state_file *file, char *text, size_t size)
{
	ssize_t n = file->descriptor ? pread(file->descriptor, text, size - 1, 0) : -1;

	if (n <= 0) {
		errno = n < 0 ? errno : ENODATA;
		return false;
	}
	text[n] = '\0';
	return true;
}

/* As small_file_read(), but opens `path` only if `file` is another one or cannot be read any more.
 * If it returns false, errno says why. */
static bool read_file(struct task_state_file *file, const char *path, char *text, size_t size)
{
	int fd;

	if (strcmp(file->path, path) == 0 && (file->absent || read_again(file, text, size)))
		return !file->absent;
	forget(file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	file->descriptor = fd;
	snprintf(file->path, sizeof(file->path), "%s", path);
	return read_again(file, text, size);
}

/* ---- freezers */

/* cgroups(7): `frozen` is of the group and of those above it. */
static bool is_frozen(struct task_state_file *file, const char *group)
{
	char path[TASK_STATE_PATH_SIZE], facts[FACTS_SIZE];

	return cgroup_tree_path(group, "cgroup.events", path, sizeof(path)) == 0 &&
	       read_file(file, path, facts, sizeof(facts)) && strstr(facts, "frozen 1");
}

/* The root of a hierarchy has no such file. */
static bool is_frozen_v1(struct task_state_file *file, const char *group)
{
	char path[TASK_STATE_PATH_SIZE], facts[FACTS_SIZE];
	int length = snprintf(path, sizeof(path), "/sys/fs/cgroup/freezer%s/freezer.state", group);

	if (length <= 0 || (size_t)length >= sizeof(path))
		return false;
	if (read_file(file, path, facts, sizeof(facts)))
		return strncmp(facts, "FROZEN", 6) == 0;
	if (strcmp(group, "/") == 0 && !file->descriptor) {
		file->absent = true;
		memcpy(file->path, path, (size_t)length + 1);
	}
	return false;
}

/* A line is HIERARCHY:CONTROLLERS:PATH, with no controllers for version 2: cgroups(7). */
static bool group_is_frozen(struct task_state_cache *cache, char *line)
{
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return false;
	*group++ = '\0';
	if (controllers[1] == '\0')
		return is_frozen(&cache->freezer, group);
	return strcmp(controllers + 1, "freezer") == 0 && is_frozen_v1(&cache->freezer_v1, group);
}

static bool any_group_is_frozen(struct task_state_cache *cache)
{
	char path[64], groups[GROUPS_SIZE];
	char *rest = groups, *line;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)cache->pid);
	if (!read_file(&cache->groups, path, groups, sizeof(groups)))
		return false;
	while ((line = strsep(&rest, "\n")))
		if (group_is_frozen(cache, line))
			return true;
	return false;
}

/* ---- the look */

static int read_status(struct task_state_cache *cache, struct process_status *status)
{
	char path[32], text[STATUS_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)cache->pid);
	if (!read_file(&cache->status, path, text, sizeof(text)))
		return errno == ENOENT ? -ESRCH : -errno;
	return process_status_parse(text, strlen(text), status);
}

static enum task_state look(struct task_state_cache *cache)
{
	struct process_status status = { 0 };
	int r = read_status(cache, &status);

	if (r < 0)
		return r == -ESRCH ? TASK_STATE_DEAD : TASK_STATE_UNKNOWN;
	if (cache->started && status.started != cache->started)
		return TASK_STATE_DEAD;
	switch (status.state) {
	case 'R': /* a frozen one seems to sleep */
		return TASK_STATE_RUNS;
	case 'T':
		return TASK_STATE_STOPPED;
	case 't':
		return TASK_STATE_TRACED;
	case 'Z':
	case 'X':
		return TASK_STATE_DEAD;
	}
	return any_group_is_frozen(cache) ? TASK_STATE_FROZEN : TASK_STATE_RUNS;
}

enum task_state task_state_look(struct task_state_cache *cache, pid_t pid, uint64_t started,
				usec_t now)
{
	if (pid <= 0)
		return TASK_STATE_UNKNOWN;
	if (cache->pid == pid && cache->started == started && now <= cache->time + CACHE_TIME)
		return cache->state;
	cache->pid = pid;
	cache->started = started;
	cache->time = now;
	cache->state = look(cache);
	return cache->state;
}

void task_state_close(struct task_state_cache *cache)
{
	forget(&cache->status);
	forget(&cache->groups);
	forget(&cache->freezer);
	forget(&cache->freezer_v1);
}
