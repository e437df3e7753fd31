/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/rules_half_path.h"

#include <sys/socket.h>

#include "verdict/ended_by.h"
#include "verdict/tls_facts.h"

/* An agent that leaves an attempt to the other family after a moment (RFC 8305) has not waited for
 * an answer. So many in a row are a pattern. */
enum { SHORT_ATTEMPTS_SUSPECTED = 3 };

/* SYNs at 0, 1 and 3 s, or of two attempts in a row. */
enum { SYNS_REPEATED = 2, ATTEMPTS_IN_A_ROW = 2 };

/* ---- large packets vanish */

uint32_t lost_segment(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	if (!given->came_up || socket->unacked_bytes == 0)
		return 0;
	if (socket->probes > 0 && socket->retransmit_timeouts == 0)
		return 0;
	return socket->lost_segment && socket->lost_segment < socket->unacked_bytes
		       ? socket->lost_segment
		       : socket->unacked_bytes;
}

/* What is sent again left the host, and the peer had room for it. */
static bool times_out(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	return given->came_up && socket->unacked_bytes > 0 &&
	       socket->retransmit_timeouts >= TIMEOUTS_OF_SILENCE &&
	       socket->retransmits >= socket->retransmit_timeouts &&
	       socket->send_window >= lost_segment(given);
}

static bool large_segment_vanishes(const struct circumstances *given)
{
	return times_out(given) && given->socket->lost_segment > SMALL_SEGMENT;
}

/* What arrived behind it is less than one of its size. */
static bool small_one_arrived(const struct socket_facts *socket)
{
	return socket->sacked_bytes > 0 && socket->sacked_bytes < socket->lost_segment;
}

bool large_segment_is_missing(const struct circumstances *given)
{
	return given->came_up && given->socket->hole_bytes > SMALL_SEGMENT &&
	       !given->socket->large_received;
}

/* Loss that heals takes less time. */
static bool stays_missing(const struct circumstances *given)
{
	return large_segment_is_missing(given) && given->socket->idle_rx >= TLS_PATIENCE;
}

static enum ruling decide_mtu(struct deliberation *on)
{
	const struct socket_facts *socket = on->given->socket;

	if (large_segment_vanishes(on->given)) {
		tokens_add(evidence(on), "lost_segment_bytes=%u", socket->lost_segment);
		if (socket->sacked_bytes)
			tokens_add(evidence(on), "arrived_behind_bytes=%u", socket->sacked_bytes);
	} else {
		tokens_add(evidence(on), "missing_bytes=%u", socket->hole_bytes);
	}
	return nominate(on, CAUSE_PATH_MTU);
}

/* ---- one direction only */

static bool is_ended_by_peer(const struct socket_facts *socket)
{
	enum ended_by ended_by = ended_by_classify(socket);

	return ended_by == ENDED_BY_PEER_FIN || ended_by == ENDED_BY_PEER_RESET;
}

/* When anything came, but for the peer's end itself, which may have come when the path worked
 * again. */
static usec_t heard_ago(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	if (is_ended_by_peer(socket) || !socket->idle_ack)
		return socket->idle_rx;
	return socket->idle_ack < socket->idle_rx ? socket->idle_ack : socket->idle_rx;
}

static usec_t round_trip(const struct socket_facts *socket)
{
	return 2 * (usec_t)socket->rtt_usec;
}

/* Since the third-last retransmission: the waits between them double, and so does the time-out once
 * one is sent (RFC 6298, 5.5). The probe tells the third one in between. */
static usec_t three_retransmissions(const struct circumstances *given)
{
	usec_t rto = given->socket->rto_usec;

	return given->current || given->mode == MODE_SOCK_DIAG ? rto * 3 / 4 : rto * 3 / 2;
}

bool was_heard_between(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;
	usec_t heard = heard_ago(given);

	return times_out(given) && heard > socket->idle_tx + round_trip(socket) &&
	       heard < socket->idle_tx + three_retransmissions(given);
}

/* Heard since the last retransmission, which has not been answered. The path may have begun to work
 * again since. */
static bool is_heard(const struct circumstances *given)
{
	const struct socket_facts *socket = given->socket;

	return times_out(given) && heard_ago(given) <= socket->idle_tx &&
	       socket->idle_tx > round_trip(socket) && !is_ended_by_peer(socket);
}

static bool leads_one_way(const struct circumstances *given)
{
	return was_heard_between(given) || is_heard(given) ||
	       (times_out(given) && given->stalled == CAUSE_PATH_HALF);
}

static enum ruling decide_one_way(struct deliberation *on)
{
	tokens_add(evidence(on), "heard_before_msec=%llu",
		   (unsigned long long)(heard_ago(on->given) / USEC_PER_MSEC));
	return nominate(on, CAUSE_PATH_HALF);
}

enum ruling rule_half_path(struct deliberation *on)
{
	const struct circumstances *given = on->given;
	bool large = large_segment_vanishes(given);

	if (large && (small_one_arrived(given->socket) || leads_one_way(given) ||
		      given->stalled == CAUSE_PATH_MTU))
		return decide_mtu(on);
	if (stays_missing(given))
		return decide_mtu(on);
	if (!large && leads_one_way(given))
		return decide_one_way(on);
	return SILENT;
}

/* ---- one address family only */

static const char *family_words(bool is_ipv6)
{
	return is_ipv6 ? "ipv6" : "ipv4";
}

/* One unanswered attempt in a row is everyday life, unless the kernel asked for long. */
static bool is_pattern(const struct circumstances *given, const struct verdict *verdict)
{
	bool long_enough = given->socket->retransmits >= SYNS_REPEATED;

	if (verdict->ended_by == ENDED_BY_CONNECT_TIMEOUT && given->socket->error)
		return long_enough || given->way.unanswered >= ATTEMPTS_IN_A_ROW;
	return long_enough || given->way.unanswered >= SHORT_ATTEMPTS_SUSPECTED;
}

enum ruling rule_half_dual_stack(struct deliberation *on)
{
	const struct circumstances *given = on->given;

	if (given->came_up || on->verdict->ended_by != ENDED_BY_CONNECT_TIMEOUT ||
	    given->icmp_error_came)
		return SILENT;
	if (!given->way.other_came_up) /* hosts try IPv6 first (RFC 6724) */
		return given->way.is_ipv6 ? wait_unless_over(on) : SILENT;
	if (!is_pattern(given, on->verdict))
		return SILENT;
	tokens_add(evidence(on), "family=%s", family_words(given->way.is_ipv6));
	tokens_add(evidence(on), "came_up_meanwhile=%s", family_words(!given->way.is_ipv6));
	tokens_add(evidence(on), "attempts_unanswered=%u", given->way.unanswered);
	return nominate(on, CAUSE_PATH_HALF);
}
