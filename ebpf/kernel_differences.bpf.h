/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every difference between kernels that the probe knows of, and nothing else.
 *
 * Differences that show in a type are detected here, by CO-RE. Names (is there such a tracepoint,
 * such a helper?) are looked up by probe.c in the running kernel's BTF before the load, and the
 * result is one of the constants below: a branch on a false one is never verified. */
#pragma once

/* bpf_get_socket_cookie() for tracing programs, 5.12 (c5dbb89fc2ac). */
const volatile bool have_socket_cookie = false;
/* ---- the control group of a socket: one tagged word until 8520e224f547 (5.16) */

struct sock_cgroup_data___word {
	__u64 val;
} __attribute__((preserve_access_index));

static __always_inline __u64 socket_cgroup_id(struct sock *sk)
{
	struct sock_cgroup_data___word *word;
	__u64 value;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		return group_id(READ(sk, sk_cgrp_data.cgroup));
	word = (void *)__builtin_preserve_access_index(&sk->sk_cgrp_data);
	value = READ(word, val);
	if (value & 3) /* net_cls or net_prio data */
		return 0;
	return group_id((struct cgroup *)value);
}

/* ---- the socket of TCP in a socket */

/* NULL: it is none, or no full one. */
static __always_inline struct tcp_sock *tcp_of(struct sock *sk)
{
	if (have_kernel_types)
		return bpf_skc_to_tcp_sock(sk);
	switch (READ(sk, __sk_common.skc_state)) {
	case TCP_TIME_WAIT:
	case TCP_NEW_SYN_RECV:
		return NULL;
	}
	return READ(sk, sk_protocol) == IPPROTO_TCP ? (struct tcp_sock *)sk : NULL;
}

/* ---- the reason of a RST: since 5cb2cb3eb5a3 (6.10), renumbered and renamed until 6.12 */

enum sk_rst_reason {
	SK_RST_REASON_NOT_SPECIFIED,
};
enum sk_rst_reason___later {
	SK_RST_REASON_TCP_ABORT_ON_DATA___later,
	SK_RST_REASON_TCP_ABORT_ON_CLOSE___later,
	SK_RST_REASON_TCP_ABORT_ON_LINGER___later,
	SK_RST_REASON_TCP_ABORT_ON_MEMORY___later,
	SK_RST_REASON_TCP_STATE___later,
	SK_RST_REASON_TCP_KEEPALIVE_TIMEOUT___later,
	SK_RST_REASON_TCP_DISCONNECT_WITH_DATA___later,
};

