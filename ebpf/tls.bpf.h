/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TLS, as anybody on the path sees it: the headers of its records (RFC 8446, 5.1), up to the end of
 * the handshake. Of each record its type and length are read, of a handshake its first byte, of an
 * alert in plain text its two bytes; of a certificate in plain text when it is valid
 * (certificate.bpf.h); nothing else, and no key. Once the handshake is over only
 * short packets are looked at, for a goodbye (close_notify). */
#pragma once

enum {
	/* RFC 8446, 5.1 */
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_APPLICATION_DATA = 23,
	TLS_MAJOR = 3,
	/* RFC 8446, 4 and 6 */
	TLS_CLIENT_HELLO = 1,
	TLS_ALERT_LENGTH = 2,
	TLS_ALERT_IS_FATAL = 2,
	/* Encrypted records of TLS 1.3 are as long as what is in them, its type and the tag of 16
	 * bytes (RFC 8446, 5.2); JSSE pads by 16 bytes more. An alert has 2 bytes, a Finished at
	 * least 36. */
	TLS_SEALED_ALERT = 19,
	TLS_SEALED_ALERT_PADDED = 35,
	TLS_SEALED_FINISHED_LEAST = 53,
	/* An encrypted alert of TLS 1.2: the 2 bytes and a tag of 16, with AES-GCM an explicit
	 * nonce of 8 (RFC 5288, 3; RFC 7905, 2), or what a block cipher makes of it; a packet with
	 * it alone is no longer than TLS_GOODBYE_MOST. */
	TLS_SEALED_ALERT_CHACHA = 18,
	TLS_SEALED_ALERT_GCM = 26,
	TLS_GOODBYE_MOST = 96,
};

/* Records that are looked at in one packet: a verifier wants an end to every loop. A server's
 * flight is of four to eight. */
#define TLS_RECORDS_MAX 12

/* ---- one record */

enum { TLS_BODY_SIZE = 2 };

struct tls_record {
	__u8 type;
	__u16 length;
	__u8 body[TLS_BODY_SIZE]; /* its first bytes; 0 where they are not in the packet */
};

/* `first` is a number of a record's first bytes, from its top: the header, those of the body, and
 * how many bytes of the header are there. */

static __always_inline __u32 tls_length(__u64 first)
{
	return first >> 24 & 0xffff;
}

static __always_inline struct tls_record tls_record_of(__u64 first)
{
	return (struct tls_record){
		.type = first >> 56,
		.length = tls_length(first),
		.body = { first >> 16 & 0xff, first >> 8 & 0xff },
	};
}

static __always_inline struct tls_shown *shown(union tls_known *known, bool sent)
{
	return sent ? &known->sent : &known->received;
}

static __always_inline void note_alert(union tls_known *known, bool sent, __u8 description)
{
	known->flags |= sent ? PROBE_TLS_ALERT_SENT : PROBE_TLS_ALERT_RECEIVED;
	shown(known, sent)->alert = description;
}

static __always_inline bool is_plain_alert(const struct tls_shown *shown,
					   const struct tls_record *record)
{
	return record->length == TLS_ALERT_LENGTH && !(shown->sealed && shown->finished);
}

/* Warnings end nothing: a close_notify is one. */
static __always_inline void take_alert(union tls_known *known, bool sent,
				       const struct tls_record *record)
{
	if (!is_plain_alert(shown(known, sent), record))
		note_alert(known, sent, PROBE_TLS_ALERT_SEALED);
	else if (record->body[0] == TLS_ALERT_IS_FATAL)
		note_alert(known, sent, record->body[1]);
}

