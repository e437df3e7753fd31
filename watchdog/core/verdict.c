#include "verdict.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "ended_by.h"

/* The verdict is made by rules, asked in order; the first that is not SILENT has the word. */
enum ruling {
	SILENT, /* the rule has nothing to say here */
	WAIT,   /* it would, once a fact has come */
	DECIDED,
};

struct deliberation {
	const struct circumstances *given;
	struct verdict *verdict;
	struct exit_facts *exit;
};

static enum ruling decide(struct deliberation *on, enum cause cause, enum confidence confidence)
{
	on->verdict->cause = cause;
	on->verdict->confidence = confidence;
	return DECIDED;
}

static enum ruling wait_unless_over(const struct deliberation *on)
{
	return on->given->waited ? SILENT : WAIT;
}

static struct tokens *evidence(struct deliberation *on)
{
	return &on->verdict->evidence;
}

static struct tokens *ruled_out(struct deliberation *on)
{
	return &on->verdict->ruled_out;
}

static void add_task(struct tokens *tokens, const char *name, const struct task *task)
{
	if (task->pid)
		tokens_add(tokens, "%s=%s[%u]", name, task->comm, task->pid);
	else
		tokens_add(tokens, "%s=%s", name, task->comm);
}

static void add_sender(struct tokens *tokens, const struct signal_facts *signal)
{
	if (signal->from_kernel)
		tokens_add(tokens, "sent_by=kernel");
	else
		add_task(tokens, "sent_by", &signal->sender);
}

/* ---- the socket's own evidence, the same whoever is to blame */

static void describe_reset(const struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;
	struct tokens *tokens = &on->verdict->evidence;

	if (socket->unread_bytes)
		tokens_add(tokens, "closed_with_unread_bytes=%u", socket->unread_bytes);
	else if (socket->linger_zero)
		tokens_add(tokens, "closed_with=SO_LINGER-0");
	else if (socket->shutdown == 0)
		tokens_add(tokens, "closed_with=disconnect");
}

static void describe_timeout(const struct deliberation *on)
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

