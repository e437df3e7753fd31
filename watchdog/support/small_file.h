/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of a few lines, such as those of /proc and of control groups. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Reads the beginning of a file into the `size` bytes of `text`, terminated. Returns false if there
 * is nothing. */
bool small_file_read(const char *path, char *text, size_t size);
