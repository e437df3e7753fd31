/* File descriptors packed into one: a socket that holds a message with all of them. Whoever keeps
 * the socket keeps them open, without knowing what they are, all or none of them.
 *
 * systemd's store could hold them one by one, but would drop a BPF map at once: poll(2) tells of an
 * error there. */
#pragma once

#include <stddef.h>

enum { PARCEL_MAX = 250 }; /* SCM_MAX_FD is 253 (unix(7)) */

/* Packs `count` descriptors under a label of `size` bytes. Returns the parcel, to be closed by the
 * caller; -E2BIG for too many, or another -errno. The descriptors stay the caller's. */
int descriptor_parcel_pack(const void *label, size_t size, const int *descriptors, unsigned count);

/* Takes the descriptors out of `parcel`, which keeps them too. Returns how many there were, all
 * close-on-exec and the caller's; -ESTALE if there is nothing under this very label or more than
 * `max`, or another -errno. */
int descriptor_parcel_unpack(int parcel, const void *label, size_t size, int *descriptors,
			     unsigned max);
