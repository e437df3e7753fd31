#include "watch_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "sources/route_monitor.h"
#include "support/cleanup.h"
#include "support/network_namespace.h"

enum { FOLLOWED_MAX = NAMESPACES_MAX - 1 }; /* beside our own */

struct watch_path {
	struct route_monitor *monitor;
	sd_event_source *source;
	struct followed {
		uint64_t netns;
		uint32_t agent; /* the last one seen in it; 0: this place is free */
	} followed[FOLLOWED_MAX];
	uint64_t refused[NAMESPACES_MAX]; /* the last ones that could not be followed, as a ring */
	unsigned next_refused;
};

static int on_changes(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch_path *path = userdata;

	(void)source, (void)fd, (void)revents;
	route_monitor_drain(path->monitor);
	return 0;
}

static int follow_own(struct watch_path *path)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return own < 0 ? -errno : route_monitor_add(path->monitor, own);
}

int watch_path_new(struct watch_path **ret, sd_event *event, event_sink sink, void *userdata)
{
	struct watch_path *path = calloc(1, sizeof(*path));
	int r;

	if (!path)
		return -ENOMEM;
	r = route_monitor_open(&path->monitor, sink, userdata);
	if (r >= 0)
		r = sd_event_add_io(event, &path->source, route_monitor_fd(path->monitor), EPOLLIN,
				    on_changes, path);
	if (r >= 0)
		r = follow_own(path);
	if (r < 0) {
		watch_path_free(path);
		return r;
	}
	*ret = path;
	return 0;
}

struct watch_path *watch_path_free(struct watch_path *path)
{
	if (!path)
		return NULL;
	sd_event_source_unref(path->source);
	route_monitor_close(path->monitor);
	free(path);
	return NULL;
}

void watch_path_tell(struct watch_path *path, usec_t time)
{
	if (route_monitor_told_until(path->monitor) < time)
		route_monitor_drain(path->monitor);
}

/* The place of `netns`, else a free one, else NULL. */
static struct followed *find_place(struct watch_path *path, uint64_t netns)
{
	struct followed *place = NULL;

	for (unsigned i = 0; i < FOLLOWED_MAX; i++) {
		struct followed *followed = &path->followed[i];

		if (followed->agent && followed->netns == netns)
			return followed;
		if (!followed->agent && !place)
			place = followed;
	}
	return place;
}

static int follow(struct watch_path *path, const struct event *event)
{
	const struct connection_event *connection = &event->connection;
	struct followed *place = find_place(path, connection->netns);
	_cleanup_close_ int fd = -1;
	int r;

	if (!place)
		return -ENOSPC;
	fd = network_namespace_open((pid_t)connection->owner.pid, connection->netns);
	if (fd < 0)
		return fd;
	r = route_monitor_add(path->monitor, fd);
	if (r == 0)
		*place = (struct followed){ .netns = connection->netns, .agent = event->agent };
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
		r = follow(path, event);
	/* that process has ended or left; the next one in there shows the namespace as well */
	if (r == -ESRCH || r == -ESTALE)
		return 0;
	return r < 0 && is_first_refusal(path, netns) ? r : 0;
}

void watch_path_leave(struct watch_path *path, uint32_t agent)
{
	for (unsigned i = 0; i < FOLLOWED_MAX; i++) {
		struct followed *followed = &path->followed[i];

		if (followed->agent != agent)
			continue;
		route_monitor_remove(path->monitor, followed->netns);
		*followed = (struct followed){ 0 };
	}
}
