/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/join_cgroup.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void join_cgroup(const char *path)
{
	char members[4096];
	FILE *file;

	snprintf(members, sizeof(members), "%s/cgroup.procs", path);
	file = fopen(members, "we");
	if (!file || fprintf(file, "%d\n", getpid()) < 0 || fclose(file) != 0)
		err(EXIT_FAILURE, "%s", members);
}
