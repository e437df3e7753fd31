/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When the token in a CONNECT ends (TokenInspect=): the digits behind `se=` of a shared access
 * signature, or the claim `exp` of a JSON web token (RFC 7519, 4.1.4). What is read on the way is
 * kept up to the next bytes, and forgotten with the end of the CONNECT: nothing else of it remains,
 * and only that number leaves the kernel. */
#pragma once

/* Bytes of one chunk, and digits of a number of seconds since 1970: up to 2286. */
enum { TOKEN_BYTES_MAX = 512, TOKEN_DIGITS = 10 };

#define FOUR(a, b, c, d) ((__u32)(a) << 24 | (__u32)(b) << 16 | (__u32)(c) << 8 | (__u32)(d))

/* RFC 4648, 5: the value of a digit plus 1; 0: it is none. */
static const __u8 base64url[256] = {
	['A'] = 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,         12,         13,
	14,         15, 16, 17, 18, 19, 20, 21, 22, 23, 24,         25,         26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,         38,         39,
	40,         41, 42, 43, 44, 45, 46, 47, 48, 49, 50,         51,         52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['-'] = 63, ['_'] = 64,
};

/* A digit of the number; what comes behind them ends it. Returns false if it is over. */
static __always_inline bool take_token_digit(struct token_follow *token, __u8 byte)
{
	if (byte >= '0' && byte <= '9') {
		token->found = token->found * 10 + byte - '0';
		return ++token->digits <= TOKEN_DIGITS;
	}
	if (byte == ' ' && !token->digits)
		return true;
	if (token->digits == TOKEN_DIGITS)
		token->seconds = token->found;
	return false;
}

static __always_inline void begin_token_digits(struct token_follow *token, __u8 part)
{
	token->found = 0;
	token->digits = 0;
	token->part = part;
}

/* Six bits more of a JSON web token. */
static __always_inline void take_coded(struct token_follow *token, __u8 byte)
{
	const __u64 name = (__u64)FOUR('"', 'e', 'x', 'p') << 16 | '"' << 8 | ':';
	__u8 digit = base64url[byte], decoded;

	if (!digit) { /* the end of its part */
		token->part = TOKEN_SOUGHT;
		return;
	}
	token->bits = token->bits << 6 | (digit - 1);
	token->bit_count += 6;
	if (token->bit_count < 8)
		return;
	token->bit_count -= 8;
	decoded = token->bits >> (token->bit_count & 7);
	token->decoded = token->decoded << 8 | decoded;
	if (token->part == TOKEN_CODED_EXPIRY) {
		if (!take_token_digit(token, decoded))
			token->part = TOKEN_CODED;
	} else if ((token->decoded & 0xffffffffffff) == name) {
		begin_token_digits(token, TOKEN_CODED_EXPIRY);
	}
}

/* The payload begins with `{"`: "eyJ", with two bits more. */
static __always_inline void begin_coded(struct token_follow *token)
{
	token->bits = 1;
	token->bit_count = 2;
	token->decoded = '{' << 8 | '"';
	token->part = TOKEN_CODED;
}

static __always_inline void take_uncoded(struct token_follow *token, __u8 byte)
{
	__u32 last = token->last << 8 | byte;

	token->last = last;
	if (last == FOUR('.', 'e', 'y', 'J'))
		begin_coded(token);
	else if (last == FOUR('S', 'h', 'a', 'r'))
		token->part = TOKEN_SIGNED;
	else if (token->part == TOKEN_SIGNED &&
		 (last == FOUR('&', 's', 'e', '=') || last == FOUR(' ', 's', 'e', '=')))
		begin_token_digits(token, TOKEN_EXPIRY);
}

/* These are functions of their own for the verifier, too: it looks at each of them once, and not
 * for each byte. It knows nothing of the arguments, so `value` is a byte only here. */
__noinline int take_token_byte(struct token_follow *token, __u32 value)
{
	__u8 byte = value;

	if (!token)
		return 0;
	switch (token->part) {
	case TOKEN_CODED:
	case TOKEN_CODED_EXPIRY:
		take_coded(token, byte);
		break;
	case TOKEN_EXPIRY:
		if (!take_token_digit(token, byte))
			token->part = TOKEN_SIGNED;
		break;
	default:
		take_uncoded(token, byte);
	}
	return 0;
}

/* `word` is of a `union lone_bytes`. */
__noinline int take_token_bytes(struct token_follow *token, __u64 word, __u32 count)
{
	const union lone_bytes read = { .word = word };

	if (!token)
		return 0;
	for (__u32 i = 0; i < sizeof(read) && i < count; i++)
		take_token_byte(token, read.bytes[i]);
	return 0;
}

__noinline __u32 least_of(__u32 a, __u32 b, __u32 c)
{
	__u32 ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* The end of the CONNECT ends a number, too. All but that is wiped. */
static __always_inline void end_token(struct token_follow *token)
{
	__u64 seconds;

	if (token->part == TOKEN_EXPIRY)
		take_token_digit(token, 0);
	seconds = token->seconds;
	__builtin_memset(token, 0, sizeof(*token));
	token->seconds = seconds;
}

/* Looks at what of the CONNECT is in the chunk. A piece that is missing ends it. */
static __noinline void follow_token(struct mqtt_session *session, const struct mqtt_chunk *chunk)
{
	struct token_follow *token = &session->token;
	union lone_bytes read = {};

	if (token->part == TOKEN_NONE)
		return;
	if (session->state != MQTT_FOLLOWED) {
		end_token(token);
		return;
	}
	for (__u32 i = 0; i < TOKEN_BYTES_MAX / sizeof(read); i++) {
		__u32 at = token->next - chunk->position, size;

		if (at >= chunk->length)
			break;
		size = least_of(token->end - token->next, chunk->length - at, sizeof(read));
		if (!size)
			break;
		size = ((size - 1) & (sizeof(read) - 1)) + 1; /* so that 6.1 knows its range, too */
		if (!read_bytes(chunk, at, size, &read))
			break;
		take_token_bytes(token, read.word, size);
		token->next += size;
	}
	if (token->next != chunk->position + chunk->length || token->next == token->end)
		end_token(token);
}
