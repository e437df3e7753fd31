/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The MQTT of a connection: its beginning, and what a record tells of it. */
#pragma once

/* A blank one; NULL if there is no memory for it. */
static __always_inline struct mqtt_session *new_session(struct sock *sk)
{
	static const struct mqtt_session blank = {};
	struct mqtt_session *session;
	__u64 address = (__u64)sk;

	if (!have_kernel_types) {
		bpf_map_update_elem(&mqtt_sessions_by_address, &address, &blank, BPF_ANY);
		return bpf_map_lookup_elem(&mqtt_sessions_by_address, &address);
	}
	session = bpf_sk_storage_get(&mqtt_sessions, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (session)
		*session = blank; /* the socket may have had an earlier connection */
	return session;
}

/* Set by probe.c before an agent is the first one that is looked at. */
bool inspection_begun = false;

/* The handshake is done. Data that went with the SYN (RFC 7413) was not seen: then nothing is. */
static __always_inline void begin_mqtt(struct connection *connection, struct sock *sk)
{
	struct tcp_sock *tcp = tcp_of(sk);
	struct mqtt_session *session;
	__u32 inspect;

	if (!tcp || !inspection_begun)
		return;
	inspect = inspect_of(connection->agent);
	if (!inspect)
		return;
	session = new_session(sk);
	if (!session)
		return;
	bpf_map_delete_elem(&tls_sessions, &connection->cookie); /* of its socket's last one */
	connection->inspected = true;
	session->socket.cookie = connection->cookie;
	session->socket.opened_nsec = connection->opened_nsec;
	session->socket.agent = connection->agent;
	session->token_wanted = inspect == INSPECT_TOKEN;
	session->sent.next = session->sent.end = MEMBER(tcp, snd_una);
	session->received.next = session->received.end = MEMBER(tcp, rcv_nxt);
	session->state = MEMBER(tcp, write_seq) == session->sent.end ? MQTT_AWAITED : MQTT_OTHER;
}

/* A FIN takes a sequence number (RFC 9293, 3.4) but is no data. */
static __always_inline bool has_queued_fin(struct sock *sk)
{
	__u8 state = MEMBER(sk, __sk_common.skc_state);

	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

/* Data went out or came in while nobody looked: before we were attached, or after who had us look
 * died. */
static __always_inline bool has_gone_unseen(const struct mqtt_session *session, struct sock *sk,
					    struct tcp_sock *tcp)
{
	__u32 sent = MEMBER(tcp, snd_nxt);
	bool fin_sent = has_queued_fin(sk) && sent == MEMBER(tcp, write_seq);
	bool fin_received = MEMBER(sk, __sk_common.skc_flags) &
			    1UL << bpf_core_enum_value(enum sock_flags, SOCK_DONE);

	return (__s32)(session->sent.end + fin_sent - sent) < 0 ||
	       (__s32)(session->received.end + fin_received - MEMBER(tcp, rcv_nxt)) < 0;
}

static __always_inline void copy_plain_mqtt(struct probe_mqtt *record,
					    const struct mqtt_session *session, struct sock *sk,
					    struct tcp_sock *tcp)
{
	copy_session(record, session);
	if (has_gone_unseen(session, sk, tcp))
		record->track = PROBE_MQTT_LOST;
	if (session->sent.end + has_queued_fin(sk) != MEMBER(tcp, write_seq))
		record->flags |= PROBE_MQTT_UNSENT;
}

/* Set by probe.c: the process that keeps the uprobes, in the loader's pid namespace; 0: none. */
__u32 inspector = 0;
/* The inspector died: since then, nobody has looked at MQTT. */
bool inspector_is_dead = false;

/* Before its files are closed, and the uprobes with them. */
static __always_inline void note_inspector(__u64 task)
{
	if (inspector && pid_of(task) == inspector && threads_left(task) == 0)
		inspector_is_dead = true;
}

static __always_inline void copy_tls_mqtt(struct probe_mqtt *record, __u64 cookie)
{
	const struct tls_session *tls = bpf_map_lookup_elem(&tls_sessions, &cookie);

	if (!tls || tls->ambiguous)
		return;
	copy_session(record, &tls->session);
	if (inspector_is_dead)
		record->track = PROBE_MQTT_LOST;
	record->flags |= PROBE_MQTT_TLS;
}

static __always_inline void copy_mqtt(struct probe_mqtt *record,
				      const struct connection *connection, struct sock *sk,
				      struct tcp_sock *tcp)
{
	struct mqtt_session *session;

	__builtin_memset(record, 0, sizeof(*record));
	if (!connection->inspected)
		return;
	session = session_of(sk);
	if (!session)
		return;
	if (session->state == MQTT_LOGIN)
		return;
	if (session->state == MQTT_OTHER || session->state == MQTT_AWAITED)
		copy_tls_mqtt(record, session->socket.cookie);
	else
		copy_plain_mqtt(record, session, sk, tcp);
}

static __always_inline void copy_login(struct probe_login *record,
				       const struct connection *connection, struct sock *sk)
{
	const struct mqtt_session *session = NULL;
	const struct tls_session *tls;

	__builtin_memset(record, 0, sizeof(*record));
	if (!connection->inspected)
		return;
	session = session_of(sk);
	if (!session)
		return;
	if (!session->login.protocol) {
		tls = bpf_map_lookup_elem(&tls_sessions, &session->socket.cookie);
		if (!tls || tls->ambiguous)
			return;
		session = &tls->session;
	}
	record->reason = session->login.protocol == PROBE_LOGIN_AMQP
				 ? session->login.codes.condition
				 : (__u32)session->login.codes.status << 16 |
					   session->login.codes.close_code;
	record->protocol = session->login.protocol;
	record->flags = session->login.flags;
	record->sasl = session->login.sasl.code;
	if (session->login.sasl.known)
		record->flags |= PROBE_LOGIN_SASL;
}

/* A connection's MQTT in TLS is kept by the cookie of its socket. No record has it any more once
 * the connection has ended and the socket is closed. */
static __always_inline void forget_session(const struct connection *connection)
{
	if (connection->inspected)
		bpf_map_delete_elem(&tls_sessions, &connection->cookie);
}
