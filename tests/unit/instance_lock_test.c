/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/instance_lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static void one_holds_it(void)
{
	char directory[] = "/tmp/connwatch-lock-XXXXXX", path[64];
	struct stat status;
	int first, next;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/lock", directory);
	first = instance_lock(path);
	CU_ASSERT_FATAL(first >= 0);
	CU_ASSERT_EQUAL(stat(path, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0077, 0);
	CU_ASSERT_EQUAL(instance_lock(path), -EWOULDBLOCK);
	close(first);
	next = instance_lock(path);
	CU_ASSERT(next >= 0);
	close(next);
	unlink(path);
	CU_ASSERT_EQUAL(symlink("/dev/null", path), 0);
	CU_ASSERT_EQUAL(instance_lock(path), -ELOOP);
	unlink(path);
	rmdir(directory);
	CU_ASSERT_EQUAL(instance_lock(path), -ENOENT);
}

SUITE("instance lock", { "one holds it", one_holds_it })
