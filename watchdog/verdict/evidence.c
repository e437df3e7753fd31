/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/evidence.h"

#include <errno.h>

/* The default of mosquitto_sub(1), and the most frequent one in SDKs. */
#define USUAL_KEEPALIVE (60 * USEC_PER_SEC)

usec_t keepalive_of(const struct agent_settings *settings)
{
	return settings->keepalive ?: USUAL_KEEPALIVE;
}

usec_t unanswered_for(const struct socket_facts *socket)
{
	return socket->idle_tx + socket->rto_usec;
}

/* Returns false if the process lives, or is not known. */
static bool death_of(const struct circumstances *given, uint32_t *exit_code)
{
	const struct process *process = given->process;
	bool closing = given->current && given->current->exiting && given->current->in_agent;

	if (!closing && !(process && process->exited))
		return false;
	*exit_code = closing ? given->current->exit_code : process->exit_code;
	return true;
}

int death_signal(const struct circumstances *given)
{
	uint32_t exit_code;

	return death_of(given, &exit_code) ? (int)(exit_code & 0x7f) : -1;
}

usec_t patience_of(const struct agent_settings *settings)
{
	return settings->keepalive ?: SHORTEST_PATIENCE;
}

bool outlasted_patience(const struct circumstances *given, const struct path_part *part)
{
	return part->back < part->lost || part->back - part->lost >= patience_of(given->settings);
}

void add_task(struct tokens *tokens, const char *name, const struct task *task)
{
	if (task->pid)
		tokens_add(tokens, "%s=%s[%u]", name, task->comm, task->pid);
	else
		tokens_add(tokens, "%s=%s", name, task->comm);
}

void add_sender(struct tokens *tokens, const struct signal_facts *signal)
{
	if (signal->from_kernel)
		tokens_add(tokens, "sent_by=kernel");
	else
		add_task(tokens, "sent_by", &signal->sender);
}

/* Adds an error by its name, or by its number if it is none that a TCP socket has. Not every C
 * library knows the names. */
static void add_error(struct tokens *tokens, const char *name, int error)
{
#define ERROR(error) error, #error
	static const struct {
		int number;
		const char *name;
	} errors[] = {
		{ ERROR(ECONNRESET) },   { ERROR(EPIPE) },         { ERROR(ETIMEDOUT) },
		{ ERROR(ECONNREFUSED) }, { ERROR(ECONNABORTED) },  { ERROR(EHOSTUNREACH) },
		{ ERROR(ENETUNREACH) },  { ERROR(ENETDOWN) },      { ERROR(EHOSTDOWN) },
		{ ERROR(ENONET) },       { ERROR(ENOPROTOOPT) },   { ERROR(EPROTO) },
		{ ERROR(EACCES) },       { ERROR(EPERM) },         { ERROR(EMSGSIZE) },
		{ ERROR(EOPNOTSUPP) },   { ERROR(EINVAL) },        { ERROR(ENOBUFS) },
		{ ERROR(ENOMEM) },       { ERROR(EADDRNOTAVAIL) },
	};
#undef ERROR

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == error) {
			tokens_add(tokens, "%s=%s", name, errors[i].name);
			return;
		}
	tokens_add(tokens, "%s=%d", name, error);
}

void describe_timeout(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;
	struct tokens *tokens = evidence(on);

	if (socket->user_timeout_msec)
		tokens_add(tokens, "user_timeout_msec=%u", socket->user_timeout_msec);
	if (socket->probes)
		tokens_add(tokens, "unanswered_probes=%u", socket->probes);
	if (socket->retransmit_timeouts)
		tokens_add(tokens, "unanswered_retransmissions=%u", socket->retransmit_timeouts);
	if (socket->unacked_bytes)
		tokens_add(tokens, "unacked_bytes=%u", socket->unacked_bytes);
	if (socket->soft_error)
		add_error(tokens, "icmp", socket->soft_error);
}

/* Which of the reasons for a RST of our own kernel's it was. */
static void describe_reset(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;
	struct tokens *tokens = evidence(on);

	if (socket->disconnected)
		tokens_add(tokens, "closed_with=SO_LINGER-0-or-disconnect");
	else if (socket->unread_bytes)
		tokens_add(tokens, "closed_with_unread_bytes=%u", socket->unread_bytes);
	else if (socket->linger_zero)
		tokens_add(tokens, "closed_with=SO_LINGER-0");
	else if (socket->shutdown == 0)
		tokens_add(tokens, "closed_with=disconnect");
}

/* Adds the evidence of two looks, before and after an end that nobody observed (socket_look.h). */
static void describe_unobserved(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	if (socket->time_wait)
		tokens_add(evidence(on), "left_behind=TIME_WAIT");
	if (socket->fin_received && socket->state == TCP_STATE_CLOSE)
		tokens_add(evidence(on), "peer_fin=counted");
	if (socket->reset_received)
		tokens_add(evidence(on), "peer_reset=counted");
}

void describe_peers_reset(struct deliberation *on)
{
	if (on->given->socket->reset_without_ack)
		tokens_add(evidence(on), "reset_ack=no");
}

void describe_socket(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	tokens_add(evidence(on), "state=%s", tcp_state_to_string(socket->state_before) ?: "?");
	if (socket->close_unobserved)
		describe_unobserved(on);
	if (socket->error)
		add_error(evidence(on), "error", socket->error);
	switch (on->verdict->ended_by) {
	case ENDED_BY_LOCAL_RESET:
		describe_reset(on);
		break;
	case ENDED_BY_KEEPALIVE_TIMEOUT:
	case ENDED_BY_RETRANSMIT_TIMEOUT:
	case ENDED_BY_USER_TIMEOUT:
	case ENDED_BY_PROBE_TIMEOUT:
	case ENDED_BY_CONNECT_TIMEOUT:
	case ENDED_BY_UNREACHABLE:
		describe_timeout(on);
		break;
	case ENDED_BY_UNKNOWN: /* of these, the state and the error say everything */
	case ENDED_BY_PEER_FIN:
	case ENDED_BY_PEER_RESET:
	case ENDED_BY_LOCAL_FIN:
	case ENDED_BY_ABORTED:
	case ENDED_BY_OUT_OF_MEMORY:
	case ENDED_BY_CONNECT_REFUSED:
	case ENDED_BY_CONNECT_UNREACHABLE:
	case ENDED_BY_MAX:
	case ENDED_BY_INVALID:
		break;
	}
}
