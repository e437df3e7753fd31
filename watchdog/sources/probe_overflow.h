/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the probe: records of ends that found no room in the ring, and wait in a map instead. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe_bpf;
struct probe_overflow;

/* Called for a record of `size` bytes, which is valid for the call. */
typedef void (*overflow_sink)(void *userdata, const void *record, size_t size);

/* `bpf` (borrowed) is loaded. Returns 0 and the overflow in `*ret`, to be freed with
 * probe_overflow_free(); or -ENOMEM. */
int probe_overflow_new(struct probe_overflow **ret, struct probe_bpf *bpf);
struct probe_overflow *probe_overflow_free(struct probe_overflow *overflow); /* returns NULL */

/* Looks which records are in the map, if any came since the last look and those that were seen then
 * are taken. What comes during the look is left to the next one. Without memory for them (up to 1.5
 * MiB, until they are taken) they stay there until the next look. */
void probe_overflow_look(struct probe_overflow *overflow);

/* Hands records that were seen to `sink`, the oldest first, up to `most`. Each is removed from the
 * map after `sink` returned. */
void probe_overflow_take(struct probe_overflow *overflow, unsigned most, overflow_sink sink,
			 void *userdata);

/* Returns true if records are known to be in the map: those that were seen and are not taken yet,
 * or were left to the next look. */
bool probe_overflow_is_behind(const struct probe_overflow *overflow);

/* Returns the number of the next look. */
uint64_t probe_overflow_next_look(const struct probe_overflow *overflow);

/* Returns true if all that look number `look` saw is taken. */
bool probe_overflow_is_past(const struct probe_overflow *overflow, uint64_t look);
