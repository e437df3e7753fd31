/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a packet's TCP header and data are. */
#pragma once

enum {
	/* RFC 791, 3.1; RFC 8200, 3 */
	IPV4_TTL = 8,
	IPV6_NEXT_HEADER = 6,
	IPV6_HOP_LIMIT = 7,
	IPV6_HEADER_SIZE = 40,
	/* RFC 9293, 3.1 */
	TCP_SEQUENCE = 4,
	TCP_DATA_OFFSET = 12,
	TCP_HEADER_LEAST = 20,
};

/* The data of a TCP segment. */
struct segment {
	struct __sk_buff *packet;
	__u32 offset;   /* in `packet` */
	__u32 position; /* sequence number of its first byte */
	__u32 length;
	/* where in `packet` the record of a handshake is that may have the certificate; 0: there is
	 * none */
	__u32 handshake, handshake_end;
};

/* Returns the TCP header of `packet`, TCP_HEADER_LEAST bytes that can be read; NULL: not known, as
 * behind extension headers of IPv6. The packet begins with its IP header; the TCP header is in one
 * piece with it, or tcp_v4_rcv() had not come this far, or our kernel had not sent it. `*ttl` is
 * how far it may still go. */
static __always_inline const __u8 *tcp_header(struct __sk_buff *packet, __u8 *ttl)
{
	const __u8 *start = (void *)(long)packet->data, *end = (void *)(long)packet->data_end;
	const __u8 *tcp;
	__u32 offset = IPV6_HEADER_SIZE;

	if (start + IPV6_HEADER_SIZE > end) /* no shorter than both headers of IPv4 */
		return NULL;
	if (packet->protocol == bpf_htons(ETH_P_IP)) {
		offset = (start[0] & 0xf) * 4;
		*ttl = start[IPV4_TTL];
	} else {
		if (start[IPV6_NEXT_HEADER] != IPPROTO_TCP)
			return NULL;
		*ttl = start[IPV6_HOP_LIMIT];
	}
	tcp = start + offset;
	barrier_var(tcp); /* the verifier wants the pointer read that was compared */
	return tcp + TCP_HEADER_LEAST > end ? NULL : tcp;
}

/* Returns false if the packet has no data, or its TCP header is not found. */
static __always_inline bool find_segment(struct __sk_buff *packet, struct segment *segment)
{
	__u8 ttl;
	const __u8 *tcp = tcp_header(packet, &ttl);
	__be32 sequence;

	if (!tcp)
		return false;
	__builtin_memcpy(&sequence, tcp + TCP_SEQUENCE, sizeof(sequence));
	segment->packet = packet;
	segment->offset =
		(__u32)(tcp - (const __u8 *)(long)packet->data) + (tcp[TCP_DATA_OFFSET] >> 4) * 4;
	segment->position = bpf_ntohl(sequence);
	segment->length = packet->len - segment->offset;
	return packet->len > segment->offset;
}
