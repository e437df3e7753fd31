/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/small_file.h"

#include <fcntl.h>

#include "support/cleanup.h"

bool small_file_read(const char *path, char *text, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}
