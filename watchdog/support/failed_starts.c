/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/failed_starts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/cleanup.h"

enum {
	FREE_STARTS = 5, /* what fails for a moment, such as at an upgrade, is over by then */
	FAILED_MAX = 1000000,
	LONGEST_PAUSE = 60, /* seconds */
	NUMBER_SIZE = 16,
};

unsigned failed_starts_read(const char *path)
{
	_cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[NUMBER_SIZE], *end;
	unsigned long failed;
	ssize_t size;

	size = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	failed = strtoul(text, &end, 10);
	return *end == '\n' && failed <= FAILED_MAX ? (unsigned)failed : 0;
}

int failed_starts_write(const char *path, unsigned failed)
{
	_cleanup_close_ int file = -1;

	if (failed == 0)
		return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0 || dprintf(file, "%u\n", failed < FAILED_MAX ? failed : FAILED_MAX) < 0)
		return -errno;
	return 0;
}

unsigned failed_starts_pause(unsigned failed)
{
	unsigned seconds = 2;

	if (failed <= FREE_STARTS)
		return 0;
	for (unsigned i = FREE_STARTS + 1; i < failed && seconds < LONGEST_PAUSE; i++)
		seconds *= 2;
	return seconds < LONGEST_PAUSE ? seconds : LONGEST_PAUSE;
}
