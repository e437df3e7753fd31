#include "ended_by.h"

#include <errno.h>

enum { SHUTDOWN_BOTH = 3 }; /* RCV_SHUTDOWN | SEND_SHUTDOWN, include/net/sock.h */

/* The state before CLOSE tells whose FIN came first, where the event of that FIN was missed. */
static enum ended_by classify_finished(const struct socket_facts *facts)
{
	switch (facts->state_before) {
	case TCP_STATE_LAST_ACK:
	case TCP_STATE_CLOSE_WAIT:
		return ENDED_BY_PEER_FIN;
	case TCP_STATE_FIN_WAIT1:
	case TCP_STATE_FIN_WAIT2:
	case TCP_STATE_CLOSING:
		return ENDED_BY_LOCAL_FIN;
	default:
		return ENDED_BY_UNKNOWN;
	}
}

/* sk_err 0 and straight to CLOSE: a local choice. tcp_close() resets instead of a FIN when data is
 * unread or SO_LINGER is 0; tcp_disconnect() always does, and leaves sk_shutdown alone. */
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
 * and zero-window timers do not. Kernels before 6.12 give no reason for the RST. */
static bool killed_by_keepalive_timer(const struct socket_facts *facts)
{
	if (facts->reset_reason == RESET_REASON_KEEPALIVE_TIMEOUT)
		return true;
	return facts->reset_reason == RESET_REASON_NOT_SPECIFIED && facts->keepalive &&
	       facts->probes > 0 && facts->reset_state != TCP_STATE_CLOSE;
}

/* ETIMEDOUT on a connection that was up. Wherever TCP_USER_TIMEOUT is set, each of the timers goes
 * by it instead of its own count. */
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

/* tcp_reset() makes it EPIPE in CLOSE_WAIT, ECONNRESET elsewhere. It also runs, without any RST
 * received, when data arrives after our own close (sk_shutdown is 3 then). */
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
	case ECONNREFUSED:
	case EACCES:
	case EPROTO:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		/* icmp_err_convert[] in net/ipv4/icmp.c and its IPv6 counterpart */
		return ENDED_BY_UNREACHABLE;
	default:
		return ENDED_BY_UNKNOWN;
	}
}

/* What the looks before and after leave as the only way. A socket that died of an error may also
 * have been disconnected, but within the time between two looks nobody does both. */
static enum ended_by classify_unseen(const struct socket_facts *facts)
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
	return ENDED_BY_UNKNOWN;
}

enum ended_by ended_by_classify(const struct socket_facts *facts)
{
	switch (facts->state) {
	case TCP_STATE_CLOSE_WAIT:
		return ENDED_BY_PEER_FIN;
	case TCP_STATE_FIN_WAIT1:
		return ENDED_BY_LOCAL_FIN;
	case TCP_STATE_CLOSE:
		break;
	default:
		return ENDED_BY_UNKNOWN;
	}
	if (facts->unseen)
		return classify_unseen(facts);
	if (facts->state_before == TCP_STATE_SYN_SENT || facts->state_before == TCP_STATE_SYN_RECV)
		return classify_connecting(facts);
	return classify_closed(facts);
}

bool ended_by_own_side(const struct socket_facts *facts)
{
	switch (ended_by_classify(facts)) {
	case ENDED_BY_LOCAL_FIN:
		return facts->state == TCP_STATE_FIN_WAIT1 || facts->unseen;
	case ENDED_BY_LOCAL_RESET:
		return true;
	case ENDED_BY_CONNECT_TIMEOUT:
		return facts->error == 0;
	default:
		return false;
	}
}
