/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Follows MQTT from packet to packet, in one direction: the fixed header (MQTT 5, 2.1: type, flags,
 * remaining length) says where the next one begins. Of what is behind it only these bytes are
 * looked at: the protocol's name in a CONNECT, the reason code of a CONNACK and of a DISCONNECT.
 *
 * Where a packet breaks a rule of the protocol, the track is lost: it is never guessed where the
 * next one begins. */
#pragma once

enum {
	MQTT_CONNECT = 1,
	MQTT_CONNACK = 2,
	MQTT_PUBLISH = 3,
	MQTT_PUBREL = 6,
	MQTT_SUBSCRIBE = 8,
	MQTT_UNSUBSCRIBE = 10,
	MQTT_PINGREQ = 12,
	MQTT_PINGRESP = 13,
	MQTT_DISCONNECT = 14,
	MQTT_AUTH = 15,
};

/* MQTT 5, table 2-1: who may send what. MQTT 3.1.1 has fewer. */
#define TYPE(type)       (1 << (type))
#define TYPES_FOR_BOTH   (TYPE(3) | TYPE(4) | TYPE(5) | TYPE(6) | TYPE(7) | TYPE(14) | TYPE(15))
#define TYPES_OF_CLIENTS (TYPES_FOR_BOTH | TYPE(1) | TYPE(8) | TYPE(10) | TYPE(12))
#define TYPES_OF_SERVERS (TYPES_FOR_BOTH | TYPE(2) | TYPE(9) | TYPE(11) | TYPE(13))

enum mqtt_part {
	MQTT_FIRST,  /* type and flags */
	MQTT_LENGTH, /* the remaining length, 1 to 4 bytes */
	MQTT_BODY,   /* what is looked at behind the fixed header */
};

/* A chunk of a stream: of a packet, or in the agent's memory. */
struct mqtt_chunk {
	struct __sk_buff *packet; /* NULL: in memory */
	__u32 offset;             /* in `packet` */
	const __u8 *memory;
	__u32 position; /* sequence number of its first byte */
	__u32 length;
};

static __always_inline bool is_flagged_right(__u8 type, __u8 flags)
{
	switch (type) {
	case MQTT_PUBLISH:
		return (flags & 6) != 6; /* QoS 3: MQTT 5, 3.3.1.2 */
	case MQTT_PUBREL:
	case MQTT_SUBSCRIBE:
	case MQTT_UNSUBSCRIBE:
		return flags == 2; /* MQTT 5, table 2-2 */
	default:
		return flags == 0;
	}
}

static __always_inline bool take_first(struct mqtt_session *session, struct mqtt_stream *stream,
				       bool sent, __u8 byte)
{
	__u32 types = sent ? TYPES_OF_CLIENTS : TYPES_OF_SERVERS;
	__u8 type = byte >> 4;

	if (!(types & TYPE(type)) || !is_flagged_right(type, byte & 0xf) ||
	    stream->last == MQTT_DISCONNECT)
		return false;
	/* A CONNECT begins the session, and nothing else does: MQTT 5, 3.1. */
	if ((type == MQTT_CONNECT) != (session->state == MQTT_AWAITED))
		return false;
	stream->first = byte;
	stream->part = MQTT_LENGTH;
	stream->at = 0;
	stream->remaining = 0;
	return true;
}

/* The packet was seen as far as it is looked at: on to the next one. */
static __always_inline void pass_packet(struct mqtt_session *session, struct mqtt_stream *stream,
					__u32 looked_at)
{
	__u8 type = stream->first >> 4;

	stream->next += stream->remaining - looked_at;
	stream->part = MQTT_FIRST;
	stream->last = type;
	stream->last_nsec = bpf_ktime_get_ns();
	if (type == MQTT_PINGREQ && !session->ping_nsec)
		session->ping_nsec = stream->last_nsec;
	if (type == MQTT_PINGRESP)
		session->ping_nsec = 0;
}

static __always_inline bool begin_body(struct mqtt_session *session, struct mqtt_stream *stream)
{
	__u8 type = stream->first >> 4;

	stream->part = MQTT_BODY;
	stream->at = 0;
	switch (type) {
	case MQTT_CONNECT:
		return stream->remaining >= 12; /* variable header and an empty client id */
	case MQTT_CONNACK:
		return stream->remaining >= 2;
	case MQTT_PINGREQ:
	case MQTT_PINGRESP:
		if (stream->remaining > 0)
			return false;
		break;
	case MQTT_DISCONNECT: /* without a reason: normal, MQTT 5, 3.14.2.1 */
		stream->reason = 0;
		if (stream->remaining > 0)
			return session->version >= 5;
		break;
	}
	pass_packet(session, stream, 0);
	return true;
}

