/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* MQTT over TLS: as the agent hands it to its own libssl, and takes it from there. Uprobes on
 * SSL_write(3), SSL_read(3), their _ex forms and SSL_free(3) tell what was written and read through
 * which SSL object. Which socket that belongs to, its reading tells: SSL_read() receives from the
 * socket itself; or, with a memory BIO, the thread has received just before. */
#pragma once

/* SSL objects that are in use, by process; the start time tells it from a later one of its number.
 */
struct tls_key {
	__u64 ssl;
	__u64 process_start;
	__u64 process;
};

struct tls_stream {
	struct tls_session tls; /* its socket: not known for sure yet */
	__u64 votes;            /* for that socket */
};

/* One that is pushed out begins anew, in the middle: no CONNECT, so no MQTT. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tls_key);
	__type(value, struct tls_stream);
} tls_streams SEC(".maps");

/* A call into libssl that is under way in a thread. */
struct tls_call {
	__u64 ssl;
	__u64 buffer;
	__u64 count_at; /* where an _ex form puts the number of bytes; 0: it is what the call
			   returns */
	__u64 mixed;    /* there were several sockets */
	struct mqtt_socket received_from; /* during the call */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct tls_call);
} tls_calls SEC(".maps");

/* The socket that a thread has received from last, until it reads from an SSL object. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct mqtt_socket);
} received_last SEC(".maps");

/* Taken from a socket while it was read: sure. Before that: sure if it is so twice. */
enum { VOTES_WANTED = 2 };

static __always_inline struct tls_key tls_key_of(__u64 ssl)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader = READ(task, group_leader);

	return (struct tls_key){
		.ssl = ssl,
		.process_start = READ(leader, start_time),
		.process = bpf_get_current_pid_tgid() >> 32,
	};
}

static __always_inline struct tls_stream *tls_stream_of(const struct tls_key *key)
{
	struct tls_stream *stream = bpf_map_lookup_elem(&tls_streams, key);
	struct tls_stream blank = { .tls.ssl = key->ssl };

	if (stream)
		return stream;
	blank.tls.session.token_wanted = inspect_of(agent_of_current()) == INSPECT_TOKEN;
	bpf_map_update_elem(&tls_streams, key, &blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tls_streams, key);
}

/* ---- calls */

/* A call inside another's, or one that was never seen to return: what that did is not known. */
static __always_inline void begin_call(__u64 ssl, __u64 buffer, __u64 count_at)
{
	const struct tls_call call = { .ssl = ssl, .buffer = buffer, .count_at = count_at };
	__u64 thread = bpf_get_current_pid_tgid();
	struct tls_call *unfinished = bpf_map_lookup_elem(&tls_calls, &thread);
	struct tls_key key = tls_key_of(unfinished ? unfinished->ssl : ssl);
	struct tls_stream *stream = tls_stream_of(&key);

	if (!stream)
		return;
	if (unfinished)
		lose_track(&stream->tls.session);
	if (bpf_map_update_elem(&tls_calls, &thread, &call, BPF_ANY) < 0)
		lose_track(&stream->tls.session);
}

/* How many bytes a call has written or read, from what it returns. */
static __always_inline __u32 bytes_done(const struct tls_call *call, int result)
{
	__u64 count = 0;

	if (!call->count_at)
		return result > 0 ? result : 0;
	if (result != 1 || bpf_probe_read_user(&count, sizeof(count), (void *)call->count_at) < 0)
		return 0;
	return count;
}

/* ---- which socket */

static __always_inline void vote(struct tls_stream *stream, const struct mqtt_socket *socket,
				 __u32 votes)
{
	struct mqtt_socket *before = &stream->tls.session.socket;

	if (before->cookie && before->cookie != socket->cookie)
		stream->tls.ambiguous = true;
	*before = *socket;
	if (stream->votes < VOTES_WANTED)
		stream->votes += votes;
}

