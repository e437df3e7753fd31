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
	MQTT_FIRST,    /* type and flags */
	MQTT_LENGTH,   /* the remaining length, 1 to 4 bytes */
	MQTT_BODY,     /* what is looked at behind the fixed header */
	MQTT_OLD_NAME, /* likewise, of a CONNECT of MQTT 3.1 */
	MQTT_BROKEN,   /* a rule of the protocol: of no stream, only what mqtt_after() returns */
};

/* A chunk of a stream: of a packet, or in the agent's memory. */
struct mqtt_chunk {
	__u64 in_memory; /* a number: of a context, the verifier does not know that it is not NULL
			  */
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

/* A session's facts that the rules depend on, beside the place in the packet. */
struct mqtt_known {
	bool sent;
	__u8 state; /* of the session */
	__u8 version;
};

static __always_inline bool take_first(union mqtt_place *place, const struct mqtt_known *known,
				       __u8 byte)
{
	__u32 types = known->sent ? TYPES_OF_CLIENTS : TYPES_OF_SERVERS;
	__u8 type = byte >> 4;

	if (!(types & TYPE(type)) || !is_flagged_right(type, byte & 0xf) ||
	    place->last == MQTT_DISCONNECT)
		return false;
	/* A CONNECT begins the session, and nothing else does: MQTT 5, 3.1. */
	if ((type == MQTT_CONNECT) != (known->state == MQTT_AWAITED))
		return false;
	place->first = byte;
	place->part = MQTT_LENGTH;
	place->at = 0;
	place->remaining = 0;
	return true;
}

/* The packet was seen as far as it is looked at; what remains of it is passed over. */
static __always_inline bool end_packet(union mqtt_place *place)
{
	place->remaining -= place->at;
	place->part = MQTT_FIRST;
	place->last = place->first >> 4;
	return true;
}

static __always_inline bool begin_body(union mqtt_place *place, const struct mqtt_known *known)
{
	place->part = MQTT_BODY;
	place->at = 0;
	switch (place->first >> 4) {
	case MQTT_CONNECT:
		return place->remaining >= 12; /* variable header and an empty client id */
	case MQTT_CONNACK:
		return place->remaining >= 2;
	case MQTT_PINGREQ:
	case MQTT_PINGRESP:
		if (place->remaining > 0)
			return false;
		break;
	case MQTT_DISCONNECT: /* without a reason: normal, MQTT 5, 3.14.2.1 */
		if (place->remaining > 0)
			return known->version >= 5;
		break;
	}
	return end_packet(place);
}

static __always_inline bool take_length(union mqtt_place *place, const struct mqtt_known *known,
					__u8 byte)
{
	if (place->at > 3) /* MQTT 5, 1.5.5 */
		return false;
	place->remaining |= (__u32)(byte & 0x7f) << 7 * place->at;
	place->at++;
	return byte & 0x80 ? true : begin_body(place, known);
}

#define LETTERS(a, b, c, d, e, f)                                                                \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40)

/* A bridge of mosquitto's sets the top bit of the level. */
static __always_inline __u8 level_of(__u8 byte)
{
	return byte & 0x7f;
}

/* MQTT 5, 3.1.2.1: length, name, level. "MQTT" of 3.1.1 and 5, "MQIsdp" of 3.1. */
static __always_inline bool take_name(union mqtt_place *place, __u8 byte)
{
	bool old = place->part == MQTT_OLD_NAME;
	__u64 name =
		old ? LETTERS('M', 'Q', 'I', 's', 'd', 'p') : LETTERS('M', 'Q', 'T', 'T', 0, 0);
	__u8 at = place->at++;

	if (at == 0)
		return byte == 0;
	if (at == 1) {
		if (byte == 6)
			place->part = MQTT_OLD_NAME;
		return byte == 4 || byte == 6;
	}
	if (at < (old ? 8 : 6))
		return byte == (__u8)(name >> 8 * ((at - 2) & 7));
	byte = level_of(byte);
	return (old ? byte == 3 : byte == 4 || byte == 5) && end_packet(place);
}

static __always_inline bool take_body(union mqtt_place *place, __u8 byte)
{
	__u8 type = place->first >> 4;

	if (type == MQTT_CONNECT)
		return take_name(place, byte);
	place->at++;
	/* CONNACK: flags, reason code: MQTT 5, 3.2.2. DISCONNECT: reason code. */
	return (type == MQTT_CONNACK && place->at == 1) || end_packet(place);
}

static __always_inline bool take_byte(union mqtt_place *place, const struct mqtt_known *known,
				      __u8 byte)
{
	switch (place->part) {
	case MQTT_FIRST:
		return take_first(place, known, byte);
	case MQTT_LENGTH:
		return take_length(place, known, byte);
	default:
		return take_body(place, byte);
	}
}

/* Returns the word of a `union mqtt_place` behind the next byte, or the first two bytes of a packet
 * (the second one in bits 8 to 15). MQTT_FIRST is behind a packet: `remaining` bytes are to be
 * passed over.
 *
 * The rules are a function of their own for the verifier, too: it goes through them once, and not
 * for each round of a loop. It takes and returns numbers, for kernels before 5.12 know no pointers
 * there. */
__noinline __u64 mqtt_after(__u64 word, __u32 bytes, __u32 count, __u32 sent, __u32 state_version)
{
	const struct mqtt_known known = {
		.sent = sent,
		.state = state_version & 0xff,
		.version = state_version >> 8 & 0xff,
	};
	union mqtt_place place = { .word = word };

	if (!take_byte(&place, &known, bytes & 0xff) ||
	    (count == 2 && !take_length(&place, &known, bytes >> 8 & 0xff)))
		place.part = MQTT_BROKEN;
	return place.word;
}

/* Returns the word of a `union mqtt_codes` with what the last byte of a packet says. `word` is what
 * mqtt_after() has returned. */
__noinline __u32 mqtt_codes_after(__u64 word, __u32 codes_word, __u32 byte)
{
	const union mqtt_place place = { .word = word };
	union mqtt_codes codes = { .word = codes_word };

	if (place.part != MQTT_FIRST)
		return codes_word;
	if (place.last == MQTT_CONNACK) {
		codes.connack = byte;
		codes.answered = true;
	} else if (place.last == MQTT_DISCONNECT) {
		codes.reason = place.at ? byte : 0;
	}
	return codes.word;
}

/* Likewise, the `ping_nsec` of its stream; `other` is that of the other one. */
__noinline __u64 mqtt_ping_after(__u64 word, __u64 ping, __u64 other, __u64 now)
{
	const union mqtt_place place = { .word = word };

	if (place.part != MQTT_FIRST)
		return ping;
	return place.last == MQTT_PINGRESP || (place.last == MQTT_PINGREQ && ping <= other) ? now
											    : ping;
}

/* The call that writes bytes onto the stack makes the verifier forget the others of their eight:
 * they must not be the counter of a loop, which would then have no end. */
union lone_bytes {
	__u8 bytes[8];
	__u64 word;
};

/* `size` is 1 at least. */
static __always_inline bool read_bytes(const struct mqtt_chunk *chunk, __u32 at, __u32 size,
				       __u8 *bytes)
{
	if (chunk->in_memory)
		return bpf_probe_read_user(bytes, size, chunk->memory + at) == 0;
	return bpf_skb_load_bytes(chunk->packet, chunk->offset + at, bytes, size) == 0;
}

static __always_inline bool read_byte(const struct mqtt_chunk *chunk, __u32 at, __u8 *byte)
{
	union lone_bytes read;
	bool done = read_bytes(chunk, at, 1, read.bytes);

	*byte = read.bytes[0];
	return done;
}

/* The top bit is set if there is no other. */
static __always_inline __u32 is_zero(__u32 small)
{
	__u32 less = small - 1;

	barrier_var(less); /* or clang makes a branch of it */
	return less;
}

/* A round of a loop: takes the first two bytes of a packet, or one byte. `at` is in the chunk.
 * False: the track is lost.
 *
 * There is one way through it. Where there are several, the verifier goes through the next round
 * for each of them: it keeps too few states in a short loop to see that they are alike. */
static __always_inline bool take_round(struct mqtt_session *session, struct mqtt_stream *stream,
				       bool sent, const struct mqtt_chunk *chunk, __u32 at,
				       __u64 now)
{
	__u32 two = is_zero(stream->place.part) & (1 - (chunk->length - at)), size;
	union lone_bytes read = {};
	union mqtt_place place;
	__u64 passed;

	barrier_var(two);
	size = 1 + (two >> 31);
	if (!read_bytes(chunk, at, size, read.bytes))
		return false;
	place.word = mqtt_after(stream->place.word, read.bytes[0] | read.bytes[1] << 8, size, sent,
				session->state | session->version << 8);
	if (place.part == MQTT_BROKEN)
		return false;
	stream->place.word = place.word;
	stream->codes.word = mqtt_codes_after(place.word, stream->codes.word, read.bytes[0]);
	stream->ping_nsec = mqtt_ping_after(place.word, stream->ping_nsec,
					    sent ? session->received.ping_nsec : 0, now);
	passed = -(__u64)(is_zero(place.part) >> 31);
	stream->next += size + (place.remaining & (__u32)passed);
	stream->last_nsec = (now & passed) | (stream->last_nsec & ~passed);
	return true;
}

/* `first` is behind the name of the protocol, `end` behind the CONNECT. */
static __always_inline void begin_token(struct mqtt_session *session, __u32 first, __u32 end)
{
	session->token.next = first;
	session->token.end = end;
	session->token.place.part = TOKEN_SOUGHT;
}

/* The fixed header of a CONNECT, name and level. */
#define CONNECT_MOST (5 + 2 + 6 + 1)

/* The first packet. Returns false if the track is lost. */
static __always_inline bool look_at_connect(struct mqtt_session *session,
					    const struct mqtt_chunk *chunk, __u64 now)
{
	struct mqtt_stream *stream = &session->sent;

	for (int i = 0; i < CONNECT_MOST; i++) {
		__u32 at = stream->next - chunk->position;
		__u8 level;

		if (at >= chunk->length)
			return true;
		if (!take_round(session, stream, true, chunk, at, now))
			return false;
		if (stream->place.part != MQTT_FIRST)
			continue;
		if (!read_byte(chunk, stream->next - stream->place.remaining - 1 - chunk->position,
			       &level))
			return false;
		session->version = level_of(level);
		session->state = MQTT_FOLLOWED;
		if (session->token_wanted)
			begin_token(session, stream->next - stream->place.remaining, stream->next);
		return true;
	}
	return false;
}

/* More rounds than these for one chunk, and the track is lost: a verifier wants an end to every
 * loop. They do for 256 bytes of any headers, and for 208 packets without a body. */
#define ROUNDS_MAX 208

/* False: the track is lost. */
static __noinline bool look_at_bytes(struct mqtt_session *session, bool sent,
				     const struct mqtt_chunk *chunk)
{
	struct mqtt_stream *stream = sent ? &session->sent : &session->received;
	__u64 now = bpf_ktime_get_ns();

	if (sent && session->state == MQTT_AWAITED && !look_at_connect(session, chunk, now))
		return false;
	for (int i = 0; i < ROUNDS_MAX; i++) {
		__u32 at = stream->next - chunk->position;

		if (at >= chunk->length)
			return true;
		if (!take_round(session, stream, sent, chunk, at, now))
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
	return look_at_bytes(session, sent, chunk) &&
	       ((__s32)(stream->next - end) >= 0 || (__s32)(end - chunk_end) <= 0);
}
