/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When the hub's certificate is valid, in a handshake of TLS 1.2, which has it in plain text
 * (RFC 5246, 7.4.2). The way to its validity goes from element to element (RFC 5280, 4.1; X.690,
 * 8.1): the first bytes of each are read, and of the two times their digits. Nothing else leaves
 * the kernel. All of it must be in one segment and one record, and every length must fit into the
 * one around it. */
#pragma once

enum {
	/* RFC 5246, 7.4 */
	TLS_SERVER_HELLO = 2,
	TLS_CERTIFICATE = 11,
	TLS_MESSAGE_HEADER = 4,
	TLS_LENGTH = 3, /* before the certificates, and before each */
	/* X.690, 8 */
	DER_INTEGER = 0x02,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_VERSION = 0xa0,
	DER_HEADER_MOST = 4,
	DATE_DIGITS = 14,
	UTC_TIME_LENGTH = 13,
	GENERALIZED_TIME_LENGTH = 15,
	UTC_CENTURY = 50, /* RFC 5280, 4.1.2.5.1: years before it are of this century */
};

/* An element of DER in a packet. */
struct der {
	__u32 tag, at, length; /* of what is in it */
};

/* Functions of numbers alone are verified once for a program, and not once for each way to them. */

/* The first bytes of an element, of which `room` are there: its tag, the length of its header, and
 * that of what is in it, 8, 8 and 16 bits; 0: it does not fit. */
__noinline __u32 der_header(__u32 bytes, __u32 room)
{
	__u32 tag = bytes >> 24, length = bytes >> 16 & 0xff, header = 2;

	if (length == 0x81) {
		length = bytes >> 8 & 0xff;
		header = 3;
	} else if (length == 0x82) {
		length = bytes & 0xffff;
		header = 4;
	} else if (length >= 0x80) {
		return 0;
	}
	if (header > room || length > room - header)
		return 0;
	return tag << 24 | (header & 0xff) << 16 | (length & 0xffff);
}

/* The digits of a time, YYYYMMDDHHMMSS, as one number, from its bytes; 0: it is none. */
__noinline __u64 der_date(__u64 first, __u64 second)
{
	__u64 date = 0;

	for (int i = 0; i < DATE_DIGITS; i++) {
		__u64 digit = (first >> 56) - '0';

		if (digit > 9)
			return 0;
		date = date * 10 + digit;
		first = first << 8 | second >> 56;
		second <<= 8;
	}
	return first >> 56 == 'Z' ? date : 0;
}

/* Reads the element at `at`, which must end before `end`. Returns false if it does not. */
static __always_inline bool read_der(struct __sk_buff *packet, __u32 at, __u32 end, struct der *der)
{
	__be32 bytes;
	__u32 header;

	if (bpf_skb_load_bytes(packet, at, &bytes, sizeof(bytes)) < 0)
		return false;
	header = der_header(bpf_ntohl(bytes), end - at);
	der->tag = header >> 24;
	der->at = at + (header >> 16 & 0xff);
	der->length = header & 0xffff;
	return header != 0;
}

static __always_inline bool read_der_of(struct __sk_buff *packet, __u32 at, __u32 end, __u32 tag,
					struct der *der)
{
	return read_der(packet, at, end, der) && der->tag == tag;
}

/* Returns the time at `*at`, and moves that behind it; 0: there is none. */
static __always_inline __u64 read_date(struct __sk_buff *packet, __u32 *at, __u32 end)
{
	__u64 bytes[2] = {};
	char *text = (char *)bytes, *short_text = text + 2;
	struct der der;

	if (!read_der(packet, *at, end, &der))
		return 0;
	*at = der.at + der.length;
	if (der.tag == DER_GENERALIZED_TIME && der.length == GENERALIZED_TIME_LENGTH) {
		if (bpf_skb_load_bytes(packet, der.at, text, GENERALIZED_TIME_LENGTH) < 0)
			return 0;
	} else if (der.tag == DER_UTC_TIME && der.length == UTC_TIME_LENGTH) {
		if (bpf_skb_load_bytes(packet, der.at, short_text, UTC_TIME_LENGTH) < 0)
			return 0;
		text[0] = short_text[0] < '0' + UTC_CENTURY / 10 ? '2' : '1';
		text[1] = short_text[0] < '0' + UTC_CENTURY / 10 ? '0' : '9';
	} else {
		return 0;
	}
	return der_date(bpf_be64_to_cpu(bytes[0]), bpf_be64_to_cpu(bytes[1]));
}

