/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The snapshot of a socket that goes with every record about it. */
#pragma once

#define NSEC_PER_USEC 1000ULL
#define OPTIONS_MOST  40 /* bytes, in a segment (RFC 9293, 3.1) */

static __always_inline bool is_mapped(const struct in6_addr *address)
{
	const __be32 *words = address->in6_u.u6_addr32; /* RFC 4291, 2.5.5.2: ::ffff:a.b.c.d */

	return words[0] == 0 && words[1] == 0 && words[2] == bpf_htonl(0xffff);
}

struct ends {
	struct in6_addr local, peer; /* IPv4: the first 4 bytes */
	__u16 local_port, peer_port;
	__u16 family;
};

/* Fills in the two ends of `tcp`: nothing, if it has forgotten them. After its end, a socket does
 * so (tcp_disconnect()), the port of the peer first. */
static __always_inline void read_ends(struct ends *ends, struct tcp_sock *tcp)
{
	struct inet_sock *inet = &tcp->inet_conn.icsk_inet;
	struct sock_common *common = &inet->sk.__sk_common;

	if (!MEMBER(common, skc_dport))
		return;
	ends->local_port = bpf_ntohs(MEMBER(inet, inet_sport));
	ends->peer_port = bpf_ntohs(MEMBER(common, skc_dport));
	ends->family = MEMBER(common, skc_family);
	if (ends->family == AF_INET6) {
		BPF_CORE_READ_INTO(&ends->local, common, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&ends->peer, common, skc_v6_daddr);
	}
	if (ends->family == AF_INET || is_mapped(&ends->peer)) {
		ends->family = AF_INET;
		ends->local = (struct in6_addr){ .in6_u.u6_addr32[0] = MEMBER(inet, inet_saddr) };
		ends->peer = (struct in6_addr){ .in6_u.u6_addr32[0] = MEMBER(common, skc_daddr) };
	}
}

static __always_inline __u32 socket_netns(struct sock *sk)
{
	struct net *net = READ(sk, __sk_common.skc_net.net);

	return READ(net, ns.inum);
}

static __always_inline void copy_ends(struct probe_connection *record, struct tcp_sock *tcp)
{
	struct ends ends = {};

	read_ends(&ends, tcp);
	__builtin_memcpy(record->local_address, &ends.local, sizeof(ends.local));
	__builtin_memcpy(record->peer_address, &ends.peer, sizeof(ends.peer));
	record->local_port = ends.local_port;
	record->peer_port = ends.peer_port;
	record->family = ends.family;
}

/* Time from `stamp` to `now`, in jiffies as tcp_jiffies32 counts them; 0 if it was never set. */
static __always_inline __u64 nsec_since(__u32 stamp, __u32 now)
{
	__s32 elapsed = now - stamp;

	return stamp && elapsed > 0 ? (__u64)elapsed * tick_nsec : 0;
}

static __always_inline __u16 at_most_u16(__u32 value)
{
	return value < 0xffff ? value : 0xffff;
}

/* A segment of the peer's came that was as large as we allow it, but for what options take (RFC
 * 9293, 3.7.1). */
static __always_inline bool large_received(struct tcp_sock *tcp)
{
	return MEMBER(tcp, inet_conn.icsk_ack.rcv_mss) + OPTIONS_MOST >= MEMBER(tcp, advmss);
}

/* Returns how many bytes are missing before what came last. */
static __always_inline __u16 hole_bytes(struct tcp_sock *tcp)
{
	if (!MEMBER(tcp, rx_opt.num_sacks))
		return 0;
	return at_most_u16(MEMBER(tcp, selective_acks[0].start_seq) - MEMBER(tcp, rcv_nxt));
}

