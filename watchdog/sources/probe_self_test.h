/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: whether a file of BTF is of the running kernel. */
#pragma once

#include "sources/probe_btf.h"

/* Has the kernel read a socket and a process of our own with the offsets of the file at `btf`. The
 * socket is never connected. Returns 0 if all is where it says; -ENOEXEC with the reason in
 * `reason`, as the end of a sentence; or another -errno of libbpf, likewise. */
int probe_self_test(const char *btf, char reason[static PROBE_BTF_REASON_SIZE]);