/* Finds what is in the validity of the certificate, which ends at `end`. */
static __always_inline bool find_validity(struct __sk_buff *packet, __u32 at, __u32 end,
					  struct der *der)
{
	if (!read_der_of(packet, at, end, DER_SEQUENCE, der) || der->at + der->length != end ||
	    !read_der_of(packet, der->at, end, DER_SEQUENCE, der))
		return false;
	end = der->at + der->length;
	if (!read_der(packet, der->at, end, der))
		return false;
	if (der->tag == DER_VERSION && !read_der(packet, der->at + der->length, end, der))
		return false;
	return der->tag == DER_INTEGER && /* the serial number, the algorithm, the issuer */
	       read_der_of(packet, der->at + der->length, end, DER_SEQUENCE, der) &&
	       read_der_of(packet, der->at + der->length, end, DER_SEQUENCE, der) &&
	       read_der_of(packet, der->at + der->length, end, DER_SEQUENCE, der);
}

/* Reads `length` as three bytes at `at`. They are 0 where they cannot be read: no certificate is
 * so short. */
static __always_inline __u32 read_length(struct __sk_buff *packet, __u32 at)
{
	__u8 bytes[TLS_LENGTH] = {};

	bpf_skb_load_bytes(packet, at, bytes, sizeof(bytes));
	return bytes[0] << 16 | bytes[1] << 8 | bytes[2];
}

/* Reads when the first certificate of a message is valid. The message begins at `at`, and its
 * record ends at `end`. Returns false if that cannot be read. */
static __always_inline bool read_validity(struct __sk_buff *packet, __u32 at, __u32 end,
					  struct probe_certificate *record)
{
	__u32 message = read_length(packet, at + 1), list, certificate;
	struct der der;

	at += TLS_MESSAGE_HEADER;
	if (message > end - at)
		return false;
	list = read_length(packet, at);
	certificate = read_length(packet, at + TLS_LENGTH);
	at += 2 * TLS_LENGTH;
	if (list + TLS_LENGTH != message || certificate + TLS_LENGTH > list ||
	    !find_validity(packet, at, at + certificate, &der))
		return false;
	at = der.at;
	record->not_before = read_date(packet, &at, der.at + der.length);
	record->not_after = read_date(packet, &at, der.at + der.length);
	return record->not_before && record->not_after && at == der.at + der.length;
}

/* Returns where the Certificate begins in a record of the handshake, in which it may follow the
 * ServerHello; 0: it is not there. */
static __always_inline __u32 find_certificate(struct __sk_buff *packet, __u32 at, __u32 end)
{
	__u8 type = 0;

	bpf_skb_load_bytes(packet, at, &type, sizeof(type));
	if (type == TLS_SERVER_HELLO) {
		at += TLS_MESSAGE_HEADER + read_length(packet, at + 1);
		if (at >= end)
			return 0;
		type = 0;
		bpf_skb_load_bytes(packet, at, &type, sizeof(type));
	}
	return type == TLS_CERTIFICATE ? at : 0;
}

/* Tells when the certificate is valid, if there is one in the record of the handshake whose content
 * begins at `at` in the packet, and ends at `end`. */
static __noinline int tell_certificate(const struct connection *connection,
				       struct __sk_buff *packet, __u32 at, __u32 end)
{
	struct probe_certificate *record;

	at = find_certificate(packet, at, end);
	if (!at || !connection)
		return 0;
	record = reserve_in_ring(sizeof(*record), PROBE_CERTIFICATE, connection->agent);
	if (!record) {
		count_lost(connection->agent);
		return 0;
	}
	record->cookie = connection->cookie;
	record->opened_nsec = connection->opened_nsec;
	if (!read_validity(packet, at, end, record))
		record->not_before = record->not_after = 0;
	submit_record(record);
	return 0;
}
