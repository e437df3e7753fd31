/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "events/socket_look.h"

/* The error of a difference of two idle times: each moves in ticks, of 10 ms at most
 * (CONFIG_HZ=100). */
#define TICKS (20 * USEC_PER_MSEC)

/* TCP_TIMEWAIT_LEN, include/net/tcp.h. A TIME_WAIT may be over after that: that none is there then
 * proves nothing. */
#define TIME_WAIT_LENGTH (1 * USEC_PER_MINUTE)

static bool peer_closed(enum tcp_state state)
{
	return state == TCP_STATE_CLOSE_WAIT || state == TCP_STATE_LAST_ACK;
}

/* In CLOSING both sides have sent a FIN, and ours went out before the peer's came. */
static bool we_closed(enum tcp_state state)
{
	return state == TCP_STATE_FIN_WAIT1 || state == TCP_STATE_FIN_WAIT2 ||
	       state == TCP_STATE_CLOSING || state == TCP_STATE_TIME_WAIT;
}

/* tcp_get_info() counts idle times from stamps that the handshake sets. Without them they are the
 * age of the kernel's clock of jiffies. */
static void clear_idle_times(struct socket_facts *facts)
{
	facts->idle_rx = 0;
	facts->idle_tx = 0;
	facts->idle_ack = 0;
}

/* The column `sock_diag` of SOCKET_FACTS. */
#define LOOK_COPY(name) .name = look->name,
#define LOOK_OWN(name)
#define LOOK_NONE(name)
#define TAKE_FACT(kind, name, probe, sock_diag, journal, field) LOOK_##sock_diag(name)

struct socket_facts socket_look_facts(const struct socket_look *look)
{
	bool fin = peer_closed(look->state) || look->state == TCP_STATE_CLOSING;
	uint64_t acked = look->bytes_acked ? look->bytes_acked - 1 : 0; /* the SYN */
	struct socket_facts facts = { SOCKET_FACTS(TAKE_FACT) };

	facts.state_before = look->state;
	facts.state = look->state;
	facts.fin_received = fin;
	facts.unread_bytes = look->unread - (fin && look->unread ? 1 : 0);
	facts.unacked_bytes = look->unacked;
	facts.bytes_acked = acked < look->bytes_sent ? acked : look->bytes_sent;
	facts.bytes_received = look->bytes_received - (fin && look->bytes_received ? 1 : 0);
	if (look->state == TCP_STATE_SYN_SENT)
		clear_idle_times(&facts);
	return facts;
}

bool socket_look_closing(const struct socket_look *look, struct socket_facts *facts)
{
	if (!peer_closed(look->state) && !we_closed(look->state))
		return false;
	*facts = socket_look_facts(look);
	facts->close_unobserved = true;
	facts->state_before = TCP_STATE_ESTABLISHED;
	facts->state = peer_closed(look->state) ? TCP_STATE_CLOSE_WAIT : TCP_STATE_FIN_WAIT1;
	return true;
}

/* ---- what happened between two looks */

enum answer { NO, YES, NOT_KNOWN };

/* Whether our FIN went out. Each sequence number that we used is acknowledged or unacknowledged;
 * one that is neither the SYN's nor of data is the FIN's. */
static enum answer sent_fin(const struct socket_look *look)
{
	uint64_t taken = look->bytes_acked + look->unacked;
	uint64_t others = 1 + look->bytes_sent - look->bytes_resent;

	if (look->unsent || taken < others || taken > others + 1)
		return NOT_KNOWN;
	return taken == others ? NO : YES;
}

/* Whether of all that has a sequence number only the peer's FIN came: the number advanced by one,
 * and no segment with data came. */
static bool only_fin_came(const struct socket_look *last, const struct socket_look *final)
{
	return final->data_segments_in == last->data_segments_in &&
	       final->bytes_received == last->bytes_received + 1;
}

/* Whether an acknowledgment came, where no data did. */
static bool ack_came(const struct socket_look *last, const struct socket_look *final)
{
	usec_t between = final->idle_rx - last->idle_rx; /* the time between the looks */

	if (last->state == TCP_STATE_SYN_SENT)
		return final->bytes_acked > 0;
	return final->idle_ack + TICKS < last->idle_ack + between;
}

/* Whether one segment came that can only be a RST: it brought no data, no FIN and no
 * acknowledgment. The kernel counts a RST (tcp_segs_in()) before it acts on it
 * (tcp_validate_incoming()). */
static bool only_reset_came(const struct socket_look *last, const struct socket_look *final)
{
	return final->segments_in == last->segments_in + 1 &&
	       final->data_segments_in == last->data_segments_in &&
	       final->bytes_received == last->bytes_received &&
	       final->bytes_acked == last->bytes_acked && !ack_came(last, final);
}

static void compare(const struct socket_look *last, const struct socket_look *final,
		    struct socket_facts *facts)
{
	enum answer fin = sent_fin(final);

	facts->fin_sent = fin == YES;
	facts->unanswered = fin == NO && final->segments_in == last->segments_in;
	facts->reset_received = fin == NO && only_reset_came(last, final);
	if (!only_fin_came(last, final))
		return;
	facts->fin_received = true;
	facts->bytes_received--;
	facts->unread_bytes -= facts->unread_bytes > 0;
}

static void grow_older(struct socket_facts *facts, usec_t by)
{
	facts->idle_rx += by;
	facts->idle_tx += by;
	facts->idle_ack += by;
}

struct socket_facts socket_look_ended(const struct socket_look *last,
				      const struct socket_look *final, bool time_wait, usec_t since)
{
	bool wiped = final && final->peer.port == 0;
	bool counted =
		final && !wiped && final->counted && last->counted && since < TIME_WAIT_LENGTH;
	struct socket_facts facts = socket_look_facts(counted ? final : last);

	if (counted)
		compare(last, final, &facts);
	else
		grow_older(&facts, since);
	if (last->state == TCP_STATE_SYN_SENT && !(counted && final->bytes_acked > 0))
		clear_idle_times(&facts);
	facts.close_unobserved = true;
	facts.state_before = last->state;
	facts.state = TCP_STATE_CLOSE;
	facts.time_wait = time_wait;
	facts.disconnected = wiped && !last->subflow;
	return facts;
}
