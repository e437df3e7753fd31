/* Rules: our own side ended the connection. */
#include "verdict_rules.h"

#include <signal.h>
#include <string.h>

#include "ended_by.h"

/* ---- rule: the process was dying */

static const struct signal_facts *stop_request(const struct circumstances *given, bool own_only)
{
	const struct signal_facts *stop = given->process ? &given->process->stop : NULL;

	if ((!stop || !stop->number) && !own_only)
		stop = given->agent_stop;
	if (!stop || !stop->number || stop->sender.in_agent)
		return NULL;
	if (stop->time > given->time || given->time > stop->time + STOP_REQUEST_LIFETIME)
		return NULL;
	return stop;
}

/* SIGHUP of a process means as often "read your settings again"; of the kernel, that the terminal
 * is gone. It asks for a stop if it kills, see decide_killed(). */
static bool asks_to_end(const struct signal_facts *stop)
{
	return stop && (stop->number != SIGHUP || stop->from_kernel);
}

static bool unit_has_stop_job(const struct circumstances *given)
{
	return given->unit &&
	       (strcmp(given->unit->job, "stop") == 0 || strcmp(given->unit->job, "restart") == 0);
}

/* systemd passes through "deactivating" after a crash as well; its Result= tells them apart. */
static bool unit_is_stopping(const struct circumstances *given)
{
	static const char *const results[] = { "", "success", "timeout", "watchdog" };
	const struct unit_event *unit = given->unit;
	bool stopping = unit && (unit->state == UNIT_DEACTIVATING || unit_has_stop_job(given));

	for (size_t i = 0; stopping && i < sizeof(results) / sizeof(*results); i++)
		if (strcmp(unit->result, results[i]) == 0)
			return true;
	return false;
}

/* PID 1 asked the very process to end, then that closed its connection, and then it ended or
 * systemd sees to it that it does: the one comes of the other. Without a stop job it may be a
 * signal that the process had survived (`systemctl kill`), unless all came at once. */
static bool stop_is_proved(const struct circumstances *given)
{
	const struct process *process = given->process;
	const struct signal_facts *stop = stop_request(given, true);
	bool by_systemd =
		given->unit && asks_to_end(stop) && stop->sender.pid == 1 && !stop->from_kernel;

	if (!by_systemd || !ended_by_own_side(given->socket))
		return false;
	return unit_has_stop_job(given) ||
	       (process->exited && given->time - stop->time <= VERDICT_WAIT);
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
	if (unit_has_stop_job(on->given))
		tokens_add(evidence(on), "unit_job=%s", on->given->unit->job);
	else if (unit_is_stopping(on->given))
		tokens_add(evidence(on), "unit=deactivating");
	tokens_add(ruled_out(on), "agent-crash=stop-was-asked-for");
	return decide(on, CAUSE_AGENT_STOPPED,
		      stop_is_proved(on->given) ? CONFIDENCE_PROVED : confidence);
}

static bool sent_by_systemd(const struct circumstances *given, const struct signal_facts *fatal)
{
	return given->unit && fatal && !fatal->from_kernel && fatal->sender.pid == 1;
}

static enum ruling decide_crash(struct deliberation *on, enum confidence confidence)
{
	tokens_add(ruled_out(on), "agent-stopped=%s",
		   unit_is_stopping(on->given) ? "it-fell-before-the-stop-was-over"
					       : "no-stop-was-asked-for");
	return decide(on, CAUSE_AGENT_CRASH, confidence);
}

/* Without eBPF: faults are the agent's own, but SIGKILL may be the OOM killer's or an operator's,
 * and in a stop any signal systemd's. */
static enum ruling decide_unseen_crash(struct deliberation *on)
{
	bool fault = signal_dumps_core(on->exit->status) && !unit_is_stopping(on->given);

	return decide(on, CAUSE_AGENT_CRASH, fault ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED);
}

/* systemd kills for reasons of its own: a time-out of the stop, its watchdog, its out-of-memory
 * policy. Or because it was told to (`systemctl kill`), which is a kill like any other. */
