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
	HTTP_HEADERS,
	WS_FIRST, /* flags and opcode of a frame */
	WS_LENGTH,
	WS_LONG_LENGTH,
	LOGIN_DONE, /* the answer is known, and nothing more is looked at */
	WS_CODE,    /* of a close */
};

/* 32-bit FNV-1a. */
#define FNV_OFFSET 2166136261u
#define FNV_PRIME  16777619u

/* ---- AMQP */

static __always_inline void pass_frame(struct login_follow *login, struct mqtt_stream *stream)
{
	stream->next += stream->remaining;
	stream->remaining = 0;
	stream->at = 0;
	login->part = AMQP_SIZE;
}

static __always_inline bool take_amqp_size(struct login_follow *login, struct mqtt_stream *stream,
					   __u8 byte)
{
	stream->remaining = stream->remaining << 8 | byte;
	if (++stream->at < 4)
		return true;
	if (stream->remaining == AMQP_MAGIC) {
		stream->remaining = AMQP_HEADER_REST;
		pass_frame(login, stream);
		return true;
	}
	if (stream->remaining < AMQP_FRAME_HEADER)
		return false;
	stream->remaining -= 4;
	stream->at = 0;
	login->part = AMQP_FRAME;
	return true;
}

/* Data offset, type, channel; then 0x00 0x53 and the descriptor. A frame without data keeps the
 * connection alive. */
static __always_inline bool take_amqp_frame(struct login_follow *login, struct mqtt_stream *stream,
					    __u8 byte)
{
	__u8 at = stream->at++;
	bool right = (at == 0 && byte == AMQP_DATA_OFFSET) || (at > 0 && at < 4) ||
		     (at == 4 && byte == AMQP_DESCRIBED) || (at == 5 && byte == AMQP_SMALL_ULONG) ||
		     (at == 6 && (byte == AMQP_CLOSE || byte == AMQP_SASL_OUTCOME));

	if (!right) {
		pass_frame(login, stream);
	} else if (at == 6) {
		login->descriptor = byte;
		login->part = AMQP_LIST;
	}
	return true;
}

static __always_inline void take_amqp_list(struct login_follow *login, struct mqtt_stream *stream,
					   __u8 byte)
{
	if (byte != AMQP_LIST8 && byte != AMQP_LIST32) {
		pass_frame(login, stream); /* an empty one: no error */
		return;
	}
	login->left = byte == AMQP_LIST8 ? 2 : 8;
	login->part = AMQP_COUNTS;
}

/* A ubyte of an outcome; 0x00 0x53 0x1d of an error; a symbol. */
static __always_inline void take_amqp_element(struct login_follow *login,
					      struct mqtt_stream *stream, __u8 byte)
{
	__u8 at = stream->at++;

	if (login->descriptor == AMQP_SASL_OUTCOME && at == 1) {
		login->sasl = byte;
		login->flags |= PROBE_LOGIN_SASL;
	} else if (login->descriptor == AMQP_CLOSE && at == 2 && byte == AMQP_ERROR) {
		login->descriptor = AMQP_ERROR;
		login->part = AMQP_LIST;
		return;
	} else if (login->descriptor == AMQP_ERROR && byte == AMQP_SYMBOL8) {
		login->part = AMQP_LENGTH;
		return;
	} else if ((login->descriptor == AMQP_SASL_OUTCOME && byte == AMQP_UBYTE) ||
		   (login->descriptor == AMQP_CLOSE &&
		    byte == (at == 0 ? AMQP_DESCRIBED : AMQP_SMALL_ULONG))) {
		return;
	}
	pass_frame(login, stream);
}

static __always_inline void take_amqp_symbol(struct login_follow *login, struct mqtt_stream *stream,
					     __u8 byte)
{
	login->hash = (login->hash ^ byte) * FNV_PRIME;
	if (--login->left > 0)
		return;
	login->condition = login->hash;
	pass_frame(login, stream);
}

static __always_inline bool take_amqp(struct login_follow *login, struct mqtt_stream *stream,
				      __u8 byte)
{
	if (login->part == AMQP_SIZE)
		return take_amqp_size(login, stream, byte);
	if (stream->remaining > 0)
		stream->remaining--;
	switch (login->part) {
	case AMQP_FRAME:
		take_amqp_frame(login, stream, byte);
		break;
	case AMQP_LIST:
		take_amqp_list(login, stream, byte);
		break;
	case AMQP_COUNTS:
		stream->at = 0;
		if (--login->left == 0)
			login->part = AMQP_ELEMENT;
		break;
	case AMQP_ELEMENT:
		take_amqp_element(login, stream, byte);
		break;
	case AMQP_LENGTH:
		login->left = byte;
		login->hash = FNV_OFFSET;
		login->part = AMQP_SYMBOL;
		if (byte == 0 || byte > AMQP_SYMBOL_MOST)
			pass_frame(login, stream);
		break;
	case AMQP_SYMBOL:
		take_amqp_symbol(login, stream, byte);
		break;
	}
	if (login->part != AMQP_SIZE && stream->remaining == 0)
		pass_frame(login, stream);
	return true;
}

