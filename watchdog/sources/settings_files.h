/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds and reads the settings: connwatchd.conf and one NAME.agent an agent, in /usr/lib/connwatch,
 * /run/connwatch and /etc/connwatch.
 *
 * A file in a later directory shadows the one of its name in an earlier. On top of a file come its
 * drop-ins, FILE.d/<name>.conf of all three directories, sorted by name and shadowed likewise. An
 * empty file or a link to /dev/null masks what it shadows: an agent, or a drop-in. */
#pragma once

#include <limits.h>

#include "settings/settings.h"

#define SETTINGS_DAEMON_FILE   "connwatchd.conf"
#define SETTINGS_AGENT_SUFFIX  ".agent"
#define SETTINGS_DROPIN_SUFFIX ".conf"

enum { SETTINGS_DIRECTORIES = 3 };

/* The directory that wins comes first. */
extern const char *const settings_directories[SETTINGS_DIRECTORIES];

/* Takes the settings of one agent, which live for the call only. */
typedef void (*agent_settings_sink)(void *userdata, const struct agent_settings *settings);

/* Reads everything below `root` ("" for the running system) into `daemon`, and hands each agent to
 * `sink`, sorted by name. `complain` is told of what is wrong; its line is 0 where the whole file
 * is meant (unreadable, no regular file, over 1 MiB, no use without a match, every user may write
 * it). An agent without any match is complained about and not handed on; everything else counts as
 * far as it could be read. Returns the number of complaints; or -EMFILE, -ENFILE or -ENOMEM, and
 * then what was not handed on may be there all the same. */
int settings_files_load(const char *root, struct daemon_settings *daemon, agent_settings_sink sink,
			settings_complaint complain, void *userdata);

/* Reads one file by itself, whatever it shadows: NAME.agent, connwatchd.conf, or a drop-in below
 * NAME.agent.d or connwatchd.conf.d. Hands a NAME.agent that can be used to `sink`. Returns the
 * number of complaints, or -errno as settings_files_load(). */
int settings_files_verify(const char *path, agent_settings_sink sink, settings_complaint complain,
			  void *userdata);

/* Where a setting is assigned. */
struct settings_place {
	char file[PATH_MAX];
	unsigned line;
};

/* Finds the last assignment to `key` in the files of `agent` below `root`, as they are shadowed; or
 * in the file `path` alone, unless that is NULL. Returns 0, -ENOENT if no file assigns it, or
 * -errno as settings_files_load(). */
int settings_files_locate(const char *root, const char *agent, const char *path, const char *key,
			  struct settings_place *ret);

/* Complains of what lies in the directories below `root` and is never read: drop-ins of an agent
 * that has no file, or of nobody, and those whose name does not end in ".conf". Returns the number
 * of complaints. */
int settings_files_find_strays(const char *root, settings_complaint complain, void *userdata);
