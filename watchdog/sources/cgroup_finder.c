/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sources/cgroup_finder.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "base/share.h"
#include "base/text.h"
#include "settings/cgroup_pattern.h"
#include "sources/cgroup_finder_directories.h"
#include "support/cgroup_tree.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/path_table.h"

enum { FOUND_MAX = 16384 };

/* Work in one go, and in a second: others have their turn, and the processor. */
#define WORK_AT_ONCE  (20 * USEC_PER_MSEC)
#define WORK_A_SECOND (200 * USEC_PER_MSEC)
/* From one word on what is missed to the next, and from one look for it to the next. */
#define TELL_PAUSE  (1 * USEC_PER_MINUTE)
#define RETRY_PAUSE (10 * USEC_PER_SEC)

struct wanted {
	LIST_ENTRY(wanted) next;
	uint32_t agent;
	bool delegated; /* groups that others could have made count, too */
	int matched;    /* groups, since it was added; counted up to INT_MAX */
	char pattern[];
};

struct found {
	struct path_entry entry; /* its owner is the agent */
	ino_t id;                /* the group's */
	uint32_t pass;
	char path[];
};

/* What is beyond an agent's share. */
struct missed {
	uint32_t count; /* in this pass, and since */
	uint32_t told;
};

struct cgroup_finder {
	struct source_listener listener;
	struct cgroup_options options; /* its root is the one below */
	bool said_full;
	bool said_foreign;
	bool found_some; /* since settled() was called */
	LIST_HEAD(, wanted) wanted;
	struct directories *directories;
	struct path_table *found;
	struct share found_share;

	/* A pass looks at all that is wanted, from the root down; level by level, so that what is
	 * near the root is not kept waiting by what is below. */
	uint32_t pass;
	bool passing;

	usec_t begun;  /* the second in which the work is counted */
	usec_t worked; /* in that second, of the processor's time */
	usec_t until;  /* when the work of this call ends */
	usec_t spent;  /* the processor's time when it began */

	struct missed missed[SHARE_OWNERS];
	bool missing;      /* something is missed since the pass began */
	bool more_missed;  /* than is told */
	bool room;         /* something is free again, while something is missed */
	usec_t next_tell;  /* not before */
	usec_t next_retry; /* not before */
	size_t root_length;
	char root[];
};

/* Returns the path from the root of the control groups. */
static const char *group_of(const struct cgroup_finder *finder, const char *path)
{
	return path + finder->root_length;
}

static bool is_of_root(const struct cgroup_finder *finder, const char *path)
{
	return cgroup_tree_is_of_root(finder->root, path);
}

/* ---- what is beyond a share */

static void miss(struct cgroup_finder *finder, uint32_t agent)
{
	struct missed *missed = &finder->missed[agent];

	missed->count++;
	finder->missing = true;
	if (missed->count > missed->told)
		finder->more_missed = true;
}

static void tell_beyond_shares(struct cgroup_finder *finder, usec_t now)
{
	if (!finder->more_missed || now < finder->next_tell)
		return;
	finder->more_missed = false;
	finder->next_tell = now + TELL_PAUSE;
	for (uint32_t agent = 0; agent < SHARE_OWNERS; agent++) {
		struct missed *missed = &finder->missed[agent];
		uint32_t more = missed->count - missed->told;

		if (missed->count <= missed->told)
			continue;
		missed->told = missed->count;
		finder->options.missed(finder->options.userdata, agent, more);
	}
}

/* ---- groups that were found */

static void forget_one_found(struct cgroup_finder *finder, struct found *found)
{
	path_table_remove(&found->entry);
	share_give(&finder->found_share, found->entry.owner);
	finder->room = finder->missing;
	free(found);
}

static void tell_gone(struct cgroup_finder *finder, struct found *found)
{
	finder->options.gone(finder->options.userdata, found->entry.owner, found->path);
	forget_one_found(finder, found);
}

static void tell_new(struct cgroup_finder *finder, const char *path, uint32_t agent, ino_t id)
{
	size_t size = strlen(path) + 1;
	struct found *found;

	if (!share_take(&finder->found_share, agent))
		return miss(finder, agent);
	found = malloc(sizeof(*found) + size);
	if (!found)
		return share_give(&finder->found_share, agent);
	text_copy(found->path, size, path);
	found->id = id;
	found->entry.owner = agent;
	found->entry.path = found->path;
	found->pass = finder->pass;
	path_table_insert(finder->found, &found->entry);
	finder->found_some = true;
	finder->options.found(finder->options.userdata, agent, path);
}

