/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pass FLEET_SCAN: where more connections end together than their rate explains (the test that
 * fleet.h states). Begin once, add each event in the order of time, end once. */
#pragma once

#include "fleet/fleet.h"

void fleet_scan_begin(struct fleet *fleet);
void fleet_scan_add(struct fleet *fleet, const struct fleet_event *event);

/* Fills in the outages of the findings, without a judgement on them. */
void fleet_scan_end(struct fleet *fleet);
