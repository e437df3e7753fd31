/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The origin of a packet, from its headers. */
#pragma once

enum {
	/* RFC 791, 3.1; RFC 8200, 3 */
	IPV4_TTL = 8,
	IPV6_HOP_LIMIT = 7,
	/* RFC 9293, 3.1 */
	TCP_FLAGS = 13,
	TCP_RST = 1 << 2,
};

/* Remembers how far `packet` has come. It begins with its IP header; the TCP header behind it is
 * in one piece with it, or tcp_v4_rcv() had not come this far. */
static __always_inline void note_packet(struct connection *connection, struct __sk_buff *packet)
{
	const __u8 *start = (void *)(long)packet->data, *end = (void *)(long)packet->data_end;
	const __u8 *tcp_flags;
	__u32 tcp = IPV6_HEADER_SIZE;
	__u8 ttl;

	if (start + IPV6_HEADER_SIZE > end)
		return;
	if (packet->protocol == bpf_htons(ETH_P_IP)) {
		tcp = (start[0] & 0xf) * 4;
		ttl = start[IPV4_TTL];
	} else {
		if (start[IPV6_NEXT_HEADER] != IPPROTO_TCP)
			return;
		ttl = start[IPV6_HOP_LIMIT];
	}
	tcp_flags = start + tcp + TCP_FLAGS;
	barrier_var(tcp_flags); /* the verifier wants the pointer read that was compared */
	if (tcp_flags + 1 > end)
		return;
	if (*tcp_flags & TCP_RST) {
		connection->reset_ttl = ttl;
		return;
	}
	if (ttl > connection->flow_ttl_max)
		connection->flow_ttl_max = ttl;
	if (ttl < connection->flow_ttl_min || !connection->flow_ttl_min)
		connection->flow_ttl_min = ttl;
}
