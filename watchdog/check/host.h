/* Whether connwatch can do its work on this host. */
#pragma once

#include "check/step.h"

/* Tells of the kernel, the privileges of this process, the probe or what replaces it, the control
 * groups, the journal and the settings below `root` ("" for the running system). */
void check_host(struct check *check, const char *root);
