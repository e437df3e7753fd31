/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/survey/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "process/service.h"
#include "sources/socket_diag.h"
#include "support/cleanup.h"

enum {
	SURVEYED_MAX = 64, /* as many as the path is known of: NAMESPACES_MAX of watch/path.h */
	PORTS = 65536 / 8, /* bytes: a bit a port */
};

struct surveyed {
	struct watch_namespaces *namespaces;
	LIST_ENTRY(surveyed) next;
	uint64_t netns;
	struct socket_diag *diag;
	bool used; /* a process is in it */
	unsigned char
		listening[PORTS]; /* connections to these ports were not opened by the agent */
};

struct watch_namespaces {
	struct namespace_listener listener;
	int epoll;
	LIST_HEAD(, surveyed) all;
	unsigned count;
};

/* ---- one of them */

/* The process that opened the socket for us may still have it: closing it is not enough (epoll(7)).
 */
static void close_namespace(struct surveyed *surveyed)
{
	LIST_REMOVE(surveyed, next);
	surveyed->namespaces->count--;
	if (surveyed->diag)
		epoll_ctl(surveyed->namespaces->epoll, EPOLL_CTL_DEL,
			  socket_diag_fd(surveyed->diag), NULL);
	socket_diag_close(surveyed->diag);
	free(surveyed);
}

static int listen_to(struct surveyed *surveyed)
{
	struct epoll_event wanted = { .events = EPOLLIN };

	return epoll_ctl(surveyed->namespaces->epoll, EPOLL_CTL_ADD, socket_diag_fd(surveyed->diag),
			 &wanted) < 0
		       ? -errno
		       : 0;
}

static int open_namespace(struct watch_namespaces *namespaces, pid_t pid, uint64_t netns)
{
	_cleanup_close_ int namespace = process_service_open_namespace(pid, netns);
	struct surveyed *surveyed;
	int r;

	if (namespace < 0)
		return namespace;
	surveyed = calloc(1, sizeof(*surveyed));
	if (!surveyed)
		return -ENOMEM;
	surveyed->namespaces = namespaces;
	surveyed->netns = netns;
	surveyed->used = true;
	LIST_INSERT_HEAD(&namespaces->all, surveyed, next);
	namespaces->count++;
	r = socket_diag_open(&surveyed->diag, namespace);
	if (r >= 0)
		r = listen_to(surveyed);
	if (r < 0)
		close_namespace(surveyed);
	return r;
}

static bool listens(const struct surveyed *surveyed, uint16_t port)
{
	return surveyed->listening[port / 8] & 1 << port % 8;
}

static void take_look(void *userdata, const struct socket_look *look)
{
	struct surveyed *surveyed = userdata;
	const struct namespace_listener *listener = &surveyed->namespaces->listener;
	uint16_t port = look->local.port;

	if (look->state == TCP_STATE_LISTEN)
		surveyed->listening[port / 8] |= (unsigned char)(1 << port % 8);
	else
		listener->looked(listener->userdata, surveyed->netns, look,
				 listens(surveyed, port));
}

static void take_destroyed(void *userdata, const struct socket_look *look)
{
	const struct surveyed *surveyed = userdata;

	surveyed->namespaces->listener.destroyed(surveyed->namespaces->listener.userdata, look);
}

/* ---- all of them */

static struct surveyed *find(struct watch_namespaces *namespaces, uint64_t netns)
{
	struct surveyed *surveyed;

	LIST_FOREACH(surveyed, &namespaces->all, next)
	if (surveyed->netns == netns)
		break;
	return surveyed;
}

int watch_namespaces_enter(struct watch_namespaces *namespaces, pid_t pid)
{
	struct surveyed *surveyed;
	uint64_t netns;
	int r = process_service_namespace(pid, &netns);

	if (r < 0)
		return 0; /* the process has ended */
	surveyed = find(namespaces, netns);
	if (surveyed) {
		surveyed->used = true;
		return 0;
	}
	r = namespaces->count < SURVEYED_MAX ? open_namespace(namespaces, pid, netns) : -ENOSPC;
	return r == -ESRCH || r == -ESTALE ? 0 : r;
}

void watch_namespaces_leave(struct watch_namespaces *namespaces)
{
	struct surveyed *surveyed;

	LIST_FOREACH(surveyed, &namespaces->all, next)
	surveyed->used = false;
}

void watch_namespaces_close_unused(struct watch_namespaces *namespaces,
				   bool (*needed)(void *userdata, uint64_t netns), void *userdata)
{
	struct surveyed *surveyed, *next;

	for (surveyed = LIST_FIRST(&namespaces->all); surveyed; surveyed = next) {
		next = LIST_NEXT(surveyed, next);
		if (!surveyed->used && !needed(userdata, surveyed->netns))
			close_namespace(surveyed);
	}
}

int watch_namespaces_look(struct watch_namespaces *namespaces)
{
	struct surveyed *surveyed;
	int r = 0;

	LIST_FOREACH(surveyed, &namespaces->all, next)
	{
		memset(surveyed->listening, 0, sizeof(surveyed->listening));
		if (r >= 0)
			r = socket_diag_look(surveyed->diag, take_look, surveyed);
	}
	return r;
}

int watch_namespaces_drain(struct watch_namespaces *namespaces)
{
	struct surveyed *surveyed;
	bool lost = false;

	LIST_FOREACH(surveyed, &namespaces->all, next)
	{
		int r = socket_diag_drain(surveyed->diag, take_destroyed, surveyed);

		if (r < 0 && r != -ENOBUFS)
			return r;
		lost |= r == -ENOBUFS;
	}
	return lost ? -ENOBUFS : 0;
}

static void ignore_look(void *userdata, const struct socket_look *look)
{
	(void)userdata, (void)look;
}

int watch_namespaces_try(void)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct socket_diag *diag = NULL;
	int r = own < 0 ? -errno : socket_diag_open(&diag, own);

	if (r >= 0)
		r = socket_diag_look(diag, ignore_look, NULL);
	socket_diag_close(diag);
	return r;
}

struct watch_namespaces *watch_namespaces_new(int epoll, const struct namespace_listener *listener)
{
	struct watch_namespaces *namespaces = calloc(1, sizeof(*namespaces));

	if (!namespaces)
		return NULL;
	namespaces->listener = *listener;
	namespaces->epoll = epoll;
	return namespaces;
}

struct watch_namespaces *watch_namespaces_free(struct watch_namespaces *namespaces)
{
	struct surveyed *surveyed;

	if (!namespaces)
		return NULL;
	while ((surveyed = LIST_FIRST(&namespaces->all)))
		close_namespace(surveyed);
	free(namespaces);
	return NULL;
}
