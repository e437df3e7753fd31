#include "sources/cgroup_finder.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>

#include "core/cgroup_pattern.h"
#include "support/cleanup.h"

struct wanted {
	LIST_ENTRY(wanted) next;
	uint32_t agent;
	char pattern[];
};

/* Where something that is wanted can be made. */
struct directory {
	LIST_ENTRY(directory) next;
	int watch; /* of inotify(7) */
	char path[];
};

struct found {
	LIST_ENTRY(found) next;
	uint32_t agent;
	char path[];
};

struct cgroup_finder {
	struct cgroup_listener listener;
	int fd;
	bool said_full;
	LIST_HEAD(, wanted) wanted;
	LIST_HEAD(, directory) directories;
	LIST_HEAD(, found) found;
	size_t root_length;
	char root[];
};

/* From the root of the control groups. */
static const char *group_of(const struct cgroup_finder *finder, const char *path)
{
	return path + finder->root_length;
}

/* ---- groups that were found */

static bool is_found(const struct cgroup_finder *finder, const char *path, uint32_t agent)
{
	const struct found *found;

	LIST_FOREACH(found, &finder->found, next)
	if (found->agent == agent && strcmp(found->path, path) == 0)
		return true;
	return false;
}

static void tell_found(struct cgroup_finder *finder, const char *path, uint32_t agent)
{
	struct found *found;

	if (is_found(finder, path, agent))
		return;
	found = malloc(sizeof(*found) + strlen(path) + 1);
	if (!found)
		return;
	found->agent = agent;
	strcpy(found->path, path);
	LIST_INSERT_HEAD(&finder->found, found, next);
	finder->listener.found(finder->listener.userdata, agent, path);
}

static void tell_gone(struct cgroup_finder *finder, struct found *found)
{
	LIST_REMOVE(found, next);
	finder->listener.gone(finder->listener.userdata, found->agent, found->path);
	free(found);
}

static void lose(struct cgroup_finder *finder, const char *path)
{
	struct found *found, *next;

	for (found = LIST_FIRST(&finder->found); found; found = next) {
		next = LIST_NEXT(found, next);
		if (strcmp(found->path, path) == 0)
			tell_gone(finder, found);
	}
}

/* ---- directories that are followed */

static struct directory *find_directory(const struct cgroup_finder *finder, int watch)
{
	struct directory *directory;

	LIST_FOREACH(directory, &finder->directories, next)
	if (directory->watch == watch)
		break;
	return directory;
}

static void forget_directory(struct directory *directory)
{
	LIST_REMOVE(directory, next);
	free(directory);
}

static bool can_hold_wanted(const struct cgroup_finder *finder, const char *path)
{
	const struct wanted *wanted;

	LIST_FOREACH(wanted, &finder->wanted, next)
	if (cgroup_pattern_reaches_below(wanted->pattern, group_of(finder, path)))
		return true;
	return false;
}

/* Lets go of what is followed though nothing wanted can be in it; of all if `all`. */
static void forget_directories(struct cgroup_finder *finder, bool all)
{
	struct directory *directory, *next;

	for (directory = LIST_FIRST(&finder->directories); directory; directory = next) {
		next = LIST_NEXT(directory, next);
		if (!all && can_hold_wanted(finder, directory->path))
			continue;
		inotify_rm_watch(finder->fd, directory->watch);
		forget_directory(directory);
	}
}

static void tell_missed(struct cgroup_finder *finder, int error)
{
	if (error == ENOENT || finder->said_full) /* it is gone already */
		return;
	finder->said_full = true;
	finder->listener.notice(finder->listener.userdata,
				error == ENOSPC ? "some new control groups will be missed: "
						  "fs.inotify.max_user_watches is reached"
						: "some new control groups will be missed");
}

static void follow_directory(struct cgroup_finder *finder, const char *path)
{
	int watch = inotify_add_watch(finder->fd, path, IN_CREATE | IN_DELETE | IN_ONLYDIR);
	struct directory *directory;

	if (watch < 0)
		return tell_missed(finder, errno);
	if (find_directory(finder, watch))
		return;
	directory = malloc(sizeof(*directory) + strlen(path) + 1);
	if (!directory)
		return tell_missed(finder, ENOMEM);
	directory->watch = watch;
	strcpy(directory->path, path);
	LIST_INSERT_HEAD(&finder->directories, directory, next);
}

/* ---- looking */

static void visit(struct cgroup_finder *finder, const char *path);

static void visit_child(struct cgroup_finder *finder, const char *parent, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", parent, name) >= 0)
		visit(finder, path);
}

static void visit_children(struct cgroup_finder *finder, const char *path)
{
	_cleanup_closedir_ DIR *children = opendir(path);
	struct dirent *child;

	while (children && (child = readdir(children)))
		if (child->d_type == DT_DIR && strcmp(child->d_name, ".") != 0 &&
		    strcmp(child->d_name, "..") != 0)
			visit_child(finder, path, child->d_name);
}

