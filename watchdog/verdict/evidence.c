#include "verdict.h"

#include <string.h>

#include "ended_by.h"
#include "verdict_rules.h"

/* mosquitto's default, and the most frequent one in SDKs. */
#define USUAL_KEEPALIVE (60 * USEC_PER_SEC)

usec_t keepalive_of(const struct circumstances *given)
{
	return keepalive_or_usual(given->settings);
}

usec_t keepalive_or_usual(const struct agent_settings *settings)
{
	return settings->keepalive ?: USUAL_KEEPALIVE;
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

/* ---- the socket's own evidence, the same whoever is to blame */

static void describe_reset(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;
	struct tokens *tokens = &on->verdict->evidence;

	if (socket->disconnected)
		tokens_add(tokens, "closed_with=SO_LINGER-0-or-disconnect");
	else if (socket->unread_bytes)
		tokens_add(tokens, "closed_with_unread_bytes=%u", socket->unread_bytes);
	else if (socket->linger_zero)
		tokens_add(tokens, "closed_with=SO_LINGER-0");
	else if (socket->shutdown == 0)
		tokens_add(tokens, "closed_with=disconnect");
}

void describe_timeout(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;
	struct tokens *tokens = &on->verdict->evidence;

	if (socket->user_timeout_msec)
		tokens_add(tokens, "user_timeout_msec=%u", socket->user_timeout_msec);
	if (socket->probes)
		tokens_add(tokens, "unanswered_probes=%u", socket->probes);
	if (socket->retransmit_timeouts)
		tokens_add(tokens, "unanswered_retransmissions=%u", socket->retransmit_timeouts);
	if (socket->unacked_bytes)
		tokens_add(tokens, "unacked_bytes=%u", socket->unacked_bytes);
	if (socket->soft_error)
		tokens_add(tokens, "icmp=%s", strerrorname_np(socket->soft_error) ?: "?");
}

/* What the looks before and after its end leave as the only way (socket_look.h). */
static void describe_unseen(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	if (socket->time_wait)
		tokens_add(evidence(on), "left_behind=TIME_WAIT");
	if (socket->fin_received && socket->state == TCP_STATE_CLOSE)
		tokens_add(evidence(on), "peer_fin=counted");
	if (socket->reset_received)
		tokens_add(evidence(on), "peer_reset=counted");
	if (socket->unanswered)
		tokens_add(ruled_out(on), "peer-reset=nothing-came");
}

static void describe_socket(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	tokens_add(evidence(on), "state=%s", tcp_state_to_string(socket->state_before) ?: "?");
	if (socket->unseen)
		describe_unseen(on);
	if (socket->error)
		tokens_add(evidence(on), "error=%s", strerrorname_np(socket->error) ?: "?");
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
	default: /* the state and the error say it all */
		break;
	}
}

/* ---- rule: somebody destroyed the socket from outside; where it was we, for what we had seen */

static enum ruling rule_aborted(struct deliberation *on)
{
	if (on->verdict->ended_by != ENDED_BY_ABORTED)
		return SILENT;
	add_task(evidence(on), "destroyed_by", on->given->current);
	tokens_add(ruled_out(on), "peer-reset=no-RST-arrived");
	if (on->given->aborted_by_us && on->given->stalled != CAUSE_UNKNOWN)
		return decide(on, on->given->stalled, CONFIDENCE_LIKELY);
	return decide(on, CAUSE_OPERATOR_ABORT, CONFIDENCE_PROVED);
}

static enum ruling rule_unknown(struct deliberation *on)
{
	return decide(on, CAUSE_UNKNOWN, CONFIDENCE_INVALID);
}

static enum ruling (*const rules[])(struct deliberation *) = {
	rule_aborted, rule_told,    rule_dying,  rule_own_side, rule_leaving,
	rule_peer,    rule_network, rule_unseen, rule_unknown,
};

bool verdict_decide(const struct circumstances *circumstances, struct verdict *verdict,
		    struct exit_facts *exit)
{
	struct deliberation on = { circumstances, verdict, exit };
	enum ruling ruling = SILENT;

	*verdict = (struct verdict){ .ended_by = ended_by_classify(circumstances->socket) };
	*exit = (struct exit_facts){ 0 };
	describe_socket(&on);
	describe_mqtt(&on);
	for (size_t i = 0; ruling == SILENT && i < sizeof(rules) / sizeof(*rules); i++)
		ruling = rules[i](&on);
	/* What came first within the time between two looks is never seen. */
	if (circumstances->mode == MODE_SOCK_DIAG && verdict->confidence == CONFIDENCE_PROVED)
		verdict->confidence = CONFIDENCE_LIKELY;
	return ruling == DECIDED;
}
