/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The facts of a socket: the list of them, and struct socket_facts, which is made of it.
 *
 * The decoder, the mode sock-diag, traces and the journal record all read this list. A new fact is
 * a row here, and code only where a column says OWN. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "base/vocabulary.h"

/* FACT(kind, name, probe, sock_diag, journal, field)
 *
 * kind       what it is and how a trace writes it: a FLAG, a STATE, a REASON of a RST, a SPAN of
 *            time, or an unsigned number of 8 to 64 bits
 * name       of the member of struct socket_facts, and of the key in a trace
 * probe      where events/decode.c finds it in struct probe_connection:
 *              COPY      in the member of the same name
 *              NSEC      in the member NAME_nsec, in nanoseconds
 *              OWN       decode.c has code of its own for it
 *              NONE      nowhere, so it stays 0
 * sock_diag  where events/socket_look.c finds it in struct socket_look:
 *              COPY      in the member of the same name, which this list declares
 *              OWN       socket_look.c has code of its own for it
 *              NONE      nowhere, so it stays 0: the kernel does not show it
 * journal    when the record of a verdict holds it:
 *              ALWAYS    as the number in `field`
 *              IF_KNOWN  likewise, but left out where it is 0 (not known)
 *              OWN       record.c and parse.c have code of their own for it
 *              NONE      never, and there is no field */
