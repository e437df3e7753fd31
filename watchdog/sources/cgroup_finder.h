/* Finds the control groups that patterns (core/cgroup_pattern.h) mean: those that are there, and
 * those to come, by inotify(7) on the directories that can hold one.
 *
 * A group is found a moment after it was made. One that is made from inside another control group
 * namespace is found as well (seen on Linux 6.18). */
#pragma once

#include <stdint.h>

struct cgroup_finder;

/* Who is told. All are called from cgroup_finder_add() and cgroup_finder_drain() only, and must not
 * call the finder. `path` is absolute in the file system. */
struct cgroup_listener {
	/* A group that a pattern of `agent` means; it may be gone again. Called once a group. */
	void (*found)(void *userdata, uint32_t agent, const char *path);
	/* A group that was found is no longer there. */
	void (*gone)(void *userdata, uint32_t agent, const char *path);
	/* A sentence for the operator, without a full stop: that some groups will be missed. */
	void (*notice)(void *userdata, const char *text);
	void *userdata;
};

/* `root` is where the control groups are in the file system; it and `listener` are copied. Returns
 * 0 and a finder in `*ret`, to be freed with cgroup_finder_close(); or -errno. */
int cgroup_finder_open(struct cgroup_finder **ret, const char *root,
		       const struct cgroup_listener *listener);
struct cgroup_finder *cgroup_finder_close(struct cgroup_finder *finder); /* returns NULL */

/* Becomes readable when groups came or went. Owned by the finder. */
int cgroup_finder_fd(const struct cgroup_finder *finder);

/* Looks for what `pattern` means from now on. Returns how many groups it found, or -ENOMEM. */
int cgroup_finder_add(struct cgroup_finder *finder, const char *pattern, uint32_t agent);

/* Forgets every pattern of `agent`. */
void cgroup_finder_remove(struct cgroup_finder *finder, uint32_t agent);

/* Tells what came and went since, without waiting. */
void cgroup_finder_drain(struct cgroup_finder *finder);
