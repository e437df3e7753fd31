/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/own_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/cgroup_tree.h"
#include "support/cleanup.h"

#define NAME_PREFIX "connwatch-run-"

/* Reads our group in the version 2 hierarchy: the line "0::PATH" (cgroups(7)). */
static int read_own_group(char *group, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		return (size_t)snprintf(group, size, "%s", line + 3) < size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

static void sweep(const char *parent)
{
	_cleanup_closedir_ DIR *directory = opendir(parent);
	struct dirent *entry;
	int pid;

	while (directory && (entry = readdir(directory)))
		if (sscanf(entry->d_name, NAME_PREFIX "%d", &pid) == 1 && kill(pid, 0) < 0 &&
		    errno == ESRCH)
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
}

int own_cgroup_make(char *path, size_t size)
{
	char group[PATH_MAX], parent[PATH_MAX];
	int r = read_own_group(group, sizeof(group));

	if (r >= 0)
		r = cgroup_tree_path(group, NULL, parent, sizeof(parent));
	if (r < 0)
		return r;
	sweep(parent);
	if ((size_t)snprintf(path, size, "%s/" NAME_PREFIX "%d", parent, getpid()) >= size)
		return -ENAMETOOLONG;
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

int own_cgroup_enter(const char *path, pid_t pid)
{
	_cleanup_close_ int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd < 0 || dprintf(fd, "%d", pid) < 0 ? -errno : 0;
}

int own_cgroup_remove(const char *path)
{
	return rmdir(path) < 0 ? -errno : 0;
}
