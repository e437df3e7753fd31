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

struct tls_record {
	__u8 type;
	__u16 length;
	__u8 body[2]; /* its first bytes; 0 where they are not in the packet */
};

static __always_inline void note_alert(struct tls_follow *tls, bool sent, __u8 description)
{
	struct tls_stream *stream = sent ? &tls->sent : &tls->received;

	tls->flags |= sent ? PROBE_TLS_ALERT_SENT : PROBE_TLS_ALERT_RECEIVED;
	stream->alert = description;
}

static __always_inline bool is_plain_alert(const struct tls_stream *stream,
					   const struct tls_record *record)
{
	return record->length == TLS_ALERT_LENGTH && !(stream->sealed && stream->finished);
}

/* Warnings end nothing: a close_notify is one. */
static __always_inline void take_alert(struct tls_follow *tls, bool sent,
				       const struct tls_record *record)
{
	if (!is_plain_alert(sent ? &tls->sent : &tls->received, record))
		note_alert(tls, sent, PROBE_TLS_ALERT_SEALED);
	else if (record->body[0] == TLS_ALERT_IS_FATAL)
		note_alert(tls, sent, record->body[1]);
}

static __always_inline void take_sent(struct tls_follow *tls, const struct tls_record *record)
{
	struct tls_stream *stream = &tls->sent;

	switch (record->type) {
	case TLS_CHANGE_CIPHER_SPEC:
		stream->sealed = true;
		break;
	case TLS_ALERT:
		take_alert(tls, true, record);
		break;
	case TLS_HANDSHAKE:
		if (tls->track == PROBE_TLS_NONE)
			tls->track = PROBE_TLS_BEGUN;
		stream->finished = stream->sealed;
		break;
	case TLS_APPLICATION_DATA:
		if (!(tls->flags & PROBE_TLS_IS_13) || stream->finished)
			break;
		if (record->length >= TLS_SEALED_FINISHED_LEAST)
			stream->finished = true;
		else if (record->length == TLS_SEALED_ALERT ||
			 record->length == TLS_SEALED_ALERT_PADDED)
			note_alert(tls, true, PROBE_TLS_ALERT_SEALED);
		break;
	}
}

/* In TLS 1.3 a server's flight is of application data, before the client's Finished. What comes
 * after that shows that the server has taken the client's certificate, unless it is an alert. */
static __always_inline void take_received(struct tls_follow *tls, const struct tls_record *record)
{
	struct tls_stream *stream = &tls->received;

	if (tls->track == PROBE_TLS_BEGUN && record->type != TLS_ALERT)
		tls->track = PROBE_TLS_ANSWERED;
	switch (record->type) {
	case TLS_CHANGE_CIPHER_SPEC:
		stream->sealed = true;
		break;
	case TLS_ALERT:
		take_alert(tls, false, record);
		break;
	case TLS_HANDSHAKE:
		stream->finished = stream->sealed;
		break;
	case TLS_APPLICATION_DATA:
		if (!tls->sent.finished)
			tls->flags |= PROBE_TLS_IS_13;
		if (tls->flags & PROBE_TLS_IS_13 && record->length == TLS_SEALED_ALERT)
			note_alert(tls, false, PROBE_TLS_ALERT_SEALED);
		else if (tls->sent.finished)
			stream->finished = true;
		break;
	}
}

static __always_inline void take_tls_record(struct tls_follow *tls, bool sent,
					    const struct tls_record *record)
{
	if (sent)
		take_sent(tls, record);
	else
		take_received(tls, record);
	if (tls->sent.finished && tls->received.finished && tls->track == PROBE_TLS_ANSWERED)
		tls->track = PROBE_TLS_SECURED;
}

/* ---- what is no TLS */

static __always_inline bool is_tls_header(const struct tls_stream *stream)
{
	return stream->header[0] >= TLS_CHANGE_CIPHER_SPEC &&
	       stream->header[0] <= TLS_APPLICATION_DATA && stream->header[1] == TLS_MAJOR;
}