/* A group that was made anew, unseen, is another one. */
static void tell_found(struct cgroup_finder *finder, const char *path, uint32_t agent)
{
	struct found *found = (struct found *)path_table_find(finder->found, path, agent);
	struct stat status;

	if (stat(path, &status) < 0) /* it is gone already */
		return;
	if (found && found->id == status.st_ino) {
		found->pass = finder->pass;
		return;
	}
	if (found)
		tell_gone(finder, found);
	tell_new(finder, path, agent, status.st_ino);
}

static void lose(struct cgroup_finder *finder, const char *path)
{
	struct path_entry *entry, *next;

	for (entry = path_table_next_of(finder->found, path, NULL); entry; entry = next) {
		next = path_table_next_of(finder->found, path, entry);
		tell_gone(finder, (struct found *)entry);
	}
}

/* Loses those that the last pass did not come by, if they are gone. */
static void lose_missing(struct cgroup_finder *finder)
{
	struct path_entry *entry, *next;

	for (entry = path_table_next(finder->found, NULL); entry; entry = next) {
		struct found *found = (struct found *)entry;

		next = path_table_next(finder->found, entry);
		if (found->pass != finder->pass && access(found->path, F_OK) < 0)
			tell_gone(finder, found);
	}
}

/* ---- directories that are followed */

static void tell_unfollowed(struct cgroup_finder *finder, int error)
{
	if (error == ENOENT || finder->said_full) /* it is gone already */
		return;
	finder->said_full = true;
	finder->listener.notice(finder->listener.userdata,
				error == ENOSPC ? "some new control groups will be missed: "
						  "fs.inotify.max_user_watches is reached"
						: "some new control groups will be missed",
				0);
}

/* Said once, and without a name: others make as many as they like. */
static void tell_foreign(struct cgroup_finder *finder, const char *path)
{
	if (finder->said_foreign || access(path, F_OK) < 0) /* it is gone already */
		return;
	finder->said_foreign = true;
	finder->listener.notice(finder->listener.userdata,
				"a control group that ControlGroup= means does not count: it is "
				"not root's, or one above it is not (Delegated=no)",
				0);
}

/* `of_root`: the directory and all those above it are root's. */
static bool can_hold(const struct cgroup_finder *finder, const struct wanted *wanted,
		     const char *path, bool of_root)
{
	return (of_root || wanted->delegated) &&
	       cgroup_pattern_reaches_below(wanted->pattern, group_of(finder, path));
}

/* Follows it in the share of one of those who want it. */
static void follow_directory(struct cgroup_finder *finder, const char *path, bool of_root)
{
	const struct wanted *wanted;
	int r = -ENOENT;

	LIST_FOREACH(wanted, &finder->wanted, next)
	if (can_hold(finder, wanted, path, of_root)) {
		r = directories_follow(finder->directories, path, wanted->agent, finder->pass);
		if (r != -EDQUOT)
			break;
	}
	if (r < 0 && r != -EDQUOT)
		return tell_unfollowed(finder, -r);
	if (r == 0)
		return;
	LIST_FOREACH(wanted, &finder->wanted, next)
	if (can_hold(finder, wanted, path, of_root))
		miss(finder, wanted->agent);
}

/* ---- looking */

static void match(struct cgroup_finder *finder, const char *path, struct wanted *wanted,
		  bool of_root)
{
	if (!cgroup_pattern_matches(wanted->pattern, group_of(finder, path)))
		return;
	if (!of_root && !wanted->delegated)
		return tell_foreign(finder, path);
	if (wanted->matched < INT_MAX)
		wanted->matched++;
	tell_found(finder, path, wanted->agent);
}

static void visit(struct cgroup_finder *finder, const char *path)
{
	bool of_root = is_of_root(finder, path);
	struct wanted *wanted;

	LIST_FOREACH(wanted, &finder->wanted, next)
	match(finder, path, wanted, of_root);
	follow_directory(finder, path, of_root);
}

