/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: the kernel's types, read once for a load. libbpf would read all of them several
 * times, and search them once for each type that a program reads: most of a start's time outside of
 * the kernel. It gets those that the programs know, in a file in memory. */
#pragma once

#include <stdint.h>

struct btf;
struct probe_types;

/* Reads the BTF of the kernel: the file at `btf`, or its own (NULL). To be called before the object
 * is opened; until probe_types_free() there is one alone. Returns 0 and the types in `*ret`;
 * -ENOENT if the kernel has no BTF; or another -errno. */
int probe_types_open(struct probe_types **ret, const char *btf);

/* To be called after the load; the object needs them no more. Returns NULL. */
struct probe_types *probe_types_free(struct probe_types *types);

/* Returns what libbpf takes as btf_custom_path when the object is opened. Owned by `types`. */
const char *probe_types_path(const struct probe_types *types);

/* Writes that file, for an object with the types `known` that is open and will be loaded. Returns 0
 * or -errno. */
int probe_types_cut(struct probe_types *types, const struct btf *known);

/* Returns the number of a function (BTF_KIND_FUNC) whose name begins with "bpf_", or of a typedef
 * whose name begins with "btf_trace_"; 0: the kernel has none of that name. */
uint32_t probe_types_find(const struct probe_types *types, uint32_t kind, const char *name);
