/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fair shares of a table of fixed size: who takes most of it leaves room to the others.
 *
 * A quarter of the table is kept for the first entries of each of 64 owners. Beyond these, an owner
 * may take of the rest as long as it holds less than four times what is free there: so one of them
 * gets four fifths at most, and a second one finds something, too (Choudhury, Hahne, "Dynamic queue
 * length thresholds for shared-memory packet switches", 1998). The probe has the same rule for its
 * maps (ebpf/maps.bpf.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	SHARE_OWNERS = 256, /* their numbers are below it; 64 of them at a time */
	SHARE_FACTOR = 4,
	SHARE_KEPT = 4 * 64, /* the first entries of an owner: that part of the table */
};

struct share {
	uint32_t size; /* of the table */
	uint32_t used;
	uint32_t used_by[SHARE_OWNERS];
};

/* Takes one entry for `owner`. Returns false, and takes nothing, if it has its share already. */
bool share_take(struct share *share, uint32_t owner);

/* Gives back what share_take() took. */
void share_give(struct share *share, uint32_t owner);
