/* Inside the probe: running the BPF iterators, each over all that there is to see. */
#pragma once

#include <stddef.h>

struct bpf_map;
struct bpf_program;

/* Runs `program` for what it does, over the entries of `map`; NULL: over what there is one of.
 * Returns 0 or -errno. */
int probe_iterator_run(const struct bpf_program *program, const struct bpf_map *map);

/* Runs `program` over the entries of `map`. Returns 0 and what it wrote in `*ret` (`*size` bytes,
 * to be freed by the caller), or -errno. */
int probe_iterator_read(const struct bpf_program *program, const struct bpf_map *map, char **ret,
			size_t *size);
