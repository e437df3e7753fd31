/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fleet's spool, with little memory: whatever comes in, in any order, comes out sorted, once,
 * and twice the same. Input: a byte of how much memory, then events of 4 bytes. */
#include "collector/spool.h"

#include "fuzz.h"

enum { EVENT_SIZE = 4, ROOM_MAX = 64 };

/* fleet_spool_read() hands this on without a look. */
struct fleet {
	struct fleet_event last;
	uint64_t count, sum;
};

static void take(struct fleet *fleet, const struct fleet_event *event)
{
	if (fleet->count++ > 0) {
		MUST(fleet_event_compare(&fleet->last, event) <= 0);
		MUST(!fleet_event_is_same(&fleet->last, event));
	}
	fleet->sum += event->identity * fleet->count;
	fleet->last = *event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(fleet_spool_free_held) struct fleet_spool *spool = NULL;
	struct fleet once = { .count = 0 }, again = { .count = 0 };
	uint64_t count = 0;
	int64_t same;

	if (size == 0)
		return 0;
	MUST(fleet_spool_new(&spool, 1 + data[0] % ROOM_MAX) == 0);
	for (size_t at = 1; size - at >= EVENT_SIZE; at += EVENT_SIZE, count++) {
		struct fleet_event event = { .time = data[at], .identity = 1 + data[at + 1] % 8 };

		event.agent = data[at + 2] % 2;
		event.kind = data[at + 3] % 4;
		MUST(fleet_spool_add(spool, &event) == 0);
	}
	same = fleet_spool_read(spool, take, &once);
	if (same < 0)
		return 0; /* more runs than room for an event of each */
	MUST(once.count + (uint64_t)same == count);
	MUST(fleet_spool_read(spool, take, &again) == same);
	MUST(once.count == again.count && once.sum == again.sum);
	return 0;
}
