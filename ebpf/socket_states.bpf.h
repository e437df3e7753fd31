/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rules for what happens to a connection, and for what is told of it. The two lenses
 * (host_lens.bpf.h, group_lens.bpf.h) see the same things at different hooks, and both call these.
 *
 * Each of these may be called twice for one happening: a socket is in two groups of agents that are
 * nested, or two daemons hand over. The second call does nothing. */
#pragma once

/* The process of `task` opened the connection, or has it open; `in_agent`: it belongs to the agent.
 */
static __always_inline void note_owner(struct connection *connection, __u64 task, bool in_agent)
{
	__u64 leader = leader_of(task);

	connection->owner_id = READ(TASK(task), tgid);
	connection->owner_pid = pid_of(task);
	connection->owner_start = READ(TASK(leader), start_boottime) / OWNER_TICK_NSEC;
	copy_comm(connection->owner_comm, leader);
	connection->owner_in_agent = in_agent;
}

/* The same for the current task, of which less is read by address. */
static __always_inline void note_caller(struct connection *connection, bool in_agent)
{
	bool is_first_namespace = pid_namespace == PROC_PID_INIT_INO;
	__u64 task = bpf_get_current_task();

	if (!have_current_task || CURRENT(pid) != CURRENT(tgid)) { /* not its own leader */
		note_owner(connection, task, in_agent);
		return;
	}
	connection->owner_id = CURRENT(tgid);
	connection->owner_pid = is_first_namespace ? connection->owner_id : pid_of(task);
	connection->owner_start = CURRENT(start_boottime) / OWNER_TICK_NSEC;
	copy_current_comm(connection->owner_comm);
	connection->owner_in_agent = in_agent;
}

/* Begins to watch `sk` for `agent`: note_owner() or note_caller() comes next, publish_connection()
 * when all is there. */
static __always_inline struct connection *watch_connection(struct sock *sk, __u64 cookie,
							   __u32 agent)
{
	struct connection *connection = new_connection(sk);

	if (!connection) {
		count_lost(agent);
		return NULL;
	}
	connection->cookie = cookie;
	connection->netns = socket_netns(sk);
	connection->tls.known.track = PROBE_TLS_LOST; /* until begin_tls() */
	return connection;
}

/* A sample may be looking on: the agent comes last. */
static __always_inline void publish_connection(struct connection *connection, __u32 agent)
{
	barrier();
	connection->agent = agent;
}

/* The longest time from one hook of a connect() to the next: both are in one system call. */
#define OPENING_NSEC 1000000000ULL

/* The other lens has told of this connect() already. A socket may have had an earlier connection.
 */
static __always_inline bool is_opening(const struct connection *connection)
{
	return connection && connection->agent && !connection->up_told && !connection->ended_told &&
	       connection->opened_nsec &&
	       bpf_ktime_get_ns() - connection->opened_nsec < OPENING_NSEC;
}

/* News of a connection, to be told by tell(). */
struct news {
	struct connection *connection; /* NULL: nothing */
	enum probe_record_type type;   /* 0: nothing */
	__u32 change;                  /* CHANGE() */
};

#define NO_NEWS ((enum probe_record_type)0)

/* The one call of these functions in a program. Returns the type of what was told. */
static __always_inline __u32 tell(const struct news *news, struct sock *sk)
{
	struct connection *connection = news->connection;
	__u32 type, change;

	if (!connection || news->type == NO_NEWS)
		return NO_NEWS;
	type = unknown(news->type);
	change = unknown(news->change);
	if (type == PROBE_OPENED || type == PROBE_ESTABLISHED)
		report_begun(connection, sk, change, type);
	else
		report_change(connection, sk, change, type);
	if (type == PROBE_ENDED)
		connection->ended_told = true; /* even if there was no room for the record */
	return type;
}

/* connect(), called by the current task. */
static __always_inline void open_connection(struct news *news, struct sock *sk, __u64 cookie,
					    bool in_agent, __u32 agent)
{
	struct connection *connection = watch_connection(sk, cookie, agent);

	if (!connection)
		return;
	note_caller(connection, in_agent);
	connection->opened_nsec = bpf_ktime_get_ns();
	connection->to_itself = leads_to_itself(connection, sk);
	publish_connection(connection, agent);
	*news = (struct news){ connection, PROBE_OPENED, CHANGE(TCP_CLOSE, TCP_SYN_SENT) };
}

