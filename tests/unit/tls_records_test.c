/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe's look at the records of a TLS handshake (ebpf/tls.bpf.h), in user space: however the
 * bytes are cut into segments, it comes to the same end. */
#include "tests/fuzz/followed.h"

#include "suite.h"

/* No record finds room: the connection's state is what counts. */
static void *reserve_in_ring(__u64 size, enum probe_record_type type, __u32 agent)
{
	(void)size, (void)type, (void)agent;
	return NULL;
}

static void submit_record(void *record)
{
	(void)record;
}

static void count_lost(__u32 agent)
{
	(void)agent;
}

static void copy_tls(struct probe_tls *record, const struct connection *connection, __u32 sent)
{
	(void)record, (void)connection, (void)sent;
}

#include "ebpf/certificate.bpf.h"

#include "ebpf/tls.bpf.h"

enum { IP_HEADER = 20, TCP_HEADER = 20, HEADERS = IP_HEADER + TCP_HEADER, FLIGHT_MOST = 4096 };

/* A flight is what one side sends before it waits for the other. */
struct flight {
	bool sent;
	__u32 size;
	__u8 bytes[FLIGHT_MOST];
};

/* A packet of `size` bytes of a flight, that many bytes into what its side sends. */
static void pass(struct connection *connection, const struct flight *flight, __u32 position,
		 __u32 from, __u32 size)
{
	__u8 bytes[HEADERS + FLIGHT_MOST] = { 0x45 };
	struct bpf_sock sk = { 0 };
	struct __sk_buff packet = {
		.bytes = bytes,
		.data = (long)bytes,
		.data_end = (long)(bytes + HEADERS + size),
		.len = HEADERS + size,
		.protocol = htons(ETH_P_IP),
		.sk = &sk,
	};
	__be32 sequence = htonl(position + from);

	memcpy(bytes + IP_HEADER + TCP_SEQUENCE, &sequence, sizeof(sequence));
	bytes[IP_HEADER + TCP_DATA_OFFSET] = 0x50;
	memcpy(bytes + HEADERS, flight->bytes + from, size);
	look_at_tls(connection, &packet, flight->sent);
}

static void add(struct flight *flight, __u8 type, __u16 length, __u8 first, __u8 second)
{
	__u8 *at = flight->bytes + flight->size;

	memset(at, 0xee, TLS_HEADER_SIZE + length);
	at[0] = type;
	at[1] = at[2] = TLS_MAJOR;
	at[3] = length >> 8;
	at[4] = length & 0xff;
	if (length > 0)
		at[TLS_HEADER_SIZE] = first;
	if (length > 1)
		at[TLS_HEADER_SIZE + 1] = second;
	flight->size += TLS_HEADER_SIZE + length;
}

enum { FLIGHTS = 4 };

struct handshake {
	const char *name;
	struct flight flights[FLIGHTS];
};

static void make_12(struct handshake *handshake)
{
	struct flight *flights = handshake->flights;

	handshake->name = "TLS 1.2";
	flights[0].sent = flights[2].sent = true;
	add(&flights[0], TLS_HANDSHAKE, 90, TLS_CLIENT_HELLO, 0);
	add(&flights[1], TLS_HANDSHAKE, 60, TLS_SERVER_HELLO, 0);
	add(&flights[1], TLS_HANDSHAKE, 120, TLS_CERTIFICATE, 0);
	add(&flights[1], TLS_HANDSHAKE, 4, 14, 0); /* ServerHelloDone */
	add(&flights[2], TLS_HANDSHAKE, 37, 16, 0);
	add(&flights[2], TLS_CHANGE_CIPHER_SPEC, 1, 1, 0);
	add(&flights[2], TLS_HANDSHAKE, 40, 0xee, 0xee);
	add(&flights[3], TLS_CHANGE_CIPHER_SPEC, 1, 1, 0);
	add(&flights[3], TLS_HANDSHAKE, 40, 0xee, 0xee);
}

static void make_13(struct handshake *handshake)
{
	struct flight *flights = handshake->flights;

	handshake->name = "TLS 1.3";
	flights[0].sent = flights[2].sent = true;
	add(&flights[0], TLS_HANDSHAKE, 90, TLS_CLIENT_HELLO, 0);
	add(&flights[1], TLS_HANDSHAKE, 90, TLS_SERVER_HELLO, 0);
	add(&flights[1], TLS_CHANGE_CIPHER_SPEC, 1, 1, 0);
	add(&flights[1], TLS_APPLICATION_DATA, 23, 0xee, 0xee);
	add(&flights[1], TLS_APPLICATION_DATA, 150, 0xee, 0xee);
	add(&flights[1], TLS_APPLICATION_DATA, 53, 0xee, 0xee);
	add(&flights[2], TLS_CHANGE_CIPHER_SPEC, 1, 1, 0);
	add(&flights[2], TLS_APPLICATION_DATA, 53, 0xee, 0xee);
	add(&flights[3], TLS_APPLICATION_DATA, 120, 0xee, 0xee);
}

