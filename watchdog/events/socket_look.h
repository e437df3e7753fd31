/* What sock_diag(7) shows of a TCP socket at one moment, and what two looks tell of the time
 * between them. Nobody sees a socket close in the mode sock-diag: it is looked at once in a while,
 * and once more when it is destroyed. But the kernel's counters leave little room for what may have
 * happened in between. */
#pragma once

#include "event.h"

struct socket_look {
	uint64_t cookie;
	enum tcp_state state;
	struct endpoint local;
	struct endpoint peer; /* port 0: tcp_disconnect() ran, and the counters are gone */
	uint32_t inode;       /* of its file; 0: it has none, or has it no more */
	uint32_t unread;      /* sequence numbers, that of a FIN included */
	uint32_t unacked;     /* likewise */
	bool subflow;         /* of MPTCP, which disconnects what has ended by itself */
	bool counted;         /* struct tcp_info came with it; all below is 0 without */
	uint32_t segments_in;
	uint32_t data_segments_in;
	uint32_t retransmit_timeouts; /* in a row */
	uint32_t retransmits;         /* in all */
	uint32_t probes;
	uint32_t send_window;
	uint32_t rtt_usec;
	uint32_t rto_usec;
	uint32_t unsent;         /* written, but not sent even once */
	uint64_t bytes_sent;     /* data, what was sent again included */
	uint64_t bytes_resent;   /* data */
	uint64_t bytes_acked;    /* sequence numbers, those of SYN and FIN included */
	uint64_t bytes_received; /* sequence numbers, that of the FIN included */
	usec_t idle_rx;
	usec_t idle_tx;
	usec_t idle_ack;
};

/* How an open socket stands. The age is not known. */
struct socket_facts socket_look_facts(const struct socket_look *look);

/* True if the first FIN is out or has come: `*facts` are those of an EVENT_CLOSING. */
bool socket_look_closing(const struct socket_look *look, struct socket_facts *facts);

/* The facts of an EVENT_ENDED: `last` is the last look while it was there; `final` the one at its
 * destruction, NULL if that did not come; `time_wait`: its TIME_WAIT was seen after that; `since`:
 * from `last` to now. */
struct socket_facts socket_look_ended(const struct socket_look *last,
				      const struct socket_look *final, bool time_wait,
				      usec_t since);
