/* The network namespaces that agents' processes are in, and all TCP sockets in them. Wiring of
 * sources/socket_diag for watch_survey.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "core/socket_look.h"

struct watch_places;

struct place_listener {
	void (*ready)(void *userdata); /* there is something to drain */
	/* A socket of namespace `netns`, which does not listen. With `served`, a listener has its
	 * local port: it was not opened by connect(). */
	void (*looked)(void *userdata, uint64_t netns, const struct socket_look *look, bool served);
	void (*destroyed)(void *userdata, const struct socket_look *look);
	void *userdata;
};

/* Looks into our own namespace, so that it is known at once if the kernel cannot. Returns 0 or
 * -errno. */
int watch_places_try(void);

/* `event` is referenced, `listener` copied. Returns NULL without memory. */
struct watch_places *watch_places_new(sd_event *event, const struct place_listener *listener);
struct watch_places *watch_places_free(struct watch_places *places); /* returns NULL */

/* Process `pid` is in its network namespace, which is looked into from now on. Returns 0, also if
 * the process has ended; -ENOSPC if there are too many; or another -errno. */
int watch_places_enter(struct watch_places *places, pid_t pid);

/* All processes have left, until they enter again. */
void watch_places_leave(struct watch_places *places);

/* Closes those that no process is in and that are not `needed`. */
void watch_places_close_unused(struct watch_places *places,
			       bool (*needed)(void *userdata, uint64_t netns), void *userdata);

/* Looks at every socket: listener.looked(). Returns 0, or -errno. */
int watch_places_look(struct watch_places *places);

/* Takes in what was destroyed: listener.destroyed(). Returns 0, or -errno (-ENOBUFS: something was
 * lost, all else was taken in). */
int watch_places_drain(struct watch_places *places);