static void describe_socket(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	tokens_add(evidence(on), "state=%s", tcp_state_to_string(socket->state_before) ?: "?");
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

/* ---- rule: somebody destroyed the socket from outside */

static enum ruling rule_aborted(struct deliberation *on)
{
	if (on->verdict->ended_by != ENDED_BY_ABORTED)
		return SILENT;
	add_task(evidence(on), "destroyed_by", on->given->current);
	tokens_add(ruled_out(on), "peer-reset=no-RST-arrived");
	return decide(on, CAUSE_OPERATOR_ABORT, CONFIDENCE_PROVED);
}

/* ---- rule: the process was dying */

static const struct signal_facts *stop_request(const struct circumstances *given, bool own_only)
{
	const struct signal_facts *stop = given->process ? &given->process->stop : NULL;

	if ((!stop || !stop->number) && !own_only)
		stop = given->agent_stop;
	if (!stop || !stop->number || stop->sender.in_agent)
		return NULL;
	return given->time <= stop->time + STOP_REQUEST_LIFETIME ? stop : NULL;
}

/* systemd passes through "deactivating" after a crash as well; its Result= tells them apart. */
static bool unit_is_stopping(const struct circumstances *given)
{
	static const char *const results[] = { "", "success", "timeout", "watchdog" };
	const struct unit_event *unit = given->unit;
	bool stopping =
		unit && (unit->state == UNIT_DEACTIVATING || strcmp(unit->job, "stop") == 0 ||
			 strcmp(unit->job, "restart") == 0);

	for (size_t i = 0; stopping && i < sizeof(results) / sizeof(*results); i++)
		if (strcmp(unit->result, results[i]) == 0)
			return true;
	return false;
}

static bool unit_result_is(const struct circumstances *given, const char *result)
{
	return given->unit && strcmp(given->unit->result, result) == 0;
}

static enum ruling decide_stopped(struct deliberation *on, const struct signal_facts *stop,
				  enum confidence confidence)
{
	if (stop) {
		tokens_add(evidence(on), "signal=%s", signal_to_string(stop->number) ?: "?");
		add_sender(evidence(on), stop);
	}
	if (unit_is_stopping(on->given))
		tokens_add(evidence(on), "unit=%s",
			   unit_state_to_string(on->given->unit->state) ?: "?");
	tokens_add(ruled_out(on), "agent-crash=stop-was-asked-for");
	return decide(on, CAUSE_AGENT_STOPPED, confidence);
}

static bool sent_by_systemd(const struct circumstances *given)
{
	const struct signal_facts *fatal = given->process ? &given->process->fatal : NULL;

	return given->unit && fatal && fatal->number && !fatal->from_kernel &&
	       fatal->sender.pid == 1;
}

/* systemd kills for reasons of its own: a time-out of the stop, its watchdog, its out-of-memory
 * policy. Or because it was told to (`systemctl kill`), which is a kill like any other. */
static enum ruling decide_killed_by_systemd(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (!*given->unit->result || unit_result_is(given, "success")) {
		if (wait_unless_over(on) == WAIT)
			return WAIT;
		return decide(on, CAUSE_AGENT_CRASH, CONFIDENCE_SUSPECTED);
	}
	tokens_add(evidence(on), "unit_result=%s", given->unit->result);
	if (unit_result_is(given, "oom-kill"))
		return decide(on, CAUSE_AGENT_OOM, CONFIDENCE_LIKELY);
	if (unit_result_is(given, "timeout") || unit_result_is(given, "watchdog"))
		return decide_stopped(on, NULL, CONFIDENCE_PROVED);
	tokens_add(ruled_out(on), "agent-stopped=no-stop-was-asked-for");
	return decide(on, CAUSE_AGENT_CRASH, CONFIDENCE_PROVED);
}

/* A death by signal. Signals that ask (SIGTERM) mean that somebody stopped the agent; the others
 * mean a crash, unless systemd had reasons to send one. */
static enum ruling decide_killed(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct signal_facts *fatal = given->process ? &given->process->fatal : NULL;
	const struct signal_facts *stop = stop_request(given, false);

	if (signal_is_stop_request(on->exit->status)) {
		if (stop && stop->number == on->exit->status)
			return decide_stopped(on, stop, CONFIDENCE_PROVED);
		return decide(on, CAUSE_AGENT_STOPPED, CONFIDENCE_SUSPECTED);
	}
	if (fatal && fatal->number == on->exit->status)
		add_sender(evidence(on), fatal);
	if (unit_is_stopping(given))
		return decide_stopped(on, stop, CONFIDENCE_PROVED);
	if (sent_by_systemd(given))
		return decide_killed_by_systemd(on);
	tokens_add(ruled_out(on), "agent-stopped=no-stop-was-asked-for");
	return decide(on, CAUSE_AGENT_CRASH, CONFIDENCE_PROVED);
}

static enum ruling decide_exited(struct deliberation *on, enum confidence confidence)
{
	const struct process *process = on->given->process;
	const struct signal_facts *stop = stop_request(on->given, false);

	if (on->exit->by_signal)
		tokens_add(evidence(on), "killed_by=%s", signal_to_string(on->exit->status) ?: "?");
	else
		tokens_add(evidence(on), "exit_status=%d", on->exit->status);
	if (on->exit->dumped)
		tokens_add(evidence(on), "core_dumped=yes");
	if (process && process->oom) {
		tokens_add(evidence(on), "oom_victim=yes");
		return decide(on, CAUSE_AGENT_OOM, confidence);
	}
	if (on->exit->by_signal)
		return decide_killed(on);
	if (stop || unit_is_stopping(on->given))
		return decide_stopped(on, stop, confidence);
	tokens_add(ruled_out(on), "agent-crash=ended-by-itself");
	return decide(on, CAUSE_AGENT_EXIT, confidence);
}

/* The closing task was on its way out: the kernel says so in the same event. */
static enum ruling rule_dying(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (!ended_by_own_side(given->socket) || !given->current->exiting ||
	    !given->current->in_agent)
		return SILENT;
	add_task(evidence(on), "closed_by", given->current);
	*on->exit = exit_facts_from_code(given->current->exit_code);
	return decide_exited(on, CONFIDENCE_PROVED);
}

/* ---- rule: a live process closed it, or gave up */

static void describe_closer(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;

	add_task(evidence(on), "closed_by", given->current);
	if (process && process->execed && given->time - process->execed < USEC_PER_SEC)
		tokens_add(evidence(on), "closed_at=exec");
}

/* It closed its connection and ended right after: the closing was part of the ending. */
static enum ruling decide_exited_after(struct deliberation *on)
{
	const struct process *process = on->given->process;

	*on->exit = exit_facts_from_code(process->exit_code);
	if (process->exited_at >= on->given->time)
		tokens_add(evidence(on), "exited_after_msec=%llu",
			   (unsigned long long)(process->exited_at - on->given->time) /
				   USEC_PER_MSEC);
	return decide_exited(on, CONFIDENCE_LIKELY);
}

static enum ruling decide_given_up(struct deliberation *on)
{
	tokens_add(evidence(on), "gave_up_after_msec=%llu",
		   (unsigned long long)(on->given->socket->age / USEC_PER_MSEC));
	/* One SYN unanswered for a moment proves nothing about the path. */
	if (on->given->socket->retransmits == 0)
		return decide(on, CAUSE_AGENT_CLOSE, CONFIDENCE_LIKELY);
	tokens_add(ruled_out(on), "connect-refused=no-RST-arrived");
	return decide(on, CAUSE_PATH_SILENT, CONFIDENCE_LIKELY);
}

/* It gave up on a peer that had stopped answering: MQTT clients do when a PINGRESP is missing. */
static bool was_in_a_black_hole(const struct circumstances *given)
{
	return given->socket->unacked_bytes > 0 && given->socket->retransmit_timeouts > 0;
}

static enum ruling rule_own_side(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;
	const struct signal_facts *stop = stop_request(given, true);

	if (!ended_by_own_side(given->socket))
		return SILENT;
	if (!process || !process->exited) {
		if (wait_unless_over(on) == WAIT)
			return WAIT;
	}
	describe_closer(on);
	if (process && process->exited)
		return decide_exited_after(on);
	if ((stop && stop->number != SIGHUP) || unit_is_stopping(given))
		return decide_stopped(on, stop, CONFIDENCE_LIKELY);
	tokens_add(ruled_out(on), "agent-crash=process-lives");
	if (on->verdict->ended_by == ENDED_BY_CONNECT_TIMEOUT)
		return decide_given_up(on);
	tokens_add(ruled_out(on), "peer-close=no-FIN-had-come");
	if (was_in_a_black_hole(given)) {
		describe_timeout(on);
		return decide(on, CAUSE_PATH_SILENT, CONFIDENCE_LIKELY);
	}
	if (on->verdict->ended_by == ENDED_BY_LOCAL_RESET)
		return decide(on, CAUSE_AGENT_ABORT, CONFIDENCE_PROVED);
	return decide(on, CAUSE_AGENT_CLOSE, CONFIDENCE_PROVED);
}

/* ---- rule: the peer ended it */

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

/* An agent that is asked to stop says goodbye (MQTT's DISCONNECT), and the peer closes before the
 * agent does; the exit that follows tells. */
static enum ruling rule_leaving(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;

	if (on->verdict->ended_by != ENDED_BY_PEER_FIN || !process || !stop_request(given, true))
		return SILENT;
	if (!process->exited)
		return wait_unless_over(on);
	return decide_exited_after(on);
}

static enum ruling rule_peer(struct deliberation *on)
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

/* ---- rule: nobody ended it, the kernel gave up */

static enum ruling rule_network(struct deliberation *on)
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

static enum ruling rule_unknown(struct deliberation *on)
{
	return decide(on, CAUSE_UNKNOWN, CONFIDENCE_INVALID);
}

static enum ruling (*const rules[])(struct deliberation *) = {
	rule_aborted, rule_dying,   rule_own_side, rule_leaving,
	rule_peer,    rule_network, rule_unknown,
};

bool verdict_decide(const struct circumstances *circumstances, struct verdict *verdict,
		    struct exit_facts *exit)
{
	struct deliberation on = { circumstances, verdict, exit };
	enum ruling ruling = SILENT;

	*verdict = (struct verdict){ .ended_by = ended_by_classify(circumstances->socket) };
	*exit = (struct exit_facts){ 0 };
	describe_socket(&on);
	for (size_t i = 0; ruling == SILENT && i < sizeof(rules) / sizeof(*rules); i++)
		ruling = rules[i](&on);
	return ruling == DECIDED;
}
