/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A control group (version 2) of our own, below the one we are in, for the processes that we start.
 * Callers go on without: the host may have version 1 only, or the file system of control groups may
 * be read-only, as in many containers. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Makes the group and writes its path in the file system into `path`. Removes the empty groups that
 * earlier processes of ours left when they were killed. Returns 0, -ENOENT without a version 2
 * hierarchy, -ENAMETOOLONG, or -errno of mkdir(2). */
int own_cgroup_make(char *path, size_t size);

/* Moves process `pid` into the group at `path`. Returns 0 or -errno of write(2). */
int own_cgroup_enter(const char *path, pid_t pid);

/* Removes the group at `path`. Returns 0, or -EBUSY while there are processes in it. */
int own_cgroup_remove(const char *path);
