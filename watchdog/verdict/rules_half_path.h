/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: half of the path works. It swallows large packets and lets small ones through (path-mtu),
 * or it leads one way only, or for one address family only (path-half). */
#pragma once

#include "verdict/evidence.h"

/* The largest segments that are certain to pass: any host takes a datagram of 576 bytes (RFC 1122,
 * 3.3.2), any link of IPv6 one of 1280 (RFC 8200, 5), less 80 for headers and options. Links that
 * carry less than the latter are hardly met. */
enum { TINY_SEGMENT = 536, SMALL_SEGMENT = 1200 };

/* Returns how long the segment is, at most, that timed out; 0: it was the SYN, a probe, or none. */
uint32_t lost_segment(const struct circumstances *given);

/* True if a large segment is missing before what came later, and no large one ever came. */
bool large_segment_is_missing(const struct circumstances *given);

/* True if something came from the peer between two of the retransmissions in vain, the last of
 * which was to be answered. */
bool was_heard_between(const struct circumstances *given);

/* Something times out, or the agent gave up: half of the path explains it. Else SILENT. Never WAIT.
 */
enum ruling rule_half_path(struct deliberation *on);

/* No answer came to the SYN, while connections of the other address family come up. WAIT, where
 * that is still to be seen. */
enum ruling rule_half_dual_stack(struct deliberation *on);