static __always_inline __u32 socket_flags(const struct connection *connection, struct sock *sk)
{
	unsigned long flags = MEMBER(sk, __sk_common.skc_flags);
	__u32 result = 0;

	if (flags & 1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE))
		result |= PROBE_SOCKET_FIN_RECEIVED;
	if (flags & 1UL << bpf_core_enum_value(enum sock_flags, SOCK_DEAD))
		result |= PROBE_SOCKET_ORPHAN;
	if (flags & 1UL << bpf_core_enum_value(enum sock_flags, SOCK_KEEPOPEN))
		result |= PROBE_SOCKET_KEEPALIVE;
	if (flags & 1UL << bpf_core_enum_value(enum sock_flags, SOCK_LINGER) &&
	    !MEMBER(sk, sk_lingertime))
		result |= PROBE_SOCKET_LINGER_ZERO;
	if (connection->reset_received)
		result |= PROBE_SOCKET_RESET_RECEIVED;
	if (connection->to_itself)
		result |= PROBE_SOCKET_TO_ITSELF;
	if (connection->reset_by_loopback)
		result |= PROBE_SOCKET_RESET_BY_LOOPBACK;
	if (connection->reset_without_ack)
		result |= PROBE_SOCKET_RESET_WITHOUT_ACK;
	return result;
}

/* The peer's FIN takes a sequence number but is no data (RFC 9293, 3.4). */
static __always_inline __u32 unread_bytes(struct tcp_sock *tcp, __u32 flags)
{
	__u32 unread = MEMBER(tcp, rcv_nxt) - MEMBER(tcp, copied_seq);

	return unread && flags & PROBE_SOCKET_FIN_RECEIVED ? unread - 1 : unread;
}

static __always_inline void copy_counters(struct probe_connection *record, struct tcp_sock *tcp)
{
	struct inet_connection_sock *inet = &tcp->inet_conn;
	__u32 now = bpf_jiffies64();

	record->bytes_sent = MEMBER(tcp, bytes_sent);
	record->bytes_acked = MEMBER(tcp, bytes_acked);
	record->bytes_received = MEMBER(tcp, bytes_received);
	record->idle_rx_nsec = nsec_since(MEMBER(inet, icsk_ack.lrcvtime), now);
	record->idle_tx_nsec = nsec_since(MEMBER(tcp, lsndtime), now);
	record->idle_ack_nsec = nsec_since(MEMBER(tcp, rcv_tstamp), now);
	record->hole_bytes = hole_bytes(tcp);
	if (large_received(tcp))
		record->flags |= PROBE_SOCKET_LARGE_RECEIVED;
	record->unread_bytes = unread_bytes(tcp, record->flags);
	record->unacked_bytes = MEMBER(tcp, write_seq) - MEMBER(tcp, snd_una);
	record->send_window = MEMBER(tcp, snd_wnd);
	record->retransmit_timeouts = MEMBER(inet, icsk_retransmits);
	record->retransmits = MEMBER(tcp, total_retrans);
	record->probes = MEMBER(inet, icsk_probes_out);
	record->user_timeout_msec = MEMBER(inet, icsk_user_timeout);
	record->rtt_usec = MEMBER(tcp, srtt_us) >> 3; /* kept as 8 times the mean */
	record->rto_usec = (__u64)MEMBER(inet, icsk_rto) * tick_nsec / NSEC_PER_USEC;
}

/* The record's owner, from what the connection keeps of it: whether it was exiting when it opened
 * the connection is not kept, because nobody asks. */
static __always_inline void copy_owner(struct probe_task *record,
				       const struct connection *connection)
{
	record->pid = connection->owner_pid;
	record->exit_code = 0;
	record->flags = connection->owner_in_agent ? PROBE_TASK_IN_AGENT : 0;
	__builtin_memcpy(record->comm, connection->owner_comm, sizeof(record->comm));
	record->reserved = 0;
	record->start_nsec = connection->owner_start * OWNER_TICK_NSEC;
}

static __always_inline void copy_connection(struct probe_connection *record,
					    const struct connection *connection)
{
	record->cookie = connection->cookie;
	record->opened_nsec = connection->opened_nsec;
	record->reset_reason = connection->reset_reason;
	record->reset_state = connection->reset_state;
	record->flow_ttl_min = connection->flow_ttl_min;
	record->flow_ttl_max = connection->flow_ttl_max;
	record->reset_ttl = connection->reset_ttl;
	record->lost_segment = connection->lost_segment;
	record->sacked_bytes = connection->sacked * SACKED_UNIT;
	copy_owner(&record->owner, connection);
}

