/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verdict/ended_by.h"

#include <errno.h>

enum { SHUTDOWN_BOTH = 3 }; /* RCV_SHUTDOWN | SEND_SHUTDOWN, include/net/sock.h */

/* Whose FIN came first, by the state before CLOSE: where the event of that FIN was missed. */
static enum ended_by classify_finished(const struct socket_facts *facts)
{
	enum tcp_state state = facts->state_before;

	if (state == TCP_STATE_LAST_ACK || state == TCP_STATE_CLOSE_WAIT)
		return ENDED_BY_PEER_FIN;
	if (state == TCP_STATE_FIN_WAIT1 || state == TCP_STATE_FIN_WAIT2 ||
	    state == TCP_STATE_CLOSING)
		return ENDED_BY_LOCAL_FIN;
	return ENDED_BY_UNKNOWN;
}

/* sk_err is 0. Straight to CLOSE is a local choice: tcp_close() sends a RST instead of a FIN when
 * data is unread or SO_LINGER is 0; tcp_disconnect() always sends a RST, and leaves sk_shutdown
 * alone. */
static enum ended_by classify_without_error(const struct socket_facts *facts)
{
	if (facts->reset_reason == RESET_REASON_ABORT_ON_MEMORY)
		return ENDED_BY_OUT_OF_MEMORY;
	if (facts->state_before != TCP_STATE_ESTABLISHED &&
	    facts->state_before != TCP_STATE_CLOSE_WAIT)
		return classify_finished(facts);
	if (facts->unread_bytes > 0 || facts->linger_zero || facts->shutdown == 0)
		return ENDED_BY_LOCAL_RESET;
	return classify_finished(facts);
}

/* The keep-alive timer (tcp_keepalive_timer()) sends a RST before it closes, the retransmission
 * and zero-window timers do not. Kernels before 6.12 give no reason for the RST. It may also go
 * unseen, among the RSTs of others; but no other timer ends a connection that has sent all and got
 * it acknowledged. */
static bool killed_by_keepalive_timer(const struct socket_facts *facts)
{
	if (facts->unacked_bytes == 0 && facts->keepalive && facts->probes > 0)
		return true;
	if (facts->reset_reason == RESET_REASON_KEEPALIVE_TIMEOUT)
		return true;
	return facts->reset_reason == RESET_REASON_NOT_SPECIFIED && facts->keepalive &&
	       facts->probes > 0 && facts->reset_state != TCP_STATE_CLOSE;
}

/* ETIMEDOUT on a connection that was up. Where TCP_USER_TIMEOUT is set, each of the timers obeys it
 * instead of its own count. */
static enum ended_by classify_timeout(const struct socket_facts *facts)
{
	bool retransmitting = facts->retransmit_timeouts > 0;
	bool probing = facts->probes > 0;

	if (killed_by_keepalive_timer(facts))
		return facts->user_timeout_msec ? ENDED_BY_USER_TIMEOUT
						: ENDED_BY_KEEPALIVE_TIMEOUT;
	if (facts->unacked_bytes == 0)
		return ENDED_BY_UNKNOWN;
	if (facts->user_timeout_msec)
		return ENDED_BY_USER_TIMEOUT;
	if (retransmitting)
		return ENDED_BY_RETRANSMIT_TIMEOUT;
	if (probing && facts->send_window == 0)
		return ENDED_BY_PROBE_TIMEOUT;
	/* Data that could not even leave the host is probed for, not retransmitted. */
	return probing ? ENDED_BY_RETRANSMIT_TIMEOUT : ENDED_BY_UNKNOWN;
}

/* tcp_reset() sets EPIPE in CLOSE_WAIT, ECONNRESET in any other state. It also runs without a RST
 * from the peer, when data arrives after our own close (sk_shutdown is 3 then). */
static enum ended_by classify_reset(const struct socket_facts *facts)
{
	if (!facts->reset_received)
		return ENDED_BY_UNKNOWN;
	return facts->shutdown == SHUTDOWN_BOTH ? ENDED_BY_LOCAL_FIN : ENDED_BY_PEER_RESET;
}

