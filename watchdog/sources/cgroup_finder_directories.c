/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/cgroup_finder_directories.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>

#include "base/keyed_table.h"
#include "base/share.h"
#include "base/text.h"
#include "support/cgroup_tree.h"
#include "support/cleanup.h"
#include "support/path_table.h"

enum { DIRECTORIES_MAX = 16384 };

struct directory {
	struct path_entry entry; /* its owner is the agent whose share it is of */
	TAILQ_ENTRY(directory) unlisted;
	bool is_unlisted;
	int watch; /* descriptor of inotify_add_watch(2) */
	uint32_t pass;
	char path[];
};

struct directories {
	int fd;
	struct share share;
	struct path_table *by_path;
	struct keyed_table by_watch; /* struct directory * */
	TAILQ_HEAD(, directory) unlisted;
	DIR *children; /* of the directory that is being listed; NULL: none is */
	char *listed;  /* its path */
};

static struct directory *find(const struct directories *directories, int watch)
{
	struct directory **found = keyed_table_find(&directories->by_watch, (uint64_t)watch);

	return found ? *found : NULL;
}

static struct directory *next_directory(const struct directories *directories,
					const struct directory *directory)
{
	return (struct directory *)path_table_next(directories->by_path,
						   directory ? &directory->entry : NULL);
}

/* ---- following */

static void list_later(struct directories *directories, struct directory *directory)
{
	if (directory->is_unlisted)
		return;
	directory->is_unlisted = true;
	TAILQ_INSERT_TAIL(&directories->unlisted, directory, unlisted);
}

static void leave_unlisted(struct directories *directories, struct directory *directory)
{
	if (!directory->is_unlisted)
		return;
	directory->is_unlisted = false;
	TAILQ_REMOVE(&directories->unlisted, directory, unlisted);
}

static void forget(struct directories *directories, struct directory *directory)
{
	struct directory **by_watch =
		keyed_table_find(&directories->by_watch, (uint64_t)directory->watch);

	if (by_watch && *by_watch == directory)
		keyed_table_remove(&directories->by_watch, by_watch);
	leave_unlisted(directories, directory);
	path_table_remove(&directory->entry);
	share_give(&directories->share, directory->entry.owner);
	free(directory);
}

/* Stops to follow a directory that may be there still. */
static void unfollow(struct directories *directories, struct directory *directory)
{
	inotify_rm_watch(directories->fd, directory->watch);
	forget(directories, directory);
}

/* Returns NULL with errno set: EDQUOT or ENOMEM. */
static struct directory *new_directory(struct directories *directories, const char *path,
				       uint32_t agent)
{
	size_t size = strlen(path) + 1;
	struct directory *directory;

	errno = EDQUOT;
	if (!share_take(&directories->share, agent))
		return NULL;
	directory = calloc(1, sizeof(*directory) + size);
	if (!directory) {
		share_give(&directories->share, agent);
		return NULL;
	}
	text_copy(directory->path, size, path);
	directory->entry.owner = agent;
	directory->entry.path = directory->path;
	directory->watch = -1;
	path_table_insert(directories->by_path, &directory->entry);
	return directory;
}

/* A directory that was made anew has another descriptor. */
static int watch_directory(struct directories *directories, struct directory *directory)
{
	int watch = inotify_add_watch(directories->fd, directory->path,
				      IN_CREATE | IN_DELETE | IN_ONLYDIR);
	struct directory **by_watch;

	if (watch < 0)
		return -errno;
	if (watch == directory->watch)
		return 0;
	by_watch = keyed_table_find(&directories->by_watch, (uint64_t)directory->watch);
	if (by_watch && *by_watch == directory)
		keyed_table_remove(&directories->by_watch, by_watch);
	directory->watch = watch;
	by_watch = keyed_table_find(&directories->by_watch, (uint64_t)watch)
			   ?: keyed_table_add(&directories->by_watch, (uint64_t)watch);
	if (!by_watch)
		return -ENOMEM;
	*by_watch = directory;
	return 0;
}

