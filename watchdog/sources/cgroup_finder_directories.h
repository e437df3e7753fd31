/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the finder of control groups: the directories that it follows by inotify(7), each in the
 * share of an agent (base/share.h), and those of them that are still to be listed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct directories;
struct inotify_event;

/* Returns 0 and no directories in `*ret`, to be freed with directories_free(); or -errno. */
int directories_new(struct directories **ret);
struct directories *directories_free(struct directories *directories); /* returns NULL */

/* Returns the descriptor of inotify_init1(2). Owned by `directories`. */
int directories_fd(const struct directories *directories);

/* Follows what is made and removed in the directory `path`, in the share of `agent` unless it is
 * followed already; notes that pass number `pass` came by, and lists it later. Returns 0, -EDQUOT
 * if the agent has its share, -ENOMEM, or the -errno of inotify_add_watch(2). */
int directories_follow(struct directories *directories, const char *path, uint32_t agent,
		       uint32_t pass);

/* Returns the path of the directory of a change, or NULL. Valid until it is forgotten. */
const char *directories_path(const struct directories *directories,
			     const struct inotify_event *change);

/* Forgets the directory of a change; that pass `pass` did not come by; of an agent. */
void directories_forget(struct directories *directories, const struct inotify_event *change);
void directories_forget_before(struct directories *directories, uint32_t pass);
void directories_forget_of(struct directories *directories, uint32_t agent);

/* ---- listing */

/* Lists one entry of the directories that are to be listed, the first of them first. Returns false
 * if there are none; otherwise true, with the path of a directory in `*child`, the caller's to
 * free, or NULL there. */
bool directories_list(struct directories *directories, char **child);

/* Returns true if directories_list() has something to list. */
bool directories_are_unlisted(const struct directories *directories);

/* Lists none of them. */
void directories_leave_unlisted(struct directories *directories);
