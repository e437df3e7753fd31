/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: goes through connections and processes where the kernel cannot (it has no BTF,
 * or is older than 5.11), and runs a program for each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct probe;

/* Returns true if connections are gone through in this way. */
bool probe_visits_connections(const struct probe *probe);

/* Takes a sample of all. Returns 0 and the records in `*ret` (`*size` bytes, to be freed by the
 * caller), or -errno. */
int probe_visit_for_sample(struct probe *probe, char **ret, size_t *size);

/* Has those told that have healed. Returns 0 or -errno. */
int probe_visit_for_stalls(struct probe *probe);

/* Does what the iterator find_host_held does (ebpf/host_lens.bpf.h), and removes what was kept of
 * sockets that are gone. Returns 0 or -errno. */
int probe_visit_for_lenses(struct probe *probe);

/* Has the connections told that the processes of agents have open and nobody watches yet. Returns 0
 * or -errno. */
int probe_visit_for_sockets(struct probe *probe);

/* Has `pid` watched for `agent`, and what descends from it. Returns 0; -ESRCH if there is no such
 * process; or another -errno. */
int probe_visit_for_adoption(struct probe *probe, pid_t pid, uint32_t agent);
