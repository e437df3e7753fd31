/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rule_hung.h"

/* A process that has been held for less than this was about to send. */
#define HELD_TIME (1 * USEC_PER_SEC)

enum ruling rule_hung(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (task_is_held(given->owner_state) && held_for(given) >= HELD_TIME) {
		tokens_add(evidence(on), "process=%s", task_state_to_string(given->owner_state));
		return nominate(on, CAUSE_AGENT_HANG);
	}
	if (given->stalled != CAUSE_AGENT_HANG && given->stalled != CAUSE_HOST_STARVED)
		return SILENT;
	tokens_add(evidence(on), "stalled_before=%s", cause_to_string(given->stalled));
	if (given->socket->unread_bytes)
		tokens_add(evidence(on), "unread_bytes=%u", given->socket->unread_bytes);
	return nominate(on, given->stalled);
}