static __always_inline bool take_length(struct mqtt_session *session, struct mqtt_stream *stream,
					__u8 byte)
{
	if (stream->at > 3) /* MQTT 5, 1.5.5 */
		return false;
	stream->remaining |= (__u32)(byte & 0x7f) << 7 * stream->at;
	stream->at++;
	return byte & 0x80 ? true : begin_body(session, stream);
}

#define LETTERS(a, b, c, d, e, f)                                                                \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40)

/* `first` is behind the name of the protocol, `end` behind the CONNECT. */
static __always_inline void begin_token(struct mqtt_session *session, __u32 first, __u32 end)
{
	session->token.next = first;
	session->token.end = end;
	session->token.part = TOKEN_SOUGHT;
}

/* MQTT 5, 3.1.2.1: length, name, level. "MQTT" of 3.1.1 and 5, "MQIsdp" of 3.1. A bridge of
 * mosquitto's sets the top bit of the level. */
static __always_inline bool take_name(struct mqtt_session *session, struct mqtt_stream *stream,
				      __u8 at, __u8 byte)
{
	__u64 name = session->name_length == 4 ? LETTERS('M', 'Q', 'T', 'T', 0, 0)
					       : LETTERS('M', 'Q', 'I', 's', 'd', 'p');

	if (at == 0)
		return byte == 0;
	if (at == 1) {
		session->name_length = byte;
		return byte == 4 || byte == 6;
	}
	if (at < 2 + session->name_length)
		return byte == (__u8)(name >> 8 * ((at - 2) & 7));
	byte &= 0x7f;
	if (session->name_length == 4 ? byte != 4 && byte != 5 : byte != 3)
		return false;
	session->version = byte;
	session->state = MQTT_FOLLOWED;
	if (session->token_wanted)
		begin_token(session, stream->next, stream->next + stream->remaining - (at + 1));
	pass_packet(session, stream, at + 1);
	return true;
}

static __always_inline bool take_body(struct mqtt_session *session, struct mqtt_stream *stream,
				      __u8 byte)
{
	__u8 at = stream->at++;

	switch (stream->first >> 4) {
	case MQTT_CONNECT:
		return take_name(session, stream, at, byte);
	case MQTT_CONNACK: /* flags, reason code: MQTT 5, 3.2.2 */
		if (at == 0)
			return true;
		session->connack = byte;
		session->answered = true;
		break;
	case MQTT_DISCONNECT:
		stream->reason = byte;
		break;
	}
	pass_packet(session, stream, at + 1);
	return true;
}

static __always_inline bool take_byte(struct mqtt_session *session, struct mqtt_stream *stream,
				      bool sent, __u8 byte)
{
	stream->next++;
	switch (stream->part) {
	case MQTT_FIRST:
		return take_first(session, stream, sent, byte);
	case MQTT_LENGTH:
		return take_length(session, stream, byte);
	default:
		return take_body(session, stream, byte);
	}
}

/* The call that writes a byte onto the stack makes the verifier forget the other seven beside it:
 * they must not be the counter of a loop, which would then have no end. */
union lone_byte {
	__u8 byte;
	__u64 word;
};

static __always_inline bool read_byte(const struct mqtt_chunk *chunk, __u32 at, __u8 *byte)
{
	union lone_byte read;
	long r;

	if (chunk->packet)
		r = bpf_skb_load_bytes(chunk->packet, chunk->offset + at, &read.byte, 1);
	else
		r = bpf_probe_read_user(&read.byte, 1, chunk->memory + at);
	*byte = read.byte;
	return r == 0;
}

/* More than these in one chunk, and the track is lost: a verifier wants an end to every loop. It
 * goes through 107,000 instructions of a program for these, and refuses four times as many (8192
 * jumps, BPF_COMPLEXITY_LIMIT_JMP_SEQ). */
#define BYTES_MAX 256

/* False: the track is lost. */
static __always_inline bool look_at_bytes(struct mqtt_session *session, struct mqtt_stream *stream,
					  bool sent, const struct mqtt_chunk *chunk)
{
	for (int i = 0; i < BYTES_MAX; i++) {
		__u32 at = stream->next - chunk->position;
		__u8 byte;

		if (at >= chunk->length)
			return true;
		if (!read_byte(chunk, at, &byte) || !take_byte(session, stream, sent, byte))
			return false;
	}
	return stream->next - chunk->position >= chunk->length;
}

/* Sequence numbers tell what comes again and what is missing. What is missing may still come, but
 * what came too early does not come again: no packet may begin in it. */
static __always_inline bool take_chunk(struct mqtt_session *session, struct mqtt_stream *stream,
				       bool sent, const struct mqtt_chunk *chunk)
{
	__u32 chunk_end = chunk->position + chunk->length, end = stream->end;

	if ((__s32)(chunk_end - end) > 0)
		stream->end = chunk_end;
	if (stream->next - chunk->position >= chunk->length)
		return true;
	return look_at_bytes(session, stream, sent, chunk) &&
	       ((__s32)(stream->next - end) >= 0 || (__s32)(end - chunk_end) <= 0);
}
