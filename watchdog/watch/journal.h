/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes records to the journal, and says when the journal misses some. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "record/record.h"

/* Zero at first. */
struct watch_journal {
	bool seen;          /* it has taken a record */
	uint64_t unwritten; /* records that it did not take, in a row */
};

/* Writes one record. A journal that is away or full does not stop us: says on standard error when
 * it begins to miss records, and how many it has missed. A journal that has never taken a record
 * misses none. Returns 0 if the record is written or misses no journal, else -errno. */
int watch_journal_write(struct watch_journal *journal, const struct record *record);
