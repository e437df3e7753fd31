/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/process_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>

#include "support/cleanup.h"

/* The fields after the name, which may hold anything: state is the first, num_threads the 18th,
 * starttime the 20th. */
static const char fields[] = " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
			     " %u %*s %" SCNu64;

int process_status_parse(const char *text, size_t size, struct process_status *status)
{
	char line[512];
	char *name, *end;

	if (size >= sizeof(line))
		size = sizeof(line) - 1; /* these fields come early */
	memcpy(line, text, size);
	line[size] = '\0';
	name = strchr(line, '(');
	end = strrchr(line, ')');
	if (!name || !end || end < name ||
	    sscanf(end + 1, fields, &status->state, &status->threads, &status->started) != 3)
		return -EBADMSG;
	*end = '\0';
	snprintf(status->comm, sizeof(status->comm), "%s", name + 1);
	return 0;
}

int process_status_read(pid_t pid, struct process_status *status)
{
	_cleanup_close_ int fd = -1;
	char path[32], text[512];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	size = read(fd, text, sizeof(text));
	return size < 0 ? -errno : process_status_parse(text, (size_t)size, status);
}

/* The pid is looked up twice. If another process got it in between, or had it already, what /proc
 * shows is that one's start. */
int process_open(pid_t pid, uint64_t started)
{
	_cleanup_close_ int process = (int)syscall(SYS_pidfd_open, pid, 0);
	struct process_status status = { 0 };
	int r;

	if (process < 0)
		return -errno;
	r = process_status_read(pid, &status);
	if (r < 0)
		return r;
	if (!started || status.started != started)
		return -ESRCH;
	return STEAL_FD(process);
}
