/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_unobserved.h"

#include "verdict/rules_host.h"
#include "verdict/rules_network.h"
#include "verdict/rules_process.h"

/* Data or a probe of ours waited for an acknowledgment, which would have set both to 0. The kernel
 * may have given up, or the agent, or an operator with `ss -K`; an ICMP error is not observed
 * either. */
static bool was_waiting(const struct circumstances *given)
{
	return given->socket->retransmit_timeouts > 0 || given->socket->probes > 0;
}

static enum ruling decide_silence(struct deliberation *on)
{
	describe_timeout(on);
	return rule_suspended(on) == DECIDED ? DECIDED : decide_silent_path(on);
}

enum ruling rule_unobserved(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;

	if (!given->socket->close_unobserved || on->verdict->ended_by != ENDED_BY_UNKNOWN)
		return SILENT;
	if (given->aborted_by_us && given->stalled != CAUSE_UNKNOWN)
		return nominate(on, given->stalled);
	if ((!process || !process->exited) && wait_unless_over(on) == WAIT)
		return WAIT;
	if (process && process->exited)
		return decide_exited_after(on);
	return was_waiting(given) ? decide_silence(on) : rule_path_still_broken(on);
}
