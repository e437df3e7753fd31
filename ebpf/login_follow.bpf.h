/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How a peer answers a login that is not MQTT's: the outcome of SASL and the error of the close of
 * AMQP 1.0, the status of an HTTP response and the code of a close of WebSocket (RFC 6455). Of an
 * AMQP error, whose name is one of a list, a hash is kept; no text, and nothing of what the agent
 * sends but its first four bytes, which say which protocol it is.
 *
 * Where a peer breaks a rule, or has an answer in a form that nobody uses, the track is lost. */
#pragma once

enum {
	/* AMQP 1.0, part 2, 2.3: size, offset of the data in words, type, channel */
	AMQP_MAGIC = 0x414d5150, /* "AMQP": a protocol header and no frame */
	AMQP_HEADER_REST = 4,    /* 2.2: behind the magic */
	AMQP_FRAME_HEADER = 8,
	AMQP_DATA_OFFSET = 2,
	/* part 1, 1.6: constructors of what is encoded */
	AMQP_DESCRIBED = 0x00,
	AMQP_SMALL_ULONG = 0x53,
	AMQP_UBYTE = 0x50,
	AMQP_LIST8 = 0xc0,
	AMQP_LIST32 = 0xd0,
	AMQP_SYMBOL8 = 0xa3,
	/* descriptors: part 2, 2.7 and 2.8; part 5, 5.3.3 */
	AMQP_CLOSE = 0x18,
	AMQP_ERROR = 0x1d,
	AMQP_SASL_OUTCOME = 0x44,
	AMQP_SYMBOL_MOST = 64, /* the longest that is defined has 36 */
	/* RFC 9112, 4 */
	HTTP_VERSION_SIZE = 9, /* "HTTP/1.1 " */
	HTTP_STATUS_SIZE = 3,
	HTTP_SWITCHING = 101,
	HTTP_HEADERS_END = 4, /* an empty line behind a line */
	/* RFC 6455, 5.2 */
	WS_FINAL = 0x80,
	WS_CLOSE = 8,
	WS_MASKED = 0x80,
	WS_LENGTH16 = 126,
	WS_LENGTH64 = 127,
};

enum login_part {
	AMQP_SIZE,    /* the first four bytes of a frame */
	AMQP_FRAME,   /* the rest of its header, and the descriptor */
	AMQP_LIST,    /* how a list is encoded */
	AMQP_COUNTS,  /* its size and count: they are passed over */
	AMQP_ELEMENT, /* its first element */
	AMQP_LENGTH,  /* of a symbol */
	AMQP_SYMBOL,
	HTTP_STATUS,
	WS_FIRST, /* flags and opcode of a frame */
	WS_LENGTH,
	WS_LONG_LENGTH,
	WS_CODE,      /* of a close */
	HTTP_HEADERS, /* only their end is looked for, and not even that if the status says no */
	LOGIN_BROKEN, /* a rule: of no session, only what login_after() returns */
};

/* 32-bit FNV-1a. */
#define FNV_OFFSET 2166136261u
#define FNV_PRIME  16777619u

/* ---- AMQP */

/* The frame was seen as far as it is looked at: login_skip() passes over what remains. */
static __always_inline void pass_frame(union login_place *place)
{
	place->at = 0;
	place->part = AMQP_SIZE;
}

static __always_inline bool take_amqp_size(union login_place *place, __u8 byte)
{
	place->remaining = (place->at ? place->remaining << 8 : 0) | byte;
	if (++place->at < 4)
		return true;
	if (place->remaining == AMQP_MAGIC) {
		place->remaining = AMQP_HEADER_REST;
		pass_frame(place);
		return true;
	}
	if (place->remaining < AMQP_FRAME_HEADER)
		return false;
	place->remaining -= 4;
	place->at = 0;
	place->part = AMQP_FRAME;
	return true;
}

/* Data offset, type, channel; then 0x00 0x53 and the descriptor. A frame without data keeps the
 * connection alive. */
