/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much connwatch can tell on a host, and the one thing to change for it to tell more. */
#pragma once

#include <stddef.h>

enum level {
	LEVEL_FULL,         /* the probe: how every connection ended, and why */
	LEVEL_EXTERNAL_BTF, /* likewise, by the lens that sees the whole host */
	LEVEL_SOCK_DIAG,    /* the mode sock-diag: less, and nothing proved */
	LEVEL_NONE,         /* connections cannot be observed */
	LEVEL_MAX,
	LEVEL_INVALID = -1,
};
const char *level_to_string(enum level level);

/* For `probe`: it was loaded, with the kernel's types from a file (Btf=). */
enum { PROBE_BY_FILE = 1 };

/* For `survey`: the settings exclude the mode sock-diag (Mode=ebpf). */
enum { SURVEY_EXCLUDED = 1 };

/* Returns the level at which the host is. `probe`: 0 if the probe was loaded, PROBE_BY_FILE,
 * else -errno as probe_open(). `survey`: 0 if what the mode sock-diag needs is there, else -errno,
 * or SURVEY_EXCLUDED. It does not matter if the probe was loaded. */
enum level level_of(int probe, int survey);

/* Returns the one thing to change for the next level, as the end of a sentence; NULL at LEVEL_FULL.
 * Static text. */
const char *level_next_step(int probe, int survey);

enum { LEVEL_TEXT_SIZE = 384 }; /* the longest sentence, and room */

/* Writes level and next step into `text`, as one sentence that stands alone. */
void level_describe(int probe, int survey, char *text, size_t size);