/* All but the header, the states and the current task. */
static __always_inline void copy_socket(struct probe_connection *record,
					const struct connection *connection, struct sock *sk,
					struct tcp_sock *tcp)
{
	copy_connection(record, connection);
	copy_ends(record, tcp);
	record->netns = connection->netns;
	record->error = MEMBER(sk, sk_err);
	record->soft_error = MEMBER(sk, sk_err_soft);
	record->shutdown = MEMBER(sk, sk_shutdown);
	record->flags = socket_flags(connection, sk);
	copy_counters(record, tcp);
	copy_mqtt(&record->mqtt, connection, sk, tcp);
	copy_login(&record->login, connection, sk);
	copy_tls(&record->tls, connection, MEMBER(tcp, write_seq) - has_queued_fin(sk));
}

/* Who is on the processor: more often than not the owner, of whom most is known. */
static __always_inline void describe_current(struct probe_task *description,
					     const struct connection *connection)
{
	__u64 task = bpf_get_current_task();
	int id = (int)connection->owner_id;

	if (CURRENT(tgid) != id || CURRENT(pid) != id) {
		describe_task(description, task, agent_of_task(task) == connection->agent);
		return;
	}
	describe_exit(description, task, CURRENT(flags));
	description->pid = connection->owner_pid;
	if (connection->owner_in_agent)
		description->flags |= PROBE_TASK_IN_AGENT;
	copy_current_comm(description->comm);
	description->reserved = 0;
	description->start_nsec = CURRENT(start_boottime);
}

/* From one state to the next: the tracepoint of a change comes before the change, so the socket
 * itself has the old state still. */
#define CHANGE(before, after) ((__u32)(before) << 8 | (__u32)(after))

/* Fills in all but the header. */
static __noinline int fill_change(struct probe_connection *record, struct connection *connection,
				  struct sock *sk, __u32 change)
{
	struct tcp_sock *tcp = tcp_of(sk);

	if (!tcp || !record || !connection)
		return 0;
	copy_socket(record, connection, sk, tcp);
	record->state_before = change >> 8;
	record->state = change & 0xff;
	describe_current(&record->current, connection);
	return 0;
}

static __always_inline struct overflow_key overflow_key_of(const struct connection *connection,
							   enum probe_record_type type)
{
	return (struct overflow_key){
		.subject = connection->cookie,
		.detail = connection->opened_nsec << 8 | type,
	};
}

/* The record in the overflow. A sample that is taken meanwhile takes the connection as open until
 * the record of its end is there. */
static __noinline int overflow_change(struct connection *connection, struct sock *sk, __u32 change,
				      enum probe_record_type type)
{
	struct overflow_key key;
	union record *draft;

	if (!connection)
		return 0;
	key = overflow_key_of(connection, type);
	draft = begin_overflow(&key, sizeof(draft->connection), type, connection->agent);
	if (!draft) {
		count_lost(connection->agent);
		return 0;
	}
	fill_change(&draft->connection, connection, sk, change);
	if (overflow_record(&key, draft, connection->agent))
		connection->overflowed = true;
	return 0;
}

/* Writes a record of `type` about a socket that goes from one state to the next. What follows a
 * record in the overflow goes there, too, behind it. */
static __noinline int report_change(struct connection *connection, struct sock *sk, __u32 change,
				    enum probe_record_type type)
{
	struct probe_connection *record = NULL;

	if (!connection || !tcp_of(sk))
		return 0;
	if (!connection->overflowed)
		record = reserve_in_ring(sizeof(*record), type, connection->agent);
	if (!record)
		return overflow_change(connection, sk, change, type);
	if (type == PROBE_ENDED) /* its record has a place now, before the end of any sample */
		connection->ended_told = true;
	fill_change(record, connection, sk, change);
	submit_record(record);
	return 0;
}

static __always_inline int state_of(struct sock *sk)
{
	return MEMBER(sk, __sk_common.skc_state);
}

/* Writes a record of `type` about a socket that stays in its state. */
static __always_inline void report(struct connection *connection, struct sock *sk,
				   enum probe_record_type type)
{
	report_change(connection, sk, CHANGE(state_of(sk), state_of(sk)), type);
}

