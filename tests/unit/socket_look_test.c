/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two looks at a socket, and what happened between them. The numbers were measured on Linux
 * 6.18. */
#include "events/socket_look.h"

#include "suite.h"
#include "verdict/ended_by.h"

#define MSEC USEC_PER_MSEC

/* Open, after 5 bytes went out and 2 came, a second ago. */
static const struct socket_look open_look = {
	.state = TCP_STATE_ESTABLISHED,
	.counted = true,
	.peer.port = 8883,
	.segments_in = 3,
	.data_segments_in = 1,
	.bytes_sent = 5,
	.bytes_acked = 6,
	.bytes_received = 2,
	.idle_rx = 1000 * MSEC,
	.idle_tx = 1000 * MSEC,
	.idle_ack = 1000 * MSEC,
};

/* The last look, half a second later: what `news` counts came in between. */
static struct socket_look final_look(const struct socket_look *news)
{
	struct socket_look look = open_look;

	look.state = TCP_STATE_CLOSE;
	look.segments_in += news->segments_in;
	look.data_segments_in += news->data_segments_in;
	look.bytes_sent += news->bytes_sent;
	look.bytes_resent = news->bytes_resent;
	look.bytes_acked += news->bytes_acked;
	look.bytes_received += news->bytes_received;
	look.unacked = news->unacked;
	look.unsent = news->unsent;
	look.unread = news->unread;
	look.idle_rx = news->data_segments_in ? 0 : 1500 * MSEC;
	look.idle_tx = 1500 * MSEC;
	look.idle_ack = news->idle_ack ?: 1500 * MSEC;
	return look;
}

static const struct row {
	const char *what;
	struct socket_look news;
	bool time_wait;
	enum ended_by wanted;
	bool unanswered;
} rows[] = {
	{ "close(): FIN, its acknowledgment, TIME_WAIT",
	  { .segments_in = 1, .bytes_acked = 1, .idle_ack = 1 },
	  true,
	  ENDED_BY_LOCAL_FIN,
	  false },
	{ "the peer's FIN, then close(): both FINs are counted, no TIME_WAIT",
	  { .segments_in = 2, .bytes_acked = 1, .bytes_received = 1, .idle_ack = 1 },
	  false,
	  ENDED_BY_PEER_FIN,
	  false },
	{ "data and the peer's FIN: which byte is the FIN's?",
	  { .segments_in = 3,
	    .data_segments_in = 1,
	    .bytes_acked = 1,
	    .bytes_received = 5,
	    .idle_ack = 1 },
	  false,
	  ENDED_BY_UNKNOWN,
	  false },
	{ "our FIN was never acknowledged",
	  { .segments_in = 1, .bytes_received = 1, .unacked = 1 },
	  false,
	  ENDED_BY_UNKNOWN,
	  false },
	{ "a RST", { .segments_in = 1 }, false, ENDED_BY_PEER_RESET, false },
	{ "a RST that answers a write",
	  { .segments_in = 1, .bytes_sent = 10, .unacked = 10 },
	  false,
	  ENDED_BY_PEER_RESET,
	  false },
	{ "an acknowledgment, and then we do not know what",
	  { .segments_in = 1, .idle_ack = 300 * MSEC },
	  false,
	  ENDED_BY_UNKNOWN,
	  false },
	{ "a RST that answers our FIN",
	  { .segments_in = 1, .unacked = 1 },
	  false,
	  ENDED_BY_UNKNOWN,
	  false },
	{ "two segments: one of them may have been anything",
	  { .segments_in = 2 },
	  false,
	  ENDED_BY_UNKNOWN,
	  false },
	{ "nothing came: ss -K, or a reset of our own", { 0 }, false, ENDED_BY_UNKNOWN, true },
	{ "nothing came, and ten bytes were sent five times",
	  { .bytes_sent = 50, .bytes_resent = 40, .unacked = 10 },
	  false,
	  ENDED_BY_UNKNOWN,
	  true },
	{ "what is written and unsent may hide our FIN",
	  { .segments_in = 1, .unacked = 11, .unsent = 11 },
	  false,
	  ENDED_BY_UNKNOWN,
	  false },
};

static void ends_are_told_apart(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct socket_look final = final_look(&rows[i].news);
		struct socket_facts facts =
			socket_look_ended(&open_look, &final, rows[i].time_wait, 0);

		CHECK(ended_by_classify(&facts) == rows[i].wanted, rows[i].what);
		CHECK(facts.unanswered == rows[i].unanswered, rows[i].what);
		CHECK(facts.close_unobserved && facts.state == TCP_STATE_CLOSE, rows[i].what);
		CHECK(facts.state_before == TCP_STATE_ESTABLISHED, rows[i].what);
	}
}

