/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The TLS of a connection: its beginning, and what a record tells of it. */
#pragma once

/* The handshake of TCP is done. Data that went with the SYN (RFC 7413) was not seen. */
static __always_inline void begin_tls(struct tls_follow *tls, struct sock *sk)
{
	const struct tls_follow blank = {};
	struct tcp_sock *tcp = tcp_of(sk);

	*tls = blank;
	if (!tcp)
		return;
	tls->sent.next = tls->sent.end = MEMBER(tcp, snd_una);
	tls->received.next = tls->received.end = MEMBER(tcp, rcv_nxt);
	if (MEMBER(tcp, write_seq) != tls->sent.end)
		tls->known.track = PROBE_TLS_LOST;
}

/* `sent` is one past the last byte of data that the agent wrote. */
static __always_inline void copy_tls(struct probe_tls *record, const struct connection *connection,
				     __u32 sent)
{
	const struct tls_follow *tls = &connection->tls;
	const union tls_known *known = &tls->known;
	__u64 age = tls->begun ? bpf_ktime_get_ns() - connection->opened_nsec : 0;

	record->track = known->track;
	record->flags = known->flags;
	record->alert_sent = known->sent.alert;
	record->alert_received = known->received.alert;
	record->answer = known->answer;
	if (known->sent.finished)
		record->flags |= PROBE_TLS_FINISHED;
	if (tls->sent.end != sent)
		record->flags |= PROBE_TLS_UNSENT;
	record->goodbye = known->goodbye;
	record->reserved[0] = record->reserved[1] = 0;
	record->sent_since = tls->done ? sent - tls->sent_by_then : 0;
	record->padding = 0;
	record->begun_nsec = tls->begun ? age - ((tls->begun - 1ULL) << TLS_TIME_SHIFT) : 0;
	record->took_nsec = tls->done ? (__u64)(tls->done - tls->begun) << TLS_TIME_SHIFT : 0;
}
