#include "support/network_namespace.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/cleanup.h"

static int open_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -ESRCH : -errno;
}

int network_namespace_of(pid_t pid, uint64_t *inode)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (stat(path, &status) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*inode = status.st_ino;
	return 0;
}

int network_namespace_open(pid_t pid, uint64_t inode)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = open_namespace(path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_ino != inode)
		return -ESTALE;
	return STEAL_FD(fd);
}

static int open_netlink(int protocol)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return netlink < 0 ? -errno : netlink;
}

struct visit {
	int namespace, protocol, result;
};

/* setns(2) changes the calling thread only, so that a thread of its own needs no way back. */
static void *visit(void *argument)
{
	struct visit *visit = argument;

	visit->result =
		setns(visit->namespace, CLONE_NEWNET) < 0 ? -errno : open_netlink(visit->protocol);
	return NULL;
}

static bool is_own(int fd)
{
	struct stat there, here;

	return fstat(fd, &there) == 0 && stat("/proc/thread-self/ns/net", &here) == 0 &&
	       there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

int network_namespace_netlink(int fd, int protocol)
{
	struct visit there = { fd, protocol, 0 };
	pthread_t thread;
	int r;

	if (is_own(fd))
		return open_netlink(protocol);
	r = pthread_create(&thread, NULL, visit, &there);
	if (r != 0)
		return -r;
	pthread_join(thread, NULL);
	return there.result;
}
