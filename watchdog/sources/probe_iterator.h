/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: runs BPF iterators to their end. */
#pragma once

#include <stddef.h>

struct bpf_map;
struct bpf_program;

/* Chooses between two programs that go through the watched connections: `over_map` if it is to be
 * loaded, else `over_files`, which goes without a map. Sets `*map` to NULL for the latter. */
const struct bpf_program *probe_iterator_choose(const struct bpf_program *over_map,
						const struct bpf_program *over_files,
						const struct bpf_map **map);

/* Runs `program` for its side effects, over the entries of `map` or over what a program without a
 * map goes through (NULL). Returns 0 or -errno. */
int probe_iterator_run(const struct bpf_program *program, const struct bpf_map *map);

/* Runs `program` over the entries of `map`. Returns 0 and what it wrote in `*ret` (`*size` bytes,
 * to be freed by the caller), or -errno. */
int probe_iterator_read(const struct bpf_program *program, const struct bpf_map *map, char **ret,
			size_t *size);
