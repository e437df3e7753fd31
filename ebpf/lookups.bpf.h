/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Name lookups: the questions and answers of DNS that pass a watched control group (RFC 1035).
 *
 * The programs read only a message's header of 12 bytes, and only these facts of it leave the
 * kernel: whether the message is an answer, and of which kind. No name is read. */
#pragma once

#include "ebpf/lookup_news.bpf.h"

enum {
	DNS_PORT = 53,
	/* RFC 1035, 4.1.1 */
	DNS_HEADER_SIZE = 12,
	DNS_FLAGS = 2,
	DNS_ANSWERS = 6,
	DNS_IS_ANSWER = 0x80,
	DNS_OPCODE = 0x78,
	DNS_IS_CUT = 0x02,
	DNS_RCODE = 0x0f,
	DNS_NO_ERROR = 0,
	DNS_NAME_ERROR = 3,
	DNS_REFUSED = 5,
	DNS_TCP_LENGTH_SIZE = 2, /* before each message; 4.2.2 */
	DNS_TCP_HEADER_END = DNS_TCP_LENGTH_SIZE + DNS_HEADER_SIZE,
	/* RFC 768 */
	UDP_HEADER_SIZE = 8,
	/* RFC 791, 3.1; RFC 8200, 3 */
	IPV4_PROTOCOL = 9,
	IPV4_SOURCE = 12,
	IPV4_DESTINATION = 16,
	IPV6_SOURCE = 8,
	IPV6_DESTINATION = 24,
};

/* The servers that an agent has asked last: answers of others are not for it. */
enum { LOOKUP_SERVERS = 4 };

struct lookup_server {
	__u8 address[16] __attribute__((aligned(8))); /* compared by eight bytes */
	__u16 family;
};

/* An agent's name servers, and its lookups that were reported already. */
struct lookups {
	struct lookup_server servers[LOOKUP_SERVERS];
	__u32 next_server;
	struct lookup_reports reports;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PROBE_AGENTS);
	__type(key, __u32);
	__type(value, struct lookups);
} lookups_of_agents SEC(".maps");

static __always_inline struct lookups *lookups_of(__u32 agent)
{
	static const struct lookups blank = {};
	struct lookups *lookups = bpf_map_lookup_elem(&lookups_of_agents, &agent);

	if (lookups)
		return lookups;
	bpf_map_update_elem(&lookups_of_agents, &agent, &blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&lookups_of_agents, &agent);
}

/* ---- the message in a packet */

/* Where a packet has what, and whose end is the server's. */
struct dns_packet {
	struct lookup_server server;
	__u32 header; /* offset of the DNS header; 0: it does not begin here */
	bool begun;   /* a part of what comes before the end of an answer's header is here */
};

/* Finds the far address, and returns the offset of what follows the IP header; 0: there is none,
 * or `*protocol` is not known. */
static __always_inline __u32 read_ip(struct __sk_buff *packet, bool sent,
				     struct lookup_server *server, __u8 *protocol)
{
	__u8 first;

	if (packet->protocol == bpf_htons(ETH_P_IP)) {
		server->family = AF_INET;
		if (bpf_skb_load_bytes(packet, 0, &first, 1) < 0 ||
		    bpf_skb_load_bytes(packet, IPV4_PROTOCOL, protocol, 1) < 0 ||
		    bpf_skb_load_bytes(packet, sent ? IPV4_DESTINATION : IPV4_SOURCE,
				       server->address, 4) < 0)
			return 0;
		return (first & 0xf) * 4;
	}
	server->family = AF_INET6;
	if (bpf_skb_load_bytes(packet, IPV6_NEXT_HEADER, protocol, 1) < 0 ||
	    bpf_skb_load_bytes(packet, sent ? IPV6_DESTINATION : IPV6_SOURCE, server->address, 16) <
		    0)
		return 0;
	return IPV6_HEADER_SIZE;
}

/* Over TCP, only a message at the beginning of a connection is found: elsewhere, a segment does not
 * tell where a message begins. Some servers send its length by itself. Segments come in any order,
 * and before the socket has taken the last one. */
static __always_inline void find_in_tcp(struct __sk_buff *packet, bool sent, __u32 tcp,
					struct dns_packet *dns)
{
	struct bpf_sock *sk = packet->sk; /* each read of it is checked for NULL */
	const struct bpf_tcp_sock *state = sk ? bpf_tcp_sock(sk) : NULL;
	__u32 data, position = 0; /* of the data, in what the server sends */
	__be32 sequence;
	__u8 offset;

	if (!state || (sent && state->bytes_acked > 1) ||
	    bpf_skb_load_bytes(packet, tcp + TCP_SEQUENCE, &sequence, sizeof(sequence)) < 0 ||
	    bpf_skb_load_bytes(packet, tcp + TCP_DATA_OFFSET, &offset, 1) < 0)
		return;
	data = tcp + (offset >> 4) * 4;
	if (!sent)
		position = (__u32)state->bytes_received + bpf_ntohl(sequence) - state->rcv_nxt;
	if (position <= DNS_TCP_LENGTH_SIZE)
		dns->header = data + DNS_TCP_LENGTH_SIZE - position;
	dns->begun = !sent && position < DNS_TCP_HEADER_END && packet->len > data;
}

