/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network namespaces that agents' processes are in, and all TCP sockets in them. Wiring of
 * sources/socket_diag.h for survey.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "events/socket_look.h"

struct watch_namespaces;

struct namespace_listener {
	/* A socket of namespace `netns` that does not listen. With `served`, a listener has its
	 * local port: it was not opened by connect(). */
	void (*looked)(void *userdata, uint64_t netns, const struct socket_look *look, bool served);
	/* The last look at a socket, when the kernel destroyed it. */
	void (*destroyed)(void *userdata, const struct socket_look *look);
	void *userdata;
};

/* Looks into our own namespace, to find out at once if the kernel cannot show sockets. Returns 0 or
 * -errno. */
int watch_namespaces_try(void);

/* The descriptors that become readable when a socket is destroyed are added to `epoll` (borrowed).
 * `listener` is copied. Returns NULL without memory. */
struct watch_namespaces *watch_namespaces_new(int epoll, const struct namespace_listener *listener);
struct watch_namespaces *watch_namespaces_free(struct watch_namespaces *namespaces); /* NULL */

/* Process `pid` is in its network namespace, which is looked into from now on. Returns 0, also if
 * the process has ended; -ENOSPC beyond 64 namespaces; or another -errno. */
int watch_namespaces_enter(struct watch_namespaces *namespaces, pid_t pid);

/* All processes have left, until they enter again. */
void watch_namespaces_leave(struct watch_namespaces *namespaces);

/* Closes those that no process is in and that are not `needed`. */
void watch_namespaces_close_unused(struct watch_namespaces *namespaces,
				   bool (*needed)(void *userdata, uint64_t netns), void *userdata);

/* Looks at every socket: listener.looked(). Returns 0 or -errno. */
int watch_namespaces_look(struct watch_namespaces *namespaces);

/* Takes in what was destroyed: listener.destroyed(). Returns 0 or -errno; -ENOBUFS if something was
 * lost, after the rest was taken in. */
int watch_namespaces_drain(struct watch_namespaces *namespaces);
