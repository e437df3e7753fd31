/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon: watches the agents of the settings until a signal stops it. */
#pragma once

#include <stdbool.h>

/* Runs with the settings below `settings_root` ("" for the running system). Refuses to run
 * beside another connwatchd, unless `force`. Returns the exit status. */
int daemon_run(const char *settings_root, const char *btf, bool force);
