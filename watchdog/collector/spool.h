/* Events of a fleet, as many as there are, in the order of time: sorted in pieces, in a file
 * without a name below $TMPDIR or /var/tmp. Memory stays the same however many there are. */
#pragma once

#include "core/fleet.h"

struct fleet_spool;

/* Returns 0 or -errno. */
int fleet_spool_new(struct fleet_spool **spool);
void fleet_spool_free(struct fleet_spool *spool);

/* Returns 0 or -errno: the disk may be full. */
int fleet_spool_add(struct fleet_spool *spool, const struct fleet_event *event);

/* After the last event: hands every event to `take` in the order of fleet_event_compare(), those
 * that are the same once. May be called again. Returns how many were dropped as the same, or
 * -errno. */
int64_t fleet_spool_read(struct fleet_spool *spool,
			 void (*take)(struct fleet *fleet, const struct fleet_event *event),
			 struct fleet *fleet);
