/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The descendants of a process, from /proc. */
#pragma once

#include <sys/types.h>

/* Takes one descendant. Returns 0 to go on, or -errno to stop. */
typedef int (*process_visitor)(void *userdata, pid_t pid);

/* Visits every descendant of `pid`, parents before children, as of now. Returns 0, or what the
 * visitor returned to stop. Skips processes that end meanwhile. Needs /proc/PID/task/TID/children
 * (CONFIG_PROC_CHILDREN). */
int process_tree_walk(pid_t pid, process_visitor visit, void *userdata);