static enum ruling decide_killed_by_systemd(struct deliberation *on, enum confidence confidence)
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
		return decide_stopped(on, NULL, confidence);
	return given->mode == MODE_EBPF ? decide_crash(on, confidence) : decide_unseen_crash(on);
}

/* Nobody saw who sent the signal. */
static enum ruling decide_killed_unseen(struct deliberation *on, enum confidence confidence)
{
	const struct circumstances *given = on->given;

	if (unit_is_stopping(given) && !signal_dumps_core(on->exit->status))
		return decide_stopped(on, NULL, CONFIDENCE_LIKELY);
	if (given->unit && !unit_is_stopping(given))
		return decide_killed_by_systemd(on, confidence);
	return decide_unseen_crash(on);
}

/* The signal that it died of, if it was seen being sent; else NULL. */
static const struct signal_facts *fatal_signal(const struct deliberation *on)
{
	const struct process *process = on->given->process;

	return process && process->fatal.number == on->exit->status ? &process->fatal : NULL;
}

/* A death by signal. Signals that ask (SIGTERM) mean that somebody stopped the agent; the others
 * mean a crash, unless systemd had reasons to send one, or a stop was cut short (`kill -9`). */
static enum ruling decide_killed(struct deliberation *on, enum confidence confidence)
{
	const struct circumstances *given = on->given;
	const struct signal_facts *fatal = fatal_signal(on);
	const struct signal_facts *stop = stop_request(given, false);
	bool by_systemd = sent_by_systemd(given, fatal);

	if (signal_is_stop_request(on->exit->status)) {
		if (stop && stop->number == on->exit->status)
			return decide_stopped(on, stop, CONFIDENCE_PROVED);
		return decide(on, CAUSE_AGENT_STOPPED, CONFIDENCE_SUSPECTED);
	}
	if (given->mode == MODE_SOCK_DIAG)
		return decide_killed_unseen(on, confidence);
	if (fatal)
		add_sender(evidence(on), fatal);
	if (unit_is_stopping(given) && by_systemd)
		return decide_stopped(on, stop, confidence);
	if (unit_is_stopping(given) && !signal_dumps_core(on->exit->status))
		return decide_stopped(on, stop, CONFIDENCE_LIKELY);
	if (by_systemd)
		return decide_killed_by_systemd(on, confidence);
	return decide_crash(on, confidence);
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
		return decide_killed(on, confidence);
	if (asks_to_end(stop) || unit_is_stopping(on->given))
		return decide_stopped(on, stop, confidence);
	tokens_add(ruled_out(on), "agent-crash=ended-by-itself");
	/* A request to stop that it obeyed is not seen without eBPF. */
	return decide(on, CAUSE_AGENT_EXIT,
		      on->given->mode == MODE_EBPF ? confidence : CONFIDENCE_SUSPECTED);
}

void verdict_on_exit(const struct circumstances *given, struct verdict *verdict,
		     struct exit_facts *exit)
{
	struct deliberation on = { given, verdict, exit };

	*verdict = (struct verdict){ .ended_by = ENDED_BY_UNKNOWN };
	*exit = exit_facts_from_code(given->process->exit_code);
	decide_exited(&on, CONFIDENCE_PROVED); /* without a unit there is nothing to wait for */
}

void verdict_orphaned(const struct circumstances *given, struct verdict *verdict,
		      struct exit_facts *exit)
{
	struct deliberation on = { given, verdict, exit };

	*verdict = (struct verdict){ .ended_by = ENDED_BY_UNKNOWN };
	*exit = exit_facts_from_code(given->process->exit_code);
	tokens_add(evidence(&on), "socket=outlives-its-process");
	if (decide_exited(&on, CONFIDENCE_LIKELY) != DECIDED)
		decide(&on, CAUSE_AGENT_CRASH, CONFIDENCE_SUSPECTED);
	if (verdict->confidence == CONFIDENCE_PROVED)
		verdict->confidence = CONFIDENCE_LIKELY;
}

/* The closing task was on its way out: the kernel says so in the same event. */
enum ruling rule_dying(struct deliberation *on)
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

/* A crash that takes its connection along in an orderly way (an exception that is not caught, a
 * handler that closes and aborts) has closed it this long before. */