/* All that can be reached is looked at again, so what is still to be listed need not be. */
static void begin_pass(struct cgroup_finder *finder)
{
	directories_leave_unlisted(finder->directories);
	for (uint32_t agent = 0; agent < SHARE_OWNERS; agent++)
		finder->missed[agent].count = 0;
	finder->missing = false;
	finder->pass++;
	finder->passing = true;
	visit(finder, finder->root);
}

static void end_pass(struct cgroup_finder *finder)
{
	finder->passing = false;
	directories_forget_before(finder->directories, finder->pass);
	lose_missing(finder);
}

/* A directory is followed before its children are listed: a group that is made in between is found
 * by one or both, and told once. Returns false if there is nothing to do. */
static bool look_on(struct cgroup_finder *finder)
{
	_cleanup_free_ char *child = NULL;

	if (directories_list(finder->directories, &child)) {
		if (child)
			visit(finder, child);
	} else if (finder->passing) {
		end_pass(finder);
	} else {
		return false;
	}
	return true;
}

/* ---- what is made and removed */

static void take_change(struct cgroup_finder *finder, const struct inotify_event *change)
{
	const char *parent = directories_path(finder->directories, change);
	_cleanup_free_ char *path = NULL;

	if (change->mask & IN_Q_OVERFLOW)
		return begin_pass(finder);
	if (!parent)
		return;
	if (change->mask & IN_IGNORED) { /* it is gone */
		directories_forget(finder->directories, change);
		finder->room = finder->missing;
		return;
	}
	if (!(change->mask & IN_ISDIR) || asprintf(&path, "%s/%s", parent, change->name) < 0)
		return;
	if (change->mask & IN_DELETE)
		lose(finder, path);
	else
		visit(finder, path);
}

/* Takes a few. Returns false if there are none. */
static bool take_changes(struct cgroup_finder *finder)
{
	_Alignas(struct inotify_event) char
		changes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	ssize_t size = read(cgroup_finder_fd(finder), changes, sizeof(changes));
	const struct inotify_event *change;

	for (ssize_t at = 0; at < size; at += (ssize_t)(sizeof(*change) + change->len)) {
		change = (const struct inotify_event *)(changes + at);
		take_change(finder, change);
	}
	return size > 0;
}

/* ---- work, so much of it and no more */

static void begin_work(struct cgroup_finder *finder, usec_t now)
{
	if (now >= finder->begun + USEC_PER_SEC) {
		finder->begun = now;
		finder->worked = 0;
	}
	finder->until = now + WORK_AT_ONCE;
	finder->spent = clock_now(CLOCK_THREAD_CPUTIME_ID);
}

static bool may_work(const struct cgroup_finder *finder)
{
	return clock_now(CLOCK_MONOTONIC) < finder->until;
}

/* What is done with what was found is part of the work. To wait for the kernel, which makes one
 * group after the other, is none: whoever makes groups would keep us from seeing them. */
static void end_work(struct cgroup_finder *finder)
{
	if (finder->found_some)
		finder->options.settled(finder->options.userdata);
	finder->found_some = false;
	finder->worked += clock_now(CLOCK_THREAD_CPUTIME_ID) - finder->spent;
}

static bool has_worked_enough(const struct cgroup_finder *finder, usec_t now)
{
	return now < finder->begun + USEC_PER_SEC && finder->worked >= WORK_A_SECOND;
}

/* A pass that ended with something missed is done once more when there is room. */
static void retry(struct cgroup_finder *finder, usec_t now)
{
	if (!finder->room || finder->passing || now < finder->next_retry)
		return;
	finder->room = false;
	finder->next_retry = now + RETRY_PAUSE;
	begin_pass(finder);
}

void cgroup_finder_drain(struct cgroup_finder *finder)
{
	enum { STEPS = 16 };
	usec_t now = clock_now(CLOCK_MONOTONIC);
	bool more = true;

	if (has_worked_enough(finder, now))
		return;
	begin_work(finder, now);
	retry(finder, now);
	while (more && may_work(finder)) {
		more = take_changes(finder);
		for (int i = 0; i < STEPS && look_on(finder); i++)
			more = true;
	}
	end_work(finder);
	tell_beyond_shares(finder, now);
}

static usec_t next_work(const struct cgroup_finder *finder)
{
	usec_t next = USEC_INFINITY;

	if (finder->passing || directories_are_unlisted(finder->directories))
		return 0;
	if (finder->more_missed)
		next = finder->next_tell;
	if (finder->room && finder->next_retry < next)
		next = finder->next_retry;
	return next;
}

