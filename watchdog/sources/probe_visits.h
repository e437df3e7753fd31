/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: goes through the watched connections where the kernel cannot (it has no BTF, or
 * is older than 5.11), and what is known of them is kept by their addresses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct probe;

/* Returns true if connections are gone through in this way. */
bool probe_visits_connections(const struct probe *probe);

/* Takes a sample of all. Returns 0 and the records in `*ret` (`*size` bytes, to be freed by the
 * caller), or -errno. */
int probe_visit_for_sample(struct probe *probe, char **ret, size_t *size);

/* Has those told that have healed. Returns 0 or -errno. */
int probe_visit_for_stalls(struct probe *probe);
