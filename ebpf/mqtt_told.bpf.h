/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The MQTT part of a record, made from the state of the session. */
#pragma once

/* Bytes went by in which its next packet may have begun. */
static __always_inline bool is_behind(const struct mqtt_stream *stream)
{
	return (__s32)(stream->next - stream->end) < 0;
}

static __always_inline enum probe_mqtt_track track_of(const struct mqtt_session *session)
{
	switch (session->state) {
	case MQTT_FOLLOWED:
		return is_behind(&session->sent) || is_behind(&session->received)
			       ? PROBE_MQTT_LOST
			       : PROBE_MQTT_FOLLOWED;
	case MQTT_LOST:
		return PROBE_MQTT_LOST;
	default:
		return PROBE_MQTT_NONE;
	}
}

static __always_inline __u64 since(__u64 now, __u64 then)
{
	return then && then < now ? now - then : 0;
}

/* When the first PINGREQ went that no PINGRESP has answered; 0: none. */
static __always_inline __u64 unanswered_since(const struct mqtt_session *session)
{
	__u64 asked = session->sent.ping_nsec;

	return asked > session->received.ping_nsec ? asked : 0;
}

static __always_inline void copy_session(struct probe_mqtt *record,
					 const struct mqtt_session *session)
{
	__u64 now = bpf_ktime_get_ns();

	record->track = track_of(session);
	record->sent = session->sent.place.last;
	record->received = session->received.place.last;
	record->sent_reason = session->sent.codes.reason;
	record->received_reason = session->received.codes.reason;
	record->connack = session->received.codes.connack;
	if (session->received.codes.answered)
		record->flags |= PROBE_MQTT_ANSWERED;
	record->sent_nsec = since(now, session->sent.last_nsec);
	record->received_nsec = since(now, session->received.last_nsec);
	record->unanswered_nsec = since(now, unanswered_since(session));
}
