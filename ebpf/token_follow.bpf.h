/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When the token in a CONNECT ends (TokenInspect=): the digits behind `se=` of a shared access
 * signature, or the claim `exp` of a JSON web token (RFC 7519, 4.1.4). What is read on the way is
 * kept up to the next bytes, and forgotten with the end of the CONNECT: nothing else of it remains,
 * and only that number leaves the kernel. */
#pragma once

/* Bytes of one chunk, and digits of a number of seconds since 1970: up to 2286. */
enum { TOKEN_BYTES_MAX = 512, TOKEN_DIGITS = 10, TOKEN_DIGITS_MOST = 15 };

#define FOUR(a, b, c, d) ((__u32)(a) << 24 | (__u32)(b) << 16 | (__u32)(c) << 8 | (__u32)(d))

/* RFC 4648, 5: the value of a digit plus 1; 0: it is none. */
static const __u8 base64url[256] = {
	['A'] = 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,         12,         13,
	14,         15, 16, 17, 18, 19, 20, 21, 22, 23, 24,         25,         26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37,         38,         39,
	40,         41, 42, 43, 44, 45, 46, 47, 48, 49, 50,         51,         52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, ['-'] = 63, ['_'] = 64,
};

/* Takes a digit of the number. Returns false if the number is over: what comes behind the digits
 * ends it. */
static __always_inline bool take_token_digit(union token_place *place, __u8 byte)
{
	if (byte >= '0' && byte <= '9') {
		place->said = place->said * 10 + byte - '0';
		if (place->digits < TOKEN_DIGITS_MOST)
			place->digits++;
		return true;
	}
	return byte == ' ' && !place->digits;
}

static __always_inline void begin_token_part(union token_place *place, __u8 part)
{
	place->said = 0;
	place->digits = 0;
	place->part = part;
}

/* Takes six bits more of a JSON web token. */
static __always_inline void take_coded(union token_place *place, __u8 byte)
{
	const __u64 name = (__u64)FOUR('"', 'e', 'x', 'p') << 16 | '"' << 8 | ':';
	__u8 digit = base64url[byte], decoded, count = place->bit_count + 6;
	__u32 bits = place->bits << 6 | ((digit - 1) & 0x3f);

	if (!digit) { /* the end of its part */
		begin_token_part(place, TOKEN_SOUGHT);
		return;
	}
	place->bits = bits;
	if (count < 8) {
		place->bit_count = count;
		return;
	}
	place->bit_count = count - 8;
	decoded = bits >> (count & 7);
	if (place->part == TOKEN_CODED_EXPIRY) {
		if (!take_token_digit(place, decoded))
			begin_token_part(place, TOKEN_CODED);
		return;
	}
	place->said = place->said << 8 | decoded;
	if (place->said == name)
		begin_token_part(place, TOKEN_CODED_EXPIRY);
}

/* The payload begins with `{"`: "eyJ", with two bits more. */
static __always_inline void begin_coded(union token_place *place)
{
	place->bits = 1;
	place->bit_count = 2;
	place->said = '{' << 8 | '"';
	place->part = TOKEN_CODED;
}

static __always_inline void take_uncoded(union token_place *place, __u8 byte)
{
	__u32 last = place->said << 8 | byte;

	place->said = last;
	if (last == FOUR('.', 'e', 'y', 'J'))
		begin_coded(place);
	else if (last == FOUR('S', 'h', 'a', 'r'))
		place->part = TOKEN_SIGNED;
	else if (place->part == TOKEN_SIGNED &&
		 (last == FOUR('&', 's', 'e', '=') || last == FOUR(' ', 's', 'e', '=')))
		begin_token_part(place, TOKEN_EXPIRY);
}

/* Returns the word of a `union token_place` behind the next byte.
 *
 * These are functions of their own for the verifier, too, as mqtt_after() is: it looks at each of
 * them once, and not for each byte. It knows nothing of the arguments, so `value` is a byte only
 * here. */
__noinline __u64 token_after(__u64 word, __u32 value)
{
	union token_place place = { .word = word };
	__u8 byte = value;

	switch (place.part) {
	case TOKEN_CODED:
	case TOKEN_CODED_EXPIRY:
		take_coded(&place, byte);
		break;
	case TOKEN_EXPIRY:
		if (!take_token_digit(&place, byte))
			begin_token_part(&place, TOKEN_SIGNED);
		break;
	default:
		take_uncoded(&place, byte);
	}
	return place.word;
}

/* Returns the number that has ended with the byte between two words, or else `seconds`. */
__noinline __u64 token_seconds_after(__u64 before_word, __u64 after_word, __u64 seconds)
{
	const union token_place before = { .word = before_word }, after = { .word = after_word };

	if ((before.part == TOKEN_EXPIRY && after.part == TOKEN_SIGNED) ||
	    (before.part == TOKEN_CODED_EXPIRY && after.part == TOKEN_CODED))
		return before.digits == TOKEN_DIGITS ? before.said : seconds;
	return seconds;
}

/* So much of a token is read at a time. */
union token_bytes {
	__u8 bytes[16];
	__u64 words[2];
};

/* What is known of a token behind some bytes of it. */
struct token_read {
	__u64 word;
	__u64 seconds;
};

static __always_inline struct token_read read_token(__u64 word, __u64 seconds,
						    const union token_bytes *read, __u32 count)
{
	struct token_read token = { word, seconds };

	for (__u32 i = 0; i < sizeof(*read) && i < count; i++) {
		__u64 before = token.word;

		token.word = token_after(before, read->bytes[i]);
		token.seconds = token_seconds_after(before, token.word, token.seconds);
	}
	return token;
}

/* Returns the word behind `first` and `second`, those of a `union token_bytes`. */
__noinline __u64 token_after_bytes(__u64 word, __u64 first, __u64 second, __u32 count)
{
	const union token_bytes read = { .words = { first, second } };

	return read_token(word, 0, &read, count).word;
}

/* Returns the seconds behind them: a function that the verifier looks at once returns one number.
 */
__noinline __u64 token_seconds_after_bytes(__u64 word, __u64 seconds, __u64 first, __u64 second,
					   __u32 count)
{
	const union token_bytes read = { .words = { first, second } };

	return read_token(word, seconds, &read, count).seconds;
}

__noinline __u32 least_of(__u32 a, __u32 b, __u32 c)
{
	__u32 ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Ends a number, too, as the CONNECT is over. All but the number is wiped. */
static __always_inline void end_token(struct token_follow *token)
{
	__u64 word = token->place.word, seconds = token->seconds;

	__builtin_memset(token, 0, sizeof(*token));
	token->seconds = token_seconds_after(word, token_after(word, 0), seconds);
}

/* Looks at what of the CONNECT is in the chunk. A piece that is missing ends it. */
static __noinline void follow_token(struct mqtt_session *session, const struct mqtt_chunk *chunk)
{
	struct token_follow *token = &session->token;
	union token_bytes read = {};

	if (token->place.part == TOKEN_NONE)
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
		if (!read_bytes(chunk, at, size, read.bytes))
			break;
		token->seconds = token_seconds_after_bytes(token->place.word, token->seconds,
							   read.words[0], read.words[1], size);
		token->place.word =
			token_after_bytes(token->place.word, read.words[0], read.words[1], size);
		token->next += size;
	}
	if (token->next != chunk->position + chunk->length || token->next == token->end)
		end_token(token);
}