static enum ended_by ended_by_between(const struct socket_look *last,
				      const struct socket_look *final)
{
	struct socket_facts facts = socket_look_ended(last, final, false, 0);

	return ended_by_classify(&facts);
}

/* SO_LINGER 0 as measured: the peer is gone, and so are the counters. */
static void disconnect_wipes_the_counters(void)
{
	static const struct socket_look final = {
		.state = TCP_STATE_CLOSE, .counted = true, .unacked = 65162, .unsent = 65162
	};
	struct socket_look last = open_look;

	CU_ASSERT_EQUAL(ended_by_between(&last, &final), ENDED_BY_LOCAL_RESET);
	last.subflow = true; /* MPTCP disconnects for itself */
	CU_ASSERT_EQUAL(ended_by_between(&last, &final), ENDED_BY_UNKNOWN);
	last = (struct socket_look){ .state = TCP_STATE_SYN_SENT, .counted = true };
	CU_ASSERT_EQUAL(ended_by_between(&last, &final), ENDED_BY_UNKNOWN);
}

static void a_reset_answers_the_syn(void)
{
	static const struct socket_look last = {
		.state = TCP_STATE_SYN_SENT, .counted = true, .peer.port = 8883, .unacked = 1
	};
	struct socket_look final = last;

	final.state = TCP_STATE_CLOSE;
	final.segments_in = 1;
	CU_ASSERT_EQUAL(ended_by_between(&last, &final), ENDED_BY_CONNECT_REFUSED);
}

/* Measured: five hours after the boot, the kernel shows five hours. */
static void idle_times_begin_with_the_handshake(void)
{
	static const struct socket_look last = { .state = TCP_STATE_SYN_SENT,
						 .counted = true,
						 .peer.port = 8883,
						 .unacked = 1,
						 .idle_rx = 5 * USEC_PER_HOUR,
						 .idle_tx = 5 * USEC_PER_HOUR,
						 .idle_ack = 5 * USEC_PER_HOUR };
	struct socket_look final = last;
	struct socket_facts facts = socket_look_facts(&last);

	CU_ASSERT(facts.idle_rx == 0 && facts.idle_tx == 0 && facts.idle_ack == 0);
	facts = socket_look_ended(&last, NULL, false, 500 * MSEC);
	CU_ASSERT(facts.idle_rx == 0 && facts.idle_tx == 0 && facts.idle_ack == 0);
	final.state = TCP_STATE_CLOSE;
	facts = socket_look_ended(&last, &final, false, 500 * MSEC);
	CU_ASSERT(facts.idle_rx == 0 && facts.idle_tx == 0 && facts.idle_ack == 0);
	final.bytes_acked = 1; /* it came up since */
	final.idle_rx = final.idle_tx = final.idle_ack = 100 * MSEC;
	facts = socket_look_ended(&last, &final, false, 500 * MSEC);
	CU_ASSERT(facts.idle_rx == 100 * MSEC && facts.idle_ack == 100 * MSEC);
}

/* The same counters as of a close() of ours whose TIME_WAIT is over. */
static void a_look_that_came_too_late_proves_nothing(void)
{
	static const struct socket_look news = {
		.segments_in = 2, .bytes_acked = 1, .bytes_received = 1, .idle_ack = 1
	};
	const struct socket_look final = final_look(&news);
	struct socket_facts facts = socket_look_ended(&open_look, &final, false, USEC_PER_MINUTE);

	CU_ASSERT_EQUAL(ended_by_classify(&facts), ENDED_BY_UNKNOWN);
}

static void an_old_kernel_counts_nothing(void)
{
	static const struct socket_look last = { .state = TCP_STATE_ESTABLISHED,
						 .peer.port = 8883 };
	static const struct socket_look final = { .state = TCP_STATE_CLOSE, .peer.port = 8883 };

	CU_ASSERT_EQUAL(ended_by_between(&last, &final), ENDED_BY_UNKNOWN);
}

static void an_end_without_a_last_look_is_unknown(void)
{
	struct socket_look last = open_look;
	struct socket_facts facts;

	last.retransmit_timeouts = 2;
	facts = socket_look_ended(&last, NULL, false, 500 * MSEC);
	CU_ASSERT_EQUAL(ended_by_classify(&facts), ENDED_BY_UNKNOWN);
	CU_ASSERT_EQUAL(facts.retransmit_timeouts, 2);
	CU_ASSERT_EQUAL(facts.idle_rx, 1500 * MSEC);
}

