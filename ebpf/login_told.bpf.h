/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tells user space of a login when it is news: the CONNECT, the answer to it, and that the track
 * was lost between the two. */
#pragma once

/* By agent number: records that found no room. */
__u64 unreported[PROBE_AGENTS] = {};

static __always_inline void count_unreported(__u32 agent)
{
	__sync_fetch_and_add(&unreported[agent % PROBE_AGENTS], 1);
}

/* These records do not count for the agent's share of the ring, so they stay out of the way of
 * others: all of them together take a quarter of it at most. `size` is a constant. */
static __always_inline void *reserve_beside(__u64 size)
{
	if (bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > RING_SIZE / 4)
		return NULL;
	return bpf_ringbuf_reserve(&records, size, 0);
}

static __always_inline void report_login(const struct mqtt_session *session,
					 const struct mqtt_socket *socket, __u8 flags)
{
	__u32 agent = socket->agent;
	struct probe_login_seen *record = reserve_beside(sizeof(*record));

	if (!record) {
		count_unreported(agent);
		return;
	}
	fill_header(&record->header, sizeof(*record), PROBE_LOGIN, agent);
	record->cookie = socket->cookie;
	record->opened_nsec = socket->opened_nsec;
	__builtin_memset(&record->mqtt, 0, sizeof(record->mqtt));
	copy_session(&record->mqtt, session);
	record->mqtt.track =
		session->state == MQTT_FOLLOWED ? PROBE_MQTT_FOLLOWED : PROBE_MQTT_LOST;
	record->mqtt.flags |= flags;
	record->token_seconds = session->token.seconds;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline enum login_told login_stage(const struct mqtt_session *session)
{
	if (session->state == MQTT_FOLLOWED)
		return session->received.codes.answered ? LOGIN_TOLD : LOGIN_BEGUN;
	return session->told == LOGIN_BEGUN ? LOGIN_TOLD : session->told;
}

/* `flags` are of enum probe_mqtt_flag. */
static __always_inline void tell_login(struct mqtt_session *session,
				       const struct mqtt_socket *socket, __u8 flags)
{
	enum login_told stage = login_stage(session);

	if (stage <= session->told)
		return;
	session->told = stage;
	report_login(session, socket, flags);
}