static __always_inline void take_sent(union tls_known *known, const struct tls_record *record)
{
	struct tls_shown *shown = &known->sent;

	switch (record->type) {
	case TLS_CHANGE_CIPHER_SPEC:
		shown->sealed = true;
		break;
	case TLS_ALERT:
		take_alert(known, true, record);
		break;
	case TLS_HANDSHAKE:
		if (known->track == PROBE_TLS_NONE)
			known->track = PROBE_TLS_BEGUN;
		shown->finished = shown->sealed;
		break;
	case TLS_APPLICATION_DATA:
		if (!(known->flags & PROBE_TLS_IS_13) || shown->finished)
			break;
		if (record->length >= TLS_SEALED_FINISHED_LEAST)
			shown->finished = true;
		else if (record->length == TLS_SEALED_ALERT ||
			 record->length == TLS_SEALED_ALERT_PADDED)
			note_alert(known, true, PROBE_TLS_ALERT_SEALED);
		break;
	}
}

/* In TLS 1.3 a server's flight is of application data, before the client's Finished. What comes
 * after that shows that the server has taken the client's certificate, unless it is an alert. */
static __always_inline void take_received(union tls_known *known, const struct tls_record *record)
{
	struct tls_shown *shown = &known->received;

	if (known->track == PROBE_TLS_BEGUN && record->type != TLS_ALERT)
		known->track = PROBE_TLS_ANSWERED;
	switch (record->type) {
	case TLS_CHANGE_CIPHER_SPEC:
		shown->sealed = true;
		break;
	case TLS_ALERT:
		take_alert(known, false, record);
		break;
	case TLS_HANDSHAKE:
		shown->finished = shown->sealed;
		break;
	case TLS_APPLICATION_DATA:
		if (!known->sent.finished)
			known->flags |= PROBE_TLS_IS_13;
		if (known->flags & PROBE_TLS_IS_13 && record->length == TLS_SEALED_ALERT)
			note_alert(known, false, PROBE_TLS_ALERT_SEALED);
		else if (known->sent.finished)
			shown->finished = true;
		break;
	}
}

/* Notes whether the record may have the certificate: it begins with it, or is the first, whose
 * ServerHello may come before it. */
static __always_inline void note_handshake(struct tls_shown *shown, const struct tls_record *record)
{
	bool certified = record->body[0] == TLS_CERTIFICATE;

	if (record->type != TLS_HANDSHAKE || shown->sealed || shown->certified ||
	    (!certified && shown->begun))
		return;
	shown->certified = certified;
	shown->certifying = true;
}

static __always_inline void take_tls(union tls_known *known, bool sent,
				     const struct tls_record *record)
{
	if (sent && !known->sent.begun &&
	    (record->type != TLS_HANDSHAKE || record->body[0] != TLS_CLIENT_HELLO)) {
		known->track = PROBE_TLS_PLAIN;
		return;
	}
	if (!sent)
		note_handshake(&known->received, record);
	shown(known, sent)->begun = true;
	if (sent)
		take_sent(known, record);
	else
		take_received(known, record);
	if (known->sent.finished && known->received.finished && known->track == PROBE_TLS_ANSWERED)
		known->track = PROBE_TLS_SECURED;
}

/* ---- what is no TLS */

static __always_inline bool is_tls(__u64 first)
{
	__u8 type = first >> 56, major = first >> 48 & 0xff;

	return type >= TLS_CHANGE_CIPHER_SPEC && type <= TLS_APPLICATION_DATA && major == TLS_MAJOR;
}

/* Only "HTTP" is told from the rest: a portal or a proxy answers so. */
static __always_inline void take_no_tls(union tls_known *known, bool sent, __u64 first)
{
	if (shown(known, sent)->begun) {
		known->track = PROBE_TLS_LOST;
	} else if (sent || known->track == PROBE_TLS_NONE) {
		known->track = PROBE_TLS_PLAIN;
	} else {
		known->track = PROBE_TLS_NOT_SPOKEN;
		known->answer = first >> 40 == ('H' << 16 | 'T' << 8 | 'T')
					? PROBE_TLS_ANSWER_HTTP
					: PROBE_TLS_ANSWER_OTHER;
	}
}