static __always_inline bool take_amqp_frame(union login_place *place, __u8 byte)
{
	__u8 at = place->at++;
	bool right = (at == 0 && byte == AMQP_DATA_OFFSET) || (at > 0 && at < 4) ||
		     (at == 4 && byte == AMQP_DESCRIBED) || (at == 5 && byte == AMQP_SMALL_ULONG) ||
		     (at == 6 && (byte == AMQP_CLOSE || byte == AMQP_SASL_OUTCOME));

	if (!right) {
		pass_frame(place);
	} else if (at == 6) {
		place->descriptor = byte;
		place->part = AMQP_LIST;
	}
	return true;
}

static __always_inline void take_amqp_list(union login_place *place, __u8 byte)
{
	if (byte != AMQP_LIST8 && byte != AMQP_LIST32) {
		pass_frame(place); /* an empty one: no error */
		return;
	}
	place->left = byte == AMQP_LIST8 ? 2 : 8;
	place->part = AMQP_COUNTS;
}

/* A ubyte of an outcome; 0x00 0x53 0x1d of an error; a symbol. */
static __always_inline void take_amqp_element(union login_place *place, __u8 byte)
{
	__u8 at = place->at++;

	if (place->descriptor == AMQP_CLOSE && at == 2 && byte == AMQP_ERROR) {
		place->descriptor = AMQP_ERROR;
		place->part = AMQP_LIST;
		return;
	} else if (place->descriptor == AMQP_ERROR && byte == AMQP_SYMBOL8) {
		place->part = AMQP_LENGTH;
		return;
	} else if ((place->descriptor == AMQP_SASL_OUTCOME && at == 0 && byte == AMQP_UBYTE) ||
		   (place->descriptor == AMQP_CLOSE &&
		    byte == (at == 0 ? AMQP_DESCRIBED : AMQP_SMALL_ULONG))) {
		return;
	}
	pass_frame(place);
}

static __always_inline bool take_amqp(union login_place *place, __u8 byte)
{
	if (place->part == AMQP_SIZE)
		return take_amqp_size(place, byte);
	if (place->remaining > 0)
		place->remaining--;
	switch (place->part) {
	case AMQP_FRAME:
		take_amqp_frame(place, byte);
		break;
	case AMQP_LIST:
		take_amqp_list(place, byte);
		break;
	case AMQP_COUNTS:
		place->at = 0;
		if (--place->left == 0)
			place->part = AMQP_ELEMENT;
		break;
	case AMQP_ELEMENT:
		take_amqp_element(place, byte);
		break;
	case AMQP_LENGTH:
		place->left = byte;
		place->part = AMQP_SYMBOL;
		if (byte == 0 || byte > AMQP_SYMBOL_MOST)
			pass_frame(place);
		break;
	case AMQP_SYMBOL:
		if (--place->left == 0)
			pass_frame(place);
		break;
	}
	if (place->part != AMQP_SIZE && place->remaining == 0)
		pass_frame(place);
	return true;
}

/* ---- HTTP and WebSocket */

static __always_inline bool take_http_status(union login_place *place, __u8 byte)
{
	const __u64 version = LETTERS('H', 'T', 'T', 'P', '/', '1');
	__u8 at = place->at++;

	if (at < HTTP_VERSION_SIZE)
		return at >= 6 || byte == (__u8)(version >> 8 * (at & 7));
	if (byte < '0' || byte > '9')
		return false;
	if (at < HTTP_VERSION_SIZE + HTTP_STATUS_SIZE - 1)
		return true;
	place->part = HTTP_HEADERS;
	return true;
}

static __always_inline bool pass_payload(union login_place *place)
{
	place->part = WS_FIRST;
	return true;
}

static __always_inline bool begin_payload(union login_place *place)
{
	if ((place->descriptor & 0xf) != WS_CLOSE || place->remaining < 2)
		return pass_payload(place);
	place->part = WS_CODE;
	place->left = 2;
	return true;
}

