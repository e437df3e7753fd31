/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/cgroup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "support/cleanup.h"

const char *cgroup_tree_root(void)
{
	static const char *const candidates[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	static const char *found; /* nobody moves it while there are groups in it */

	for (size_t i = 0; !found && i < sizeof(candidates) / sizeof(*candidates); i++) {
		struct statfs facts;

		if (statfs(candidates[i], &facts) == 0 && facts.f_type == CGROUP2_SUPER_MAGIC)
			found = candidates[i];
	}
	return found;
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

/* Returns 0, -EPERM if the directory is another's, or another -errno. */
static int check_owner(const char *path)
{
	struct stat facts;

	if (lstat(path, &facts) < 0)
		return -errno;
	return S_ISDIR(facts.st_mode) && facts.st_uid == 0 ? 0 : -EPERM;
}

bool cgroup_tree_is_of_root(const char *root, const char *path)
{
	size_t at = strlen(root), length = strlen(path);
	char above[PATH_MAX];
	int r = 0;

	if (length < at || length >= sizeof(above) || memcmp(path, root, at) != 0)
		return false;
	memcpy(above, path, length + 1);
	while (above[at] && r == 0) {
		above[at] = '\0';
		r = check_owner(above);
		above[at] = path[at];
		at += 1 + strcspn(path + at + 1, "/");
	}
	if (r == 0)
		r = check_owner(path);
	return r == 0 || r == -ENOENT;
}

/* ---- walking */

bool cgroup_tree_is_child(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
	       strcmp(entry->d_name, "..") != 0;
}

/* A directory whose children are to be listed. */
struct unlisted {
	STAILQ_ENTRY(unlisted) next;
	char path[];
};

struct walk {
	cgroup_visitor visit;
	void *userdata;
	STAILQ_HEAD(, unlisted) unlisted;
};

static int list_later(struct walk *walk, const char *parent, const char *name)
{
	size_t size = strlen(parent) + 1 + strlen(name) + 1;
	struct unlisted *unlisted = malloc(sizeof(*unlisted) + size);

	if (!unlisted)
		return -ENOMEM;
	snprintf(unlisted->path, size, "%s%s%s", parent, *name ? "/" : "", name);
	STAILQ_INSERT_TAIL(&walk->unlisted, unlisted, next);
	return 0;
}

static int visit_child(struct walk *walk, const char *parent, const struct dirent *child)
{
	int r;

	if (!cgroup_tree_is_child(child))
		return 0;
	r = walk->visit(walk->userdata, child->d_ino);
	return r < 0 ? r : list_later(walk, parent, child->d_name);
}

static int list_children(struct walk *walk, const char *path)
{
	_cleanup_closedir_ DIR *children = opendir(path);
	const struct dirent *child;
	int r = 0;

	if (!children) /* gone by now, or beyond PATH_MAX */
		return errno == ENOENT || errno == ENAMETOOLONG ? 0 : -errno;
	while (r == 0 && (child = readdir(children)))
		r = visit_child(walk, path, child);
	return r;
}

/* Lists the oldest one, if the walk goes on (`r` is 0), and forgets it. */
static int take_unlisted(struct walk *walk, int r)
{
	struct unlisted *first = STAILQ_FIRST(&walk->unlisted);

	STAILQ_REMOVE_HEAD(&walk->unlisted, next);
	if (r == 0)
		r = list_children(walk, first->path);
	free(first);
	return r;
}

int cgroup_tree_walk(const char *path, cgroup_visitor visit, void *userdata)
{
	struct walk walk = { .visit = visit, .userdata = userdata };
	struct stat status;
	int r;

	STAILQ_INIT(&walk.unlisted);
	if (stat(path, &status) < 0)
		return -errno;
	r = visit(userdata, status.st_ino);
	if (r == 0)
		r = list_later(&walk, path, "");
	while (!STAILQ_EMPTY(&walk.unlisted))
		r = take_unlisted(&walk, r);
	return r;
}