/* ---- the bytes of a segment */

/* The functions that are not static are verified once for a program, and a call of one is an
 * instruction: so the rounds of a loop over records are short for the verifier. They take and
 * return numbers: kernels before 5.12 know no pointers there, and those without types of their own
 * not even that to the packet. */

/* Returns the word of a `union tls_known` behind the record that begins so. */
__noinline __u64 tls_after(__u64 word, __u64 first, __u32 sent)
{
	const struct tls_record record = tls_record_of(first);
	union tls_known known = { .word = word };

	shown(&known, sent)->certifying = false;
	if (is_tls(first))
		take_tls(&known, sent, &record);
	else
		take_no_tls(&known, sent, first);
	return known.word;
}

/* Returns how many bytes are to be read, of `room`, where `have` of the header are there: what is
 * missing of it, and the body's if all of them are in the segment. */
__noinline __u32 tls_missing(__u32 have, __u32 room)
{
	__u32 header = TLS_HEADER_SIZE - have, all = header + TLS_BODY_SIZE;

	if (room >= all)
		return all;
	return room < header ? room : header;
}

/* Returns the first bytes of a record: `have` from `part`, and `size` from `bytes`. */
__noinline __u64 tls_first_bytes(__u32 part, __u32 have, __u64 bytes, __u32 size)
{
	__u32 there = have + size;

	return (__u64)part << 32 | bytes >> (8 * have & 63) |
	       (there < TLS_HEADER_SIZE ? there : TLS_HEADER_SIZE);
}

static __always_inline __u64 read_first_bytes(struct __sk_buff *packet, __u32 at, __u32 room,
					      __u32 part, __u32 have)
{
	__u32 size = tls_missing(have, room);
	__u64 bytes = 0;

	bpf_skb_load_bytes(packet, at, &bytes, 1 + ((size - 1) & 7)); /* 1 to 7 anyway */
	return tls_first_bytes(part, have, bpf_be64_to_cpu(bytes), size);
}

static __always_inline bool is_followed(const struct tls_follow *tls)
{
	return tls->known.track < PROBE_TLS_SECURED;
}

static __always_inline bool is_within(const struct tls_stream *stream,
				      const struct segment *segment)
{
	return stream->next - segment->position < segment->length;
}

/* Takes the record that begins so. What is known of the other direction may change meanwhile, on
 * another processor. */
static __always_inline void take_record(struct tls_follow *tls, bool sent, __u64 first)
{
	union tls_known known = tls->known;
	__u32 both = known.both;

	known.word = tls_after(known.word, first, sent);
	*shown(&tls->known, sent) = *shown(&known, sent);
	if (known.both != both)
		tls->known.both = known.both;
}

/* Takes the next record that begins in the segment, or what there is of its header. Returns false
 * in that case. */
static __always_inline bool take_next(struct tls_follow *tls, struct tls_stream *stream, bool sent,
				      struct segment *segment)
{
	__u32 at = stream->next - segment->position, have = shown(&tls->known, sent)->have, there;
	__u64 first = read_first_bytes(segment->packet, segment->offset + at, segment->length - at,
				       stream->part, have);

	there = first & 0xff;
	at += there - have;
	stream->next += there - have;
	if (there < TLS_HEADER_SIZE) {
		stream->part = first >> 32;
		shown(&tls->known, sent)->have = there;
		return false;
	}
	stream->part = 0;
	shown(&tls->known, sent)->have = 0;
	stream->next += tls_length(first);
	take_record(tls, sent, first);
	if (!sent && tls->known.received.certifying) {
		segment->handshake = segment->offset + at;
		segment->handshake_end = segment->handshake + tls_length(first);
	}
	return true;
}

/* Takes the records that begin in the segment, and what there is of the header of the last one. One
 * whose header began before is not counted. */
