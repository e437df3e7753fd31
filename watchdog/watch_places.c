#include "watch_places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "sources/socket_diag.h"
#include "support/cleanup.h"
#include "support/network_namespace.h"

enum {
	PLACES_MAX = 64,   /* as many as the way to the peer is known of */
	PORTS = 65536 / 8, /* a bit each */
};

struct place {
	struct watch_places *places;
	LIST_ENTRY(place) next;
	uint64_t netns;
	struct socket_diag *diag;
	sd_event_source *source;
	bool used;                      /* a process is in it */
	unsigned char listening[PORTS]; /* what comes to these was not opened by us */
};

struct watch_places {
	struct place_listener listener;
	sd_event *event;
	LIST_HEAD(, place) all;
	unsigned count;
};

/* ---- one of them */

static int on_destroyed(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct place *place = userdata;

	(void)source, (void)fd, (void)revents;
	place->places->listener.ready(place->places->listener.userdata);
	return 0;
}

static void close_place(struct place *place)
{
	LIST_REMOVE(place, next);
	place->places->count--;
	sd_event_source_unref(place->source);
	socket_diag_close(place->diag);
	free(place);
}

static int open_place(struct watch_places *places, pid_t pid, uint64_t netns)
{
	_cleanup_close_ int namespace = network_namespace_open(pid, netns);
	struct place *place;
	int r;

	if (namespace < 0)
		return namespace;
	place = calloc(1, sizeof(*place));
	if (!place)
		return -ENOMEM;
	place->places = places;
	place->netns = netns;
	place->used = true;
	LIST_INSERT_HEAD(&places->all, place, next);
	places->count++;
	r = socket_diag_open(&place->diag, namespace);
	if (r >= 0)
		r = sd_event_add_io(places->event, &place->source, socket_diag_fd(place->diag),
				    EPOLLIN, on_destroyed, place);
	if (r < 0)
		close_place(place);
	return r;
}

static bool listens(const struct place *place, uint16_t port)
{
	return place->listening[port / 8] & 1 << port % 8;
}

static void take_look(void *userdata, const struct socket_look *look)
{
	struct place *place = userdata;
	const struct place_listener *listener = &place->places->listener;
	uint16_t port = look->local.port;

	if (look->state == TCP_STATE_LISTEN)
		place->listening[port / 8] |= (unsigned char)(1 << port % 8);
	else
		listener->looked(listener->userdata, place->netns, look, listens(place, port));
}

static void take_destroyed(void *userdata, const struct socket_look *look)
{
	const struct place *place = userdata;

	place->places->listener.destroyed(place->places->listener.userdata, look);
}

/* ---- all of them */

static struct place *find_place(struct watch_places *places, uint64_t netns)
{
	struct place *place;

	LIST_FOREACH(place, &places->all, next)
	if (place->netns == netns)
		break;
	return place;
}

int watch_places_enter(struct watch_places *places, pid_t pid)
{
	struct place *place;
	uint64_t netns;
	int r = network_namespace_of(pid, &netns);

	if (r < 0)
		return 0; /* it has ended */
	place = find_place(places, netns);
	if (place) {
		place->used = true;
		return 0;
	}
	r = places->count < PLACES_MAX ? open_place(places, pid, netns) : -ENOSPC;
	return r == -ESRCH || r == -ESTALE ? 0 : r;
}

void watch_places_leave(struct watch_places *places)
{
	struct place *place;

	LIST_FOREACH(place, &places->all, next)
	place->used = false;
}

void watch_places_close_unused(struct watch_places *places,
			       bool (*needed)(void *userdata, uint64_t netns), void *userdata)
{
	struct place *place, *next;

	for (place = LIST_FIRST(&places->all); place; place = next) {
		next = LIST_NEXT(place, next);
		if (!place->used && !needed(userdata, place->netns))
			close_place(place);
	}
}

int watch_places_look(struct watch_places *places)
{
	struct place *place;
	int r = 0;

	LIST_FOREACH(place, &places->all, next)
	{
		memset(place->listening, 0, sizeof(place->listening));
		if (r >= 0)
			r = socket_diag_look(place->diag, take_look, place);
	}
	return r;
}

int watch_places_drain(struct watch_places *places)
{
	struct place *place;
	bool lost = false;

	LIST_FOREACH(place, &places->all, next)
	{
		int r = socket_diag_drain(place->diag, take_destroyed, place);

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

int watch_places_try(void)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct socket_diag *diag = NULL;
	int r = own < 0 ? -errno : socket_diag_open(&diag, own);

	if (r >= 0)
		r = socket_diag_look(diag, ignore_look, NULL);
	socket_diag_close(diag);
	return r;
}

struct watch_places *watch_places_new(sd_event *event, const struct place_listener *listener)
{
	struct watch_places *places = calloc(1, sizeof(*places));

	if (!places)
		return NULL;
	places->listener = *listener;
	places->event = sd_event_ref(event);
	return places;
}

struct watch_places *watch_places_free(struct watch_places *places)
{
	struct place *place;

	if (!places)
		return NULL;
	while ((place = LIST_FIRST(&places->all)))
		close_place(place);
	sd_event_unref(places->event);
	free(places);
	return NULL;
}
