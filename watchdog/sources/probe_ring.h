/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring that the probe's records leave the kernel by. libbpf's reader maps its data twice, one
 * behind the other, and all of these pages count as ours; this one maps them once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe_ring;

/* Called with each record, which is valid until the return. If it returns less than 0, that record
 * was the last one for now. */
typedef int (*probe_ring_sink)(void *userdata, void *record, size_t size);

/* `map`: the descriptor of the ring, which stays the caller's, and becomes readable as the kernel
 * wakes us; `size`: its bytes; `word`: those of the kernel's `unsigned long`, 4 or 8. Returns 0, or
 * -errno. */
int probe_ring_open(struct probe_ring **ret, int map, size_t size, unsigned word);

/* Always returns NULL. */
struct probe_ring *probe_ring_close(struct probe_ring *ring);

/* Returns the position behind all records that have a place in the ring by now. */
uint64_t probe_ring_end(const struct probe_ring *ring);

/* Hands on the records that are there, up to position `end`: those behind a record that is still
 * being written are not. Returns 0, or what the sink returned. */
int probe_ring_consume(struct probe_ring *ring, uint64_t end, probe_ring_sink sink, void *userdata);

/* Returns true if all records before position `end` are handed on. */
bool probe_ring_is_past(const struct probe_ring *ring, uint64_t end);
