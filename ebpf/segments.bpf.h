/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a packet's TCP header and data are. */
#pragma once

enum {
	/* RFC 8200, 3 */
	IPV6_NEXT_HEADER = 6,
	IPV6_HEADER_SIZE = 40,
	/* RFC 9293, 3.1 */
	TCP_SEQUENCE = 4,
	TCP_DATA_OFFSET = 12,
};

/* The data of a TCP segment. */
struct segment {
	struct __sk_buff *packet;
	__u32 offset;   /* in `packet` */
	__u32 position; /* sequence number of its first byte */
	__u32 length;
};

/* Returns where the TCP header of `packet` begins, behind its IP header; 0: not known, as behind
 * extension headers of IPv6. */
static __always_inline __u32 tcp_header(struct __sk_buff *packet)
{
	__u8 first, next_header;

	if (packet->protocol == bpf_htons(ETH_P_IP))
		return bpf_skb_load_bytes(packet, 0, &first, 1) < 0 ? 0 : (first & 0xf) * 4;
	if (bpf_skb_load_bytes(packet, IPV6_NEXT_HEADER, &next_header, 1) < 0)
		return 0;
	return next_header == IPPROTO_TCP ? IPV6_HEADER_SIZE : 0;
}

/* Returns false if the packet has no data, or its TCP header is not found. */
static __always_inline bool find_segment(struct __sk_buff *packet, struct segment *segment)
{
	__u32 header = tcp_header(packet);
	__be32 sequence;
	__u8 offset;

	if (!header || bpf_skb_load_bytes(packet, header + TCP_SEQUENCE, &sequence, 4) < 0 ||
	    bpf_skb_load_bytes(packet, header + TCP_DATA_OFFSET, &offset, 1) < 0)
		return false;
	segment->packet = packet;
	segment->offset = header + (offset >> 4) * 4;
	segment->position = bpf_ntohl(sequence);
	segment->length = packet->len - segment->offset;
	return packet->len > segment->offset;
}
