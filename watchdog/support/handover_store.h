/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handover's descriptors, packed into one that systemd's file descriptor store can keep: a
 * socket that holds a message with all of them (SCM_RIGHTS, unix(7)). Whoever keeps the socket
 * keeps them open, all of them or none, without knowing what they are.
 *
 * The store could hold them one by one, but it drops a descriptor that poll(2) reports an error
 * for, and a BPF map's does so at once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HANDOVER_DESCRIPTORS_MAX = 250 }; /* SCM_MAX_FD is 253 (unix(7)) */

/* Packs `count` descriptors under a label of `size` bytes (64 at most). Returns the descriptor that
 * holds them, the caller's to close; -E2BIG for too many or too long a label, or another -errno.
 * `descriptors` stay the caller's. */
int handover_store_pack(const void *label, size_t size, const int *descriptors, unsigned count);

/* Takes copies of the descriptors out of `stored`, which keeps them too. Returns how many there
 * were, all close-on-exec and the caller's to close; -ESTALE if there is nothing under this very
 * label or more than `max`, or another -errno. */
int handover_store_unpack(int stored, const void *label, size_t size, int *descriptors,
			  unsigned max);

/* A shelf: descriptors that come and go, which the store keeps as long as it keeps the shelf. Its
 * two ends are descriptors themselves, and are packed like others. */
struct handover_shelf {
	int ends[2];
};

/* Returns 0, or -errno. Both ends are the caller's to close. */
int handover_shelf_open(struct handover_shelf *shelf);

/* Puts `count` descriptors (250 at most) in the place of those that are on the shelf. There is no
 * moment at which it holds neither. `number` is another one each time. `descriptors` stay the
 * caller's. Returns 0 or -errno. */
int handover_shelf_put(const struct handover_shelf *shelf, uint64_t number, const int *descriptors,
		       unsigned count);

/* Takes copies of what is on the shelf, `max` at most, and of its number. Returns how many there
 * were, all close-on-exec and the caller's to close; -ESTALE if there are none or more, or another
 * -errno. */
int handover_shelf_get(const struct handover_shelf *shelf, uint64_t *number, int *descriptors,
		       unsigned max);
