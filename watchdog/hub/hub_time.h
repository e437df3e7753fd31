/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points in time as hubs write them. */
#pragma once

#include "base/usec.h"

/* Reads "2026-11-30T06:00:00", also with a blank for the T, with a fraction, and with Z or an
 * offset from UTC; without one, it is UTC. Returns the first byte behind it, or NULL. */
const char *hub_time_iso(const char *text, usec_t *time);

/* Reads a number of seconds (10 digits or fewer) or milliseconds since 1970. Returns the first byte
 * behind it, or NULL. */
const char *hub_time_number(const char *text, usec_t *time);