/* ---- HTTP and WebSocket */

static __always_inline bool take_http_status(struct login_follow *login, struct mqtt_stream *stream,
					     __u8 byte)
{
	const __u64 version = LETTERS('H', 'T', 'T', 'P', '/', '1');
	__u8 at = stream->at++;

	if (at < HTTP_VERSION_SIZE)
		return at >= 6 || byte == (__u8)(version >> 8 * (at & 7));
	if (byte < '0' || byte > '9')
		return false;
	login->status = login->status * 10 + byte - '0';
	if (at < HTTP_VERSION_SIZE + HTTP_STATUS_SIZE - 1)
		return true;
	login->part = login->status == HTTP_SWITCHING ? HTTP_HEADERS : LOGIN_DONE;
	return true;
}

static __always_inline bool pass_payload(struct login_follow *login, struct mqtt_stream *stream)
{
	stream->next += stream->remaining;
	stream->remaining = 0;
	login->part = WS_FIRST;
	return true;
}

static __always_inline bool begin_payload(struct login_follow *login, struct mqtt_stream *stream)
{
	if ((login->descriptor & 0xf) != WS_CLOSE || stream->remaining < 2)
		return pass_payload(login, stream);
	login->part = WS_CODE;
	login->left = 2;
	return true;
}

static __always_inline bool take_ws_length(struct login_follow *login, struct mqtt_stream *stream,
					   __u8 byte)
{
	if (byte & WS_MASKED) /* servers do not mask: RFC 6455, 5.1 */
		return false;
	stream->remaining = 0;
	if (byte < WS_LENGTH16) {
		stream->remaining = byte;
		return begin_payload(login, stream);
	}
	login->left = byte == WS_LENGTH16 ? 2 : 8;
	login->part = WS_LONG_LENGTH;
	return true;
}

static __always_inline bool take_web(struct login_follow *login, struct mqtt_stream *stream,
				     __u8 byte)
{
	switch (login->part) {
	case HTTP_STATUS:
		return take_http_status(login, stream, byte);
	case WS_FIRST:
		login->descriptor = byte;
		login->part = WS_LENGTH;
		return true;
	case WS_LENGTH:
		return take_ws_length(login, stream, byte);
	case WS_LONG_LENGTH:
		if (login->left > 4 && byte) /* nobody sends frames of 4 GiB */
			return false;
		stream->remaining = stream->remaining << 8 | byte;
		return --login->left > 0 ? true : begin_payload(login, stream);
	case WS_CODE:
		login->close_code = login->close_code << 8 | byte;
		stream->remaining--;
		return --login->left > 0 ? true : pass_payload(login, stream);
	}
	return false;
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
	login->part = WS_FIRST;
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
		session->login.part = AMQP_SIZE;
	} else if (first == ('G' << 24 | 'E' << 16 | 'T' << 8 | ' ')) {
		session->login.protocol = PROBE_LOGIN_HTTP;
		session->login.part = HTTP_STATUS;
	} else {
		return;
	}
	session->state = MQTT_LOGIN;
	session->received.remaining = 0;
	session->received.at = 0;
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
		if (login->part == HTTP_HEADERS)
			return pass_headers(login, stream, chunk);
		if (login->part == LOGIN_DONE) {
			stream->next = chunk->position + chunk->length;
			return true;
		}
		if (!read_byte(chunk, at, &byte))
			return false;
		stream->next++;
		if (login->protocol == PROBE_LOGIN_AMQP ? !take_amqp(login, stream, byte)
							: !take_web(login, stream, byte))
			return false;
	}
	return stream->next - chunk->position >= chunk->length;
}

/* An agent that sends more after the answer was not refused. Its close of a WebSocket says only
 * that it left: the code in that frame is masked. */
static __always_inline void note_sent(struct login_follow *login, const struct mqtt_chunk *chunk)
{
	__u8 first;

	if (!login->status)
		return;
	login->flags |= PROBE_LOGIN_WENT_ON;
	if (login->status == HTTP_SWITCHING && !login->close_code && read_byte(chunk, 0, &first) &&
	    first == (WS_FINAL | WS_CLOSE))
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
