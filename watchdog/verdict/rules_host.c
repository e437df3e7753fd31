/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_host.h"

/* How long after a resume an end may still come from the sleep: it takes the agent's first write
 * and the hub's answer to it, or the retransmissions of that write, to find out. */
#define AFTER_RESUME (2 * USEC_PER_MINUTE)

enum ruling rule_aborted(struct deliberation *on)
{
	if (on->verdict->ended_by != ENDED_BY_ABORTED)
		return SILENT;
	add_task(evidence(on), "destroyed_by", on->given->current);
	if (on->given->aborted_by_us && on->given->stalled != CAUSE_UNKNOWN)
		return nominate(on, on->given->stalled);
	return nominate(on, CAUSE_OPERATOR_ABORT);
}

enum ruling rule_suspended(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	usec_t heard = given->time - given->socket->idle_rx;

	if (!given->resumed || !given->came_up || given->time < given->resumed ||
	    given->time - given->resumed > AFTER_RESUME || heard > given->resumed)
		return SILENT;
	tokens_add(evidence(on), "slept_sec=%llu",
		   (unsigned long long)(given->slept / USEC_PER_SEC));
	tokens_add(evidence(on), "resumed_before_msec=%llu",
		   (unsigned long long)((given->time - given->resumed) / USEC_PER_MSEC));
	return nominate(on, CAUSE_HOST_SUSPEND);
}
