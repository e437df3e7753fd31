/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_process.h"

#include <signal.h>
#include <string.h>

#include "verdict/ended_by.h"
#include "verdict/rules_drops.h"
#include "verdict/rules_network.h"

/* Data that an agent sends so long after a request to stop is its usual work. */
#define GOES_ON_AFTER (1 * USEC_PER_SEC)

/* ---- what systemd does */

static bool unit_has_stop_job(const struct circumstances *given)
{
	return given->unit &&
	       (strcmp(given->unit->job, "stop") == 0 || strcmp(given->unit->job, "restart") == 0);
}

/* A unit is "deactivating" after a crash as well: its Result= makes the difference. */
bool unit_is_stopping(const struct circumstances *given)
{
	static const char *const results[] = { "", "success", "timeout", "watchdog" };
	const struct unit_event *unit = given->unit;
	bool stopping = unit && (unit->state == UNIT_DEACTIVATING || unit_has_stop_job(given));

	for (size_t i = 0; stopping && i < sizeof(results) / sizeof(*results); i++)
		if (strcmp(unit->result, results[i]) == 0)
			return true;
	return false;
}

/* ---- requests to stop */

static bool has_worked_since(const struct circumstances *given, usec_t time)
{
	usec_t sent;

	if (given->no_connection)
		return false;
	sent = given->socket->idle_tx < given->time ? given->time - given->socket->idle_tx : 0;
	return sent > time + GOES_ON_AFTER;
}

/* A SIGQUIT that is handled is a question for a thread dump (JVMs) as often as for an end (Go). */
static bool asked_for_a_report(const struct circumstances *given, const struct signal_facts *stop)
{
	return stop->number == SIGQUIT && stop->handled && given->time > stop->time + CRASH_TIME;
}

bool stop_was_survived(const struct circumstances *given)
{
	const struct signal_facts *stop = given->stop;

	return stop && stop->time <= given->time && !unit_is_stopping(given) &&
	       (has_worked_since(given, stop->time) || asked_for_a_report(given, stop));
}

const struct signal_facts *stop_request(const struct circumstances *given)
{
	const struct signal_facts *stop = given->stop;

	if (!stop || stop->time > given->time || given->time > stop->time + STOP_REQUEST_LIFETIME ||
	    stop_was_survived(given))
		return NULL;
	return stop;
}

/* SIGHUP from a process often means "read your settings again"; from the kernel, that the terminal
 * is gone. SIGHUP is a stop request as well if it kills: decide_killed(). */
bool asks_to_end(const struct circumstances *given)
{
	const struct signal_facts *stop = stop_request(given);

	return stop && (stop->number != SIGHUP || stop->from_kernel);
}

bool stop_is_recent(const struct circumstances *given)
{
	const struct signal_facts *stop = stop_request(given);

	return stop && given->time <= stop->time + STOP_TAKES;
}

/* Without a stop job, PID 1 may have sent a signal that the process survives (`systemctl kill`),
 * unless everything came at once. */
bool stop_is_systemds(const struct circumstances *given)
{
	const struct signal_facts *stop = stop_request(given);

	if (!given->unit || !asks_to_end(given) || given->stop_was_handed_on ||
	    stop->sender.pid != 1 || stop->from_kernel || !ended_by_own_side(given->socket))
		return false;
	return unit_has_stop_job(given) || (given->process && given->process->exited &&
					    given->time - stop->time <= VERDICT_WAIT);
}

bool systemd_says(const struct circumstances *given, const char *result)
{
	return given->unit && strcmp(given->unit->result, result) == 0;
}

/* Where another process of the service failed, systemd asks the rest to stop: its first process, or
 * one that the OOM killer chose (OOMPolicy= of systemd.service(5)). */
static bool is_asked_by_systemd(const struct circumstances *given)
{
	const struct signal_facts *stop = stop_request(given);

	return given->unit && stop && stop->sender.pid == 1 && !stop->from_kernel &&
	       !unit_has_stop_job(given);
}

bool is_left_over(const struct circumstances *given)
{
	return is_asked_by_systemd(given) && given->unit->state == UNIT_DEACTIVATING &&
	       (systemd_says(given, "oom-kill") || systemd_says(given, "core-dump") ||
		systemd_says(given, "signal") || systemd_says(given, "exit-code"));
}