/* Passes a flight in segments of `size` bytes, the first one of `first`; each one again if wanted.
 */
static void pass_flight(struct connection *connection, const struct flight *flight, __u32 position,
			__u32 first, __u32 size, bool again)
{
	for (__u32 from = 0; from < flight->size;) {
		__u32 left = flight->size - from, now = from ? size : first;

		now = now < left ? now : left;
		pass(connection, flight, position, from, now);
		if (again)
			pass(connection, flight, position, from, now);
		from += now;
	}
}

/* Plays a handshake, flight number `cut` in such segments, and the others whole. */
static struct tls_follow play(const struct handshake *handshake, int cut, __u32 first, __u32 size,
			      bool again)
{
	struct connection connection = { .agent = 1 };
	__u32 position[2] = { 0 };

	for (int i = 0; i < FLIGHTS; i++) {
		const struct flight *flight = &handshake->flights[i];
		__u32 *at = &position[flight->sent];

		if (i == cut)
			pass_flight(&connection, flight, *at, first, size, again);
		else
			pass_flight(&connection, flight, *at, FLIGHT_MOST, FLIGHT_MOST, again);
		*at += flight->size;
	}
	return connection.tls;
}

static bool is_secured(const struct tls_follow *tls, bool is_13)
{
	return tls->known.track == PROBE_TLS_SECURED &&
	       tls->known.flags == (is_13 ? PROBE_TLS_IS_13 : 0) && tls->known.sent.finished;
}

static void play_cuts(const struct handshake *handshake, bool is_13)
{
	struct tls_follow tls = play(handshake, -1, 0, 0, false);

	CHECK(is_secured(&tls, is_13), handshake->name);
	tls = play(handshake, -1, 0, 0, true);
	CHECK(is_secured(&tls, is_13), handshake->name);
	for (int i = 1; i < FLIGHTS; i++) {
		__u32 flight_size = handshake->flights[i].size;

		for (__u32 first = 1; first < flight_size; first++)
			for (int again = 0; again < 2; again++) {
				tls = play(handshake, i, first, FLIGHT_MOST, again);
				CHECK(is_secured(&tls, is_13), handshake->name);
			}
		for (__u32 size = 1; size < 2 * TLS_HEADER_SIZE; size++) {
			tls = play(handshake, i, size, size, false);
			CHECK(is_secured(&tls, is_13), handshake->name);
		}
	}
}

static void test_cuts(void)
{
	struct handshake handshake_12 = { 0 }, handshake_13 = { 0 };

	make_12(&handshake_12);
	play_cuts(&handshake_12, false);
	make_13(&handshake_13);
	play_cuts(&handshake_13, true);
}

/* The first byte of a handshake tells a ClientHello, where it is beside the end of its header. */
static void test_first_word(void)
{
	struct handshake handshake = { 0 };

	make_12(&handshake);
	for (__u32 first = 1; first < handshake.flights[0].size; first++) {
		bool apart = first == TLS_HEADER_SIZE || first == TLS_HEADER_SIZE + 1;
		struct tls_follow tls = play(&handshake, 0, first, FLIGHT_MOST, false);

		CU_ASSERT(tls.known.track == (apart ? PROBE_TLS_PLAIN : PROBE_TLS_SECURED));
	}
}

/* The agent has said its ClientHello. */
static struct connection greeted(void)
{
	struct connection connection = { .agent = 1 };
	struct flight hello = { .sent = true };

	add(&hello, TLS_HANDSHAKE, 90, TLS_CLIENT_HELLO, 0);
	pass_flight(&connection, &hello, 0, FLIGHT_MOST, FLIGHT_MOST, false);
	return connection;
}

