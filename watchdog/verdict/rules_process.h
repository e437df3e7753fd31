/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules: what the exit of the agent's process, or a request to stop it, makes of an end. Asked by
 * the rules that know that our side ended the session, or the peer after the agent's goodbye. */
#pragma once

#include "verdict/evidence.h"

/* A crash that closes its connection in an orderly way (an uncaught exception, a handler that
 * closes and aborts) has closed it no longer than this before. A process that lives on for longer
 * has closed it alive. */
#define CRASH_TIME (100 * USEC_PER_MSEC)

/* An agent that obeys a request to stop has closed its connection after this time, or takes long.
 */
#define STOP_TAKES (1 * USEC_PER_SEC)

/* The request to stop that explains an end at `given->time`: it came from outside the agent, no
 * longer than STOP_REQUEST_LIFETIME before, reached the process itself or was handed on to it, and
 * the agent did not go on with its work since. NULL if there was none. Borrowed from `given`. */
const struct signal_facts *stop_request(const struct circumstances *given);

/* True if the agent was asked to stop and went on: it sent something a second later or longer, or
 * answered a signal that asks for a report (SIGQUIT to a JVM) without ending. */
bool stop_was_survived(const struct circumstances *given);

/* True if that request wants the process to end even if the process lives on. */
bool asks_to_end(const struct circumstances *given);

/* True if that request came no longer than STOP_TAKES before the end. */
bool stop_is_recent(const struct circumstances *given);

/* True if systemd is stopping the agent's unit, and not because the agent failed. */
bool unit_is_stopping(const struct circumstances *given);

/* True if systemd asked the very process to stop that closed its connection then, and it exited or
 * there is a stop job: one follows from the other. */
bool stop_is_systemds(const struct circumstances *given);

/* True if systemd sent the signal that killed the process, and has not said why. */
bool systemd_may_have_stopped_it(const struct circumstances *given);

/* True if Result= of the agent's unit is `result`. */
bool systemd_says(const struct circumstances *given, const char *result);

/* True if systemd ends what is left of the agent's unit, in which another process had failed. */
bool is_left_over(const struct circumstances *given);

/* True if the process was asked to stop and then killed (SIGKILL), as service managers do. The
 * kernel asks for nothing before it kills. */
bool was_killed_after_request(const struct circumstances *given);

/* True if the kernel killed the process (SIGKILL by nobody, and not for want of memory): with the
 * rest of its pid namespace, or because it had used up its time (RLIMIT_CPU of setrlimit(2)). */
bool was_killed_by_kernel(const struct circumstances *given);

/* True if that was right after another process of the agent had ended, as the first one of a pid
 * namespace does: zap_pid_ns_processes(). */
bool ended_with_its_container(const struct circumstances *given);

/* Data or a probe of ours is unanswered: the peer is not heard any more. */
bool is_unanswered(const struct circumstances *given);

/* Nominates agent-stopped. */
enum ruling decide_stopped(struct deliberation *on);

/* The exit in `on->exit` ended the session: agent-oom, agent-crash, agent-stopped, agent-exit, or
 * the path's cause if the agent gave up on a broken path. WAIT for systemd's reason to kill its
 * service, unless `given->waited`; else DECIDED. */
enum ruling decide_exited(struct deliberation *on);

/* Decides like decide_exited(), for a process that closed its connection first and exited after
 * that. Sets `on->exit`. */
enum ruling decide_exited_after(struct deliberation *on);

/* Adds the time from the end to the exit. The process has exited. */
void describe_exit_after(struct deliberation *on);

/* True if a live task closed the connection, and only after that somebody killed the process: then
 * the exit did not end the session. The process has exited. */
bool was_killed_later(const struct circumstances *given);
