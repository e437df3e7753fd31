/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handover's shared memory: what the next connwatchd needs to go on where we stop. It outlives
 * its writer as long as somebody keeps its descriptor.
 *
 * The daemon writes it at every step, so that nothing is left to do at the end. Each step is in it
 * as a whole or not at all, wherever SIGKILL strikes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* To be changed with the layout. */
#define HANDOVER_VERSION 7

enum {
	HANDOVER_AGENTS_MAX = 255,
	HANDOVER_NAME_SIZE = 64,    /* of an agent, with the null byte */
	HANDOVER_RECORD_SIZE = 336, /* bytes; the longest record of the probe */
	HANDOVER_RECORDS_MAX = 4096,
	HANDOVER_REPORTS_MAX = 4096,
	HANDOVER_ACTIONS_MAX = 64, /* of an agent */
};

struct handover_memory;

/* Makes an empty one. Returns 0 and the memory in `*ret`, to be freed with handover_memory_free();
 * or -errno. */
int handover_memory_new(struct handover_memory **ret);

/* Opens what another process wrote; `descriptor` stays the caller's. Returns 0, -ESTALE if its size
 * is another, a name has no end or a record is not what its checksum says; or another -errno. */
int handover_memory_open(struct handover_memory **ret, int descriptor);
struct handover_memory *handover_memory_free(struct handover_memory *memory); /* returns NULL */
DEFINE_CLEANUP(struct handover_memory *, handover_memory_free);

/* The descriptor that keeps the memory. Owned by `memory`. */
int handover_memory_descriptor(const struct handover_memory *memory);

/* ---- which agent has which number */

/* Returns the number of agent `name`, which it keeps; a free one from 1 to `max` if it has none
 * yet; 0 if none is free or the name is too long. */
uint32_t handover_memory_number(struct handover_memory *memory, const char *name, uint32_t max);

/* Returns the name of agent `number`, owned by `memory`; NULL if the number is free. */
const char *handover_memory_name(const struct handover_memory *memory, uint32_t number);
void handover_memory_free_number(struct handover_memory *memory, uint32_t number);

/* ---- actions that count for the limit of an agent */

/* Remembers that an action for agent `number` began at `time` (CLOCK_MONOTONIC, microseconds), in
 * the place of the oldest. handover_memory_free_number() forgets them. */
void handover_memory_note_action(struct handover_memory *memory, uint32_t number, uint64_t time);

/* Forgets the last of them: it did not happen. */
void handover_memory_take_action_back(struct handover_memory *memory, uint32_t number);

/* Copies the times of the last actions for agent `number` into `times`, the oldest first. Returns
 * how many. One of them is 0 if an action that was taken back had taken its place. */
size_t handover_memory_actions(const struct handover_memory *memory, uint32_t number,
			       uint64_t times[static HANDOVER_ACTIONS_MAX]);

/* ---- connections whose end is reported */

struct handover_report {
	uint64_t time; /* of the end: CLOCK_MONOTONIC, microseconds */
	uint64_t cookie;
	uint64_t written; /* 0: its writer may have died before or after it wrote the report */
};

/* Around the writing of a report: remembers it, in the place of the oldest. */
void handover_memory_begin_report(struct handover_memory *memory, uint64_t cookie, uint64_t time);
void handover_memory_end_report(struct handover_memory *memory);

/* The report on connection `cookie` was found to be written, whenever its writer died. */
void handover_memory_confirm_report(struct handover_memory *memory, uint64_t cookie);

/* Copies all reports into `reports`, which has room for HANDOVER_REPORTS_MAX. Returns how many. */
size_t handover_memory_reports(const struct handover_memory *memory,
			       struct handover_report *reports);

/* ---- the last records that were taken from the probe */

/* Remembers a record of `size` bytes, in the place of the oldest. A record longer than
 * HANDOVER_RECORD_SIZE is left out. */
void handover_memory_keep(struct handover_memory *memory, const void *record, size_t size);

/* The records that are there have the numbers from `first` on, up to and without `end`. Numbers
 * count up from 0 and are not used again. */
uint64_t handover_memory_first(const struct handover_memory *memory);
uint64_t handover_memory_end(const struct handover_memory *memory);

/* Returns record number `at` and its size in bytes in `*size`. Valid until
 * handover_memory_keep(). */
const void *handover_memory_record(const struct handover_memory *memory, uint64_t at, size_t *size);
