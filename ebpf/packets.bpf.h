/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The origin of a packet, from its headers. */
#pragma once

enum {
	/* RFC 9293, 3.1 */
	TCP_FLAGS = 13,
	TCP_RST = 1 << 2,
	TCP_ACK = 1 << 4,
	LOOPBACK_IFINDEX = 1, /* include/net/flow.h */
};

/* Remembers how far `packet` has come. */
static __always_inline void note_packet(struct connection *connection, struct __sk_buff *packet)
{
	__u8 ttl;
	const __u8 *tcp = tcp_header(packet, &ttl);

	if (!tcp)
		return;
	if (tcp[TCP_FLAGS] & TCP_RST) {
		connection->reset_ttl = ttl;
		connection->reset_by_loopback = packet->ifindex == LOOPBACK_IFINDEX;
		connection->reset_without_ack = !(tcp[TCP_FLAGS] & TCP_ACK);
		return;
	}
	if (ttl > connection->flow_ttl_max)
		connection->flow_ttl_max = ttl;
	if (ttl < connection->flow_ttl_min || !connection->flow_ttl_min)
		connection->flow_ttl_min = ttl;
}
