/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verdicts on connections that are still open. Each overwrites `*verdict` but for ENDED_BY, which
 * stays unknown. Of `given`, settings, socket, time, process, kept_alive and path count. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

/* After how many microseconds without a packet sent, or with unread data, an agent counts as
 * hanging: 1.25 times its keep-alive, so that the verdict comes before the hub gives up at 1.5
 * times (MQTT 3.1.1, 3.1.2.10). */
usec_t stall_patience(const struct agent_settings *settings);

/* By how many microseconds a check may come later than that, and still come before the hub. */
usec_t stall_slack(const struct agent_settings *settings);

/* How long after the first look at what keeps an agent from its work the second one comes. */
usec_t stall_looks_apart(const struct agent_settings *settings);

/* agent-crash: the process took a fatal signal and has not exited, so it is writing its core dump.
 * Returns false if this is not so; then `*verdict` says nothing. */
bool stall_of_dying_process(const struct circumstances *given, struct verdict *verdict);

/* Returns true if the agent does not read or does not send, or a signal has stopped it; false if it
 * is at work, or stopped by a debugger. `unread_since`: the time of the first check that found
 * unread data left unread; 0: the agent reads. */
bool stall_may_be_of_agent(const struct circumstances *given, usec_t unread_since);

/* What is then to be said: agent-hang, or host-starved where what the agent was short of explains
 * it. */
void stall_of_idle_agent(const struct circumstances *given, usec_t unread_since,
			 struct verdict *verdict);

/* Returns true if what the agent lacks may be why, as far as that was looked at. */
bool stall_may_be_starved(const struct circumstances *given);

/* agent-not-reconnecting: the agent lives, has had no connection for `down` microseconds, and made
 * `attempts` in vain before it gave up. Of `given`, mode, attempts_lost and path (to the last peer)
 * count; no_connection is true. */
void stall_without_connection(const struct circumstances *given, usec_t down, unsigned attempts,
			      struct verdict *verdict);

/* token-expired, suspected: the token of the session ends soon, and was not renewed. It need not
 * come so. */
void stall_of_token(const struct circumstances *given, struct verdict *verdict);

/* The peer acknowledges nothing: path-silent, or what the state of the path makes of it. */
void stall_of_path(const struct circumstances *given, struct verdict *verdict);
