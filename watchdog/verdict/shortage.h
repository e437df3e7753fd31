/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an agent that hangs was short of, as two looks at its process show (struct hardship). */
#pragma once

#include "verdict/circumstances.h"

enum resource {
	RESOURCE_NONE,
	RESOURCE_MEMORY,
	RESOURCE_CPU_QUOTA,
	RESOURCE_CPU,
	RESOURCE_IO,
	RESOURCE_DISK,
};

struct shortage {
	enum resource of;
	bool explains; /* that the agent does nothing; else it may have another reason */
};

/* For the evidence; static text. */
const char *resource_to_string(enum resource resource);

/* Returns what it was short of between the looks; RESOURCE_NONE also if there was one look, or none
 * at all. */
struct shortage shortage_of(const struct circumstances *given);

/* Returns true if it was looked at twice, and whatever could be scarce was there. */
bool shortage_is_excluded(const struct circumstances *given);

/* Adds where the agent hangs, and what it was short of. */
void shortage_describe(const struct circumstances *given, struct tokens *evidence);
