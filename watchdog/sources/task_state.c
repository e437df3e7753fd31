/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/task_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/cgroup_tree.h"
#include "support/process_files.h"
#include "support/small_file.h"

#define CACHE_TIME (50 * USEC_PER_MSEC)

enum {
	GROUPS_SIZE = 8192, /* /proc/PID/cgroup: a line a hierarchy, each with a path */
	PATH_SIZE = 4352,   /* PATH_MAX and the mount point */
	FACTS_SIZE = 128,   /* cgroup.events, freezer.state */
};

/* cgroups(7): `frozen` is of the group and of those above it. */
static bool is_frozen(const char *group)
{
	char path[PATH_SIZE], facts[FACTS_SIZE];

	return cgroup_tree_path(group, "cgroup.events", path, sizeof(path)) == 0 &&
	       small_file_read(path, facts, sizeof(facts)) && strstr(facts, "frozen 1");
}

static bool is_frozen_v1(const char *group)
{
	char path[PATH_SIZE], facts[FACTS_SIZE];
	int length = snprintf(path, sizeof(path), "/sys/fs/cgroup/freezer%s/freezer.state", group);

	return length > 0 && (size_t)length < sizeof(path) &&
	       small_file_read(path, facts, sizeof(facts)) && strncmp(facts, "FROZEN", 6) == 0;
}

/* A line is HIERARCHY:CONTROLLERS:PATH, with no controllers for version 2: cgroups(7). */
static bool group_is_frozen(char *line)
{
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!group)
		return false;
	*group++ = '\0';
	if (controllers[1] == '\0')
		return is_frozen(group);
	return strcmp(controllers + 1, "freezer") == 0 && is_frozen_v1(group);
}

static bool any_group_is_frozen(pid_t pid)
{
	char path[64], groups[GROUPS_SIZE];
	char *rest = groups, *line;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (!small_file_read(path, groups, sizeof(groups)))
		return false;
	while ((line = strsep(&rest, "\n")))
		if (group_is_frozen(line))
			return true;
	return false;
}

static enum task_state look(pid_t pid, uint64_t started)
{
	struct process_status status;
	int r = process_status_read(pid, &status);

	if (r < 0)
		return r == -ESRCH ? TASK_STATE_DEAD : TASK_STATE_UNKNOWN;
	if (started && status.started != started)
		return TASK_STATE_DEAD;
	switch (status.state) {
	case 'T':
		return TASK_STATE_STOPPED;
	case 't':
		return TASK_STATE_TRACED;
	case 'Z':
	case 'X':
		return TASK_STATE_DEAD;
	}
	return any_group_is_frozen(pid) ? TASK_STATE_FROZEN : TASK_STATE_RUNS;
}

enum task_state task_state_look(struct task_state_cache *cache, pid_t pid, uint64_t started,
				usec_t now)
{
	if (pid <= 0)
		return TASK_STATE_UNKNOWN;
	if (cache->pid == pid && cache->started == started && now <= cache->time + CACHE_TIME)
		return cache->state;
	*cache = (struct task_state_cache){ .pid = pid, .started = started, .time = now };
	cache->state = look(pid, started);
	return cache->state;
}
