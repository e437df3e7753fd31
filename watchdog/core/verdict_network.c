/* Rules: nobody ended the connection, the kernel gave up. */
#include "verdict_rules.h"

enum ruling rule_network(struct deliberation *on)
{
	switch (on->verdict->ended_by) {
	case ENDED_BY_KEEPALIVE_TIMEOUT:
	case ENDED_BY_RETRANSMIT_TIMEOUT:
	case ENDED_BY_USER_TIMEOUT:
	case ENDED_BY_PROBE_TIMEOUT:
	case ENDED_BY_CONNECT_TIMEOUT:
		tokens_add(ruled_out(on), "peer-reset=no-RST-arrived");
		return decide(on, CAUSE_PATH_SILENT, CONFIDENCE_LIKELY);
	case ENDED_BY_UNREACHABLE:
	case ENDED_BY_CONNECT_UNREACHABLE:
		return decide(on, CAUSE_UNREACHABLE, CONFIDENCE_PROVED);
	case ENDED_BY_OUT_OF_MEMORY:
		return decide(on, CAUSE_MEMORY_PRESSURE, CONFIDENCE_PROVED);
	default:
		return SILENT;
	}
}
