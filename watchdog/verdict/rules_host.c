/* Rules: the host had been asleep. */
#include "verdict_rules.h"

/* How long after a resume an end may still come from the sleep: the first write, its
 * retransmissions, a hub's answer. */
#define AFTER_RESUME (2 * USEC_PER_MINUTE)

/* The last that was heard of the peer was before the sleep, and the connection was broken or given
 * up since. The peer gave up on us meanwhile, or the network moved on. */
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
	return decide(on, CAUSE_HOST_SUSPEND, CONFIDENCE_LIKELY);
}
