/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A look: a TCP socket at one moment, as sock_diag(7) shows it. In the mode sock-diag nobody sees a
 * socket close. The socket is looked at now and then, and once more when it is destroyed; the
 * difference of the kernel's counters often leaves only one thing that can have happened in
 * between. */
#pragma once

#include "events/event.h"

/* The column `sock_diag` of SOCKET_FACTS: what the kernel shows as it is. */
#define SOCKET_LOOK_COPY(kind, name) SOCKET_FACT_TYPE_##kind name;
#define SOCKET_LOOK_OWN(kind, name)
#define SOCKET_LOOK_NONE(kind, name)
#define SOCKET_LOOK_MEMBER(kind, name, probe, sock_diag, journal, field) \
	SOCKET_LOOK_##sock_diag(kind, name)

struct socket_look {
	uint64_t cookie;
	enum tcp_state state;
	struct endpoint local;
	struct endpoint peer; /* port 0: tcp_disconnect() ran and cleared the counters */
	uint32_t inode;       /* of the socket's file; 0: no file, or no longer */
	uint32_t unread;      /* sequence numbers received and not read, a FIN's included */
	uint32_t unacked;     /* sequence numbers written and not acknowledged, a FIN's included */
	bool subflow;         /* of MPTCP, which itself disconnects subflows that have ended */
	bool counted;         /* struct tcp_info was there; without it, all below is 0 */
	uint32_t segments_in;
	uint32_t data_segments_in;
	uint32_t unsent;         /* written, but not sent even once */
	uint64_t bytes_resent;   /* data */
	uint64_t bytes_acked;    /* sequence numbers, those of SYN and FIN included */
	uint64_t bytes_received; /* sequence numbers, that of the FIN included */
	SOCKET_FACTS(SOCKET_LOOK_MEMBER)
};

/* The facts of an open socket. Its age is not known. */
struct socket_facts socket_look_facts(const struct socket_look *look);

/* Returns true if the first FIN was sent or received, and then sets `*facts` to those of an
 * EVENT_CLOSING. Otherwise leaves `*facts` alone. */
bool socket_look_closing(const struct socket_look *look, struct socket_facts *facts);

/* The facts of an EVENT_ENDED. `last`: the last look at the open or closing socket. `final`: the
 * look at its destruction, NULL if there was none. `time_wait`: whether a TIME_WAIT of the
 * connection was seen after that. `since`: the time since `last`. */
struct socket_facts socket_look_ended(const struct socket_look *last,
				      const struct socket_look *final, bool time_wait,
				      usec_t since);
