/* Where control groups are in the file system. */
#pragma once

#include <stddef.h>

/* The mount point of the version 2 hierarchy: /sys/fs/cgroup, or /sys/fs/cgroup/unified on hybrid
 * hosts. Returns static text, or NULL where there is none (version 1 only). */
const char *cgroup_tree_root(void);

/* The path in the file system of `group` ("/system.slice") and, below it, `name` (NULL: itself).
 * Returns 0, -ENOENT without a version 2 hierarchy, or -ENAMETOOLONG. */
int cgroup_tree_path(const char *group, const char *name, char *path, size_t size);
