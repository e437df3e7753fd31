/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: attaches BPF programs to functions of one file, for one process that uses it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bpf_link;
struct bpf_program;

enum uprobe_way {
	UPROBES_NONE,   /* the kernel has none, does not allow them, or takes no Thumb code */
	UPROBES_EVENTS, /* a perf event for each function: 4.17, with CAP_PERFMON; newer kernels
			   want CAP_SYS_ADMIN */
	UPROBES_MULTI,  /* a link for all functions of a program: 6.10, with CAP_BPF, CAP_PERFMON */
};

/* Asks the kernel, and returns the best one. */
enum uprobe_way uprobe_way(void);

/* To be called before `program` is loaded. */
void uprobe_prepare(struct bpf_program *program, enum uprobe_way way);

enum { UPROBE_FUNCTIONS_MAX = 2 };

/* Functions of a file, for one process that uses it. */
struct uprobe_place {
	const char *path;
	pid_t pid;
	bool at_return; /* of the functions; else at their beginning */
	unsigned count;
	const uint64_t *offsets; /* of the functions, in the file */
};

struct uprobe {
	int multi; /* -1: none */
	struct bpf_link *events[UPROBE_FUNCTIONS_MAX];
};

/* Has `program` run at `place`. Returns 0, or -errno with nothing attached. The caller detaches. */
int uprobe_attach(struct uprobe *uprobe, const struct bpf_program *program,
		  const struct uprobe_place *place);
void uprobe_detach(struct uprobe *uprobe);