static __always_inline void take_records(struct tls_follow *tls, struct tls_stream *stream,
					 bool sent, struct segment *segment)
{
	for (int i = shown(&tls->known, sent)->have ? -1 : 0; i < TLS_RECORDS_MAX; i++) {
		barrier(); /* so that nothing of a record is kept for the next one */
		if (!is_followed(tls) || !is_within(stream, segment) ||
		    !take_next(tls, stream, sent, segment))
			break;
	}
}

/* Sequence numbers tell what comes again and what is missing. What came before its time does not
 * come again: the track is lost if a record begins in it. */
static __always_inline void follow_tls(struct tls_follow *tls, bool sent, struct segment *segment)
{
	struct tls_stream *stream = sent ? &tls->sent : &tls->received;
	__u32 end = stream->end, segment_end = segment->position + segment->length;

	if ((__s32)(segment_end - end) > 0)
		stream->end = segment_end;
	take_records(tls, stream, sent, segment);
	if (!is_followed(tls))
		return;
	if (is_within(stream, segment) ||
	    ((__s32)(stream->next - end) < 0 && (__s32)(end - segment_end) > 0))
		tls->known.track = PROBE_TLS_LOST;
}

/* ---- goodbye */

static __always_inline bool is_goodbye(const struct segment *segment, __u32 from_end, __u8 type,
				       __u32 length)
{
	__u8 header[TLS_HEADER_SIZE];

	return segment->length >= from_end &&
	       bpf_skb_load_bytes(segment->packet, segment->offset + segment->length - from_end,
				  header, sizeof(header)) == 0 &&
	       header[0] == type && header[1] == TLS_MAJOR &&
	       (__u32)(header[3] << 8 | header[4]) == length;
}

static __always_inline bool ends_with(const struct segment *segment, __u8 type, __u32 length)
{
	return is_goodbye(segment, length + TLS_HEADER_SIZE, type, length);
}

/* The segment ends with a close_notify, as far as the header before its last bytes tells. Whatever
 * alert of TLS 1.2 is a packet of its own may have any length. */
static __always_inline bool ends_with_goodbye(const struct tls_follow *tls,
					      const struct segment *segment)
{
	if (tls->known.flags & PROBE_TLS_IS_13)
		return ends_with(segment, TLS_APPLICATION_DATA, TLS_SEALED_ALERT) ||
		       ends_with(segment, TLS_APPLICATION_DATA, TLS_SEALED_ALERT_PADDED);
	if (segment->length <= TLS_GOODBYE_MOST)
		return is_goodbye(segment, segment->length, TLS_ALERT,
				  segment->length - TLS_HEADER_SIZE);
	return ends_with(segment, TLS_ALERT, TLS_SEALED_ALERT_GCM) ||
	       ends_with(segment, TLS_ALERT, TLS_SEALED_ALERT_CHACHA);
}

/* More data came from that side: its last goodbye was none. */
static __always_inline void take_back_goodbye(struct tls_follow *tls, bool sent)
{
	__u8 said = sent ? PROBE_TLS_GOODBYE_SENT : PROBE_TLS_GOODBYE_RECEIVED;

	if (!(tls->known.goodbye & said))
		return;
	tls->known.goodbye &= ~said;
	if (tls->known.flags & PROBE_TLS_IS_13)
		tls->known.goodbye |=
			sent ? PROBE_TLS_GOODBYE_SENT_UNCLEAR : PROBE_TLS_GOODBYE_RECEIVED_UNCLEAR;
}

