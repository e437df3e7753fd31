/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The spool, with little memory: whatever comes in, in any order, comes out sorted, and
 * twice the same. Input: a byte of how much memory, then items of 4 bytes. */
#include "collector/spool.h"

#include <string.h>

#include "fuzz.h"

enum { ITEM_SIZE = 4, ROOM_MAX = 64 };

struct taken {
	uint8_t last[ITEM_SIZE];
	uint64_t count, sum;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, ITEM_SIZE);
}

static int take(void *userdata, const void *item)
{
	struct taken *taken = userdata;
	const uint8_t *bytes = item;

	MUST(taken->count++ == 0 || compare(taken->last, item) <= 0);
	taken->sum += (bytes[0] + 257U * bytes[1] + 65537U * bytes[2] + bytes[3]) * taken->count;
	memcpy(taken->last, item, ITEM_SIZE);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(spool_free_held) struct spool *spool = NULL;
	struct taken once = { .count = 0 }, again = { .count = 0 };
	struct spool_kind kind = { .size = ITEM_SIZE, .compare = compare };
	uint64_t count = 0;

	if (size == 0)
		return 0;
	kind.room = 1 + data[0] % ROOM_MAX;
	MUST(spool_new(&spool, &kind) == 0);
	for (size_t at = 1; size - at >= ITEM_SIZE; at += ITEM_SIZE, count++)
		MUST(spool_add(spool, data + at) == 0);
	if (spool_read(spool, take, &once) < 0)
		return 0; /* more runs than room for an item of each */
	MUST(once.count == count);
	MUST(spool_read(spool, take, &again) == 0);
	MUST(once.count == again.count && once.sum == again.sum);
	return 0;
}
