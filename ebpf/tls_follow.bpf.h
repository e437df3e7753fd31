/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of the TLS handshake of a connection, which tls.bpf.h follows. */
#pragma once

enum { TLS_HEADER_SIZE = 5 }; /* RFC 8446, 5.1 */

/* What the records of one direction have shown. */
struct tls_shown {
	__u8 have : 3;       /* bytes of the next header that are in `part` of its stream */
	__u8 begun : 1;      /* a record went by */
	__u8 sealed : 1;     /* ChangeCipherSpec went by: in TLS 1.2, the rest is encrypted */
	__u8 finished : 1;   /* its part of the handshake is over */
	__u8 certified : 1;  /* its certificate went by in plain text */
	__u8 certifying : 1; /* it may be in the record that went by last */
	__u8 alert;          /* valid with its flag */
};

/* The next record is judged by this: a word, for functions of numbers alone. */
union tls_known {
	__u64 word;
	struct {
		struct tls_shown sent, received;
		union {
			__u32 both; /* directions have this in common */
			struct {
				__u8 track;   /* enum probe_tls_track */
				__u8 flags;   /* enum probe_tls_flag */
				__u8 answer;  /* enum probe_tls_answer */
				__u8 goodbye; /* enum probe_tls_goodbye */
			};
		};
	};
};

/* How far one direction has come. */
struct tls_stream {
	__u32 next; /* sequence number of the next byte of a header */
	__u32 end;  /* one past the last byte that went by */
	__u32 part; /* of a header that goes on in another segment: its first bytes, from the top,
		       or 0 */
};

/* Times are counted from the SYN, from 1, in units of 65 us: they reach three days. */
#define TLS_TIME_SHIFT 16

struct tls_follow {
	union tls_known known;
	struct tls_stream sent, received;
	__u32 begun;        /* when the ClientHello was sent; 0: none was */
	__u32 done;         /* when the handshake was over; 0: it is not */
	__u32 sent_by_then; /* sequence number */
};