#define CRASH_TIME (100 * USEC_PER_MSEC)

/* An exec closes what was opened with SOCK_CLOEXEC before it. */
static bool closed_by_exec(const struct circumstances *given)
{
	const struct process *process = given->process;
	usec_t ago = process && process->execed ? given->time - process->execed : USEC_INFINITY;

	return ago < USEC_PER_SEC && ago < given->socket->age;
}

static void describe_exit_after(struct deliberation *on)
{
	const struct process *process = on->given->process;

	if (process->exited_at >= on->given->time)
		tokens_add(evidence(on), "exited_after_msec=%llu",
			   (unsigned long long)(process->exited_at - on->given->time) /
				   USEC_PER_MSEC);
}

static void describe_closer(struct deliberation *on)
{
	if (!on->given->socket->unseen)
		add_task(evidence(on), "closed_by", on->given->current);
	if (closed_by_exec(on->given))
		tokens_add(evidence(on), "closed_at=exec");
}

/* A live task closed the connection, and only then somebody killed the process: that ended no
 * connection any more. */
static bool was_killed_later(const struct circumstances *given)
{
	const struct process *process = given->process;
	struct exit_facts exit = exit_facts_from_code(process->exit_code);
	const struct signal_facts *killer =
		process->fatal.number == exit.status ? &process->fatal : &process->stop;

	if (!exit.by_signal || killer->number != exit.status || killer->time <= given->time)
		return false;
	return process->oom || (!killer->from_kernel && !killer->sender.in_agent);
}

/* How much an exit says about a closing that was not part of it. Sockets of a process that is dead
 * are closed by the kernel, now and then by a thread of its own. The more time lies between a
 * closing and a crash, the less the one has to do with the other. */
static enum confidence confidence_of_exit(const struct circumstances *given, bool by_signal)
{
	usec_t exited_at = given->process->exited_at;
	bool by_kernel = ended_by_own_side(given->socket) && !given->socket->unseen &&
			 !given->current->in_agent;

	if (by_kernel && exited_at <= given->time)
		return CONFIDENCE_PROVED;
	if (by_signal && exited_at > given->time + CRASH_TIME)
		return CONFIDENCE_SUSPECTED;
	return CONFIDENCE_LIKELY;
}

enum ruling decide_exited_after(struct deliberation *on)
{
	*on->exit = exit_facts_from_code(on->given->process->exit_code);
	describe_exit_after(on);
	return decide_exited(on, confidence_of_exit(on->given, on->exit->by_signal));
}

static enum ruling decide_given_up(struct deliberation *on)
{
	tokens_add(evidence(on), "gave_up_after_msec=%llu",
		   (unsigned long long)(on->given->socket->age / USEC_PER_MSEC));
	/* One SYN unanswered for a moment proves nothing about the path. */
	if (on->given->socket->retransmits == 0)
		return decide(on, CAUSE_AGENT_CLOSE, CONFIDENCE_LIKELY);
	tokens_add(ruled_out(on), "connect-refused=no-RST-arrived");
	return decide_path(on, CONFIDENCE_SUSPECTED);
}

/* It gave up on a peer that had stopped answering: MQTT clients do when a PINGRESP is missing. Data
 * that could not even leave the host (a firewall drops it) is probed for, not retransmitted. */
static bool was_in_a_black_hole(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	return socket->unacked_bytes > 0 &&
	       (socket->retransmit_timeouts > 0 || (socket->probes > 0 && socket->send_window > 0));
}

/* It closed while its host had no way to the peer: probably for that reason. */
static enum ruling rule_no_way(struct deliberation *on)
{
	const struct path_view *path = &on->given->path;

	if (!path->known || path_is_whole(path) || rule_broken_path(on) != DECIDED)
		return SILENT;
	return decide(on, on->verdict->cause, CONFIDENCE_LIKELY);
}

/* It gave up on a peer that answers no PINGREQ. That TCP still acknowledges says only that the
 * peer's kernel lives. */
