/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: attaches the program that sees the end of a stall, only while something is
 * stalled: every new connection of the host runs it. */
#pragma once

#include "base/usec.h"

struct probe;

/* Something may be stalled since the daemon before us. What has healed since is looked for when the
 * start is over. */
void probe_stalls_take_over(struct probe *probe);

/* To be called whenever records have been taken: attaches the program if something may be stalled,
 * and detaches it once nothing has been for a while. Returns 0, or -errno if it could not be
 * loaded: that is tried again with the next stall. */
int probe_stalls_follow(struct probe *probe);

/* Returns when it is to be called at the latest. */
usec_t probe_stalls_next_look(const struct probe *probe);
