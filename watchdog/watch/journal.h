/* Records to the journal, as long as it takes them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/record.h"

/* Empty at first. */
struct watch_journal {
	bool seen;          /* it has taken a record */
	uint64_t unwritten; /* records that it did not take, in a row */
};

/* A journal that is away or full must not stop us: says on standard error when it begins to miss
 * records, and how many it has missed. Where there has never been one, nothing is missed. */
void watch_journal_write(struct watch_journal *journal, const struct record *record);
