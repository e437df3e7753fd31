/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of a kernel's configuration that connwatch makes use of. docs/PACKAGING.md has the
 * same table; tests/docs/check.py compares the two. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct kernel_option {
	const char *name; /* without CONFIG_ */
	const char *use;  /* what needs it, as the end of a sentence */
	bool needed;      /* the probe cannot be loaded without it */
	char value;       /* 'y', 'm', or '-': it is off, or the kernel does not know it */
};

enum { KERNEL_OPTIONS = 13, KERNEL_CONFIG_PATH_SIZE = 128 };

/* Reads the configuration in `file`, which may be compressed, into `options`. With NULL, it is that
 * of the running kernel, if the kernel or the distribution keeps it in a file. Writes the file's
 * path, cut if it is longer, into `path`. Returns 0; -ENOENT if there is no such file; -EINVAL if
 * it is no configuration; or another -errno. */
int kernel_options_read(const char *file, struct kernel_option options[static KERNEL_OPTIONS],
			char path[static KERNEL_CONFIG_PATH_SIZE]);
