/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of the TLS handshake of a connection, which tls.bpf.h follows. */
#pragma once

enum { TLS_HEADER_SIZE = 5 }; /* RFC 8446, 5.1 */

/* One direction. */
struct tls_stream {
	__u32 next; /* sequence number of the next byte of a header */
	__u32 end;  /* one past the last byte that went by */
	__u8 have;  /* bytes of the header that are there */
	__u8 header[TLS_HEADER_SIZE];
	bool begun;    /* a record went by */
	bool sealed;   /* ChangeCipherSpec went by: in TLS 1.2, the rest is encrypted */
	bool finished; /* its part of the handshake is over */
};

struct tls_follow {
	struct tls_stream sent, received;
	__u64 begun_nsec;   /* the ClientHello */
	__u64 done_nsec;    /* the handshake was over */
	__u32 sent_by_then; /* sequence number */
	__u8 track;         /* enum probe_tls_track */
	__u8 flags;         /* enum probe_tls_flag */
	__u8 alert_sent;
	__u8 alert_received;
	__u8 answer;  /* enum probe_tls_answer */
	__u8 goodbye; /* enum probe_tls_goodbye */
};