static __always_inline bool take_ws_length(union login_place *place, __u8 byte)
{
	if (byte & WS_MASKED) /* servers do not mask: RFC 6455, 5.1 */
		return false;
	place->remaining = 0;
	if (byte < WS_LENGTH16) {
		place->remaining = byte;
		return begin_payload(place);
	}
	place->left = byte == WS_LENGTH16 ? 2 : 8;
	place->part = WS_LONG_LENGTH;
	return true;
}

static __always_inline bool take_web(union login_place *place, __u8 byte)
{
	switch (place->part) {
	case HTTP_STATUS:
		return take_http_status(place, byte);
	case WS_FIRST:
		place->descriptor = byte;
		place->part = WS_LENGTH;
		return true;
	case WS_LENGTH:
		return take_ws_length(place, byte);
	case WS_LONG_LENGTH:
		if (place->left > 4 && byte) /* nobody sends frames of 4 GiB */
			return false;
		place->remaining = place->remaining << 8 | byte;
		return --place->left > 0 ? true : begin_payload(place);
	case WS_CODE:
		place->remaining--;
		return --place->left > 0 ? true : pass_payload(place);
	}
	return false;
}

/* ---- a byte: functions of their own, as mqtt_after() is */

/* Returns the word of a `union login_place` behind the next byte. */
__noinline __u64 login_after(__u64 word, __u32 value)
{
	union login_place place = { .word = word };
	__u8 byte = value;

	if (place.part < HTTP_STATUS ? !take_amqp(&place, byte) : !take_web(&place, byte))
		place.part = LOGIN_BROKEN;
	return place.word;
}

/* How many bytes are passed over where login_after() has led to. */
__noinline __u32 login_skip(__u64 word)
{
	const union login_place place = { .word = word };

	if ((place.part == AMQP_SIZE && place.at == 0) || place.part == WS_FIRST)
		return place.remaining;
	return 0;
}

/* Returns the word of a `union login_sasl` with a byte. `word` is of the place before it. */
__noinline __u64 login_sasl_after(__u64 word, __u64 sasl_word, __u32 value)
{
	const union login_place place = { .word = word };
	union login_sasl sasl = { .word = sasl_word };
	__u8 byte = value;

	if (place.part == AMQP_LENGTH) {
		sasl.hash = FNV_OFFSET;
	} else if (place.part == AMQP_SYMBOL) {
		sasl.hash = (sasl.hash ^ byte) * FNV_PRIME;
	} else if (place.part == AMQP_ELEMENT && place.descriptor == AMQP_SASL_OUTCOME &&
		   place.at == 1) {
		sasl.code = byte;
		sasl.known = true;
	}
	return sasl.word;
}

/* Likewise, of a `union login_codes`; `hash` is with the byte, too. */
__noinline __u64 login_codes_after(__u64 word, __u64 codes_word, __u32 hash, __u32 value)
{
	const union login_place place = { .word = word };
	union login_codes codes = { .word = codes_word };
	__u8 byte = value;

	if (place.part == AMQP_SYMBOL && place.left == 1)
		codes.condition = hash;
	else if (place.part == HTTP_STATUS && place.at >= HTTP_VERSION_SIZE)
		codes.status = codes.status * 10 + byte - '0';
	else if (place.part == WS_CODE)
		codes.close_code = codes.close_code << 8 | byte;
	return codes.word;
}

/* One way through it, as through take_round() of MQTT. */
static __always_inline bool take_login_byte(struct login_follow *login, struct mqtt_stream *stream,
					    __u8 byte)
{
	union login_place before = login->place, after;

	after.word = login_after(before.word, byte);
	if (after.part == LOGIN_BROKEN)
		return false;
	login->place.word = after.word;
	login->sasl.word = login_sasl_after(before.word, login->sasl.word, byte);
	login->codes.word =
		login_codes_after(before.word, login->codes.word, login->sasl.hash, byte);
	stream->next += 1 + login_skip(after.word);
	return true;
}

