/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: has the host's lens (ebpf/host_lens.bpf.h) attached only while something needs
 * it. All connections of the host run it; those of agents are seen by the lenses of their groups
 * (probe_groups.h), wherever they can be. */
#pragma once

#include <stdint.h>

#include "base/usec.h"

struct probe;

/* The programs are loaded: attaches the lens, and lets groups have theirs if they can. Returns 0 or
 * -errno. */
int probe_lens_open(struct probe *probe);
void probe_lens_close(struct probe *probe);

/* To be called before something that only the host's lens sees may happen: attaches it, if it is
 * not attached. A failure is tried again by probe_lens_follow(). */
void probe_lens_need(struct probe *probe);

/* To be called when a group that is awaited went: as above, and for a minute unless it is made anew
 * before. */
void probe_lens_await_restart(struct probe *probe);

/* A group is about to lose its lens: that of the host takes its connections over. `userdata`: the
 * probe. An `id` of 0: it has lost it.
 */
void probe_lens_leave_group(void *userdata, uint64_t id);

/* To be called whenever records have been taken, `count` of them: detaches the lens once nothing
 * has needed it for a while. */
void probe_lens_follow(struct probe *probe, int count);
