/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pass FLEET_CLOCKS: which devices' clocks are so far off that their ends seem to be part of no
 * outage. Begin once, add each event in the order of time, end once. */
#pragma once

#include "fleet/fleet.h"

void fleet_clocks_begin(struct fleet *fleet);
void fleet_clocks_add(struct fleet *fleet, const struct fleet_event *event);

/* Sets the skew of the devices where several outages agree on it. */
void fleet_clocks_end(struct fleet *fleet);