static void a_fin_is_no_data(void)
{
	static const struct socket_look news = {
		.segments_in = 2, .bytes_acked = 1, .bytes_received = 1, .unread = 1, .idle_ack = 1
	};
	const struct socket_look final = final_look(&news);
	struct socket_facts facts = socket_look_ended(&open_look, &final, false, 0);

	CU_ASSERT_EQUAL(facts.unread_bytes, 0);
	CU_ASSERT_EQUAL(facts.bytes_received, 2);
	CU_ASSERT_EQUAL(facts.bytes_acked, 5);
}

static void who_closed_first_shows_in_the_state(void)
{
	static const struct {
		enum tcp_state state;
		enum tcp_state wanted; /* NONE: it is open */
	} states[] = {
		{ TCP_STATE_ESTABLISHED, TCP_STATE_NONE },
		{ TCP_STATE_SYN_SENT, TCP_STATE_NONE },
		{ TCP_STATE_CLOSE_WAIT, TCP_STATE_CLOSE_WAIT },
		{ TCP_STATE_LAST_ACK, TCP_STATE_CLOSE_WAIT },
		{ TCP_STATE_FIN_WAIT1, TCP_STATE_FIN_WAIT1 },
		{ TCP_STATE_FIN_WAIT2, TCP_STATE_FIN_WAIT1 },
		{ TCP_STATE_CLOSING, TCP_STATE_FIN_WAIT1 },
		{ TCP_STATE_TIME_WAIT, TCP_STATE_FIN_WAIT1 },
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		const struct socket_look look = { .state = states[i].state };
		struct socket_facts facts = { 0 };
		bool closing = socket_look_closing(&look, &facts);

		CHECK(closing == (states[i].wanted != TCP_STATE_NONE),
		      tcp_state_to_string(look.state));
		CHECK(facts.state == states[i].wanted, tcp_state_to_string(look.state));
		CHECK(!closing || facts.close_unobserved, tcp_state_to_string(look.state));
	}
}

static void an_open_socket_is_as_it_is_shown(void)
{
	struct socket_look look = open_look;
	struct socket_facts facts;

	look.unread = 7;
	look.unacked = 9;
	look.probes = 1;
	facts = socket_look_facts(&look);
	CU_ASSERT_FALSE(facts.close_unobserved);
	CU_ASSERT_EQUAL(facts.unread_bytes, 7);
	CU_ASSERT_EQUAL(facts.unacked_bytes, 9);
	CU_ASSERT_EQUAL(facts.bytes_acked, 5);
	CU_ASSERT_EQUAL(facts.probes, 1);
	CU_ASSERT_EQUAL(facts.idle_tx, 1000 * MSEC);
}

/* The column `sock_diag` of SOCKET_FACTS. */
#define FILL_COPY(name) look.name = (typeof(look.name))++number;
#define FILL_OWN(name)
#define FILL_NONE(name)
#define FILL(kind, name, probe, sock_diag, journal, field) FILL_##sock_diag(name)
#define CHECK_COPY(name)                                   CHECK(facts.name == look.name, #name);
#define CHECK_OWN(name)
#define CHECK_NONE(name)                                         CHECK(facts.name == 0, #name);
#define CHECK_FACT(kind, name, probe, sock_diag, journal, field) CHECK_##sock_diag(name)

static void every_fact_of_the_list_is_taken(void)
{
	struct socket_look look = { .state = TCP_STATE_ESTABLISHED, .counted = true };
	struct socket_facts facts;
	unsigned number = 0;

	SOCKET_FACTS(FILL)
	facts = socket_look_facts(&look);
	SOCKET_FACTS(CHECK_FACT)
	CU_ASSERT(number > 0);
}

SUITE("socket look", { "ends are told apart", ends_are_told_apart },
      { "disconnect wipes the counters", disconnect_wipes_the_counters },
      { "a reset answers the SYN", a_reset_answers_the_syn },
      { "idle times begin with the handshake", idle_times_begin_with_the_handshake },
      { "a look that came too late proves nothing", a_look_that_came_too_late_proves_nothing },
      { "an old kernel counts nothing", an_old_kernel_counts_nothing },
      { "an end without a last look is unknown", an_end_without_a_last_look_is_unknown },
      { "a FIN is no data", a_fin_is_no_data },
      { "who closed first shows in the state", who_closed_first_shows_in_the_state },
      { "an open socket is as it is shown", an_open_socket_is_as_it_is_shown },
      { "every fact of the list is taken", every_fact_of_the_list_is_taken })
