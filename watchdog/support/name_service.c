/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/name_service.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/cleanup.h"

/* "hosts: files resolve [!UNAVAIL=return] dns # a comment" */
static bool line_names_resolve(char *line)
{
	char *save, *word = strtok_r(line, " \t\n", &save);

	if (!word || strcmp(word, "hosts:") != 0)
		return false;
	while ((word = strtok_r(NULL, " \t\n", &save)) && *word != '#')
		if (strcmp(word, "resolve") == 0)
			return true;
	return false;
}

bool name_service_hides_lookups(const char *nsswitch, const char *nscd)
{
	_cleanup_fclose_ FILE *file = fopen(nsswitch ?: "/etc/nsswitch.conf", "re");
	char line[512];

	if (access(nscd ?: "/etc/nscd.conf", F_OK) == 0)
		return true;
	while (file && fgets(line, sizeof(line), file))
		if (line_names_resolve(line))
			return true;
	return false;
}
