/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: neither end closed the connection; the path failed and the kernel gave up. */
#pragma once

#include "verdict/evidence.h"

/* A time-out, an ICMP or route error, or no memory for TCP ended the connection. SILENT for any
 * other ENDED_BY. WAIT, where the other address family may be about to show more. */
enum ruling rule_network(struct deliberation *on);

/* The link, the local address or the route was lost, or still is: link-down, address-changed or
 * no-route. SILENT where all were there, or the path is not known. Never WAIT. */
enum ruling rule_broken_path(struct deliberation *on);

/* Decides like rule_broken_path(), but only if a part of the path is still missing at the end. */
enum ruling rule_path_still_broken(struct deliberation *on);

/* Nothing comes back from the peer: the cause that the state of the path makes of it. Always
 * DECIDED. */
enum ruling decide_silent_path(struct deliberation *on);
