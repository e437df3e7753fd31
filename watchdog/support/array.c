/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/array.h"

#include <stdlib.h>

void *array_grow(void *items, size_t count, size_t size)
{
	if (count & (count - 1)) /* not a power of two: there is room */
		return items;
	return reallocarray(items, count ? 2 * count : 1, size);
}
