/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the control groups that patterns (settings/cgroup_pattern.h) match, those that are there
 * and those that are made later, by inotify(7) on the directories that can hold one.
 *
 * A group is found a moment after it was made, also if it is made from inside another control group
 * namespace (seen on Linux 6.18).
 *
 * Whoever may make control groups cannot keep the finder from those of others: it works for a fifth
 * of each second at most, and all agents have their shares (base/share.h) of the groups that it
 * keeps and of the directories that it follows, 16384 of each. What is beyond an agent's share is
 * counted, and looked for again when there is room. */
#pragma once

#include "sources/source.h"

struct cgroup_finder;

/* Options: a struct cgroup_options. Has no events: what is found goes to the functions there. The
 * notices are, once each, that some groups will be missed, and that one does not count. */
extern const struct source cgroup_finder_source;

/* Takes what is found. Called from cgroup_finder_add() and cgroup_finder_drain() only, and must not
 * call the finder. `path` is absolute in the file system. */
struct cgroup_options {
	const char *root; /* where the control groups are in the file system */

	/* A group that a pattern of `agent` matches; it may be gone again. Called once a group. */
	void (*found)(void *userdata, uint32_t agent, const char *path);
	/* A group that was found is gone. */
	void (*gone)(void *userdata, uint32_t agent, const char *path);
	/* Called after found(), for all that were found in one go. */
	void (*settled)(void *userdata);
	/* So many groups and directories of `agent` are beyond its share, more than were told
	 * before. Called once a minute at most. */
	void (*missed)(void *userdata, uint32_t agent, uint32_t count);
	void *userdata;
};

/* `listener` and `options` are copied. Returns 0 and a finder in `*ret`, to be freed with
 * cgroup_finder_close(); or -errno. */
int cgroup_finder_open(struct cgroup_finder **ret, const struct source_listener *listener,
		       const struct cgroup_options *options);
struct cgroup_finder *cgroup_finder_close(struct cgroup_finder *finder); /* returns NULL */

/* Returns the descriptor that becomes readable when groups were made or removed. Owned by the
 * finder. */
int cgroup_finder_fd(const struct cgroup_finder *finder);

/* Looks for groups that `pattern` matches, now and from now on. Unless `delegated`, only those
 * count that nobody but root can have made (cgroup_tree_is_of_root()), and the directories of
 * others are not looked into. Returns how many it found; -EINPROGRESS if it found none within 20 ms
 * and goes on in cgroup_finder_drain(); or -ENOMEM. */
int cgroup_finder_add(struct cgroup_finder *finder, const char *pattern, uint32_t agent,
		      bool delegated);

/* Forgets every pattern of `agent`. */
void cgroup_finder_remove(struct cgroup_finder *finder, uint32_t agent);

/* Tells the groups that were made or removed, without waiting, and does what is left of earlier
 * work; for 20 ms at most. */
void cgroup_finder_drain(struct cgroup_finder *finder);

/* Says when cgroup_finder_drain() is to be called next, as a source's wait(). */
void cgroup_finder_wait(const struct cgroup_finder *finder, struct source_wait *wait);
