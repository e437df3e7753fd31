/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verdicts on sessions that were open when the host went down. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* Overwrites `*verdict`, for `given->host_end`. ENDED_BY is unknown: nobody saw the socket's end.
 * CAUSE is unknown where connwatch had been stopped before the host went down, and `likely` at
 * most: the last words of a boot may be lost. Reads nothing else of `given`. */
void verdict_on_host_end(const struct circumstances *given, struct verdict *verdict);

/* Returns true if the hardware watchdog reset the host: WDIOF_CARDRESET in the kernel's
 * include/uapi/linux/watchdog.h. */
static inline bool host_end_watchdog_fired(const struct host_end *end)
{
	return end->watchdog & 0x20;
}