int directories_follow(struct directories *directories, const char *path, uint32_t agent,
		       uint32_t pass)
{
	struct directory *directory =
		(struct directory *)path_table_next_of(directories->by_path, path, NULL);
	int r;

	if (!directory)
		directory = new_directory(directories, path, agent);
	if (!directory)
		return -errno;
	r = watch_directory(directories, directory);
	if (r < 0) {
		unfollow(directories, directory);
		return r;
	}
	directory->pass = pass;
	list_later(directories, directory);
	return 0;
}

const char *directories_path(const struct directories *directories,
			     const struct inotify_event *change)
{
	const struct directory *directory = find(directories, change->wd);

	return directory ? directory->path : NULL;
}

void directories_forget(struct directories *directories, const struct inotify_event *change)
{
	struct directory *directory = find(directories, change->wd);

	if (directory)
		forget(directories, directory);
}

void directories_forget_before(struct directories *directories, uint32_t pass)
{
	struct directory *directory, *next;

	for (directory = next_directory(directories, NULL); directory; directory = next) {
		next = next_directory(directories, directory);
		if (directory->pass != pass)
			unfollow(directories, directory);
	}
}

void directories_forget_of(struct directories *directories, uint32_t agent)
{
	struct directory *directory, *next;

	for (directory = next_directory(directories, NULL); directory; directory = next) {
		next = next_directory(directories, directory);
		if (directory->entry.owner == agent)
			unfollow(directories, directory);
	}
}

/* ---- listing */

static void end_listing(struct directories *directories)
{
	if (directories->children)
		closedir(directories->children);
	directories->children = NULL;
	free(directories->listed);
	directories->listed = NULL;
}

static void begin_listing(struct directories *directories)
{
	struct directory *directory = TAILQ_FIRST(&directories->unlisted);

	leave_unlisted(directories, directory);
	directories->listed = strdup(directory->path);
	if (directories->listed)
		directories->children = opendir(directories->listed);
	if (!directories->children) /* it is gone */
		end_listing(directories);
}

static void list_child(struct directories *directories, char **child)
{
	const struct dirent *entry = readdir(directories->children);

	if (!entry)
		end_listing(directories);
	else if (cgroup_tree_is_child(entry) &&
		 asprintf(child, "%s/%s", directories->listed, entry->d_name) < 0)
		*child = NULL;
}

bool directories_list(struct directories *directories, char **child)
{
	*child = NULL;
	if (directories->children)
		list_child(directories, child);
	else if (!TAILQ_EMPTY(&directories->unlisted))
		begin_listing(directories);
	else
		return false;
	return true;
}

bool directories_are_unlisted(const struct directories *directories)
{
	return directories->children || !TAILQ_EMPTY(&directories->unlisted);
}

void directories_leave_unlisted(struct directories *directories)
{
	end_listing(directories);
	while (!TAILQ_EMPTY(&directories->unlisted))
		leave_unlisted(directories, TAILQ_FIRST(&directories->unlisted));
}

/* ---- building and taking down */

DEFINE_CLEANUP(struct directories *, directories_free);

int directories_new(struct directories **ret)
{
	_cleanup_(directories_free_held) struct directories *directories =
		calloc(1, sizeof(*directories));
	int r;

	if (!directories)
		return -ENOMEM;
	directories->fd = -1;
	directories->share.size = DIRECTORIES_MAX;
	TAILQ_INIT(&directories->unlisted);
	r = path_table_new(&directories->by_path);
	if (r >= 0)
		r = keyed_table_init(&directories->by_watch, DIRECTORIES_MAX,
				     sizeof(struct directory *));
	if (r < 0)
		return r;
	directories->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (directories->fd < 0)
		return -errno;
	*ret = STEAL_POINTER(directories);
	return 0;
}

struct directories *directories_free(struct directories *directories)
{
	struct directory *directory, *next;

	if (!directories)
		return NULL;
	end_listing(directories);
	directory = directories->by_path ? next_directory(directories, NULL) : NULL;
	for (; directory; directory = next) {
		next = next_directory(directories, directory);
		free(directory);
	}
	path_table_free(directories->by_path);
	keyed_table_release(&directories->by_watch);
	if (directories->fd >= 0)
		close(directories->fd);
	free(directories);
	return NULL;
}

int directories_fd(const struct directories *directories)
{
	return directories->fd;
}
