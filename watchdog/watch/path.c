/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/path.h"

#include <errno.h>
#include <stdlib.h>

#include "process/service.h"
#include "sources/route_monitor.h"
#include "support/cleanup.h"

enum { FOLLOWED_MAX = NAMESPACES_MAX - 1 }; /* beside our own */

struct followed_namespace {
	uint64_t netns;
	uint32_t agent; /* the last agent seen in it; 0: the entry is free */
};

struct watch_path {
	struct route_monitor *monitor;
	struct followed_namespace followed[FOLLOWED_MAX];
	uint64_t refused[NAMESPACES_MAX]; /* the last ones that could not be followed, as a ring */
	unsigned next_refused;
};

int watch_path_new(struct watch_path **ret, struct route_monitor *monitor)
{
	struct watch_path *path = calloc(1, sizeof(*path));

	if (!path)
		return -ENOMEM;
	path->monitor = monitor;
	*ret = path;
	return 0;
}

struct watch_path *watch_path_free(struct watch_path *path)
{
	free(path);
	return NULL;
}

/* Returns the entry of `netns`, else a free one, else NULL. */
static struct followed_namespace *find_entry(struct watch_path *path, uint64_t netns)
{
	struct followed_namespace *free_entry = NULL;

	for (unsigned i = 0; i < FOLLOWED_MAX; i++) {
		struct followed_namespace *followed = &path->followed[i];

		if (followed->agent && followed->netns == netns)
			return followed;
		if (!followed->agent && !free_entry)
			free_entry = followed;
	}
	return free_entry;
}

static int follow_namespace(struct watch_path *path, const struct event *event)
{
	const struct connection_event *connection = &event->connection;
	struct followed_namespace *entry = find_entry(path, connection->netns);
	_cleanup_close_ int fd = -1;
	int r;

	if (!entry)
		return -ENOSPC;
	fd = process_service_open_namespace((pid_t)connection->owner.pid, connection->netns);
	if (fd < 0)
		return fd;
	r = route_monitor_add(path->monitor, fd);
	if (r == 0)
		*entry = (struct followed_namespace){ .netns = connection->netns,
						      .agent = event->agent };
	return r;
}

static bool is_first_refusal(struct watch_path *path, uint64_t netns)
{
	for (unsigned i = 0; i < NAMESPACES_MAX; i++)
		if (path->refused[i] == netns)
			return false;
	path->refused[path->next_refused++ % NAMESPACES_MAX] = netns;
	return true;
}

int watch_path_follow(struct watch_path *path, const struct event *event)
{
	uint64_t netns = event->connection.netns;
	int r = 0;

	if (!route_monitor_knows(path->monitor, netns))
		r = follow_namespace(path, event);
	/* that process has ended or left; the next connection in the namespace shows another one */
	if (r == -ESRCH || r == -ESTALE)
		return 0;
	return r < 0 && is_first_refusal(path, netns) ? r : 0;
}

void watch_path_leave(struct watch_path *path, uint32_t agent)
{
	for (unsigned i = 0; i < FOLLOWED_MAX; i++) {
		struct followed_namespace *followed = &path->followed[i];

		if (followed->agent != agent)
			continue;
		route_monitor_remove(path->monitor, followed->netns);
		*followed = (struct followed_namespace){ 0 };
	}
}