static __always_inline void find_socket(struct tls_stream *stream, const struct tls_call *call,
					bool sent)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct mqtt_socket *before;

	if (call->mixed)
		stream->tls.ambiguous = true;
	if (call->received_from.cookie)
		vote(stream, &call->received_from, VOTES_WANTED);
	if (sent)
		return;
	before = bpf_map_lookup_elem(&received_last, &thread);
	if (!before)
		return;
	if (!call->received_from.cookie)
		vote(stream, before, 1);
	bpf_map_delete_elem(&received_last, &thread);
}

/* Two objects claim the socket: of a login that was told, the answer will not be seen. */
static __always_inline void give_up(struct tls_session *tls)
{
	tls->ambiguous = true;
	lose_track(&tls->session);
	tell_login(&tls->session, &tls->session.socket, PROBE_MQTT_TLS);
}

/* Tells the probe what it is to tell of the socket. */
static __always_inline void publish(struct tls_stream *stream)
{
	struct mqtt_session *session = &stream->tls.session;
	__u64 cookie = session->socket.cookie;
	struct tls_session *told;

	if (stream->votes < VOTES_WANTED || session->state == MQTT_OTHER)
		return;
	told = bpf_map_lookup_elem(&tls_sessions, &cookie);
	if (told && told->ssl != stream->tls.ssl) {
		give_up(told);
		return;
	}
	if (!stream->tls.ambiguous)
		tell_login(session, &session->socket, PROBE_MQTT_TLS);
	bpf_map_update_elem(&tls_sessions, &cookie, &stream->tls, BPF_ANY);
}

static __always_inline void end_call(int result, bool sent)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tls_call *found = bpf_map_lookup_elem(&tls_calls, &thread), call;
	struct mqtt_chunk chunk = {};
	struct tls_stream *stream;
	struct tls_key key;

	if (!found)
		return;
	call = *found;
	bpf_map_delete_elem(&tls_calls, &thread);
	key = tls_key_of(call.ssl);
	stream = tls_stream_of(&key);
	if (!stream)
		return;
	find_socket(stream, &call, sent);
	chunk.in_memory = 1;
	chunk.memory = (const __u8 *)call.buffer;
	chunk.position = sent ? stream->tls.session.sent.end : stream->tls.session.received.end;
	chunk.length = bytes_done(&call, result);
	if (chunk.length)
		follow(&stream->tls.session, sent, &chunk);
	publish(stream);
}

/* ---- the programs; sources/probe_mqtt.c attaches them */

SEC("?uprobe")
int BPF_KPROBE(tls_call_begun, void *ssl, void *buffer)
{
	begin_call((__u64)ssl, (__u64)buffer, 0);
	return 0;
}

SEC("?uprobe")
int BPF_KPROBE(tls_call_ex_begun, void *ssl, void *buffer, __u64 size, void *count)
{
	begin_call((__u64)ssl, (__u64)buffer, (__u64)count);
	return 0;
}

SEC("?uretprobe")
int BPF_KRETPROBE(tls_write_ended, int result)
{
	end_call(result, true);
	return 0;
}

SEC("?uretprobe")
int BPF_KRETPROBE(tls_read_ended, int result)
{
	end_call(result, false);
	return 0;
}

/* Its address may be another object's soon. */
SEC("?uprobe")
int BPF_KPROBE(tls_freed, void *ssl)
{
	struct tls_key key = tls_key_of((__u64)ssl);

	bpf_map_delete_elem(&tls_streams, &key);
	return 0;
}

/* Runs for every TCP socket of the host that is received from, in the thread that receives. */
SEC("?raw_tp/tcp_rcv_space_adjust")
int BPF_PROG(tcp_received, struct sock *sk)
{
	struct mqtt_session *session = session_of(sk);
	struct mqtt_socket socket = {};
	__u64 thread = bpf_get_current_pid_tgid();
	struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &thread);

	if (session)
		socket = session->socket;
	if (call) {
		call->mixed =
			call->mixed || !socket.cookie ||
			(call->received_from.cookie && call->received_from.cookie != socket.cookie);
		call->received_from = socket;
	} else if (socket.cookie) {
		bpf_map_update_elem(&received_last, &thread, &socket, BPF_ANY);
	} else if (bpf_map_lookup_elem(&received_last, &thread)) {
		bpf_map_delete_elem(&received_last, &thread);
	}
	return 0;
}
