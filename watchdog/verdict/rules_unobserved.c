/* Rule: nobody saw how it ended, and the looks before and after leave more than one way. */
#include "verdict_rules.h"

/* Something of ours waited for an answer: an acknowledgment would have set both to 0. The kernel
 * may have given up on it, or the agent, or somebody with `ss -K`; an ICMP error is not seen
 * either. */
static bool was_waiting(const struct circumstances *given)
{
	return given->socket->retransmit_timeouts > 0 || given->socket->probes > 0;
}

/* Within a second of each other. Where the peer had no part in the end, and no timer either, a
 * death by a signal explains it. */
static enum ruling decide_died_too(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	enum ruling ruling = decide_exited_after(on);

	if (ruling == DECIDED && (!given->socket->unanswered || was_waiting(given)))
		on->verdict->confidence = CONFIDENCE_SUSPECTED;
	return ruling;
}

static enum ruling decide_silence(struct deliberation *on)
{
	describe_timeout(on);
	if (rule_suspended(on) == DECIDED || rule_broken_path(on) == DECIDED)
		return DECIDED;
	decide_path(on, CONFIDENCE_SUSPECTED);
	on->verdict->confidence = CONFIDENCE_SUSPECTED;
	return DECIDED;
}

static enum ruling decide_broken_path(struct deliberation *on)
{
	if (!on->given->path.known || path_is_whole(&on->given->path) ||
	    rule_broken_path(on) != DECIDED)
		return SILENT;
	on->verdict->confidence = CONFIDENCE_SUSPECTED;
	return DECIDED;
}

enum ruling rule_unseen(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;

	if (!given->socket->unseen || on->verdict->ended_by != ENDED_BY_UNKNOWN)
		return SILENT;
	if (given->aborted_by_us && given->stalled != CAUSE_UNKNOWN)
		return decide(on, given->stalled, CONFIDENCE_LIKELY);
	if ((!process || !process->exited) && wait_unless_over(on) == WAIT)
		return WAIT;
	if (process && process->exited)
		return decide_died_too(on);
	return was_waiting(given) ? decide_silence(on) : decide_broken_path(on);
}
