#include "socket_look.h"

/* Idle times move in ticks, of 10 ms at most (CONFIG_HZ=100), and two of them are compared. */
#define TICKS (20 * USEC_PER_MSEC)

/* TCP_TIMEWAIT_LEN. After a longer time its absence proves nothing. */
#define TIME_WAIT_LENGTH (1 * USEC_PER_MINUTE)

static bool peer_closed(enum tcp_state state)
{
	return state == TCP_STATE_CLOSE_WAIT || state == TCP_STATE_LAST_ACK;
}

/* In CLOSING both have, but ours went out before the peer's came. */
static bool we_closed(enum tcp_state state)
{
	return state == TCP_STATE_FIN_WAIT1 || state == TCP_STATE_FIN_WAIT2 ||
	       state == TCP_STATE_CLOSING || state == TCP_STATE_TIME_WAIT;
}

struct socket_facts socket_look_facts(const struct socket_look *look)
{
	bool fin = peer_closed(look->state) || look->state == TCP_STATE_CLOSING;
	uint64_t acked = look->bytes_acked ? look->bytes_acked - 1 : 0; /* the SYN */

	return (struct socket_facts){
		.state_before = look->state,
		.state = look->state,
		.fin_received = fin,
		.unread_bytes = look->unread - (fin && look->unread ? 1 : 0),
		.unacked_bytes = look->unacked,
		.send_window = look->send_window,
		.retransmit_timeouts = look->retransmit_timeouts,
		.retransmits = look->retransmits,
		.probes = look->probes,
		.rtt_usec = look->rtt_usec,
		.rto_usec = look->rto_usec,
		.bytes_sent = look->bytes_sent,
		.bytes_acked = acked < look->bytes_sent ? acked : look->bytes_sent,
		.bytes_received = look->bytes_received - (fin && look->bytes_received ? 1 : 0),
		.idle_rx = look->idle_rx,
		.idle_tx = look->idle_tx,
		.idle_ack = look->idle_ack,
	};
}

bool socket_look_closing(const struct socket_look *look, struct socket_facts *facts)
{
	if (!peer_closed(look->state) && !we_closed(look->state))
		return false;
	*facts = socket_look_facts(look);
	facts->unseen = true;
	facts->state_before = TCP_STATE_ESTABLISHED;
	facts->state = peer_closed(look->state) ? TCP_STATE_CLOSE_WAIT : TCP_STATE_FIN_WAIT1;
	return true;
}

/* ---- between two looks */

enum answer { NO, YES, NOT_KNOWN };

/* Every sequence number that was taken is acknowledged or waits for that: those that are neither
 * the SYN's nor data's are the FIN's. */
static enum answer sent_fin(const struct socket_look *look)
{
	uint64_t taken = look->bytes_acked + look->unacked;
	uint64_t others = 1 + look->bytes_sent - look->bytes_resent;

	if (look->unsent || taken < others || taken > others + 1)
		return NOT_KNOWN;
	return taken == others ? NO : YES;
}

/* Segments without data, which took one sequence number: it was the FIN's. */
static bool only_fin_came(const struct socket_look *last, const struct socket_look *final)
{
	return final->data_segments_in == last->data_segments_in &&
	       final->bytes_received == last->bytes_received + 1;
}

static bool ack_came(const struct socket_look *last, const struct socket_look *final)
{
	usec_t between = final->idle_rx - last->idle_rx; /* as no data came */

	if (last->state == TCP_STATE_SYN_SENT)
		return final->bytes_acked > 0;
	return final->idle_ack + TICKS < last->idle_ack + between;
}

/* One segment, and neither data nor FIN nor acknowledgment: all that is left is a RST. The kernel
 * counts it (tcp_segs_in()) before it looks at it (tcp_validate_incoming()). */
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
	facts.unseen = true;
	facts.state_before = last->state;
	facts.state = TCP_STATE_CLOSE;
	facts.time_wait = time_wait;
	facts.disconnected = wiped && !last->subflow;
	return facts;
}
