/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/share.h"

static bool has_share(const struct share *share, uint32_t owner)
{
	uint32_t used = share->used_by[owner], rest = share->size - share->size / 4;

	if (used < share->size / SHARE_KEPT)
		return share->used < share->size;
	return share->used < rest && used < SHARE_FACTOR * (uint64_t)(rest - share->used);
}

bool share_take(struct share *share, uint32_t owner)
{
	if (!has_share(share, owner))
		return false;
	share->used_by[owner]++;
	share->used++;
	return true;
}

void share_give(struct share *share, uint32_t owner)
{
	share->used_by[owner]--;
	share->used--;
}