/* ---- a beginning */

/* Fills in all but the header. */
static __noinline int fill_begun(struct probe_begun *record, const struct connection *connection,
				 struct sock *sk, __u32 change)
{
	struct tcp_sock *tcp = tcp_of(sk);
	struct ends ends = {};

	if (!tcp || !record || !connection)
		return 0;
	read_ends(&ends, tcp);
	record->cookie = connection->cookie;
	record->opened_nsec = connection->opened_nsec;
	__builtin_memcpy(record->local_address, &ends.local, sizeof(ends.local));
	__builtin_memcpy(record->peer_address, &ends.peer, sizeof(ends.peer));
	record->local_port = ends.local_port;
	record->peer_port = ends.peer_port;
	record->family = ends.family;
	record->state_before = change >> 8;
	record->state = change & 0xff;
	record->netns = connection->netns;
	record->flags = connection->to_itself ? PROBE_SOCKET_TO_ITSELF : 0;
	record->flow_ttl_min = connection->flow_ttl_min;
	record->flow_ttl_max = connection->flow_ttl_max;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
	copy_owner(&record->owner, connection);
	return 0;
}

static __noinline int overflow_begun(struct connection *connection, struct sock *sk, __u32 change,
				     enum probe_record_type type)
{
	struct overflow_key key;
	union record *draft;

	if (!connection)
		return 0;
	key = overflow_key_of(connection, type);
	draft = begin_overflow(&key, sizeof(draft->begun), type, connection->agent);
	if (!draft) {
		count_lost(connection->agent);
		return 0;
	}
	fill_begun(&draft->begun, connection, sk, change);
	if (overflow_record(&key, draft, connection->agent))
		connection->overflowed = true;
	return 0;
}

/* Writes a record of a connection that goes from one state to the next on its way up. */
static __noinline int report_begun(struct connection *connection, struct sock *sk, __u32 change,
				   enum probe_record_type type)
{
	struct probe_begun *record = NULL;

	if (!connection)
		return 0;
	if (!connection->overflowed)
		record = reserve_in_ring(sizeof(*record), type, connection->agent);
	if (!record)
		return overflow_begun(connection, sk, change, type);
	fill_begun(record, connection, sk, change);
	submit_record(record);
	return 0;
}

/* ---- a RST of ours after the end */

/* Fills in all but the header. */
static __always_inline void fill_reset(struct probe_reset_sent *record,
				       const struct connection *connection)
{
	record->cookie = connection->cookie;
	record->opened_nsec = connection->opened_nsec;
	record->reset_reason = connection->reset_reason;
	record->reset_state = connection->reset_state;
	__builtin_memset(record->reserved, 0, sizeof(record->reserved));
}

/* The RST mostly goes out a moment after the end. While the record of the end waits in the
 * overflow, it can say that of itself. */
static __always_inline bool add_reset_to_end(const struct connection *connection)
{
	struct overflow_key key = overflow_key_of(connection, PROBE_ENDED);
	union record *end = bpf_map_lookup_elem(&overflow, &key);

	if (!end)
		return false;
	end->connection.reset_reason = connection->reset_reason;
	end->connection.reset_state = connection->reset_state;
	return true;
}

static __noinline int overflow_reset(struct connection *connection)
{
	struct overflow_key key;
	union record *draft;

	if (!connection || add_reset_to_end(connection))
		return 0;
	key = overflow_key_of(connection, PROBE_RESET_SENT);
	draft = begin_overflow(&key, sizeof(draft->reset), PROBE_RESET_SENT, connection->agent);
	if (!draft) {
		count_lost(connection->agent);
		return 0;
	}
	fill_reset(&draft->reset, connection);
	if (overflow_record(&key, draft, connection->agent))
		connection->overflowed = true;
	return 0;
}

static __always_inline void report_reset(struct connection *connection)
{
	struct probe_reset_sent *record = NULL;

	if (!connection->overflowed)
		record = reserve_in_ring(sizeof(*record), PROBE_RESET_SENT, connection->agent);
	if (!record) {
		overflow_reset(connection);
		return;
	}
	fill_reset(record, connection);
	submit_record(record);
}
