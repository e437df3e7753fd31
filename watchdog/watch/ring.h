/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the probe's ring is looked into: as soon as a record is in it. While records come thick and
 * fast (a rush) it is looked into every millisecond instead, because a wake-up costs the kernel
 * more than a record does. Wiring of sources/probe.h for observer.c. */
#pragma once

#include "sources/source.h"

struct probe;
struct watch_ring;

/* Begins without a rush. `probe` is borrowed. Returns 0 or -ENOMEM. */
int watch_ring_new(struct watch_ring **ret, struct probe *probe);
struct watch_ring *watch_ring_free(struct watch_ring *ring); /* returns NULL */

/* The contract is that of source->wait(). */
void watch_ring_wait(const struct watch_ring *ring, struct source_wait *wait);

/* Hands the records on as probe_drain() does, and returns what that does. `now` is the time
 * (CLOCK_MONOTONIC). */
int watch_ring_take(struct watch_ring *ring, usec_t now, event_sink sink, void *userdata);