/* A directory is followed before its children are listed: a group that is made meanwhile is found
 * by one or by both, and told of once. */
static void visit(struct cgroup_finder *finder, const char *path)
{
	const struct wanted *wanted;

	LIST_FOREACH(wanted, &finder->wanted, next)
	if (cgroup_pattern_matches(wanted->pattern, group_of(finder, path)))
		tell_found(finder, path, wanted->agent);
	if (!can_hold_wanted(finder, path))
		return;
	follow_directory(finder, path);
	visit_children(finder, path);
}

/* The queue of inotify(7) was full: nobody knows what came and went. */
static void look_again(struct cgroup_finder *finder)
{
	struct found *found, *next;

	for (found = LIST_FIRST(&finder->found); found; found = next) {
		next = LIST_NEXT(found, next);
		if (access(found->path, F_OK) < 0)
			tell_gone(finder, found);
	}
	forget_directories(finder, true);
	visit(finder, finder->root);
}

static void take_change(struct cgroup_finder *finder, const struct inotify_event *change)
{
	struct directory *directory = find_directory(finder, change->wd);
	_cleanup_free_ char *path = NULL;

	if (change->mask & IN_Q_OVERFLOW)
		return look_again(finder);
	if (!directory)
		return;
	if (change->mask & IN_IGNORED) /* it is gone */
		return forget_directory(directory);
	if (!(change->mask & IN_ISDIR) ||
	    asprintf(&path, "%s/%s", directory->path, change->name) < 0)
		return;
	if (change->mask & IN_DELETE)
		lose(finder, path);
	else
		visit(finder, path);
}

void cgroup_finder_drain(struct cgroup_finder *finder)
{
	_Alignas(struct inotify_event) char
		changes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	ssize_t size;

	while ((size = read(finder->fd, changes, sizeof(changes))) > 0) {
		const struct inotify_event *change;

		for (ssize_t at = 0; at < size; at += (ssize_t)(sizeof(*change) + change->len)) {
			change = (const struct inotify_event *)(changes + at);
			take_change(finder, change);
		}
	}
}

/* ---- what is wanted */

static int count_found(const struct cgroup_finder *finder, const char *pattern, uint32_t agent)
{
	const struct found *found;
	int count = 0;

	LIST_FOREACH(found, &finder->found, next)
	count += found->agent == agent &&
		 cgroup_pattern_matches(pattern, group_of(finder, found->path));
	return count;
}

int cgroup_finder_add(struct cgroup_finder *finder, const char *pattern, uint32_t agent)
{
	struct wanted *wanted = malloc(sizeof(*wanted) + strlen(pattern) + 1);

	if (!wanted)
		return -ENOMEM;
	wanted->agent = agent;
	strcpy(wanted->pattern, pattern);
	LIST_INSERT_HEAD(&finder->wanted, wanted, next);
	visit(finder, finder->root);
	return count_found(finder, pattern, agent);
}

static void forget_wanted(struct cgroup_finder *finder, uint32_t agent)
{
	struct wanted *wanted, *next;

	for (wanted = LIST_FIRST(&finder->wanted); wanted; wanted = next) {
		next = LIST_NEXT(wanted, next);
		if (wanted->agent != agent)
			continue;
		LIST_REMOVE(wanted, next);
		free(wanted);
	}
}

static void forget_found(struct cgroup_finder *finder, uint32_t agent)
{
	struct found *found, *next;

	for (found = LIST_FIRST(&finder->found); found; found = next) {
		next = LIST_NEXT(found, next);
		if (found->agent != agent)
			continue;
		LIST_REMOVE(found, next);
		free(found);
	}
}

void cgroup_finder_remove(struct cgroup_finder *finder, uint32_t agent)
{
	forget_wanted(finder, agent);
	forget_found(finder, agent);
	forget_directories(finder, false);
}

/* ---- building and taking down */

int cgroup_finder_open(struct cgroup_finder **ret, const char *root,
		       const struct cgroup_listener *listener)
{
	struct cgroup_finder *finder = calloc(1, sizeof(*finder) + strlen(root) + 1);

	if (!finder)
		return -ENOMEM;
	finder->listener = *listener;
	finder->root_length = strlen(root);
	strcpy(finder->root, root);
	finder->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (finder->fd < 0) {
		int r = -errno;

		free(finder);
		return r;
	}
	*ret = finder;
	return 0;
}

struct cgroup_finder *cgroup_finder_close(struct cgroup_finder *finder)
{
	if (!finder)
		return NULL;
	while (!LIST_EMPTY(&finder->wanted))
		cgroup_finder_remove(finder, LIST_FIRST(&finder->wanted)->agent);
	close(finder->fd);
	free(finder);
	return NULL;
}

int cgroup_finder_fd(const struct cgroup_finder *finder)
{
	return finder->fd;
}