/* Records in one packet, of which the first one's header may have begun before it. */
static void test_many_records(void)
{
	static const struct {
		const char *name;
		int records;
		__u32 before;
		enum probe_tls_track track;
	} rows[] = {
		{ "as many as are looked at", TLS_RECORDS_MAX, 0, PROBE_TLS_ANSWERED },
		{ "one more", TLS_RECORDS_MAX + 1, 0, PROBE_TLS_LOST },
		{ "one more, whose header began", TLS_RECORDS_MAX + 1, 3, PROBE_TLS_ANSWERED },
		{ "two more, likewise", TLS_RECORDS_MAX + 2, 3, PROBE_TLS_LOST },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection connection = greeted();
		struct flight answer = { 0 };

		for (int k = 0; k < rows[i].records; k++)
			add(&answer, TLS_APPLICATION_DATA, 60, 0xee, 0xee);
		pass_flight(&connection, &answer, 0, rows[i].before ?: FLIGHT_MOST, FLIGHT_MOST,
			    false);
		CHECK(connection.tls.known.track == rows[i].track, rows[i].name);
	}
}

/* Bytes that come behind those that follow them are missed only if a record begins in them. */
static void test_late_bytes(void)
{
	enum { NEXT_HEADER = TLS_HEADER_SIZE + 90 };

	static const struct {
		const char *name;
		__u32 from, to;
		enum probe_tls_track track;
	} rows[] = {
		{ "inside a record", 30, 60, PROBE_TLS_ANSWERED },
		{ "up to the next header", 30, NEXT_HEADER, PROBE_TLS_ANSWERED },
		{ "with a part of its header", 30, NEXT_HEADER + 1, PROBE_TLS_LOST },
		{ "with the header of the last record", 30, NEXT_HEADER + 30, PROBE_TLS_ANSWERED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection connection = greeted();
		struct flight answer = { 0 };

		add(&answer, TLS_HANDSHAKE, 90, TLS_SERVER_HELLO, 0);
		add(&answer, TLS_HANDSHAKE, 120, TLS_CERTIFICATE, 0);
		pass(&connection, &answer, 0, 0, rows[i].from);
		pass(&connection, &answer, 0, rows[i].to, answer.size - rows[i].to);
		pass(&connection, &answer, 0, rows[i].from, rows[i].to - rows[i].from);
		CHECK(connection.tls.known.track == rows[i].track, rows[i].name);
	}
}

/* The hub answers the ClientHello in two segments. */
static void test_answers(void)
{
	enum { UNKNOWN_AUTHORITY = 48, FATAL = 2, WARNING = 1 };

	static const struct {
		const char *name;
		__u8 type;
		__u16 length;
		__u8 first, second;
		__u32 cut;
		enum probe_tls_track track;
		__u8 alert;
	} rows[] = {
		{ "a fatal alert", TLS_ALERT, 2, FATAL, UNKNOWN_AUTHORITY, 7, PROBE_TLS_BEGUN,
		  UNKNOWN_AUTHORITY },
		{ "a fatal alert, its header cut", TLS_ALERT, 2, FATAL, UNKNOWN_AUTHORITY, 4,
		  PROBE_TLS_BEGUN, UNKNOWN_AUTHORITY },
		{ "a fatal alert apart from its header", TLS_ALERT, 2, FATAL, UNKNOWN_AUTHORITY, 5,
		  PROBE_TLS_BEGUN, 0 },
		{ "a warning", TLS_ALERT, 2, WARNING, UNKNOWN_AUTHORITY, 7, PROBE_TLS_BEGUN, 0 },
		{ "an encrypted alert", TLS_ALERT, 26, 0xee, 0xee, 7, PROBE_TLS_BEGUN,
		  PROBE_TLS_ALERT_SEALED },
		{ "an encrypted alert of TLS 1.3", TLS_APPLICATION_DATA, 19, 0xee, 0xee, 3,
		  PROBE_TLS_ANSWERED, PROBE_TLS_ALERT_SEALED },
		{ "no TLS", 0x30, 20, 0xee, 0xee, 3, PROBE_TLS_NOT_SPOKEN, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection connection = greeted();
		struct flight answer = { 0 };
		const union tls_known *known = &connection.tls.known;

		add(&answer, rows[i].type, rows[i].length, rows[i].first, rows[i].second);
		pass_flight(&connection, &answer, 0, rows[i].cut, FLIGHT_MOST, false);
		CHECK(known->track == rows[i].track, rows[i].name);
		CHECK(known->received.alert == rows[i].alert, rows[i].name);
		CHECK(!(known->flags & PROBE_TLS_ALERT_RECEIVED) == !rows[i].alert, rows[i].name);
	}
}

SUITE("TLS records", { "cuts", test_cuts }, { "first word", test_first_word },
      { "many records", test_many_records }, { "late bytes", test_late_bytes },
      { "answers", test_answers })
