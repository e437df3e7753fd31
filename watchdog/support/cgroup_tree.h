/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where control groups are in the file system. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the mount point of the version 2 hierarchy: /sys/fs/cgroup, or /sys/fs/cgroup/unified on
 * hybrid hosts. Static text; NULL where there is none (version 1 only). */
const char *cgroup_tree_root(void);

/* Writes the path in the file system of `group` ("/system.slice") and, below it, `name` (NULL: of
 * the group itself) into `path`. Returns 0, -ENOENT without a version 2 hierarchy, or
 * -ENAMETOOLONG. */
int cgroup_tree_path(const char *group, const char *name, char *path, size_t size);

/* Returns true if the control group at `path` and all those above it, up to `root`, belong to root
 * (uid 0): then nobody else can have made it. A group below a delegated one is its owner's to make,
 * under any name (cgroups(7), delegation). One that does not exist counts as root's if what exists
 * above it is: only root can make it. Both are paths in the file system, `path` is `root` or below
 * it. */
bool cgroup_tree_is_of_root(const char *root, const char *path);

struct dirent;

/* Returns true if the entry of a control group's directory (readdir(3)) is a group below it. */
bool cgroup_tree_is_child(const struct dirent *entry);

/* Called for the control group with that id (the inode of its directory). Returns 0, or -errno to
 * end the walk. */
typedef int (*cgroup_visitor)(void *userdata, uint64_t id);

/* Visits the control group at `path` and all below it, each before those in it are listed. Holds
 * one descriptor, however deep they are. Returns 0, -ENOENT if there is none at `path`, -ENOMEM,
 * another -errno of opendir(3), or what `visit` returned to end the walk. */
int cgroup_tree_walk(const char *path, cgroup_visitor visit, void *userdata);