static enum ruling rule_no_answer(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (was_in_a_black_hole(given)) {
		describe_timeout(on);
		return decide_path(on, agent_missed_an_answer(given->mqtt) ? CONFIDENCE_LIKELY
									   : CONFIDENCE_SUSPECTED);
	}
	if (!agent_missed_an_answer(given->mqtt))
		return SILENT;
	return decide_path(on, CONFIDENCE_SUSPECTED);
}

/* A live agent's own doing. A RST after a DISCONNECT is no abort: what crossed it on the way was
 * left unread. */
static enum ruling decide_closed(struct deliberation *on)
{
	const struct mqtt_facts *mqtt = on->given->mqtt;

	if (on->verdict->ended_by == ENDED_BY_LOCAL_RESET && !agent_said_goodbye(mqtt)) {
		if (agent_left_without_goodbye(mqtt))
			tokens_add(ruled_out(on), "agent-close=no-DISCONNECT-was-sent");
		/* disconnect() wipes out whether it had waited for an answer in vain. */
		return decide(on, CAUSE_AGENT_ABORT,
			      on->given->socket->unseen ? CONFIDENCE_SUSPECTED : CONFIDENCE_PROVED);
	}
	if (agent_said_goodbye(mqtt))
		tokens_add(ruled_out(on), "agent-abort=DISCONNECT-was-sent");
	if (rule_token_renewal(on) == DECIDED)
		return DECIDED;
	return decide(on, CAUSE_AGENT_CLOSE, CONFIDENCE_PROVED);
}

enum ruling rule_own_side(struct deliberation *on)
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
	if (process && process->exited && !was_killed_later(given))
		return decide_exited_after(on);
	if (process && process->exited)
		describe_exit_after(on);
	if (asks_to_end(stop) || unit_is_stopping(given))
		return decide_stopped(on, stop, CONFIDENCE_LIKELY);
	tokens_add(ruled_out(on), "agent-crash=%s",
		   process && process->exited ? "killed-after-the-end" : "process-lives");
	if (on->verdict->ended_by == ENDED_BY_CONNECT_TIMEOUT)
		return decide_given_up(on);
	tokens_add(ruled_out(on), "peer-close=no-FIN-had-come");
	if (rule_suspended(on) == DECIDED)
		return DECIDED;
	if (rule_no_answer(on) == DECIDED || rule_no_way(on) == DECIDED)
		return DECIDED;
	return decide_closed(on);
}

/* Without eBPF the request to stop is not seen: an exit right after the peer's FIN may be the
 * goodbye of below, or the agent's answer to the FIN. */
static enum ruling rule_leaving_unseen(struct deliberation *on)
{
	const struct process *process = on->given->process;

	if (!process || process->dumping)
		return SILENT;
	if (!process->exited)
		return wait_unless_over(on);
	*on->exit = exit_facts_from_code(process->exit_code);
	describe_exit_after(on);
	return decide(on, CAUSE_PEER_CLOSE, CONFIDENCE_SUSPECTED);
}

/* An agent that says goodbye (MQTT's DISCONNECT) leaves it to the peer to close. Without having
 * seen it, only the exit of one that was asked to stop tells. */
enum ruling rule_leaving(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct process *process = given->process;
	const struct signal_facts *stop = stop_request(given, true);
	bool goodbye = agent_said_goodbye(given->mqtt);
	bool by_peer = on->verdict->ended_by == ENDED_BY_PEER_FIN ||
		       (goodbye && on->verdict->ended_by == ENDED_BY_PEER_RESET);

	if (on->verdict->ended_by == ENDED_BY_PEER_FIN && given->mode == MODE_SOCK_DIAG)
		return rule_leaving_unseen(on);
	if (!by_peer || (!goodbye && (!process || !stop)))
		return SILENT;
	if (process && process->exited && !was_killed_later(given))
		return decide_exited_after(on);
	if (wait_unless_over(on) == WAIT)
		return WAIT;
	if (!goodbye)
		return SILENT;
	if (stop && stop->number != SIGHUP)
		return decide_stopped(on, stop, CONFIDENCE_LIKELY);
	tokens_add(ruled_out(on), "peer-close=the-agent-said-DISCONNECT-first");
	return decide_closed(on);
}
