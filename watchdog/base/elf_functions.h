/* Inside the probe: where functions lie in a program or a library. */
#pragma once

#include <stdint.h>

/* Fills in `offsets`, from the beginning of the file, of the `count` functions in `names`, as
 * uprobes want them. Returns 0; -ENOENT if one of them is not in the file, or it is no ELF file of
 * this machine; -errno of open(2). */
int functions_find(const char *path, const char *const *names, unsigned count, uint64_t *offsets);