static __always_inline bool has_header(const struct __sk_buff *packet, const struct dns_packet *dns)
{
	return dns->header && packet->len >= dns->header + DNS_HEADER_SIZE;
}

/* Returns false if the packet does not go to a name server or come from one. */
static __always_inline bool find_dns(struct __sk_buff *packet, bool sent, struct dns_packet *dns)
{
	__u32 port = bpf_ntohl(packet->remote_port), transport;
	__u8 protocol = 0;
	__be16 far_port;

	if (port != DNS_PORT && port != 0) /* 0: a UDP socket without connect() */
		return false;
	transport = read_ip(packet, sent, &dns->server, &protocol);
	if (!transport ||
	    bpf_skb_load_bytes(packet, transport + (sent ? 2 : 0), &far_port, 2) < 0 ||
	    far_port != bpf_htons(DNS_PORT))
		return false;
	if (protocol == IPPROTO_UDP)
		dns->header = transport + UDP_HEADER_SIZE;
	else if (protocol == IPPROTO_TCP)
		find_in_tcp(packet, sent, transport, dns);
	return dns->begun || has_header(packet, dns);
}

/* ---- what it says */

static __always_inline enum probe_lookup_answer answer_of(const __u8 *flags, __be16 answers)
{
	switch (flags[1] & DNS_RCODE) {
	case DNS_NO_ERROR:
		return answers ? PROBE_LOOKUP_FOUND : PROBE_LOOKUP_EMPTY;
	case DNS_NAME_ERROR:
		return PROBE_LOOKUP_NOT_FOUND;
	case DNS_REFUSED:
		return PROBE_LOOKUP_REFUSED;
	}
	return PROBE_LOOKUP_FAILED;
}

/* An answer that began is none of a silent server. Returns PROBE_LOOKUP_NONE if the message says
 * nothing: it is no standard query, goes the wrong way, or was cut and will be asked for again over
 * TCP. */
static __always_inline enum probe_lookup_answer read_dns(struct __sk_buff *packet, bool sent,
							 const struct dns_packet *dns)
{
	__u32 header = dns->header;
	__u8 flags[2];
	__be16 answers;
	bool is_answer;

	if (!has_header(packet, dns))
		return PROBE_LOOKUP_UNCLEAR;
	if (bpf_skb_load_bytes(packet, header + DNS_FLAGS, flags, 2) < 0 ||
	    bpf_skb_load_bytes(packet, header + DNS_ANSWERS, &answers, 2) < 0)
		return PROBE_LOOKUP_NONE;
	is_answer = flags[0] & DNS_IS_ANSWER;
	if (is_answer == sent || flags[0] & DNS_OPCODE)
		return PROBE_LOOKUP_NONE;
	if (sent)
		return PROBE_LOOKUP_ASKED;
	return flags[0] & DNS_IS_CUT ? PROBE_LOOKUP_NONE : answer_of(flags, answers);
}

/* ---- reporting */

static __always_inline bool is_server(const struct lookup_server *known,
				      const struct lookup_server *server)
{
	const __u64 *a = (const void *)known->address, *b = (const void *)server->address;

	return known->family == server->family && a[0] == b[0] && a[1] == b[1];
}

static __always_inline bool is_known_server(const struct lookups *lookups,
					    const struct lookup_server *server)
{
	for (__u32 i = 0; i < LOOKUP_SERVERS; i++)
		if (is_server(&lookups->servers[i], server))
			return true;
	return false;
}

static __always_inline void note_server(struct lookups *lookups, const struct lookup_server *server)
{
	if (!is_known_server(lookups, server))
		lookups->servers[lookups->next_server++ % LOOKUP_SERVERS] = *server;
}

static __always_inline void report_lookup(__u32 agent, const struct lookup_server *server,
					  enum probe_lookup_answer answer)
{
	struct probe_lookup *record = reserve_in_ring(sizeof(*record), PROBE_LOOKUP, agent);

	if (!record) {
		count_lost(agent);
		return;
	}
	__builtin_memcpy(record->server, server->address, sizeof(record->server));
	record->family = server->family;
	record->answer = answer;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
	submit_record(record);
}

static __always_inline void take_lookup(__u32 agent, const struct lookup_server *server,
					enum probe_lookup_answer answer)
{
	struct lookups *lookups = lookups_of(agent);

	if (!lookups)
		return;
	if (answer == PROBE_LOOKUP_ASKED)
		note_server(lookups, server);
	else if (!is_known_server(lookups, server))
		return;
	if (is_to_be_told(&lookups->reports, answer))
		report_lookup(agent, server, answer);
}

static __always_inline void look_for_lookup(struct __sk_buff *packet, bool sent)
{
	struct dns_packet dns = {};
	enum probe_lookup_answer answer;
	__u32 agent;

	if (!find_dns(packet, sent, &dns))
		return;
	answer = read_dns(packet, sent, &dns);
	if (answer == PROBE_LOOKUP_NONE)
		return;
	agent = agent_of_cgroup(bpf_skb_cgroup_id(packet));
	if (agent)
		take_lookup(agent, &dns.server, answer);
}
