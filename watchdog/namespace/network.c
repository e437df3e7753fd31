/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "namespace/network.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support/cleanup.h"

static int open_netlink(int protocol)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return netlink < 0 ? -errno : netlink;
}

struct visit {
	int namespace, protocol, result;
};

/* setns(2) changes the calling thread only: a thread of its own need not come back. */
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
