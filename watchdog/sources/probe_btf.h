/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the types of the running kernel come from (BTF). libbpf relocates with them what the probe
 * reads. A kernel that was built without has them in a file of its own. */
#pragma once

/* The kernel's own types. */
#define PROBE_BTF_OF_KERNEL "/sys/kernel/btf/vmlinux"

enum { PROBE_BTF_PATH_SIZE = 32, PROBE_BTF_REASON_SIZE = 192 };

struct probe_btf {
	int fd;                         /* the file; -1: the kernel's own BTF */
	char path[PROBE_BTF_PATH_SIZE]; /* of `fd`, valid while that is open */
};

/* Chooses the file at `named`, if it is of this kernel; else the kernel's own BTF, if it has any;
 * if `named` is NULL or empty, else the kernel's file below /usr/lib/connwatch/btf. Returns 0 and
 * what was chosen in `*ret`, to be closed with probe_btf_close(); -ENOENT if there is no BTF;
 * -ENOEXEC if the file is not of this kernel, or is not BTF; or another -errno. With each error
 * comes a sentence for the operator in `*complaint`, valid until the next call; and also with 0 if
 * the file was passed over. Else `*complaint` stays as it is. */
int probe_btf_open(struct probe_btf *ret, const char *named, const char **complaint);

void probe_btf_close(struct probe_btf *btf);

/* Returns the path that libbpf takes as btf_custom_path; NULL: the kernel's own BTF. Owned by
 * `btf`. */
const char *probe_btf_path(const struct probe_btf *btf);

/* What a file of BTF is compared with. */
struct probe_btf_kernel {
	unsigned word; /* the size of its pointers: 4 or 8 */
	const char *machine;
};

/* Compares the file `fd` with the kernel: whether it can be of that. Returns 0; -ENOEXEC with the
 * reason in `reason`, as the end of a sentence; or another -errno, with the reason likewise. */
int probe_btf_compare(int fd, const struct probe_btf_kernel *kernel,
		      char reason[static PROBE_BTF_REASON_SIZE]);
