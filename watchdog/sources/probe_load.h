/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: loads its programs as the running kernel needs them, or takes over those of the
 * daemon before us. */
#pragma once

#include "sources/probe.h"

struct probe_bpf;
struct probe_late;

/* Opens the probe's object and loads it; nothing is attached yet. `btf`: the path of a file with
 * the BTF of the kernel; NULL: it has its own. `descriptors` (none: `count` 0) are what
 * probe_load_descriptors() gave in the daemon before us: its maps are used again, and what is
 * linked is not loaded again. They stay the caller's. Returns 0 and the object in `*ret`, to be
 * freed with probe_bpf__destroy(), and in `*late`, to be freed with probe_late_free() before it,
 * the programs that are kept back; or -errno as probe_take_over(). */
int probe_load(struct probe_bpf **ret, struct probe_late *late, const char *btf,
	       const int *descriptors, unsigned count);

/* Returns a sentence for the operator: why probe_load(), or attaching what it loaded, failed with
 * `error` (-errno). Valid until the next probe_load(). */
const char *probe_load_complaint(int error);

/* Gives the descriptors that keep an attached probe going without us: the maps, and the links of
 * the tracepoints. Returns how many there are, or -ENOBUFS. */
int probe_load_descriptors(const struct probe_bpf *bpf,
			   int descriptors[static PROBE_DESCRIPTORS_MAX]);
