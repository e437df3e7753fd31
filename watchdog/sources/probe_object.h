/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The BPF objects that the skeletons hold. packaging/pack_skeleton.sh packs them when connwatch is
 * built, and makes the skeletons call this function. */
#pragma once

#include <stddef.h>

/* Unpacks an object of `size` bytes. `packed` returns its packed bytes, and their number in `*ret`.
 * Returns the object, to be freed; NULL without memory. */
void *probe_object_unpack(const void *(*packed)(size_t *ret), size_t size);
