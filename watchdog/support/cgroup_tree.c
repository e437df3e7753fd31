#include "support/cgroup_tree.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

const char *cgroup_tree_root(void)
{
	static const char *const candidates[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof(candidates) / sizeof(*candidates); i++) {
		struct statfs facts;

		if (statfs(candidates[i], &facts) == 0 && facts.f_type == CGROUP2_SUPER_MAGIC)
			return candidates[i];
	}
	return NULL;
}

int cgroup_tree_path(const char *group, const char *name, char *path, size_t size)
{
	const char *root = cgroup_tree_root();
	int length;

	if (!root)
		return -ENOENT;
	length = snprintf(path, size, "%s%s%s%s%s", root, *group == '/' ? "" : "/", group,
			  name ? "/" : "", name ?: "");
	return (size_t)length < size ? 0 : -ENAMETOOLONG;
}
