/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "process/view.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "support/cleanup.h"

enum { FILES_MAX = 65536 };

/* A process that has ended is no file any more. */
static int error(void)
{
	return errno == ENOENT ? -ESRCH : -errno;
}

int process_view_namespace(pid_t pid, uint64_t *inode)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (stat(path, &status) < 0)
		return error();
	*inode = status.st_ino;
	return 0;
}

int process_view_open_namespace(pid_t pid, uint64_t inode)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error();
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_ino != inode)
		return -ESTALE;
	return STEAL_FD(fd);
}

int process_view_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode), void *userdata)
{
	_cleanup_closedir_ DIR *files = NULL;
	const struct dirent *file;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	files = opendir(path);
	if (!files)
		return error();
	for (unsigned i = 0; i < FILES_MAX && (file = readdir(files)); i++) {
		char target[32];
		ssize_t length = readlinkat(dirfd(files), file->d_name, target, sizeof(target) - 1);
		uint32_t inode;

		if (length < 0 && errno == EACCES)
			return -EACCES;
		target[length < 0 ? 0 : length] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) == 1)
			visit(userdata, inode);
	}
	return 0;
}

bool process_view_is_open(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE);
}
