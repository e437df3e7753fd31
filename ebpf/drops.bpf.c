/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts what this host itself drops of some connections: by a firewall's rule, by conntrack, by a
 * program on a control group, by a filter of tc. What else the kernel drops is no one's decision.
 *
 * An object of its own, loaded when a connection is first in trouble, and attached only while one
 * is: every packet that the host drops comes by here. Kernels before 5.18 do not say why they drop
 * (c504e5c2f964), only from where: there, it is netfilter's drops alone that can be told. */
#include "ebpf/kernel_types.h"

#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#include "ebpf/drops_record.h"
#include "ebpf/reads.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set by probe_drops.c before the load: inode of the network namespace that connwatch is in. On the
 * way of a container's packets, NAT and firewall are there. */
const volatile __u32 own_netns = 0;

/* Likewise: where the code is that drops what a rule refuses (nf_hook_slow()), for kernels that do
 * not say why. 0: they do. */
const volatile __u64 netfilter_begin = 0, netfilter_end = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DROP_FLOWS);
	__type(key, struct drop_flow);
	__type(value, struct drop_counts);
} flows SEC(".maps");

/* ---- kernel types that nothing else reads */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net_device {
	possible_net_t nd_net;
};

struct sk_buff___dropped {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _nfct; /* absent without conntrack */
	__u16 network_header;
	unsigned char *head;
};

#pragma clang attribute pop

/* The numbers differ between kernels. */
enum skb_drop_reason___any {
	SKB_DROP_REASON_NETFILTER_DROP___any,
	SKB_DROP_REASON_BPF_CGROUP_EGRESS___any,
	SKB_DROP_REASON_SOCKET_FILTER___any,
	SKB_DROP_REASON_TC_EGRESS___any,
	SKB_DROP_REASON_TC_INGRESS___any,
};

