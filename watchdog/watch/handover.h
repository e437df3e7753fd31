/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handover: how one connwatchd follows another without missing anything.
 *
 * The probe goes on by itself, and what it takes to understand its records lies in shared memory
 * (support/handover_memory.h). Both are packed into one descriptor (support/handover_store.h) that
 * systemd keeps in its file descriptor store (sd_notify(3)) and passes to the next daemon. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "engine/policy/budget.h"
#include "events/event.h"
#include "record/record.h"

struct handover;
struct probe;

/* Opens the probe: the one in `stored` (the descriptor that systemd kept; closed here; 0: there is
 * none) if that is of our version, else a new one. `btf` is as for probe_open(). Returns 0, with
 * the probe in `*probe`, to be closed before the handover is freed; or -errno as probe_open(). With
 * an error, and if the file `btf` was passed over, comes a sentence for the operator in
 * `*complaint` (static text), which is NULL before. */
int handover_open(struct handover **ret, struct probe **probe, const char *btf, int stored,
		  const char **complaint);

/* Opens one without a probe: nothing is left to the next daemon. Returns 0 or -errno. */
int handover_open_alone(struct handover **ret);

struct handover *handover_free(struct handover *handover); /* returns NULL */
DEFINE_CLEANUP(struct handover *, handover_free);

/* True if we go on with the probe of the daemon before us. */
bool handover_taken_over(const struct handover *handover);

/* Packs the handover and the descriptors of `probe` into one descriptor for systemd's store. To be
 * called before the first record is drained. Returns the descriptor, the caller's to close; or
 * -errno. */
int handover_pack(struct handover *handover, struct probe *probe);

/* Leaves the lenses of `probe` to the next daemon, too, as they are now. To be called whenever they
 * may have changed. Returns 0 or -errno. */
int handover_shelve_lenses(struct handover *handover, struct probe *probe);

/* ---- agents keep their numbers, as the probe knows them by nothing else */

/* Returns the number of agent `name`, from 1 to `max`, the same as with the daemon before us; 0 if
 * none is left. */
uint32_t handover_number(struct handover *handover, const char *name, uint32_t max);

/* Returns true if `number` is some agent's. */
bool handover_has_number(const struct handover *handover, uint32_t number);

/* Gives `number` back, for another agent to take. */
void handover_free_number(struct handover *handover, uint32_t number);

/* Copies when the last actions for agent `number` began (CLOCK_MONOTONIC), the oldest first.
 * Returns how many. They count for the limit even if the journal has lost their records. */
size_t handover_actions(const struct handover *handover, uint32_t number,
			usec_t times[static BUDGET_MAX]);

/* ---- each end is reported once */

/* Returns true if `event` is of a connection whose end the daemon before us has reported: the event
 * must not reach the engine again. */
bool handover_is_reported(struct handover *handover, const struct event *event);

/* The journal holds the report on connection `cookie`, ended in this boot: the daemon before us may
 * have died just when it wrote that. To be called for each such report before any event. */
void handover_confirm_report(struct handover *handover, uint64_t cookie);

/* Around the writing of each record. */
void handover_writing(struct handover *handover, const struct record *record);
void handover_written(struct handover *handover, const struct record *record);