static __always_inline enum probe_record_type come_up(struct connection *connection,
						      struct sock *sk)
{
	if (connection->up_told)
		return NO_NEWS;
	connection->up_told = true;
	connection->stalled = 0; /* of the SYN */
	begin_mqtt(connection, sk);
	begin_tls(&connection->tls, sk);
	return PROBE_ESTABLISHED;
}

static __always_inline enum probe_record_type close_connection(struct connection *connection,
							       int before)
{
	if (connection->closing_told || before != TCP_ESTABLISHED)
		return NO_NEWS;
	connection->closing_told = true;
	return PROBE_CLOSING;
}

/* The socket goes from one state to the next; see CHANGE(). */
static __always_inline void take_state(struct news *news, struct connection *connection,
				       struct sock *sk, int before, int after)
{
	enum probe_record_type type = NO_NEWS;

	if (after == TCP_ESTABLISHED)
		type = come_up(connection, sk);
	else if (after == TCP_FIN_WAIT1 || after == TCP_CLOSE_WAIT)
		type = close_connection(connection, before);
	else if (after == TCP_CLOSE && !connection->ended_told)
		type = PROBE_ENDED;
	*news = (struct news){ connection, type, CHANGE(before, after) };
}

/* Deeper than the tree of a queue of any size that a window allows. */
#define QUEUE_DEPTH 24

/* Returns how long the first segment is that is not acknowledged; 0: nothing is in flight. Before
 * it is sent again, several may still be one. */
static __always_inline __u16 first_unacked(struct sock *sk, struct tcp_sock *tcp)
{
	struct rb_node *first = READ(sk, tcp_rtx_queue.rb_node), *before;
	__u32 mss = MEMBER(tcp, mss_cache), length;
	struct sk_buff *buffer;

	if (!first)
		return 0;
	for (int i = 0; i < QUEUE_DEPTH; i++) {
		before = READ(first, rb_left);
		if (!before)
			break;
		first = before;
	}
	buffer = (void *)((char *)first - bpf_core_field_offset(struct sk_buff, rbnode));
	length = READ(buffer, len);
	return at_most_u16(length < mss ? length : mss);
}

/* Returns how much behind the first one the peer says that it has, in SACKED_UNIT, 255 at most. */
static __always_inline __u8 sacked_behind(struct tcp_sock *tcp)
{
	__u32 sum = 0;

	if (!MEMBER(tcp, sacked_out))
		return 0;
#pragma unroll
	for (int i = 0; i < SACKS_MOST; i++) {
		__u32 start = MEMBER(tcp, recv_sack_cache[i].start_seq);

		if ((__s32)(start - MEMBER(tcp, snd_una)) > 0)
			sum += MEMBER(tcp, recv_sack_cache[i].end_seq) - start;
	}
	sum = (sum + SACKED_UNIT - 1) / SACKED_UNIT;
	return sum < 0xff ? sum : 0xff;
}

/* A segment was sent again. Returns true if that is to be told: tail loss probes and fast
 * retransmissions send again, too, and only time-outs in a row count. */
static __always_inline bool take_retransmission(struct connection *connection, struct sock *sk)
{
	struct tcp_sock *tcp = tcp_of(sk);
	__u32 timeouts, acknowledged;

	if (!tcp)
		return false;
	timeouts = MEMBER(tcp, inet_conn.icsk_retransmits);
	acknowledged = MEMBER(tcp, snd_una);
	if (timeouts > 3) /* should the third have gone unseen */
		timeouts = 3;
	if (timeouts != 1 && timeouts != 3)
		return false;
	if (connection->stalled == timeouts && connection->stalled_at == acknowledged)
		return false;
	connection->stalled = timeouts;
	connection->stalled_at = acknowledged;
	connection->lost_segment = first_unacked(sk, tcp);
	connection->sacked = sacked_behind(tcp);
	return true;
}
