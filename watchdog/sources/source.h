/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one shape of a source of events: open, descriptor, wait, take, close. The loop knows nothing
 * else of a netlink socket, of the probe's ring or of a service on D-Bus.
 *
 * A new source is one file in this folder that defines `const struct source NAME_source`, and one
 * row in watch/source_table.c. A header is needed only for calls beyond this shape. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "events/event.h"

typedef struct sd_event sd_event; /* systemd/sd-event.h */

/* The interface that the loop lends to a source for as long as it is open. */
struct source_listener {
	/* For a source that needs more than one descriptor and one deadline, as a connection to
	 * D-Bus does: it attaches itself here, and calls event() when something happens. */
	sd_event *loop;

	/* Takes an event. To be called from inside open(), take(), the source's own calls or, for a
	 * source without take(), from the event loop. */
	event_sink event;

	/* Prints a sentence for the operator, without a full stop. `error`: -errno, or 0. */
	void (*notice)(void *userdata, const char *text, int error);

	void *userdata;
};

/* The condition that the loop waits for before it takes from a source again. */
struct source_wait {
	uint32_t events; /* of the descriptor, as in epoll_ctl(2); 0: none of them */
	usec_t deadline; /* CLOCK_MONOTONIC, microseconds: takes then; USEC_INFINITY: never */
	usec_t accuracy; /* how much later will do if that saves a wake-up, microseconds; not 0 */
};

/* A source. Everything but `name`, open() and close() may be NULL. `source` is what open() made. */
struct source {
	/* Who tells, as in "cannot take in what NAME tells". */
	const char *name;

	/* Opens the source. `listener` is copied. `options` is what the header of the source says;
	 * NULL for a source that is opened together with the loop. Returns 0 and the source in
	 * `*ret`; 0 and NULL if it cannot be had here and connwatch does without; or -errno if
	 * connwatch cannot do without. It has told why through notice() in both cases. */
	int (*open)(void **ret, const struct source_listener *listener, const void *options);

	/* The descriptor that becomes readable when there is something to take; the source's, and
	 * the same for as long as it is open. NULL: nothing of this source wakes the loop. */
	int (*descriptor)(const void *source);

	/* Changes `*wait`, which says EPOLLIN, no deadline and an accuracy of 1. Called before each
	 * sleep of the loop. NULL: that is right as it is. */
	void (*wait)(const void *source, struct source_wait *wait);

	/* Hands all that has happened to listener.event(), without waiting. Called when the
	 * descriptor is ready, when the deadline has passed, and whenever the source has its turn:
	 * it must cost little if nothing has happened. Returns 0 or more, or -errno. NULL: the
	 * source hands its events on by itself. */
	int (*take)(void *source);

	/* All that happened before that time (CLOCK_MONOTONIC) has been handed on. Needed with
	 * TURN_BEFORE_EACH only, see watch/sources.h. */
	usec_t (*told_until)(const void *source);

	/* True if something that happened before the last take() has not been handed on yet, and
	 * take() is to be called again. NULL: never. With TURN_RECORDS only. */
	bool (*is_behind)(const void *source);

	void (*close)(void *source);
};
