/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: its tracepoints, with typed arguments (tp_btf) where the kernel knows types, as
 * raw ones elsewhere. */
#pragma once

#include <stdbool.h>

struct bpf_link;
struct bpf_object;
struct bpf_object_skeleton;
struct bpf_program;

/* Gives all programs of `object` on tracepoints typed arguments. Before the load, which needs the
 * kernel's types (probe_types.h), and fails with -ESRCH if one that it loads has no target there.
 */
void probe_attach_typed(const struct bpf_object *object);

/* Attaches a program on a tracepoint. Returns the link, to be freed with bpf_link__destroy(); or
 * NULL with errno. */
struct bpf_link *probe_attach_tracepoint(const struct bpf_program *program);

/* Attaches all programs on tracepoints that are to be attached (autoload, autoattach). Returns 0 or
 * -errno. */
int probe_attach_all(const struct bpf_object_skeleton *skeleton);