#define IS_REASON(reason, name)                                                                    \
	(bpf_core_enum_value_exists(enum sk_rst_reason___later, SK_RST_REASON_##name##___later) && \
	 (reason) ==                                                                               \
		 bpf_core_enum_value(enum sk_rst_reason___later, SK_RST_REASON_##name##___later))

typedef void (*btf_trace_tcp_send_reset___reason)(void *, const struct sock *,
						  const struct sk_buff *, const enum sk_rst_reason);

/* The reason in the arguments of tcp_send_reset, in our numbers. */
static __always_inline enum probe_reset_reason reset_reason(const __u64 *arguments)
{
	__u64 reason;

	if (!bpf_core_type_exists(btf_trace_tcp_send_reset___reason))
		return PROBE_RESET_NOT_SPECIFIED;
	reason = (__u32)arguments[2];
	if (reason == SK_RST_REASON_NOT_SPECIFIED)
		return PROBE_RESET_NOT_SPECIFIED;
	if (IS_REASON(reason, TCP_ABORT_ON_DATA))
		return PROBE_RESET_ABORT_ON_DATA;
	if (IS_REASON(reason, TCP_ABORT_ON_CLOSE))
		return PROBE_RESET_ABORT_ON_CLOSE;
	if (IS_REASON(reason, TCP_ABORT_ON_LINGER))
		return PROBE_RESET_ABORT_ON_LINGER;
	if (IS_REASON(reason, TCP_ABORT_ON_MEMORY))
		return PROBE_RESET_ABORT_ON_MEMORY;
	if (IS_REASON(reason, TCP_STATE))
		return PROBE_RESET_STATE;
	if (IS_REASON(reason, TCP_KEEPALIVE_TIMEOUT))
		return PROBE_RESET_KEEPALIVE_TIMEOUT;
	if (IS_REASON(reason, TCP_DISCONNECT_WITH_DATA))
		return PROBE_RESET_DISCONNECT_WITH_DATA;
	return PROBE_RESET_OTHER;
}

/* ---- what we keep about a socket: in the socket, or by its address */

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
} connections SEC(".maps");

/* By address: it stays when the socket goes, until somebody removes it. The group's lens does so
 * with the last that it sees of the socket, the host's when the socket is destroyed, and
 * probe_lens.c looks for what remains. */
struct kept_connection {
	struct connection connection; /* first */
	__u64 socket_cookie;          /* 0: the socket had none by then */
	bool released;                /* close() was called before the end of the connection */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct kept_connection);
} connections_by_address SEC(".maps");

/* Another socket has that address by now. */
static __always_inline bool is_of_another(const struct kept_connection *kept, __u64 address)
{
	return kept->socket_cookie && kept->socket_cookie != cookie_at(address);
}

static __always_inline struct connection *connection_at(__u64 address)
{
	struct kept_connection *kept = bpf_map_lookup_elem(&connections_by_address, &address);

	return kept && !is_of_another(kept, address) ? &kept->connection : NULL;
}

static __always_inline struct connection *connection_of(struct sock *sk)
{
	if (have_kernel_types)
		return bpf_sk_storage_get(&connections, sk, NULL, 0);
	return connection_at((__u64)sk);
}

/* The connection of a socket as programs on control groups have it. */
static __always_inline struct connection *connection_of_packet(struct bpf_sock *sk)
{
	if (have_kernel_types)
		return bpf_sk_storage_get(&connections, sk, NULL, 0);
	return connection_at(address_of(sk));
}

static __always_inline struct connection *new_connection_at(__u64 address)
{
	static const struct kept_connection blank = {};
	struct kept_connection *kept;

	bpf_map_delete_elem(&mqtt_sessions_by_address, &address); /* of the one before */
	bpf_map_update_elem(&connections_by_address, &address, &blank, BPF_ANY);
	kept = bpf_map_lookup_elem(&connections_by_address, &address);
	if (!kept)
		return NULL;
	kept->socket_cookie = cookie_at(address);
	return &kept->connection;
}

/* A blank one; NULL if there is no memory for it. */
static __always_inline struct connection *new_connection(struct sock *sk)
{
	const struct connection blank = {};
	struct connection *connection;

	if (!have_kernel_types)
		return new_connection_at((__u64)sk);
	connection = bpf_sk_storage_get(&connections, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (connection)
		*connection = blank; /* the socket may have had an earlier connection */
	return connection;
}

/* The kernel has made the cookie. Of a connection that is kept by address alone. */
static __always_inline void note_socket_cookie(struct connection *connection, __u64 cookie)
{
	((struct kept_connection *)connection)->socket_cookie = cookie;
}

/* close() begins. Of a connection that is kept by address alone. */
static __always_inline void note_release(struct connection *connection)
{
	((struct kept_connection *)connection)->released = true;
}

/* Returns false with storage in the socket, where nobody needs to know. */
static __always_inline bool is_released(const struct connection *connection)
{
	return !have_kernel_types && ((const struct kept_connection *)connection)->released;
}

/* To be called when nothing more comes of `sk`. Storage in the socket goes with it. */
static __always_inline void forget_connection(struct sock *sk, const struct connection *connection)
{
	__u64 address = (__u64)sk;

	if (have_kernel_types)
		return;
	if (connection->inspected)
		bpf_map_delete_elem(&mqtt_sessions_by_address, &address);
	bpf_map_delete_elem(&connections_by_address, &address);
}

/* Sockets that were closed unopened, by their cookies, where nothing can be kept in them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, __u8);
} unopened_sockets SEC(".maps");

/* Two lenses may see the same socket go. Where it is kept in the socket that one has, returns true.
 */
static __always_inline bool first_to_see_unopened(__u64 cookie)
{
	const __u8 yes = 1;

	return have_kernel_types ||
	       bpf_map_update_elem(&unopened_sockets, &cookie, &yes, BPF_NOEXIST) == 0;
}

/* SO_COOKIE of the socket. A kernel that lets us read but not make it gets a number of our own,
 * with the top bit set, for sockets that nobody has asked for theirs yet. */
static __always_inline __u64 socket_cookie(struct sock *sk)
{
	__u64 cookie;

	if (have_socket_cookie)
		return bpf_get_socket_cookie(sk);
	cookie = MEMBER(sk, __sk_common.skc_cookie.counter);
	return cookie ?: 1ULL << 63 | bpf_ktime_get_ns() << 8 | (bpf_get_smp_processor_id() & 0xff);
}
