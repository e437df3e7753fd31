/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which control groups a ControlGroup= means.
 *
 *	*     any text within one name, also none
 *	**    any text, across names; "/" + "**" + "/" also stands for a single "/"
 *	\*    the character itself; so does a double backslash. Before anything else a backslash is
 *	      itself, for systemd writes them into names (systemd-escape(1))
 *
 * Paths are from the root of the control groups, which is "/". A "/" too many, also at the end,
 *does not count. A path or pattern of CGROUP_PATH_SIZE or more matches nothing. */
#pragma once

#include <stdbool.h>

/* Returns true if `pattern` matches the control group at `path`. */
bool cgroup_pattern_matches(const char *pattern, const char *path);

/* Returns true if `pattern` can match a group below `path`. */
bool cgroup_pattern_reaches_below(const char *pattern, const char *path);
