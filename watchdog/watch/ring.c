/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "sources/probe.h"

/* Records in that time that count as a rush. */
enum { RUSH_RECORDS = 64 };
#define RUSH_TIME (10 * USEC_PER_MSEC)
/* From one look to the next in a rush. The ring holds some 1000 records. */
#define LOOK_TIME (1 * USEC_PER_MSEC)

struct watch_ring {
	struct probe *probe;
	bool rush;        /* the kernel does not wake us */
	usec_t next_look; /* USEC_INFINITY: when the kernel wakes us */
	int count;        /* of records, since that time */
	usec_t since;
};

static void begin_rush(struct watch_ring *ring, usec_t now)
{
	ring->rush = true;
	ring->next_look = now + LOOK_TIME;
	probe_set_wake_ups(ring->probe, false);
}

/* A record that was under way when wake-ups were switched on wakes nobody, nor do those behind it:
 * hence one last look. */
static void end_rush(struct watch_ring *ring, usec_t now)
{
	ring->rush = false;
	ring->next_look = now + LOOK_TIME;
	ring->count = 0;
	probe_set_wake_ups(ring->probe, true);
}

static bool rush_begins(struct watch_ring *ring, usec_t now, int count)
{
	if (now > ring->since + RUSH_TIME) {
		ring->since = now;
		ring->count = 0;
	}
	ring->count += count;
	return ring->count >= RUSH_RECORDS;
}

int watch_ring_take(struct watch_ring *ring, usec_t now, event_sink sink, void *userdata)
{
	int r = probe_drain(ring->probe, sink, userdata), count = r < 0 ? 0 : r;
	bool looked = now >= ring->next_look;

	if (looked)
		ring->next_look = USEC_INFINITY;
	if (!ring->rush && (rush_begins(ring, now, count) || probe_is_behind(ring->probe)))
		begin_rush(ring, now);
	else if (ring->rush && looked && count > 0)
		ring->next_look = now + LOOK_TIME;
	else if (ring->rush && looked)
		end_rush(ring, now);
	return r;
}

void watch_ring_wait(const struct watch_ring *ring, struct source_wait *wait)
{
	if (ring->rush)
		wait->events = 0;
	wait->deadline = ring->next_look;
	if (wait->deadline > probe_next_look(ring->probe))
		wait->deadline = probe_next_look(ring->probe);
}

int watch_ring_new(struct watch_ring **ret, struct probe *probe)
{
	struct watch_ring *ring = malloc(sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	*ring = (struct watch_ring){ .probe = probe, .next_look = USEC_INFINITY };
	*ret = ring;
	return 0;
}

struct watch_ring *watch_ring_free(struct watch_ring *ring)
{
	free(ring);
	return NULL;
}
