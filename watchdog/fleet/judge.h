/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* After the account: what the common outages are and how sure that is, which agents have troubles
 * of their own, and which value of an operator's field goes with which cause. */
#pragma once

#include "fleet/fleet.h"

/* Completes the outages of the findings, fills in their troubles and relations, and moves what an
 * outage of the service took from its devices to service-transient. Once, after
 * fleet_account_end(). */
void fleet_judge(struct fleet *fleet);
