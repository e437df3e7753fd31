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

/* True if the control group at `path` is one that `pattern` means. */
bool cgroup_pattern_matches(const char *pattern, const char *path);

/* True if there can be a group below `path` that `pattern` means. */
bool cgroup_pattern_reaches_below(const char *pattern, const char *path);
