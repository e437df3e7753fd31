/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control groups of version 2, for the load programs: a watched program joins one that is watched.
 */
#pragma once

/* Moves the calling process into the control group at `path`; ends the program if it cannot. */
void join_cgroup(const char *path);