static enum ended_by classify_connecting(const struct socket_facts *facts)
{
	switch (facts->error) {
	case 0: /* closed or killed while it waited for an answer */
	case ETIMEDOUT:
		return ENDED_BY_CONNECT_TIMEOUT;
	case ECONNRESET:   /* a RST in the middle of a simultaneous open (RFC 9293, 3.5) */
	case ECONNREFUSED: /* also the errno of an ICMP port unreachable */
		return facts->reset_received ? ENDED_BY_CONNECT_REFUSED
					     : ENDED_BY_CONNECT_UNREACHABLE;
	case ECONNABORTED:
		return ENDED_BY_ABORTED;
	default:
		return ENDED_BY_CONNECT_UNREACHABLE;
	}
}

static enum ended_by classify_closed(const struct socket_facts *facts)
{
	switch (facts->error) {
	case 0:
		return classify_without_error(facts);
	case ECONNABORTED:
		return ENDED_BY_ABORTED;
	case ECONNRESET:
	case EPIPE:
		return classify_reset(facts);
	case ETIMEDOUT:
		return classify_timeout(facts);
	case ENOMEM:
	case ENOBUFS:
		return ENDED_BY_OUT_OF_MEMORY;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
	case ECONNREFUSED:
	case EACCES:
	case EPROTO:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		/* icmp_err_convert[] in net/ipv4/icmp.c and its IPv6 counterpart. With IP_RECVERR
		 * an error stays in sk_err until somebody reads it, and ends nothing: our own close
		 * does (sk_shutdown is 3 then, and 0 where the kernel gave up). */
		if (facts->shutdown == SHUTDOWN_BOTH)
			return classify_without_error(facts);
		return ENDED_BY_UNREACHABLE;
	default:
		return ENDED_BY_UNKNOWN;
	}
}

/* sk_err of a socket that is destroyed: nobody has read it since the end. A pending ICMP error may
 * have been there before the end, so that it tells of a connection that was never up alone. */
static enum ended_by classify_kept_error(const struct socket_facts *facts)
{
	bool connecting = facts->state_before == TCP_STATE_SYN_SENT;

	switch (facts->error) {
	case ECONNABORTED:
		return ENDED_BY_ABORTED;
	case ETIMEDOUT:
		return connecting ? ENDED_BY_CONNECT_TIMEOUT : classify_timeout(facts);
	case EHOSTUNREACH:
	case ENETUNREACH:
		return connecting ? ENDED_BY_CONNECT_UNREACHABLE : ENDED_BY_UNKNOWN;
	default:
		return ENDED_BY_UNKNOWN;
	}
}

/* Classifies an end by two looks, one before it and one after it (socket_look.h), or by what is
 * left when the socket is destroyed. A socket that was disconnected may have failed with an error
 * first, but hardly within the time between two looks. */
static enum ended_by classify_unobserved(const struct socket_facts *facts)
{
	bool connecting = facts->state_before == TCP_STATE_SYN_SENT;

	if (facts->time_wait)
		return ENDED_BY_LOCAL_FIN;
	if (facts->fin_received && facts->fin_sent && facts->unacked_bytes == 0)
		return ENDED_BY_PEER_FIN; /* it left LAST_ACK: no TIME_WAIT */
	if (facts->reset_received)
		return connecting ? ENDED_BY_CONNECT_REFUSED : ENDED_BY_PEER_RESET;
	if (facts->disconnected && !connecting)
		return ENDED_BY_LOCAL_RESET;
	return classify_kept_error(facts);
}

enum ended_by ended_by_classify(const struct socket_facts *facts)
{
	if (facts->state == TCP_STATE_CLOSE_WAIT)
		return ENDED_BY_PEER_FIN;
	if (facts->state == TCP_STATE_FIN_WAIT1)
		return ENDED_BY_LOCAL_FIN;
	if (facts->state != TCP_STATE_CLOSE)
		return ENDED_BY_UNKNOWN;
	if (facts->close_unobserved)
		return classify_unobserved(facts);
	if (facts->state_before == TCP_STATE_SYN_SENT || facts->state_before == TCP_STATE_SYN_RECV)
		return classify_connecting(facts);
	return classify_closed(facts);
}

bool ended_by_own_side(const struct socket_facts *facts)
{
	enum ended_by ended_by = ended_by_classify(facts);

	if (ended_by == ENDED_BY_LOCAL_FIN)
		return facts->state == TCP_STATE_FIN_WAIT1 || facts->close_unobserved;
	return ended_by == ENDED_BY_LOCAL_RESET ||
	       (ended_by == ENDED_BY_CONNECT_TIMEOUT && facts->error == 0);
}
