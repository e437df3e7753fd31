/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shared part of the verdict's rules: how a rule answers, and evidence that several of them
 * write down. Included by the files of this folder only.
 *
 * A rule is a function rule_NAME(struct deliberation *). The rules are asked in the order of a
 * table (verdict.c, rules_peer.c) until one is not SILENT. A rule that decides nominates a cause
 * and adds what that rests on to the evidence; how sure the cause is, and which rivals are
 * excluded, is for the table in differential.c. decide_NAME() is a part of a rule that always
 * decides, unless its contract says otherwise. */
#pragma once

#include "record/record.h"
#include "verdict/circumstances.h"

enum ruling {
	SILENT, /* the rule does not apply */
	WAIT,   /* it may apply once a fact has come that is on its way */
	DECIDED,
};

/* All pointers are borrowed. */
struct deliberation {
	const struct circumstances *given;
	struct verdict *verdict; /* under construction; `ended_by` is set */
	struct exit_facts *exit; /* likewise; NULL for open connections */
};

/* Returns DECIDED. */
static inline enum ruling nominate(struct deliberation *on, enum cause cause)
{
	on->verdict->cause = cause;
	return DECIDED;
}

/* The answer of a rule that lacks a fact: WAIT, or SILENT when the wait is over. */
static inline enum ruling wait_unless_over(const struct deliberation *on)
{
	return on->given->waited ? SILENT : WAIT;
}

static inline struct tokens *evidence(struct deliberation *on)
{
	return &on->verdict->evidence;
}

/* KeepAliveSec= in microseconds, or the most frequent keep-alive of MQTT clients where it is not
 * set. Never 0. */
usec_t keepalive_of(const struct agent_settings *settings);

/* Returns how long the agent has to be silent until a hub may lose patience: KeepAliveSec=, or what
 * the least patient ones allow where it is not set. */
usec_t patience_of(const struct agent_settings *settings);

/* NATs forget idle TCP connections after 4 minutes (Azure's balancer) or more; the shortest
 * time-outs that are known of home routers are half a minute. */
#define SHORTEST_NAT_TIMEOUT (30 * USEC_PER_SEC)

/* Returns for how long data has waited for an answer, at most: the time-outs before the one in
 * force add up to less than that one (RFC 6298, 5.5). Of use where data does wait. */
usec_t unanswered_for(const struct socket_facts *socket);

/* Returns the signal that the agent's process died of, by the exit of the closing task or of the
 * process; 0: it exited by itself; -1: it lives, or is not known. */
int death_signal(const struct circumstances *given);

/* True if `part`, which was lost, was away for so long that the peer may have lost patience, or did
 * not come back. */
bool outlasted_patience(const struct circumstances *given, const struct path_part *part);

/* True for a process that is kept from running: stopped, traced or frozen. */
static inline bool task_is_held(enum task_state state)
{
	return state == TASK_STATE_STOPPED || state == TASK_STATE_TRACED ||
	       state == TASK_STATE_FROZEN;
}

/* For how long, at most, the process may have been kept from running: since it last sent something,
 * and not before it was stopped by a signal, where that is known. */
static inline usec_t held_for(const struct circumstances *given)
{
	usec_t since = given->process && given->owner_state == TASK_STATE_STOPPED
			       ? process_paused_since(given->process, given->time)
			       : 0;
	usec_t silence = given->socket->idle_tx;

	return since && given->time - since < silence ? given->time - since : silence;
}

/* True if what was sent last did not even leave the host: it has been unanswered for twice the
 * time-out, and the kernel, which repeats only what it could send, has repeated nothing. */
static inline bool could_not_be_sent(const struct socket_facts *socket)
{
	return socket->unacked_bytes > 0 && socket->send_window > 0 && socket->rto_usec > 0 &&
	       socket->retransmit_timeouts == 0 && socket->idle_tx > 2 * (usec_t)socket->rto_usec;
}

/* True if the RST that came has an ACK: who sent it had the connection, and ended it. False where
 * its header was not seen. */
static inline bool reset_acknowledges(const struct socket_facts *socket)
{
	return socket->reset_ttl && !socket->reset_without_ack;
}

/* Adds "NAME=COMM[PID]", or "NAME=COMM" where the PID is not known. */
void add_task(struct tokens *tokens, const char *name, const struct task *task);

/* Adds "sent_by=COMM[PID]" or "sent_by=kernel". */
void add_sender(struct tokens *tokens, const struct signal_facts *signal);

/* Adds what went unanswered before the kernel, or the agent, gave up. */
void describe_timeout(struct deliberation *on);

/* Adds "reset_ack=no" if who sent the RST did not know the connection. */
void describe_peers_reset(struct deliberation *on);

/* Adds the socket's own evidence, which is the same whichever rule decides. */
void describe_socket(struct deliberation *on);