/* Only "HTTP" is told from the rest: a portal or a proxy answers so. */
static __always_inline void take_no_tls(struct tls_follow *tls, const struct tls_stream *stream,
					bool sent)
{
	const __u8 *header = stream->header;

	if (stream->begun) {
		tls->track = PROBE_TLS_LOST;
	} else if (sent || tls->track == PROBE_TLS_NONE) {
		tls->track = PROBE_TLS_PLAIN;
	} else {
		tls->track = PROBE_TLS_NOT_SPOKEN;
		tls->answer = header[0] == 'H' && header[1] == 'T' && header[2] == 'T'
				      ? PROBE_TLS_ANSWER_HTTP
				      : PROBE_TLS_ANSWER_OTHER;
	}
}

/* ---- the bytes of a segment */

static __always_inline bool is_followed(const struct tls_follow *tls)
{
	return tls->track < PROBE_TLS_SECURED;
}

/* Reads the header of the next record. Returns false if it is not in the segment as a whole. */
static __always_inline bool read_header(struct tls_stream *stream, const struct segment *segment)
{
	__u32 first = stream->next - segment->position;

	if (first + TLS_HEADER_SIZE > segment->length ||
	    bpf_skb_load_bytes(segment->packet, segment->offset + first, stream->header,
			       TLS_HEADER_SIZE) < 0)
		return false;
	stream->next += TLS_HEADER_SIZE;
	return true;
}

/* Adds bytes to a header of which a part was, or is to be, in another segment. Returns false if the
 * segment is over before it is whole. */
static __always_inline bool complete_header(struct tls_stream *stream,
					    const struct segment *segment)
{
	for (int i = 0; i < TLS_HEADER_SIZE; i++) {
		__u32 at = stream->next - segment->position, have = stream->have;
		__u8 byte;

		if (have >= TLS_HEADER_SIZE)
			return true;
		if (at >= segment->length ||
		    bpf_skb_load_bytes(segment->packet, segment->offset + at, &byte, 1) < 0)
			return false;
		stream->header[have] = byte;
		stream->have = have + 1;
		stream->next++;
	}
	return stream->have >= TLS_HEADER_SIZE;
}

/* Notes where a record is that may have the certificate: it begins with it, or is the first, whose
 * ServerHello may come before it. */
static __always_inline void note_handshake(struct tls_stream *stream, struct segment *segment,
					   const struct tls_record *record)
{
	bool certified = record->body[0] == TLS_CERTIFICATE;

	if (record->type != TLS_HANDSHAKE || stream->sealed || stream->certified ||
	    (!certified && stream->begun))
		return;
	stream->certified = certified;
	segment->handshake = segment->offset + (stream->next - segment->position);
	segment->handshake_end = segment->handshake + record->length;
}

static __always_inline void take_header(struct tls_follow *tls, struct tls_stream *stream,
					bool sent, struct segment *segment)
{
	struct tls_record record = {
		.type = stream->header[0],
		.length = stream->header[3] << 8 | stream->header[4],
	};
	__u32 at = stream->next - segment->position;

	if (at + sizeof(record.body) <= segment->length)
		bpf_skb_load_bytes(segment->packet, segment->offset + at, record.body,
				   sizeof(record.body));
	if (sent && !stream->begun &&
	    (record.type != TLS_HANDSHAKE || record.body[0] != TLS_CLIENT_HELLO)) {
		tls->track = PROBE_TLS_PLAIN;
		return;
	}
	if (!sent)
		note_handshake(stream, segment, &record);
	stream->begun = true;
	stream->have = 0;
	stream->next += record.length;
	take_tls_record(tls, sent, &record);
}

static __always_inline bool is_within(const struct tls_stream *stream,
				      const struct segment *segment)
{
	return stream->next - segment->position < segment->length;
}

/* Takes the record whose header is there. */
static __always_inline void take_next(struct tls_follow *tls, struct tls_stream *stream, bool sent,
				      struct segment *segment)
{
	if (is_tls_header(stream))
		take_header(tls, stream, sent, segment);
	else
		take_no_tls(tls, stream, sent);
}

