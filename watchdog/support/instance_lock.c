/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/instance_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "support/cleanup.h"

int instance_lock(const char *path)
{
	_cleanup_close_ int lock =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return STEAL_FD(lock);
}
