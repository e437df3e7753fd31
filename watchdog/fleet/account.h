/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pass FLEET_ACCOUNT: which outage each end was part of, who was hit, what a device has of its
 * own, how long it was down and by which cause, and who came back when. Begin once, add each event
 * in the order of time, end once. */
#pragma once

#include "fleet/fleet.h"

void fleet_account_begin(struct fleet *fleet);
void fleet_account_add(struct fleet *fleet, const struct fleet_event *event);
void fleet_account_end(struct fleet *fleet);
