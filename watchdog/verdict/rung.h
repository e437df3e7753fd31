/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rungs that an attempt to connect climbs: where it failed, and how long each took. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* Returns the rung on which the attempt failed that `verdict` is about; RUNG_NONE if it became a
 * session. `verdict` has its cause. */
enum rung rung_of_end(const struct circumstances *given, const struct verdict *verdict);

/* Sets `verdict->rung`, and adds its evidence: the rung, and how long those below it took. */
void rung_describe(const struct circumstances *given, struct verdict *verdict);

/* Adds the evidence of how long each rung took, where that is known. `took` is in microseconds, by
 * enum rung; 0: not known. */
void rung_add_times(const usec_t took[static RUNG_MAX], struct tokens *evidence);
