/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pass FLEET_MEASURE: how often connections end without a cause of their own device's, at each
 * peer and each service. Begin once, add each event in the order of time, end once. */
#pragma once

#include "fleet/fleet.h"

void fleet_rates_begin(struct fleet *fleet);
void fleet_rates_add(struct fleet *fleet, const struct fleet_event *event);

/* Sets the usual rate and the spread of each place. */
void fleet_rates_end(struct fleet *fleet);

/* True if the event is an open end (state.h) that the rates and the scan count: by a clock that is
 * to be believed, and the first of its device in REFRACTORY at that service. Remembers the end:
 * asked once for each event in the order of time, after fleet_forget_counted(). */
bool fleet_end_counts(struct fleet *fleet, const struct fleet_event *event);

/* Before a pass that counts ends. */
void fleet_forget_counted(struct fleet *fleet);

/* How many ends are expected in `length` microseconds around `time` at that place (number) if
 * nothing is wrong. More than 0. After fleet_rates_end(). */
double fleet_expected_ends(struct fleet *fleet, uint16_t number, usec_t time, usec_t length);
