/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The group's lens: programs on the control group of an agent, which run for sockets that were made
 * in there. The kernel calls them at the same places as the tracepoints of the host's lens, and for
 * nobody else. */
#pragma once

/* The socket that a program is called for; NULL: it is none of TCP. */
static __always_inline struct sock *socket_in_group(struct bpf_sock *sk)
{
	if (have_kernel_types)
		return (struct sock *)bpf_skc_to_tcp_sock(sk);
	return (struct sock *)address_of(sk);
}

/* Other programs may ask for more. */
#define WANTED_CALLS (BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG)

static __always_inline void want_calls(struct bpf_sock_ops *ctx)
{
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | WANTED_CALLS);
}

/* In tcp_connect(), right before the SYN; the current task is the caller of connect(). */
static __always_inline void group_opens(struct news *news, struct bpf_sock_ops *ctx,
					struct sock *sk)
{
	struct connection *connection = connection_of(sk);
	__u32 agent, its_agent; /* its: the caller's */

	if (MEMBER(sk, sk_protocol) != IPPROTO_TCP)
		return;
	if (!is_opening(connection)) {
		its_agent = agent_of_caller();
		agent = its_agent ?: agent_of_cgroup(socket_cgroup_id(sk));
		if (!agent)
			return;
		open_connection(news, sk, bpf_get_socket_cookie(ctx), its_agent, agent);
		connection = news->connection;
	}
	if (!connection)
		return;
	if (!have_kernel_types)
		note_socket_cookie(connection, bpf_get_socket_cookie(ctx));
	connection->by_group = true;
	barrier();
	/* the host's has been told to take all */
	if (leaving_group && leaving_group == socket_cgroup_id(sk))
		connection->by_group = false;
	want_calls(ctx);
}

/* After others had their turn at connect(), who may have asked for calls of their own in the place
 * of ours, not only beside them. */
static __always_inline void group_asks_again(struct bpf_sock_ops *ctx, struct sock *sk)
{
	struct connection *connection;

	if ((ctx->bpf_sock_ops_cb_flags & WANTED_CALLS) == WANTED_CALLS)
		return;
	connection = connection_of(sk);
	if (connection && connection->by_group && !connection->ended_told)
		want_calls(ctx);
}

static __always_inline void group_listens(struct bpf_sock_ops *ctx, struct sock *sk)
{
	if (!agent_of_caller())
		return;
	note_listener(sk, CURRENT(tgid));
	want_calls(ctx);
}

/* How many connections lost their calls, for probe.c. */
__u32 calls_lost = 0;

/* Another program on the group may have taken ours away for good: then the host's lens is to see
 * the connection. For each packet of it, from its SYN on. */
static __always_inline void check_calls(struct connection *connection, struct bpf_sock *sk)
{
	struct tcp_sock *tcp;

	if (!connection->by_group || connection->ended_told)
		return;
	tcp = (struct tcp_sock *)socket_in_group(sk);
	if (!tcp || MEMBER(tcp, bpf_sock_ops_cb_flags) & BPF_SOCK_OPS_STATE_CB_FLAG)
		return;
	connection->by_group = false;
	__sync_fetch_and_add(&calls_lost, 1);
	wake_reader();
}

static __always_inline bool is_closed_by_user(struct sock *sk)
{
	return MEMBER(sk, __sk_common.skc_flags) &
	       1UL << bpf_core_enum_value(enum sock_flags, SOCK_DEAD);
}

static __always_inline void group_changes(struct news *news, struct sock *sk, int before, int after)
{
	struct connection *connection;

	if (before == TCP_LISTEN) {
		forget_listener(sk);
		return;
	}
	connection = connection_of(sk);
	if (!connection || !connection->by_group)
		return;
	take_state(news, connection, sk, before, after);
}

static __always_inline void group_retransmits(struct news *news, struct sock *sk)
{
	struct connection *connection = connection_of(sk);

	if (connection && connection->by_group && take_retransmission(connection, sk))
		*news = (struct news){ connection, PROBE_RETRANSMIT,
				       CHANGE(state_of(sk), state_of(sk)) };
}

/* A system call is at work on it, close() for one. */
static __always_inline bool is_in_call(struct sock *sk)
{
	return bpf_core_field_exists(sk->sk_lock.owned) && READ(sk, sk_lock.owned);
}

/* After the end of the connection, nothing more is to be told of a closed socket, unless close() is
 * still at work on it: out of FIN_WAIT it may send a RST, for want of memory for orphans or because
 * none are wanted (TCP_LINGER2). In SYN_SENT, close() ends the connection before it has made the
 * socket an orphan. */
static __always_inline bool is_done_with(const struct connection *connection, struct sock *sk,
					 int before)
{
	if (!is_closed_by_user(sk))
		return is_released(connection) && before == TCP_SYN_SENT;
	return (before != TCP_FIN_WAIT1 && before != TCP_FIN_WAIT2) || !is_in_call(sk);
}

