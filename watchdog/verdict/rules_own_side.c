/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_own_side.h"

#include <signal.h>

#include "verdict/ended_by.h"
#include "verdict/mqtt_facts.h"
#include "verdict/rules_drops.h"
#include "verdict/rules_half_path.h"
#include "verdict/rules_host.h"
#include "verdict/rules_network.h"
#include "verdict/rules_peer.h"
#include "verdict/rules_process.h"
#include "verdict/rules_token.h"
#include "verdict/tls_facts.h"

enum ruling rule_dying(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (!ended_by_own_side(given->socket) || !given->current->exiting ||
	    !given->current->in_agent)
		return SILENT;
	add_task(evidence(on), "closed_by", given->current);
	*on->exit = exit_facts_from_code(given->current->exit_code);
	return decide_exited(on);
}

/* ---- a live process closed the connection, or gave up */

/* execve(2) closes sockets that were opened with SOCK_CLOEXEC right after it is reported. What the
 * new program does itself comes later: it has to be loaded first. */
#define EXEC_TIME (20 * USEC_PER_MSEC)

static bool closed_by_exec(const struct circumstances *given)
{
	const struct process *process = given->process;
	usec_t ago = process && process->execed ? given->time - process->execed : USEC_INFINITY;

	return ago < EXEC_TIME && ago < given->socket->age;
}

static void describe_closer(struct deliberation *on)
{
	if (!on->given->socket->close_unobserved)
		add_task(evidence(on), "closed_by", on->given->current);
	if (closed_by_exec(on->given))
		tokens_add(evidence(on), "closed_at=exec");
}

/* The agent closed while it was connecting. */
static enum ruling decide_given_up(struct deliberation *on)
{
	enum ruling ruling;

	tokens_add(evidence(on), "gave_up_after_msec=%llu",
		   (unsigned long long)(on->given->socket->age / USEC_PER_MSEC));
	ruling = rule_half_dual_stack(on);
	if (ruling != SILENT)
		return ruling;
	/* A single SYN that was not answered at once proves nothing about the path. */
	if (on->given->socket->retransmits == 0)
		return rule_dropped_here(on) == DECIDED ? DECIDED : nominate(on, CAUSE_AGENT_CLOSE);
	return decide_silent_path(on);
}

/* The agent gave up on a silent peer, as MQTT clients do when a PINGRESP is missing. Where the
 * peer's TCP still acknowledges, only its kernel is known to live. */
static enum ruling rule_no_answer(struct deliberation *on)
{
	if (is_unanswered(on->given)) {
		describe_timeout(on);
		return decide_silent_path(on);
	}
	if (mqtt_ping_is_unanswered(on->given->mqtt))
		return decide_silent_path(on);
	return rule_half_path(on);
}

/* The agent said goodbye, by MQTT's DISCONNECT or TLS's close_notify. */
static bool agent_said_goodbye(const struct circumstances *given)
{
	return mqtt_agent_disconnected_first(given->mqtt) ||
	       tls_agent_left_first(given->tls, given->socket);
}

/* The RST is what the agent asked for, or has no goodbye before it. After a goodbye it is no abort:
 * packets of the peer's that crossed the goodbye were left unread. disconnect() also clears the
 * counters of unanswered data. */
static bool is_abort(const struct circumstances *given)
{
	if (mqtt_agent_disconnected_first(given->mqtt))
		return false;
	return given->socket->linger_zero || given->socket->shutdown == 0 ||
	       !tls_agent_left_first(given->tls, given->socket);
}

/* The peer's goodbye came first, and the agent closed before the peer's FIN was there. */
static bool answers_a_goodbye(const struct circumstances *given)
{
	return !mqtt_agent_disconnected_first(given->mqtt) &&
	       tls_peer_left_first(given->tls, given->socket);
}

/* A live agent closed for reasons of its own, or because the peer had said goodbye. */
static enum ruling decide_closed(struct deliberation *on)
{
	if (answers_a_goodbye(on->given))
		return decide_peers_doing(on);
	if (on->verdict->ended_by == ENDED_BY_LOCAL_RESET && is_abort(on->given))
		return nominate(on, CAUSE_AGENT_ABORT);
	if (rule_token_renewal(on) == DECIDED)
		return DECIDED;
	return nominate(on, CAUSE_AGENT_CLOSE);
}

/* True if the exit came too late to be the reason of the close, or was somebody else's doing. */
static bool closed_alive(const struct circumstances *given)
{
	const struct process *process = given->process;

	return !process || !process->exited || process->exited_at > given->time + CRASH_TIME ||
	       was_killed_later(given);
}

enum ruling rule_own_side(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;

	if (!ended_by_own_side(given->socket))
		return SILENT;
	if ((!process || !process->exited) && wait_unless_over(on) == WAIT)
		return WAIT;
	describe_closer(on);
	if (!closed_alive(given))
		return decide_exited_after(on);
	if (process && process->exited)
		describe_exit_after(on);
	if (asks_to_end(given) || unit_is_stopping(given))
		return decide_stopped(on);
	if (on->verdict->ended_by == ENDED_BY_CONNECT_TIMEOUT)
		return decide_given_up(on);
	if (rule_suspended(on) == DECIDED || rule_no_answer(on) == DECIDED ||
	    rule_path_still_broken(on) == DECIDED)
		return DECIDED;
	return decide_closed(on);
}

/* ---- the peer closed after a goodbye */

/* In the mode sock-diag a request to stop is not observed: an exit right after the peer's FIN may
 * belong to a goodbye, or be the agent's answer to the FIN. */
static enum ruling rule_leaving_unobserved(struct deliberation *on)
{
	const struct process *process = on->given->process;

	if (!process || process->dumping)
		return SILENT;
	if (!process->exited)
		return wait_unless_over(on);
	*on->exit = exit_facts_from_code(process->exit_code);
	describe_exit_after(on);
	return nominate(on, CAUSE_PEER_CLOSE);
}

/* An agent that says goodbye (MQTT's DISCONNECT, TLS's close_notify) lets the peer close. Where the
 * goodbye was not observed, the exit of an agent that was asked to stop takes its place. */
enum ruling rule_leaving(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;
	bool goodbye = agent_said_goodbye(given);
	bool by_peer = on->verdict->ended_by == ENDED_BY_PEER_FIN ||
		       (goodbye && on->verdict->ended_by == ENDED_BY_PEER_RESET);

	if (on->verdict->ended_by == ENDED_BY_PEER_FIN && given->mode == MODE_SOCK_DIAG)
		return rule_leaving_unobserved(on);
	if (!by_peer || (!goodbye && (!process || !stop_is_recent(given))))
		return SILENT;
	if (process && process->exited && !was_killed_later(given))
		return decide_exited_after(on);
	if (wait_unless_over(on) == WAIT)
		return WAIT;
	if (!goodbye)
		return SILENT;
	return asks_to_end(given) ? decide_stopped(on) : decide_closed(on);
}
