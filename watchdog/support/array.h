/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An array on the heap that grows by one item at a time. Its size doubles. */
#pragma once

#include <stddef.h>

/* Makes room for one more item behind `count` items of `size` bytes; `items` is NULL before the
 * first. Returns the array, which may have moved, or NULL without memory: then `items` stays as it
 * is. */
void *array_grow(void *items, size_t count, size_t size);
