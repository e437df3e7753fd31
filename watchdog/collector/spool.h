/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sorts any number of events of a fleet by time with a fixed amount of memory: an external merge
 * sort in an unnamed file in $TMPDIR or /var/tmp. */
#pragma once

#include "base/cleanup.h"
#include "fleet/fleet.h"

struct fleet_spool;

enum { FLEET_SPOOL_ROOM = 128 * 1024 }; /* events in memory; room squared is the most in all */

/* Creates a spool with at most `room` events in memory at a time; the caller frees it with
 * fleet_spool_free(). Returns 0 or -errno. */
int fleet_spool_new(struct fleet_spool **spool, uint32_t room);
void fleet_spool_free(struct fleet_spool *spool);
DEFINE_CLEANUP(struct fleet_spool *, fleet_spool_free);

/* Adds an event. Returns 0 or -errno; the disk may be full. */
int fleet_spool_add(struct fleet_spool *spool, const struct fleet_event *event);

/* Passes every event to `take`, in the order of fleet_event_compare() and without duplicates. To be
 * called after the last event was added; may be called again. Returns the number of duplicates, or
 * -errno. */
int64_t fleet_spool_read(struct fleet_spool *spool,
			 void (*take)(struct fleet *fleet, const struct fleet_event *event),
			 struct fleet *fleet);
