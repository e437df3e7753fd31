/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The differential diagnosis: what else each cause could be, and what excludes that.
 *
 * Rules nominate a cause; the table in differential.c decides how sure it is. A rival that nothing
 * excludes stays open, for whatever reason: the mode, a protocol that is not followed, a fact that
 * was lost. So no rule needs to think of confidence, and RULED_OUT holds only what was checked. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* Something that excludes a rival, if it holds. */
struct exclusion {
	const char *words; /* for RULED_OUT: "RIVAL=WORDS" */
	bool (*holds)(const struct circumstances *given, const struct verdict *verdict);
};

/* Sets `verdict->confidence` for the cause that is nominated in `verdict`, and adds to `ruled_out`
 * what excludes each rival, and to `evidence` "or=RIVAL" for those that stay open:
 *
 *   proved     the kernel's evidence excludes each rival
 *   likely     each rival is excluded, some only by circumstance
 *   suspected  a rival is open, or the table has no row for the cause
 *
 * CAUSE_UNKNOWN has no confidence (CONFIDENCE_INVALID). `verdict->ended_by` must be set. */
void differential_judge(const struct circumstances *given, struct verdict *verdict);

/* For the documents: calls `tell` for each row of the table. `kernel` and `circumstance` are
 * numbers of exclusions (exclusions.h), up to a 0. */
typedef void (*differential_row_sink)(void *userdata, enum cause cause, enum cause rival,
				      const uint8_t *kernel, const uint8_t *circumstance);
void differential_rows(differential_row_sink tell, void *userdata);