static __always_inline void note_goodbye(struct tls_follow *tls, bool sent,
					 const struct segment *segment)
{
	struct tls_stream *stream = sent ? &tls->sent : &tls->received;
	__u32 segment_end = segment->position + segment->length;
	bool peer_first = sent ? tls->known.goodbye & PROBE_TLS_GOODBYE_RECEIVED
			       : !(tls->known.goodbye & PROBE_TLS_GOODBYE_SENT);

	if ((__s32)(segment_end - stream->end) <= 0)
		return; /* it comes again */
	stream->end = segment_end;
	take_back_goodbye(tls, sent);
	if (!ends_with_goodbye(tls, segment))
		return;
	tls->known.goodbye |= sent ? PROBE_TLS_GOODBYE_SENT : PROBE_TLS_GOODBYE_RECEIVED;
	tls->known.goodbye &= ~PROBE_TLS_GOODBYE_PEER_FIRST;
	if (peer_first)
		tls->known.goodbye |= PROBE_TLS_GOODBYE_PEER_FIRST;
}

/* ---- the connection */

/* By agent number: it has spoken TLS, or something that could not be followed. */
bool speaks_tls[PROBE_AGENTS] = {};

/* True if user space may wait for the first word (will_speak_tls(), may_be_in_handshake()), or has
 * been told the end before it. Otherwise no TLS is told with the next record of the connection:
 * most connections without TLS get along with one record less, and one wake-up. */
static __always_inline bool is_awaited(const struct connection *connection,
				       const struct __sk_buff *packet)
{
	__u32 port = bpf_ntohl(packet->remote_port);

	return speaks_tls[connection->agent % PROBE_AGENTS] || connection->closing_told ||
	       port == 443 || port == 5671 || port == 8883 || port == 8443;
}

/* Tells user space how the connection is used: what was sent first was no TLS, the handshake is
 * over, or it came to nothing. */
static __always_inline void report_spoken(const struct connection *connection)
{
	struct probe_spoken *record =
		reserve_in_ring(sizeof(*record), PROBE_SPOKEN, connection->agent);

	if (!record) {
		count_lost(connection->agent);
		return;
	}
	record->cookie = connection->cookie;
	record->opened_nsec = connection->opened_nsec;
	copy_tls(&record->tls, connection, connection->tls.sent.end);
	submit_record(record);
}

/* The first word, the agent's Finished, its alert, and how it came out are news. */
static __always_inline __u32 tls_stage(const struct tls_follow *tls)
{
	return !!(tls->known.flags & PROBE_TLS_ALERT_SENT) + (tls->known.track != PROBE_TLS_NONE) +
	       tls->known.sent.finished + !is_followed(tls);
}

/* When the ClientHello was sent, and when the handshake was over. */
static __always_inline void note_times(struct connection *connection)
{
	__u64 now = 1 + ((bpf_ktime_get_ns() - connection->opened_nsec) >> TLS_TIME_SHIFT);
	struct tls_follow *tls = &connection->tls;

	if (tls->known.sent.begun && !tls->begun) {
		tls->begun = now;
		if (now >> 32) /* so late a first word is not followed */
			tls->known.track = PROBE_TLS_LOST;
	}
	if (tls->known.track == PROBE_TLS_SECURED) {
		tls->done = now > tls->begun ? now : tls->begun + 1;
		tls->sent_by_then = tls->sent.end;
	}
}

static __always_inline void look_at_tls(struct connection *connection, struct __sk_buff *packet,
					bool sent)
{
	struct tls_follow *tls = &connection->tls;
	struct segment segment = {};
	__u32 stage;

	if (tls->known.track > PROBE_TLS_SECURED || !find_segment(packet, &segment))
		return;
	if (tls->known.track == PROBE_TLS_SECURED) {
		note_goodbye(tls, sent, &segment);
		return;
	}
	stage = tls_stage(tls);
	follow_tls(tls, sent, &segment);
	if (segment.handshake)
		tell_certificate(connection, packet, segment.handshake, segment.handshake_end);
	if (tls_stage(tls) == stage)
		return;
	if (tls->known.track == PROBE_TLS_PLAIN && !is_awaited(connection, packet))
		return;
	if (tls->known.track != PROBE_TLS_PLAIN)
		speaks_tls[connection->agent % PROBE_AGENTS] = true;
	note_times(connection);
	report_spoken(connection);
}