/* Takes the records that begin in the segment, and what there is of the header of the last one. */
static __always_inline void take_records(struct tls_follow *tls, struct tls_stream *stream,
					 bool sent, struct segment *segment)
{
	for (int i = 0; i < TLS_RECORDS_MAX; i++) {
		barrier(); /* all is read anew, so the verifier knows nothing of the record before
			    */
		if (!is_followed(tls) || !is_within(stream, segment))
			break;
		if (!read_header(stream, segment)) {
			complete_header(stream, segment);
			break;
		}
		take_next(tls, stream, sent, segment);
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
	if (stream->have && is_within(stream, segment) && complete_header(stream, segment))
		take_next(tls, stream, sent, segment);
	if (!stream->have)
		take_records(tls, stream, sent, segment);
	if (!is_followed(tls))
		return;
	if (stream->next - segment->position < segment->length ||
	    ((__s32)(stream->next - end) < 0 && (__s32)(end - segment_end) > 0))
		tls->track = PROBE_TLS_LOST;
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
	if (tls->flags & PROBE_TLS_IS_13)
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

	if (!(tls->goodbye & said))
		return;
	tls->goodbye &= ~said;
	if (tls->flags & PROBE_TLS_IS_13)
		tls->goodbye |=
			sent ? PROBE_TLS_GOODBYE_SENT_UNCLEAR : PROBE_TLS_GOODBYE_RECEIVED_UNCLEAR;
}

static __always_inline void note_goodbye(struct tls_follow *tls, bool sent,
					 const struct segment *segment)
{
	struct tls_stream *stream = sent ? &tls->sent : &tls->received;
	__u32 segment_end = segment->position + segment->length;
	bool peer_first = sent ? tls->goodbye & PROBE_TLS_GOODBYE_RECEIVED
			       : !(tls->goodbye & PROBE_TLS_GOODBYE_SENT);

	if ((__s32)(segment_end - stream->end) <= 0)
		return; /* it comes again */
	stream->end = segment_end;
	take_back_goodbye(tls, sent);
	if (!ends_with_goodbye(tls, segment))
		return;
	tls->goodbye |= sent ? PROBE_TLS_GOODBYE_SENT : PROBE_TLS_GOODBYE_RECEIVED;
	tls->goodbye &= ~PROBE_TLS_GOODBYE_PEER_FIRST;
	if (peer_first)
		tls->goodbye |= PROBE_TLS_GOODBYE_PEER_FIRST;
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
	return !!(tls->flags & PROBE_TLS_ALERT_SENT) + (tls->track != PROBE_TLS_NONE) +
	       tls->sent.finished + !is_followed(tls);
}

/* When the ClientHello was sent, and when the handshake was over. */
static __always_inline void note_times(struct connection *connection)
{
	__u64 now = 1 + ((bpf_ktime_get_ns() - connection->opened_nsec) >> TLS_TIME_SHIFT);
	struct tls_follow *tls = &connection->tls;

	if (tls->sent.begun && !tls->begun) {
		tls->begun = now;
		if (now >> 32) /* so late a first word is not followed */
			tls->track = PROBE_TLS_LOST;
	}
	if (tls->track == PROBE_TLS_SECURED) {
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

	if (tls->track > PROBE_TLS_SECURED || !find_segment(packet, &segment))
		return;
	if (tls->track == PROBE_TLS_SECURED) {
		note_goodbye(tls, sent, &segment);
		return;
	}
	stage = tls_stage(tls);
	follow_tls(tls, sent, &segment);
	if (segment.handshake)
		tell_certificate(connection, packet, segment.handshake, segment.handshake_end);
	if (tls_stage(tls) == stage)
		return;
	if (tls->track == PROBE_TLS_PLAIN && !is_awaited(connection, packet))
		return;
	if (tls->track != PROBE_TLS_PLAIN)
		speaks_tls[connection->agent % PROBE_AGENTS] = true;
	note_times(connection);
	report_spoken(connection);
}
