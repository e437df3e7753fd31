#include "support/process_files.h"

#include <fcntl.h>
#include <string.h>

#include "support/cleanup.h"

/* The fields behind the name, which may hold anything: state is the first, num_threads the 18th. */
static const char fields[] = " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
			     " %u";

int process_status_parse(const char *text, size_t size, struct process_status *status)
{
	char line[512];
	char *name, *end;

	if (size >= sizeof(line))
		size = sizeof(line) - 1; /* what is wanted stands at its beginning */
	memcpy(line, text, size);
	line[size] = '\0';
	name = strchr(line, '(');
	end = strrchr(line, ')');
	if (!name || !end || end < name ||
	    sscanf(end + 1, fields, &status->state, &status->threads) != 2)
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

int process_sockets(pid_t pid, void (*visit)(void *userdata, uint32_t inode), void *userdata)
{
	_cleanup_closedir_ DIR *files = NULL;
	struct dirent *file;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	files = opendir(path);
	if (!files)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((file = readdir(files))) {
		char target[32];
		ssize_t length = readlinkat(dirfd(files), file->d_name, target, sizeof(target) - 1);
		uint32_t inode;

		target[length < 0 ? 0 : length] = '\0';
		if (sscanf(target, "socket:[%u]", &inode) == 1)
			visit(userdata, inode);
	}
	return 0;
}
