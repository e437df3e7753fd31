/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: programs that few need, and that nobody waits for. The kernel looks at them
 * when they are first run, and not at the start. */
#pragma once

#include <stdbool.h>

struct bpf_prog_load_opts;
struct bpf_program;

enum { PROBE_LATE_MAX = 5 };

struct probe_late {
	struct bpf_program *programs[PROBE_LATE_MAX]; /* NULL: it is loaded, or not wanted */
	struct late_program *kept;                    /* what it takes to load each of them */
	int store;                                    /* their instructions; 0: nothing is kept */
};

/* The programs of `late` are kept back during the load that follows, up to probe_late_end(): those
 * that are loaded at all. */
void probe_late_begin(struct probe_late *late);
void probe_late_end(void);

/* To be called during the load, when `program` is about to be loaded with `options`. One that is to
 * be kept back is replaced by one that does nothing. */
void probe_late_keep(struct bpf_program *program, struct bpf_prog_load_opts *options);

/* Loads `program` if that was kept back, and gives it the descriptor that the empty one has. To be
 * called each time before it is attached or run. Returns 0 or -errno: then the next call tries
 * again. */
int probe_late_load(struct probe_late *late, const struct bpf_program *program);

void probe_late_free(struct probe_late *late);
