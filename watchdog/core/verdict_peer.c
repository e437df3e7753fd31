/* Rules: the peer ended the connection. */
#include "verdict_rules.h"

#include <signal.h>

static bool recently_active(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	return socket->idle_rx < given->settings->keepalive &&
	       socket->idle_tx < given->settings->keepalive;
}

/* A process that is writing its core dump keeps its connections open until the dump is done; the
 * peer may lose patience first. */
static bool dumping_core(const struct circumstances *given)
{
	const struct process *process = given->process;

	return process && process->fatal.number && process->fatal.number != SIGKILL &&
	       !process->exited && given->time >= process->fatal.time;
}

enum ruling rule_peer(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	switch (on->verdict->ended_by) {
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
		break;
	case ENDED_BY_CONNECT_REFUSED:
		return decide(on, CAUSE_CONNECT_REFUSED, CONFIDENCE_PROVED);
	default:
		return SILENT;
	}
	if (dumping_core(given)) {
		tokens_add(evidence(on), "dumping_core_after=%s",
			   signal_to_string(given->process->fatal.number) ?: "?");
		return decide(on, CAUSE_AGENT_CRASH, CONFIDENCE_LIKELY);
	}
	tokens_add(ruled_out(on), "agent-close=our-side-had-not-closed");
	if (on->verdict->ended_by == ENDED_BY_PEER_RESET)
		return decide(on, CAUSE_PEER_RESET, CONFIDENCE_LIKELY);
	if (!recently_active(given))
		return decide(on, CAUSE_PEER_CLOSE, CONFIDENCE_LIKELY);
	tokens_add(ruled_out(on), "peer-idle-timeout=was-active");
	return decide(on, CAUSE_PEER_CLOSE, CONFIDENCE_PROVED);
}