/* Its reason comes after the signal. */
static bool may_be_left_over(const struct circumstances *given)
{
	return is_asked_by_systemd(given) && asks_to_end(given) && !unit_is_stopping(given) &&
	       !is_left_over(given);
}

static enum ruling decide_left_over(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	tokens_add(evidence(on), "unit_result=%s", given->unit->result);
	if (systemd_says(given, "oom-kill"))
		return nominate(on, CAUSE_AGENT_OOM);
	return nominate(on,
			systemd_says(given, "exit-code") ? CAUSE_AGENT_EXIT : CAUSE_AGENT_CRASH);
}

enum ruling decide_stopped(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	const struct signal_facts *stop = stop_request(given);

	if (stop) {
		tokens_add(evidence(on), "signal=%s", signal_to_string(stop->number) ?: "?");
		add_sender(evidence(on), stop);
		if (given->stop_was_handed_on)
			tokens_add(evidence(on), "handed_on=yes");
	}
	if (is_left_over(given))
		return decide_left_over(on);
	if (unit_has_stop_job(given))
		tokens_add(evidence(on), "unit_job=%s", given->unit->job);
	else if (unit_is_stopping(given))
		tokens_add(evidence(on), "unit=deactivating");
	return nominate(on, CAUSE_AGENT_STOPPED);
}

/* ---- deaths */

/* The signal that killed the process, with its sender; NULL if it lives, exited by itself, or the
 * sending was not observed. */
static const struct signal_facts *fatal_signal(const struct circumstances *given)
{
	const struct process *process = given->process;

	if (!process || !process->exited || !(process->exit_code & 0x7f) ||
	    process->fatal.number != (int)(process->exit_code & 0x7f))
		return NULL;
	return &process->fatal;
}

static bool killed_by_systemd(const struct circumstances *given)
{
	const struct signal_facts *fatal = fatal_signal(given);

	return given->unit && fatal && !fatal->from_kernel && fatal->sender.pid == 1;
}

bool systemd_may_have_stopped_it(const struct circumstances *given)
{
	return killed_by_systemd(given) &&
	       (!*given->unit->result || systemd_says(given, "success") ||
		systemd_says(given, "timeout") || systemd_says(given, "watchdog"));
}

/* Who asks a process to end and kills it later wants it stopped, even if it worked on in between.
 */
static bool killer_had_asked(const struct circumstances *given, const struct signal_facts *killer)
{
	const struct signal_facts *stop = given->stop;

	return stop && stop->number != SIGHUP && !stop->from_kernel &&
	       stop->sender.pid == killer->sender.pid &&
	       stop->sender.started == killer->sender.started && stop->time <= killer->time &&
	       killer->time <= stop->time + STOP_REQUEST_LIFETIME;
}

bool was_killed_after_request(const struct circumstances *given)
{
	const struct signal_facts *fatal = fatal_signal(given);

	return fatal && fatal->number == SIGKILL && !fatal->from_kernel && !given->process->oom &&
	       (asks_to_end(given) || killer_had_asked(given, fatal));
}

bool was_killed_by_kernel(const struct circumstances *given)
{
	const struct signal_facts *fatal = fatal_signal(given);

	return fatal && fatal->number == SIGKILL && fatal->from_kernel && !given->process->oom;
}

bool ended_with_its_container(const struct circumstances *given)
{
	return was_killed_by_kernel(given) && given->another_had_exited;
}

/* systemd kills for reasons of its own, which Result= names: the stop timed out, the watchdog timed
 * out, out of memory. Or an operator asked for it (`systemctl kill`): a kill like any other. */
static enum ruling decide_killed_by_systemd(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (!*given->unit->result || systemd_says(given, "success")) {
		if (wait_unless_over(on) == WAIT)
			return WAIT;
		return nominate(on, CAUSE_AGENT_CRASH);
	}
	tokens_add(evidence(on), "unit_result=%s", given->unit->result);
	if (systemd_says(given, "oom-kill"))
		return nominate(on, CAUSE_AGENT_OOM);
	if (systemd_says(given, "timeout") || systemd_says(given, "watchdog"))
		return decide_stopped(on);
	return nominate(on, CAUSE_AGENT_CRASH);
}