/* The headers end where a chunk does: no server sends a frame of its own right behind them. */
static __always_inline bool pass_headers(struct login_follow *login, struct mqtt_stream *stream,
					 const struct mqtt_chunk *chunk)
{
	static const __u8 end[HTTP_HEADERS_END] = { '\r', '\n', '\r', '\n' };

	stream->next = chunk->position + chunk->length;
	if (chunk->length < HTTP_HEADERS_END)
		return false;
	for (__u32 i = 0; i < HTTP_HEADERS_END; i++) {
		__u8 byte;

		if (!read_byte(chunk, chunk->length - HTTP_HEADERS_END + i, &byte))
			return false;
		if (byte != end[i])
			return true; /* more are to come */
	}
	login->place.part = WS_FIRST;
	return true;
}

/* ---- the session */

/* The agent's first bytes are neither MQTT's nor TLS's. */
static __always_inline void begin_login(struct mqtt_session *session,
					const struct mqtt_chunk *chunk)
{
	__u32 first = 0;

	if (session->sent.next != chunk->position || chunk->length < 4)
		return;
	for (__u32 i = 0; i < 4; i++) {
		__u8 byte;

		if (!read_byte(chunk, i, &byte))
			return;
		first = first << 8 | byte;
	}
	if (first == AMQP_MAGIC) {
		session->login.protocol = PROBE_LOGIN_AMQP;
		session->login.place.part = AMQP_SIZE;
	} else if (first == ('G' << 24 | 'E' << 16 | 'T' << 8 | ' ')) {
		session->login.protocol = PROBE_LOGIN_HTTP;
		session->login.place.part = HTTP_STATUS;
	} else {
		return;
	}
	session->state = MQTT_LOGIN;
}

/* More than these in one chunk, and the track is lost. */
#define LOGIN_BYTES_MAX 96

/* Returns false if the track is lost. */
static __noinline bool take_login(struct mqtt_session *session, const struct mqtt_chunk *chunk)
{
	struct login_follow *login = &session->login;
	struct mqtt_stream *stream = &session->received;

	for (int i = 0; i < LOGIN_BYTES_MAX; i++) {
		__u32 at = stream->next - chunk->position;
		__u8 byte;

		if (at >= chunk->length)
			return true;
		if (login->place.part == HTTP_HEADERS)
			break;
		if (!read_byte(chunk, at, &byte) || !take_login_byte(login, stream, byte))
			return false;
	}
	if (stream->next - chunk->position >= chunk->length)
		return true;
	if (login->place.part != HTTP_HEADERS)
		return false;
	if (login->codes.status == HTTP_SWITCHING)
		return pass_headers(login, stream, chunk);
	stream->next = chunk->position + chunk->length; /* the answer is known */
	return true;
}

/* An agent that sends more after the answer was not refused. Its close of a WebSocket says only
 * that it left: the code in that frame is masked. */
static __always_inline void note_sent(struct login_follow *login, const struct mqtt_chunk *chunk)
{
	__u8 first;

	if (!login->codes.status)
		return;
	login->flags |= PROBE_LOGIN_WENT_ON;
	if (login->codes.status == HTTP_SWITCHING && !login->codes.close_code &&
	    read_byte(chunk, 0, &first) && first == (WS_FINAL | WS_CLOSE))
		login->flags |= PROBE_LOGIN_LEFT;
}

static __always_inline bool follow_login(struct mqtt_session *session, bool sent,
					 const struct mqtt_chunk *chunk)
{
	struct mqtt_stream *stream = sent ? &session->sent : &session->received;
	__u32 chunk_end = chunk->position + chunk->length, end = stream->end;

	if ((__s32)(chunk_end - end) <= 0)
		return true; /* it comes again */
	stream->end = chunk_end;
	if (sent) {
		note_sent(&session->login, chunk);
		return true;
	}
	if (stream->next - chunk->position >= chunk->length)
		return (__s32)(stream->next - chunk->position) >= 0; /* else a piece is missing */
	return take_login(session, chunk);
}
