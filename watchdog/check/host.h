/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks whether connwatch can work on this host. */
#pragma once

#include "check/step.h"

/* The arguments of level_of() in base/level.h. */
struct host_modes {
	int probe;  /* 0 if the probe was loaded, PROBE_BY_FILE, or -errno */
	int survey; /* 0 if the mode sock-diag would work or was not tried, or -errno */
};

/* Checks the kernel and its options, the privileges of this process, the probe (or what the mode
 * sock-diag needs), the control groups, the journal and the settings below `root` ("" for the
 * running system). `btf`: as for probe_open(); NULL: Btf= of these settings. Returns which modes
 * the host allows. */
struct host_modes check_host(struct check *check, const char *root, const char *btf);