/* The end of the connection was told. */
static __always_inline void group_forgets(const struct connection *connection, struct sock *sk,
					  int before)
{
	if (is_closed_by_user(sk))
		forget_session(connection);
	if (!have_kernel_types && is_done_with(connection, sk, before))
		forget_connection(sk, connection);
}

enum { GO_ON = 1 };

SEC("?sockops")
int group_socket(struct bpf_sock_ops *ctx)
{
	struct news news = {};
	struct bpf_sock *called_for;
	struct sock *sk;

	switch (ctx->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_TIMEOUT_INIT: /* the next of a connect(), then the one when it is up */
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
	case BPF_SOCK_OPS_RETRANS_CB:
	case BPF_SOCK_OPS_STATE_CB:
		break;
	default:
		return GO_ON;
	}
	called_for = ctx->sk;
	if (!called_for)
		return GO_ON;
	sk = socket_in_group(called_for);
	if (!sk)
		return GO_ON;
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		group_opens(&news, ctx, sk);
	else if (ctx->op == BPF_SOCK_OPS_TCP_LISTEN_CB)
		group_listens(ctx, sk);
	else if (ctx->op == BPF_SOCK_OPS_RETRANS_CB)
		group_retransmits(&news, sk);
	else if (ctx->op != BPF_SOCK_OPS_STATE_CB)
		group_asks_again(ctx, sk);
	else
		group_changes(&news, sk, (int)ctx->args[0], (int)ctx->args[1]);
	if (tell(&news, sk) == PROBE_ENDED)
		group_forgets(news.connection, sk, (int)ctx->args[0]);
	return GO_ON;
}

static __always_inline __u32 task_netns(__u64 task)
{
	struct nsproxy *spaces = READ(TASK(task), nsproxy);
	struct net *net = READ(spaces, net_ns);

	return READ(net, ns.inum);
}

/* Fills in all but the header: of a socket without a peer, there is nothing but the closing task.
 */
static __always_inline void fill_released(struct probe_connection *record,
					  const struct connection *connection)
{
	__u64 task = bpf_get_current_task();

	__builtin_memset((char *)record + sizeof(record->header), 0,
			 sizeof(*record) - sizeof(record->header));
	copy_connection(record, connection);
	record->netns = task_netns(task);
	record->state_before = record->state = TCP_CLOSE;
	describe_current(&record->current, connection);
}

static __noinline int overflow_released(const struct connection *connection)
{
	struct overflow_key key;
	union record *draft;

	if (!connection)
		return 0;
	key = overflow_key_of(connection, PROBE_NEVER_OPENED);
	draft = begin_overflow(&key, sizeof(draft->connection), PROBE_NEVER_OPENED,
			       connection->agent);
	if (!draft) {
		count_lost(connection->agent);
		return 0;
	}
	fill_released(&draft->connection, connection);
	overflow_record(&key, draft, connection->agent);
	return 0;
}

static __always_inline void report_released(const struct connection *connection)
{
	struct probe_connection *record =
		reserve_in_ring(sizeof(*record), PROBE_NEVER_OPENED, connection->agent);

	if (!record) {
		overflow_released(connection);
		return;
	}
	fill_released(record, connection);
	submit_record(record);
}

/* A socket is closed that never had a peer: connect() failed before its SYN, for want of a route,
 * or was never called. */
static __always_inline void release_unopened(struct bpf_sock *ctx)
{
	__u64 task = bpf_get_current_task(), cookie;
	struct connection unkept = {}, *connection = &unkept;
	__u32 agent = agent_of_task(task);

	if (!agent)
		return;
	if (have_kernel_types)
		connection =
			bpf_sk_storage_get(&connections, ctx, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection) {
		count_lost(agent);
		return;
	}
	cookie = bpf_get_socket_cookie(ctx);
	if (!first_to_see_unopened(cookie))
		return;
	connection->cookie = cookie;
	note_owner(connection, task, true);
	connection->by_group = true;
	connection->ended_told = true;
	publish_connection(connection, agent);
	report_released(connection);
}

static __always_inline void release_ended(const struct connection *connection, struct bpf_sock *ctx)
{
	forget_session(connection);
	forget_connection((struct sock *)address_of(ctx), connection);
}

/* close(), before anything else of it. */
SEC("?cgroup/sock_release")
int group_release(struct bpf_sock *ctx)
{
	bool open = ctx->state != TCP_CLOSE;
	struct connection *connection;

	if (ctx->protocol != IPPROTO_TCP || (open && have_kernel_types))
		return GO_ON;
	connection = connection_of_packet(ctx);
	if (!connection && !open && !ctx->dst_port)
		release_unopened(ctx);
	else if (connection && open) /* kept by address */
		note_release(connection);
	else if (connection && connection->ended_told)
		release_ended(connection, ctx);
	return GO_ON;
}