/* In the mode sock-diag: the sender of the signal is not observed. */
static enum ruling decide_killed_unobserved(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (unit_is_stopping(given))
		return signal_dumps_core(on->exit->status) ? nominate(on, CAUSE_AGENT_CRASH)
							   : decide_stopped(on);
	return given->unit ? decide_killed_by_systemd(on) : nominate(on, CAUSE_AGENT_CRASH);
}

/* A death by signal. A signal that asks (SIGTERM) means that the agent was stopped. Any other means
 * a crash, unless systemd had a reason to send it, or it cut a stop short (`kill -9`). */
static enum ruling decide_killed(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (signal_is_stop_request(on->exit->status))
		return decide_stopped(on);
	if (given->mode == MODE_SOCK_DIAG)
		return decide_killed_unobserved(on);
	if (was_killed_after_request(given) || ended_with_its_container(given))
		return decide_stopped(on);
	if (fatal_signal(given))
		add_sender(evidence(on), fatal_signal(given));
	if (unit_is_stopping(given) &&
	    (killed_by_systemd(given) || !signal_dumps_core(on->exit->status)))
		return decide_stopped(on);
	if (killed_by_systemd(given))
		return decide_killed_by_systemd(on);
	return nominate(on, CAUSE_AGENT_CRASH);
}

/* ---- exits */

/* Data that could not even leave the host (a firewall drops it) is probed for, not
 * retransmitted. */
bool is_unanswered(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	return socket->unacked_bytes > 0 &&
	       (socket->retransmit_timeouts > 0 || (socket->probes > 0 && socket->send_window > 0));
}

/* An agent that exits while its peer is not heard any more has given up. */
static enum ruling rule_gave_up(struct deliberation *on)
{
	if (on->given->no_connection)
		return SILENT;
	if (!on->given->came_up)
		return rule_dropped_here(on);
	if (!is_unanswered(on->given))
		return rule_path_still_broken(on);
	describe_timeout(on);
	return decide_silent_path(on);
}

enum ruling decide_exited(struct deliberation *on)
{
	const struct process *process = on->given->process;
	bool obeyed = !on->exit->by_signal || signal_is_stop_request(on->exit->status);

	if (on->exit->by_signal)
		tokens_add(evidence(on), "killed_by=%s", signal_to_string(on->exit->status) ?: "?");
	else
		tokens_add(evidence(on), "exit_status=%d", on->exit->status);
	if (on->exit->dumped)
		tokens_add(evidence(on), "core_dumped=yes");
	if (process && process->oom) {
		tokens_add(evidence(on), "oom_victim=yes");
		return nominate(on, CAUSE_AGENT_OOM);
	}
	if (obeyed && may_be_left_over(on->given) && wait_unless_over(on) == WAIT)
		return WAIT;
	if (on->exit->by_signal)
		return decide_killed(on);
	if (asks_to_end(on->given) || unit_is_stopping(on->given))
		return decide_stopped(on);
	if (rule_gave_up(on) == DECIDED)
		return DECIDED;
	return nominate(on, CAUSE_AGENT_EXIT);
}

/* ---- exits after the end */

void describe_exit_after(struct deliberation *on)
{
	const struct process *process = on->given->process;

	if (process->exited_at >= on->given->time)
		tokens_add(evidence(on), "exited_after_msec=%llu",
			   (unsigned long long)(process->exited_at - on->given->time) /
				   USEC_PER_MSEC);
}

bool was_killed_later(const struct circumstances *given)
{
	const struct process *process = given->process;
	struct exit_facts exit = exit_facts_from_code(process->exit_code);
	const struct signal_facts *killer =
		process->fatal.number == exit.status ? &process->fatal : &process->stop;

	if (!exit.by_signal || killer->number != exit.status || killer->time <= given->time)
		return false;
	return process->oom || (!killer->from_kernel && !killer->sender.in_agent);
}

enum ruling decide_exited_after(struct deliberation *on)
{
	*on->exit = exit_facts_from_code(on->given->process->exit_code);
	describe_exit_after(on);
	return decide_exited(on);
}
