/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How this host's C library looks up names. */
#pragma once

#include <stdbool.h>

/* Returns true if programs may look up host names without a packet of theirs on port 53: through
 * nss-resolve(8), which `nsswitch` (the path of an nsswitch.conf(5)) names among its sources of
 * hosts, or through nscd(8), which may start at any time if its settings, `nscd`, are there. NULL:
 * the host's own. */
bool name_service_hides_lookups(const char *nsswitch, const char *nscd);
