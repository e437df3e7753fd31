/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The host's lens: tracepoints that run for every connection of the host. It is attached only while
 * something needs it (probe_lens.c): processes that are watched by number, groups that are likely
 * to be made soon, connections that are older than we are. It leaves alone what a group's lens
 * holds.
 *
 * Whether a connection is watched is decided once, when its SYN goes out. Every other hook of a
 * socket looks for what was stored with it then, and is done if there is nothing. */
#pragma once

/* The connection of `sk`, unless a group's lens holds it; or NULL. */
static __always_inline struct connection *connection_of_host(struct sock *sk)
{
	struct connection *connection = connection_of(sk);

	return connection && connection->by_group ? NULL : connection;
}

/* connect(): the current task is its caller. An MPTCP socket is left to its subflows. */
static __always_inline void host_opens(struct news *news, struct sock *sk)
{
	__u32 agent, agent_of_caller;

	if (MEMBER(sk, sk_protocol) != IPPROTO_TCP)
		return;
	agent_of_caller = agent_of_current();
	agent = agent_of_caller ?: agent_of_other_group(socket_cgroup_id(sk));
	if (agent && !is_opening(connection_of(sk)))
		open_connection(news, sk, socket_cookie(sk), agent_of_caller, agent);
}

/* listen() and what ends it. An accepted socket begins as a copy of its listener, and leaves that
 * state, too. */
static __always_inline void follow_listener(struct sock *sk, int after)
{
	if (MEMBER(sk, sk_protocol) != IPPROTO_TCP)
		return;
	if (after == TCP_CLOSE)
		forget_listener(sk);
	else if (after == TCP_LISTEN && agent_of_current())
		note_listener(sk, bpf_get_current_pid_tgid() >> 32);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(socket_state, struct sock *sk, int before, int after)
{
	struct connection *connection;
	struct news news = {};

	if (after == TCP_LISTEN || before == TCP_LISTEN) {
		follow_listener(sk, after);
		return 0;
	}
	if (before == TCP_CLOSE && after == TCP_SYN_SENT) {
		host_opens(&news, sk);
	} else {
		connection = connection_of_host(sk);
		if (!connection)
			return 0;
		take_state(&news, connection, sk, before, after);
	}
	tell(&news, sk);
	return 0;
}

SEC("raw_tp/tcp_retransmit_skb")
int BPF_PROG(retransmitted, struct sock *sk)
{
	struct connection *connection = connection_of_host(sk);

	if (connection && take_retransmission(connection, sk))
		report(connection, sk, PROBE_RETRANSMIT);
	return 0;
}

/* A socket of a watched task that goes without ever having had a peer or a port: connect() failed
 * before its SYN, for want of a route, or was never called. A listener has a port; what had a
 * connection once, and forgot it in tcp_disconnect(), still has a sequence number. */
static __always_inline void find_unopened(struct news *news, struct sock *sk)
{
	struct connection *connection;
	struct tcp_sock *tcp;
	__u64 cookie;
	__u32 agent;

	if (state_of(sk) != TCP_CLOSE || MEMBER(sk, __sk_common.skc_dport))
		return;
	tcp = tcp_of(sk);
	if (!tcp || MEMBER(tcp, inet_conn.icsk_inet.inet_sport) || MEMBER(tcp, write_seq))
		return;
	agent = agent_of_current();
	if (!agent)
		return;
	cookie = socket_cookie(sk);
	if (!first_to_see_unopened(cookie))
		return;
	connection = watch_connection(sk, cookie, agent);
	if (!connection)
		return;
	note_caller(connection, true);
	connection->ended_told = true;
	publish_connection(connection, agent);
	*news = (struct news){ connection, PROBE_NEVER_OPENED, CHANGE(TCP_CLOSE, TCP_CLOSE) };
}

/* The kernel passes a tracepoint's program over where it would interrupt itself on the same
 * processor, and some hosts run none for tasks of their own. By now sk_err may have been read and
 * sk_shutdown is that of close(): how it ended is lost, that it ended is not. */
static __always_inline void find_vanished(struct news *news, struct sock *sk)
{
	struct connection *connection = news->connection;

	if (connection->ended_told || !connection->agent || state_of(sk) != TCP_CLOSE)
		return;
	connection->ended_told = true;
	news->type = PROBE_VANISHED;
	news->change = CHANGE(TCP_CLOSE, TCP_CLOSE);
}

SEC("raw_tp/tcp_destroy_sock")
int BPF_PROG(socket_destroyed, struct sock *sk)
{
	struct news news = { .connection = connection_of(sk) };

	if (news.connection)
		find_vanished(&news, sk);
	else
		find_unopened(&news, sk);
	tell(&news, sk);
	if (news.connection) {
		forget_session(news.connection);
		forget_connection(sk, news.connection);
	}
	return 0;
}

/* Set by probe_lens.c while a group loses its lens: its connections are the host's from now on. 0:
 * none does. */
__u64 leaving_group = 0;
/* The result of a run of the iterators: there is a connection that only the host's lens sees. */
bool host_is_needed = false;

/* The host's lens removes what is kept by address when the socket is destroyed, so it stays needed
 * after the end, too. */
static __always_inline void look_whose(struct connection *connection, struct sock *sk)
{
	if (!connection || !connection->agent || (have_kernel_types && connection->ended_told))
		return;
	if (leaving_group && socket_cgroup_id(sk) == leaving_group)
		connection->by_group = false;
	if (!connection->by_group)
		host_is_needed = true;
}

SEC("?iter/bpf_sk_storage_map")
int find_host_held(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;

	if (sk)
		look_whose(ctx->value, sk);
	return 0;
}
