/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the processes of agents listen, and so which of their connections lead to themselves. */
#pragma once

enum { LOOPBACK_NET = 127 }; /* RFC 1122, 3.2.1.3 */

/* Returns false if `sk` has no port: listen() without bind() gets one later. */
static __always_inline bool describe_listener(struct listener *listener, struct sock *sk)
{
	struct tcp_sock *tcp = tcp_of(sk);
	struct in6_addr local = {};
	__u16 family;

	if (!tcp)
		return false;
	family = MEMBER(sk, __sk_common.skc_family);
	if (family == AF_INET6)
		BPF_CORE_READ_INTO(&local, &sk->__sk_common, skc_v6_rcv_saddr);
	if (family == AF_INET || is_mapped(&local))
		local = (struct in6_addr){ .in6_u.u6_addr32[0] =
						   MEMBER(tcp, inet_conn.icsk_inet.inet_saddr) };
	__builtin_memcpy(listener->address, &local, sizeof(local));
	listener->netns = socket_netns(sk);
	listener->port = bpf_ntohs(MEMBER(tcp, inet_conn.icsk_inet.inet_sport));
	listener->reserved = 0;
	return listener->port != 0;
}

/* A socket of thread group `owner` listens. Where there is no room, the connections to it are taken
 * for connections to a hub. */
static __noinline int note_listener(struct sock *sk, __u32 owner)
{
	struct listener listener;

	somebody_listens = true;
	if (describe_listener(&listener, sk))
		bpf_map_update_elem(&listeners, &listener, &owner, BPF_ANY);
	return 0;
}

static __noinline int forget_listener(struct sock *sk)
{
	struct listener listener;

	if (somebody_listens && describe_listener(&listener, sk))
		bpf_map_delete_elem(&listeners, &listener);
	return 0;
}

static __always_inline bool is_to_this_host(const struct ends *ends)
{
	const __be32 *local = ends->local.in6_u.u6_addr32, *peer = ends->peer.in6_u.u6_addr32;

	if (ends->family == AF_INET)
		return *(const __u8 *)peer == LOOPBACK_NET || local[0] == peer[0];
	/* The source of a connection to ::1 is ::1. */
	return local[0] == peer[0] && local[1] == peer[1] && local[2] == peer[2] &&
	       local[3] == peer[3];
}

/* At the SYN: true if the owner listens at the other end. Event loops connect pairs of sockets in
 * this way to wake their threads: such a connection has no hub. */
static __noinline int leads_to_itself(const struct connection *connection, struct sock *sk)
{
	struct tcp_sock *tcp = tcp_of(sk);
	struct listener listener = {};
	struct ends ends = {};
	__u32 *owner;

	if (!somebody_listens || !connection || !tcp)
		return false;
	read_ends(&ends, tcp);
	if (!is_to_this_host(&ends))
		return false;
	__builtin_memcpy(listener.address, &ends.peer, sizeof(listener.address));
	listener.netns = connection->netns;
	listener.port = ends.peer_port;
	owner = bpf_map_lookup_elem(&listeners, &listener);
	if (!owner) {
		__builtin_memset(listener.address, 0, sizeof(listener.address));
		owner = bpf_map_lookup_elem(&listeners, &listener);
	}
	return owner && *owner == connection->owner_id;
}