void cgroup_finder_wait(const struct cgroup_finder *finder, struct source_wait *wait)
{
	if (has_worked_enough(finder, clock_now(CLOCK_MONOTONIC))) {
		wait->events = 0;
		wait->deadline = finder->begun + USEC_PER_SEC;
	} else {
		wait->deadline = next_work(finder);
	}
}

/* ---- what is wanted */

int cgroup_finder_add(struct cgroup_finder *finder, const char *pattern, uint32_t agent,
		      bool delegated)
{
	size_t size = strlen(pattern) + 1;
	struct wanted *wanted = malloc(sizeof(*wanted) + size);

	if (!wanted)
		return -ENOMEM;
	wanted->agent = agent;
	wanted->delegated = delegated;
	wanted->matched = 0;
	text_copy(wanted->pattern, size, pattern);
	LIST_INSERT_HEAD(&finder->wanted, wanted, next);
	begin_work(finder, clock_now(CLOCK_MONOTONIC));
	begin_pass(finder);
	while (look_on(finder) && may_work(finder))
		;
	end_work(finder);
	return wanted->matched || !finder->passing ? wanted->matched : -EINPROGRESS;
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
	struct path_entry *entry, *next;

	for (entry = path_table_next(finder->found, NULL); entry; entry = next) {
		next = path_table_next(finder->found, entry);
		if (entry->owner == agent)
			forget_one_found(finder, (struct found *)entry);
	}
}

void cgroup_finder_remove(struct cgroup_finder *finder, uint32_t agent)
{
	forget_wanted(finder, agent);
	forget_found(finder, agent);
	directories_forget_of(finder->directories, agent);
	finder->missed[agent] = (struct missed){ 0 };
	begin_pass(finder); /* finds what others want of these, and what nobody wants any more */
}

/* ---- building and taking down */

static void close_finder(struct cgroup_finder *finder)
{
	while (!LIST_EMPTY(&finder->wanted))
		forget_wanted(finder, LIST_FIRST(&finder->wanted)->agent);
	for (uint32_t agent = 0; finder->found && agent < SHARE_OWNERS; agent++)
		if (finder->found_share.used_by[agent])
			forget_found(finder, agent);
	path_table_free(finder->found);
	directories_free(finder->directories);
	free(finder);
}
DEFINE_CLEANUP(struct cgroup_finder *, close_finder);

int cgroup_finder_open(struct cgroup_finder **ret, const struct source_listener *listener,
		       const struct cgroup_options *options)
{
	size_t length = strlen(options->root);
	_cleanup_(close_finder_held) struct cgroup_finder *finder =
		calloc(1, sizeof(*finder) + length + 1);
	int r;

	if (!finder)
		return -ENOMEM;
	finder->listener = *listener;
	finder->options = *options;
	finder->options.root = finder->root;
	finder->found_share.size = FOUND_MAX;
	finder->root_length = length;
	text_copy(finder->root, length + 1, options->root);
	r = path_table_new(&finder->found);
	if (r >= 0)
		r = directories_new(&finder->directories);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(finder);
	return 0;
}

struct cgroup_finder *cgroup_finder_close(struct cgroup_finder *finder)
{
	if (finder)
		close_finder(finder);
	return NULL;
}

int cgroup_finder_fd(const struct cgroup_finder *finder)
{
	return directories_fd(finder->directories);
}

/* ---- as a source of the loop */

static int open_source(void **ret, const struct source_listener *listener, const void *options)
{
	struct cgroup_finder *finder = NULL;
	int r = cgroup_finder_open(&finder, listener, options);

	if (r < 0)
		listener->notice(listener->userdata, "cannot look for control groups", r);
	*ret = finder;
	return r;
}

static int descriptor(const void *source)
{
	return cgroup_finder_fd(source);
}

static void await(const void *source, struct source_wait *wait)
{
	cgroup_finder_wait(source, wait);
}

static int take(void *source)
{
	cgroup_finder_drain(source);
	return 0;
}

static void close_source(void *source)
{
	cgroup_finder_close(source);
}

const struct source cgroup_finder_source = {
	.name = "inotify",
	.open = open_source,
	.descriptor = descriptor,
	.wait = await,
	.take = take,
	.close = close_source,
};