#define IS_DROP(reason, name)                                                                      \
	(bpf_core_enum_value_exists(enum skb_drop_reason___any, SKB_DROP_REASON_##name##___any) && \
	 (reason) ==                                                                               \
		 bpf_core_enum_value(enum skb_drop_reason___any, SKB_DROP_REASON_##name##___any))

/* 0: nobody decided so. SOCKET_FILTER includes a group's programs for what comes in. */
static __always_inline __u32 dropped_by(__u32 reason)
{
	if (IS_DROP(reason, NETFILTER_DROP))
		return DROPPED_BY_NETFILTER;
	if (IS_DROP(reason, BPF_CGROUP_EGRESS) || IS_DROP(reason, SOCKET_FILTER))
		return DROPPED_BY_CGROUP;
	if (IS_DROP(reason, TC_EGRESS) || IS_DROP(reason, TC_INGRESS))
		return DROPPED_BY_TC;
	return 0;
}

/* ---- the packet */

enum {
	/* RFC 791, 3.1; RFC 8200, 3; RFC 9293, 3.1 */
	IPV4_TOTAL_LENGTH = 2,
	IPV4_FRAGMENT = 6,
	IPV4_PROTOCOL = 9,
	IPV4_SOURCE = 12,
	IPV4_DESTINATION = 16,
	IPV6_PAYLOAD_LENGTH = 4,
	IPV6_NEXT_HEADER = 6,
	IPV6_SOURCE = 8,
	IPV6_DESTINATION = 24,
	IP_HEADER_SIZE = 40, /* of IPv6; IPv4 and TCP together have no less */
	TCP_DATA_OFFSET = 12,
	TCP_FLAGS = 13,
	TCP_HEADER_LEAST = 20,
	TCP_FIN = 1 << 0,
	TCP_SYN = 1 << 1,
	TCP_RST = 1 << 2,
};

struct packet {
	struct drop_flow flow; /* as if it went out */
	__u8 flags;            /* of TCP */
	bool has_data;
};

/* Returns false if it is no TCP, or is not to be found. */
static __always_inline bool read_packet(struct packet *packet, struct sk_buff___dropped *skb)
{
	const unsigned char *start = READ(skb, head) + READ(skb, network_header);
	__u8 ip[IP_HEADER_SIZE], tcp[TCP_HEADER_LEAST];
	__u32 header, length;

	if (bpf_probe_read_kernel(ip, sizeof(ip), start) < 0)
		return false;
	if (ip[0] >> 4 == 4) {
		if (ip[IPV4_PROTOCOL] != IPPROTO_TCP || ip[IPV4_FRAGMENT] & 0x1f ||
		    ip[IPV4_FRAGMENT + 1])
			return false;
		header = (ip[0] & 0xf) * 4;
		length = ip[IPV4_TOTAL_LENGTH] << 8 | ip[IPV4_TOTAL_LENGTH + 1];
		__builtin_memcpy(packet->flow.local, ip + IPV4_SOURCE, 4);
		__builtin_memcpy(packet->flow.peer, ip + IPV4_DESTINATION, 4);
	} else if (ip[0] >> 4 == 6 && ip[IPV6_NEXT_HEADER] == IPPROTO_TCP) {
		header = IP_HEADER_SIZE;
		length = header + (ip[IPV6_PAYLOAD_LENGTH] << 8 | ip[IPV6_PAYLOAD_LENGTH + 1]);
		__builtin_memcpy(packet->flow.local, ip + IPV6_SOURCE, 16);
		__builtin_memcpy(packet->flow.peer, ip + IPV6_DESTINATION, 16);
	} else {
		return false;
	}
	if (bpf_probe_read_kernel(tcp, sizeof(tcp), start + header) < 0)
		return false;
	packet->flow.local_port = tcp[0] << 8 | tcp[1];
	packet->flow.peer_port = tcp[2] << 8 | tcp[3];
	packet->flags = tcp[TCP_FLAGS];
	packet->has_data = length > header + (tcp[TCP_DATA_OFFSET] >> 4) * 4 ||
			   packet->flags & (TCP_SYN | TCP_FIN);
	return true;
}

static __always_inline void turn_round(struct drop_flow *flow)
{
	struct drop_flow there = *flow;

	__builtin_memcpy(flow->local, there.peer, sizeof(flow->local));
	__builtin_memcpy(flow->peer, there.local, sizeof(flow->peer));
	flow->local_port = there.peer_port;
	flow->peer_port = there.local_port;
}

/* The namespace it was dropped in. A segment that TCP sends has no device yet, and something else
 * stands in its place: the red-black tree that it waits in. */
static __always_inline __u64 netns_of(struct sk_buff___dropped *skb)
{
	struct sock *sk = READ(skb, sk);
	struct net_device *device;
	struct net *net;

	if (sk) {
		net = READ(sk, __sk_common.skc_net.net);
	} else {
		device = READ(skb, dev);
		net = READ(device, nd_net.net);
	}
	return READ(net, ns.inum);
}

enum {
	/* include/uapi/linux/netfilter/nf_conntrack_common.h, enum ip_conntrack_info */
	CT_ESTABLISHED = 0,
	CT_NEW = 2,
	CT_ESTABLISHED_REPLY = 3,
	CT_INFO_MASK = 7, /* include/net/netfilter/nf_conntrack.h: NFCT_INFOMASK */
};

/* Returns what conntrack knew of the packet, of enum drop_by; 0: nothing that tells. */
static __always_inline __u32 tracked_as(struct sk_buff___dropped *skb, __u8 flags)
{
	unsigned long entry = 0;

	if (bpf_core_field_exists(skb->_nfct))
		entry = READ(skb, _nfct);
	if (!(entry & ~(unsigned long)CT_INFO_MASK))
		return 0;
	entry &= CT_INFO_MASK;
	if (entry == CT_ESTABLISHED || entry == CT_ESTABLISHED_REPLY)
		return DROPPED_AS_KNOWN;
	return entry == CT_NEW && !(flags & TCP_SYN) ? DROPPED_AS_NEW : 0;
}

/* ---- what is looked for */

/* An entry for the attempt, if attempts to reach that peer are looked at. */
static __always_inline struct drop_counts *begin_attempt(const struct drop_flow *flow)
{
	struct drop_flow any = {};
	struct drop_counts *found, counts = { .from_first = true };

	__builtin_memcpy(any.peer, flow->peer, sizeof(any.peer));
	any.peer_port = flow->peer_port;
	found = bpf_map_lookup_elem(&flows, &any);
	if (!found)
		return NULL;
	counts.netns = found->netns;
	bpf_map_update_elem(&flows, flow, &counts, BPF_NOEXIST);
	return bpf_map_lookup_elem(&flows, flow);
}

/* Turns `packet->flow` round if it came in. */
static __always_inline struct drop_counts *find(struct packet *packet, bool *out)
{
	struct drop_counts *found = bpf_map_lookup_elem(&flows, &packet->flow);

	*out = true;
	if (!found && packet->flags == TCP_SYN)
		found = begin_attempt(&packet->flow);
	if (found)
		return found;
	*out = false;
	turn_round(&packet->flow);
	found = bpf_map_lookup_elem(&flows, &packet->flow);
	if (!found && packet->flags & TCP_SYN)
		found = begin_attempt(&packet->flow);
	return found;
}

enum { DROPPED, LOCATION, REASON }; /* the arguments of the tracepoint */

static __always_inline __u32 who_dropped(const __u64 *arguments)
{
	if (!netfilter_begin)
		return dropped_by(arguments[REASON]);
	return arguments[LOCATION] >= netfilter_begin && arguments[LOCATION] < netfilter_end
		       ? DROPPED_BY_NETFILTER
		       : 0;
}

SEC("raw_tp/kfree_skb")
int packet_dropped(const __u64 *arguments)
{
	struct sk_buff___dropped *skb = (void *)arguments[DROPPED];
	__u32 by = who_dropped(arguments);
	struct packet packet = {};
	struct drop_counts *found;
	__u64 netns;
	bool out;

	if (!by || !read_packet(&packet, skb))
		return 0;
	found = find(&packet, &out);
	if (!found)
		return 0;
	netns = netns_of(skb);
	if (netns != found->netns) {
		if (netns != own_netns) /* another host, for all that concerns us */
			return 0;
		by |= DROPPED_IN_HOST_NETNS;
	}
	found->by |= by | tracked_as(skb, packet.flags);
	if (!out)
		__sync_fetch_and_add(&found->in, 1);
	else if (packet.has_data)
		__sync_fetch_and_add(&found->out, 1);
	return 0;
}