/* clang-format off */
#define SOCKET_FACTS(FACT)                                                                         \
	/*   kind    name                 probe  sock_diag  journal   field */                     \
	/* The state before the event (in the mode sock-diag: at the last look), and after it. */  \
	FACT(STATE,  state_before,        COPY,  OWN,       OWN,      "CONNWATCH_TCP_STATE")       \
	FACT(STATE,  state,               COPY,  OWN,       NONE,     -)                           \
	/* sk_err and sk_err_soft, errnos. */                                                      \
	FACT(U16,    error,               COPY,  NONE,      OWN,      "ERRNO")                     \
	FACT(U16,    soft_error,          COPY,  NONE,      NONE,     -)                           \
	/* sk_shutdown: 1 the receive side, 2 the send side. */                                    \
	FACT(U8,     shutdown,            COPY,  NONE,      NONE,     -)                           \
	/* SOCK_DONE. In the mode sock-diag, false proves nothing. */                              \
	FACT(FLAG,   fin_received,        OWN,   OWN,       NONE,     -)                           \
	/* SOCK_DEAD: no file refers to the socket any more. */                                    \
	FACT(FLAG,   orphan,              OWN,   NONE,      NONE,     -)                           \
	/* SO_KEEPALIVE is on. */                                                                  \
	FACT(FLAG,   keepalive,           OWN,   NONE,      NONE,     -)                           \
	/* SO_LINGER is on, with a time of 0. */                                                   \
	FACT(FLAG,   linger_zero,         OWN,   NONE,      NONE,     -)                           \
	/* tcp_reset() ran; docs/CAUSES.md has the trap in it. In the mode sock-diag, false        \
	 * proves nothing. */                                                                      \
	FACT(FLAG,   reset_received,      OWN,   OWN,       NONE,     -)                           \
	/* The RST that our kernel sent up to the event: why, and in which state. */               \
	FACT(REASON, reset_reason,        COPY,  NONE,      NONE,     -)                           \
	FACT(STATE,  reset_state,         COPY,  NONE,      NONE,     -)                           \
	/* The lowest and the highest TTL or hop limit of what came, RSTs aside, and that of the   \
	 * last RST. 0: not known. */                                                              \
	FACT(U8,     flow_ttl_min,        COPY,  NONE,      NONE,     -)                           \
	FACT(U8,     flow_ttl_max,        COPY,  NONE,      NONE,     -)                           \
	FACT(U8,     reset_ttl,           COPY,  NONE,      NONE,     -)                           \
	/* That RST came by the loopback interface, and the peer is elsewhere: this host sent it    \
	 * in the peer's name. */                                                                  \
	FACT(FLAG,   reset_from_here,     OWN,   NONE,      NONE,     -)                           \
	/* That RST had no ACK: it answers a segment of ours, and who sent it had no such          \
	 * connection (RFC 9293, 3.10.7.1). Who ends a connection that it has sends ACK and RST. */ \
	FACT(FLAG,   reset_without_ack,   OWN,   NONE,      NONE,     -)                           \
	/* Since the SYN. 0: not known. */                                                         \
	FACT(SPAN,   age,                 OWN,   NONE,      IF_KNOWN, "CONNWATCH_AGE_USEC")        \
	/* Since the last segment with data came, and went; and since the last acknowledgment      \
	 * came, with data or without. */                                                          \
	FACT(SPAN,   idle_rx,             NSEC,  COPY,      ALWAYS,   "CONNWATCH_IDLE_RX_USEC")    \
	FACT(SPAN,   idle_tx,             NSEC,  COPY,      ALWAYS,   "CONNWATCH_IDLE_TX_USEC")    \
	FACT(SPAN,   idle_ack,            NSEC,  COPY,      ALWAYS,   "CONNWATCH_IDLE_ACK_USEC")   \
	/* Bytes of data; those sent again count again in bytes_sent. */                           \
	FACT(U64,    bytes_sent,          COPY,  COPY,      ALWAYS,   "CONNWATCH_BYTES_SENT")      \
	FACT(U64,    bytes_acked,         OWN,   OWN,       ALWAYS,   "CONNWATCH_BYTES_ACKED")     \
	FACT(U64,    bytes_received,      OWN,   OWN,       ALWAYS,   "CONNWATCH_BYTES_RECEIVED")  \
	/* Written and not yet acknowledged; received and not yet read, a FIN not counted. */      \
	FACT(U32,    unacked_bytes,       COPY,  OWN,       ALWAYS,   "CONNWATCH_UNACKED_BYTES")   \
	FACT(U32,    unread_bytes,        COPY,  OWN,       ALWAYS,   "CONNWATCH_UNREAD_BYTES")    \
	/* The receive window that the peer offered last. */                                       \
	FACT(U32,    send_window,         COPY,  COPY,      NONE,     -)                           \
	/* icsk_retransmits: time-outs in a row without an answer. */                              \
	FACT(U32,    retransmit_timeouts, COPY,  COPY,      NONE,     -)                           \
	/* Segments sent again, over the connection's life. */                                     \
	FACT(U32,    retransmits,         COPY,  COPY,      ALWAYS,   "CONNWATCH_RETRANSMITS")     \
	/* Keep-alive or zero-window probes in a row without an answer. */                         \
	FACT(U32,    probes,              COPY,  COPY,      ALWAYS,   "CONNWATCH_PROBES")          \
	/* TCP_USER_TIMEOUT; 0: not set. */                                                        \
	FACT(U32,    user_timeout_msec,   COPY,  NONE,      NONE,     -)                           \
	/* The smoothed round-trip time, and the retransmission time-out in force. */              \
	FACT(U32,    rtt_usec,            COPY,  COPY,      IF_KNOWN, "CONNWATCH_RTT_USEC")        \
	FACT(U32,    rto_usec,            COPY,  COPY,      NONE,     -)                           \
	/* Of the segment that timed out last: its size, and how much behind it the peer had got by   \
	 * then (selective acknowledgments). 0: none timed out. */                                 \
	FACT(U16,    lost_segment,        COPY,  NONE,      NONE,     -)                           \
	FACT(U16,    sacked_bytes,        COPY,  NONE,      NONE,     -)                           \
	/* How much is missing before what came last. 65535: or more. */                           \
	FACT(U16,    hole_bytes,          COPY,  NONE,      NONE,     -)                           \
	/* A segment came that was as large as we allow the peer to send. */                       \
	FACT(FLAG,   large_received,      OWN,   NONE,      NONE,     -)                           \
	/* What this host itself dropped of the connection's packets, by a rule or a filter, while  \
	 * that was looked at: since the first time-out of what waits, or since a failed attempt.   \
	 * sources/probe_drops.c counts them. Of what went out, only data, SYN and FIN. */          \
	FACT(FLAG,   drops_sought,        NONE,  NONE,      NONE,     -)                           \
	/* It was looked at since the SYN. */                                                      \
	FACT(FLAG,   sought_from_first,   NONE,  NONE,      NONE,     -)                           \
	/* Segments and probes, since then. */                                                     \
	FACT(U32,    sent_meanwhile,      NONE,  NONE,      NONE,     -)                           \
	FACT(U32,    dropped_out,         NONE,  NONE,      NONE,     -)                           \
	FACT(U32,    dropped_in,          NONE,  NONE,      NONE,     -)                           \
	/* enum drop_place, each bit that ever held. */                                            \
	FACT(U8,     dropped_by,          NONE,  NONE,      NONE,     -)                           \
	/* enum tracking; sources/flow_tracking.c asks. */                                         \
	FACT(U16,    tracking,            NONE,  NONE,      NONE,     -)                           \
	/* Only in the mode sock-diag, where nobody sees a socket close: two looks at it are       \
	 * compared (socket_look.h). close_unobserved marks the facts that come from there. */     \
	FACT(FLAG,   close_unobserved,    NONE,  OWN,       NONE,     -)                           \
	/* Our FIN went out. */                                                                    \
	FACT(FLAG,   fin_sent,            NONE,  OWN,       NONE,     -)                           \
	/* A TIME_WAIT took its place: our FIN came first, and was acknowledged. */                \
	FACT(FLAG,   time_wait,           NONE,  OWN,       NONE,     -)                           \
	/* tcp_disconnect() ran: SO_LINGER 0, or connect(AF_UNSPEC). */                            \
	FACT(FLAG,   disconnected,        NONE,  OWN,       NONE,     -)                           \
	/* Nothing came from the peer since the look before. */                                    \
	FACT(FLAG,   unanswered,          NONE,  OWN,       NONE,     -)
/* clang-format on */

#define SOCKET_FACT_TYPE_FLAG   bool
#define SOCKET_FACT_TYPE_STATE  enum tcp_state
#define SOCKET_FACT_TYPE_REASON enum reset_reason
#define SOCKET_FACT_TYPE_SPAN   usec_t
#define SOCKET_FACT_TYPE_U8     uint8_t
#define SOCKET_FACT_TYPE_U16    uint16_t
#define SOCKET_FACT_TYPE_U32    uint32_t
#define SOCKET_FACT_TYPE_U64    uint64_t

/* A member as this list declares it. */
#define SOCKET_FACT_MEMBER(kind, name, probe, sock_diag, journal, field) \
	SOCKET_FACT_TYPE_##kind name;

/* The socket as the kernel had it at the event. Windows and counters as in struct tcp_sock. */
struct socket_facts {
	SOCKET_FACTS(SOCKET_FACT_MEMBER)
};
