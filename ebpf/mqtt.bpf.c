/* Looks at the MQTT that the connections of some agents carry: at packets on their way in and out
 * of the agents' control groups, where it is plain, and at the agents' own libssl, where it is not.
 * What it learns lies in maps that it shares with the probe (mqtt_maps.bpf.h), and the probe
 * (probe.bpf.c) copies that into its records.
 *
 * An object of its own, loaded when the settings of an agent ask for it: no other agent pays. */
#include "ebpf/kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

/* Each of these builds on those before it. */
#include "ebpf/mqtt_maps.bpf.h"

#include "ebpf/mqtt_follow.bpf.h"

/* The macros name all arguments, and few programs need them. */
#pragma clang diagnostic ignored "-Wunused-parameter"

#include "ebpf/mqtt_tls.bpf.h"

char LICENSE[] SEC("license") = "GPL";

enum {
	/* RFC 791, 3.1; RFC 8200, 3 */
	IPV6_NEXT_HEADER = 6,
	IPV6_HEADER_SIZE = 40,
	/* RFC 9293, 3.1 */
	TCP_SEQUENCE = 4,
	TCP_DATA_OFFSET = 12,
};

/* Where the TCP header of `packet` begins, behind its IP header; 0: not known. */
static __always_inline __u32 tcp_header(struct __sk_buff *packet)
{
	__u8 first, next_header;

	if (packet->protocol == bpf_htons(ETH_P_IP))
		return bpf_skb_load_bytes(packet, 0, &first, 1) < 0 ? 0 : (first & 0xf) * 4;
	if (bpf_skb_load_bytes(packet, IPV6_NEXT_HEADER, &next_header, 1) < 0)
		return 0;
	return next_header == IPPROTO_TCP ? IPV6_HEADER_SIZE : 0;
}

/* The data of a segment. False: it has none. */
static __always_inline bool find_data(struct __sk_buff *packet, struct mqtt_chunk *chunk)
{
	__u32 header = tcp_header(packet);
	__be32 sequence;
	__u8 offset;

	if (!header || bpf_skb_load_bytes(packet, header + TCP_SEQUENCE, &sequence, 4) < 0 ||
	    bpf_skb_load_bytes(packet, header + TCP_DATA_OFFSET, &offset, 1) < 0)
		return false;
	chunk->packet = packet;
	chunk->offset = header + (offset >> 4) * 4;
	chunk->position = bpf_ntohl(sequence);
	chunk->length = packet->len - chunk->offset;
	return packet->len > chunk->offset;
}

static __always_inline void look_at(struct __sk_buff *packet, bool sent)
{
	struct mqtt_chunk chunk = {};
	struct mqtt_session *session;

	if (!packet->sk)
		return;
	session = bpf_sk_storage_get(&mqtt_sessions, packet->sk, NULL, 0);
	if (!session || session->state == MQTT_OTHER || session->state == MQTT_LOST)
		return;
	if (find_data(packet, &chunk))
		follow(session, sent, &chunk);
}

enum { PASS = 1 };

SEC("cgroup_skb/egress")
int mqtt_packet_sent(struct __sk_buff *packet)
{
	look_at(packet, true);
	return PASS;
}

SEC("cgroup_skb/ingress")
int mqtt_packet_received(struct __sk_buff *packet)
{
	look_at(packet, false);
	return PASS;
}
