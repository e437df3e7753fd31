/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The probe's parsers on any packets: TLS records, MQTT, AMQP and WebSocket, headers of DNS. They
 * stay within the packet, their states within their ranges, what is lost stays lost, and no
 * handshake is over that did not begin on both sides.
 *
 * Each packet of the input is a byte of flags, one of length, and that many bytes of data. */
#include "fuzz.h"

#include "followed.h"

/* Each of these headers builds on those before it. */
#include "ebpf/mqtt_maps.bpf.h"

#include "ebpf/mqtt_follow.bpf.h"

#include "ebpf/login_follow.bpf.h"

#include "ebpf/token_follow.bpf.h"

#include "ebpf/session_follow.bpf.h"

static union {
	struct probe_spoken spoken;
	struct probe_certificate certificate;
	struct probe_lookup lookup;
} ring;

static enum probe_record_type reserved;

static void *reserve_in_ring(__u64 size, enum probe_record_type type, __u32 agent)
{
	MUST(size <= sizeof(ring) && agent == 1);
	MUST(type == PROBE_SPOKEN || type == PROBE_CERTIFICATE || type == PROBE_LOOKUP);
	reserved = type;
	return clock_nsec % 7 ? &ring : NULL;
}

/* A record of a certificate has nothing but the digits of two dates. */
static bool is_date(__u64 date)
{
	return date < 100000000000000;
}

static void submit_record(void *record)
{
	MUST(record == &ring);
	if (reserved == PROBE_LOOKUP)
		MUST(ring.lookup.answer > PROBE_LOOKUP_NONE &&
		     ring.lookup.answer < PROBE_LOOKUP_MAX);
	if (reserved == PROBE_CERTIFICATE)
		MUST(is_date(ring.certificate.not_before) && is_date(ring.certificate.not_after) &&
		     !ring.certificate.not_before == !ring.certificate.not_after);
}

static void count_lost(__u32 agent)
{
	MUST(agent == 1);
}

static void copy_tls(struct probe_tls *record, const struct connection *connection, __u32 sent)
{
	record->track = connection->tls.known.track;
	record->sent_since = sent;
}

static struct lookups *agent_lookups;
#define bpf_map_lookup_elem(map, key)               ((void)(key), agent_lookups)
#define bpf_map_update_elem(map, key, value, flags) ((void)(value))

#include "ebpf/lookups.bpf.h"

#include "ebpf/certificate.bpf.h"

#include "ebpf/tls.bpf.h"

static struct lookups looked_up;

enum flag {
	FROM_PEER = 1 << 0,
	AGAIN = 1 << 1, /* its first bytes went by before */
	GAP = 1 << 2,   /* bytes before it are missing */
	IPV6 = 1 << 3,
	BARE = 1 << 4, /* the data is the whole packet, headers and all */
	UDP = 1 << 5,
	IN_MEMORY = 1 << 6, /* a call of the agent's libssl */
};

enum { HEADERS_MOST = 60, MOVED_BY = 7 };

struct world {
	struct connection connection;
	struct mqtt_session plain, in_memory;
	__u32 sent, received; /* sequence numbers */
};

/* Writes IP and TCP or UDP headers. Returns their length. */
static __u32 write_headers(__u8 *to, unsigned flags, __u32 position)
{
	__u32 ip = flags & IPV6 ? IPV6_HEADER_SIZE : 20;
	__u8 protocol = flags & UDP ? IPPROTO_UDP : IPPROTO_TCP;
	__be32 sequence = htonl(position);
	__be16 port = htons(DNS_PORT);

	memset(to, 0, HEADERS_MOST);
	to[0] = flags & IPV6 ? 0x60 : 0x45;
	to[flags & IPV6 ? IPV6_NEXT_HEADER : IPV4_PROTOCOL] = protocol;
	memcpy(to + ip + (flags & FROM_PEER ? 0 : 2), &port, sizeof(port));
	if (flags & UDP)
		return ip + UDP_HEADER_SIZE;
	memcpy(to + ip + TCP_SEQUENCE, &sequence, sizeof(sequence));
	to[ip + TCP_DATA_OFFSET] = 0x50;
	return ip + 20;
}

/* A token that nobody looks for any more is wiped, all but its end. */
static void check_token(const struct token_follow *token)
{
	MUST(token->seconds < 10000000000);
	MUST(token->place.part <= TOKEN_CODED_EXPIRY);
	if (token->place.part == TOKEN_NONE)
		MUST(token->place.word == 0);
}

static void check_session(const struct mqtt_session *session, __u8 before)
{
	const struct login_follow *login = &session->login;

	MUST(session->state <= MQTT_LOST);
	if (before == MQTT_OTHER || before == MQTT_LOST)
		MUST(session->state == before);
	MUST(session->sent.place.part < MQTT_BROKEN && session->received.place.part < MQTT_BROKEN);
	MUST(session->sent.entered == session->sent.left);
	MUST(login->protocol < PROBE_LOGIN_MAX && login->place.part <= HTTP_HEADERS);
	MUST(login->place.part != AMQP_SYMBOL || login->place.left <= AMQP_SYMBOL_MOST);
	MUST(login->codes.status <= 999);
	check_token(&session->token);
}

static void check_tls(const struct tls_follow *tls, __u8 before)
{
	const union tls_known *known = &tls->known;

	MUST(known->track < PROBE_TLS_MAX && known->answer < PROBE_TLS_ANSWER_MAX);
	MUST(known->sent.have < TLS_HEADER_SIZE && known->received.have < TLS_HEADER_SIZE);
	MUST(known->sent.have || !tls->sent.part);
	MUST(known->received.have || !tls->received.part);
	if (before >= PROBE_TLS_SECURED)
		MUST(known->track == before);
	if (known->track == PROBE_TLS_SECURED)
		MUST(known->sent.begun && known->received.begun && tls->begun && tls->done);
	else
		MUST(!known->goodbye);
}

static void follow_in_memory(struct mqtt_session *session, bool sent, const __u8 *data, __u32 size)
{
	struct mqtt_chunk chunk = {
		.in_memory = 1,
		.memory = data,
		.position = sent ? session->sent.end : session->received.end,
		.length = size,
	};

	if (size)
		follow(session, sent, &chunk);
}

static void follow_packet(struct world *world, struct __sk_buff *packet, bool sent)
{
	struct segment segment = {};
	struct mqtt_chunk chunk = {};

	look_for_lookup(packet, sent);
	look_at_tls(&world->connection, packet, sent);
	if (!find_segment(packet, &segment))
		return;
	chunk.packet = packet;
	chunk.offset = segment.offset;
	chunk.position = segment.position;
	chunk.length = segment.length;
	follow(&world->plain, sent, &chunk);
}

static void pass(struct world *world, unsigned flags, const __u8 *data, __u32 size)
{
	bool sent = !(flags & FROM_PEER);
	__u32 *position = sent ? &world->sent : &world->received;
	__u32 headers = 0, at = *position;
	__u8 *bytes = malloc(HEADERS_MOST + size), *exact;
	struct bpf_sock sk = { 0 };
	struct __sk_buff packet = {
		.protocol = htons(flags & IPV6 ? ETH_P_IPV6 : ETH_P_IP),
		.remote_port = htonl(flags & UDP ? DNS_PORT : 0),
		.sk = &sk,
	};

	MUST(bytes);
	at += flags & GAP ? MOVED_BY : 0;
	at -= flags & AGAIN ? MOVED_BY : 0;
	if (!(flags & BARE))
		headers = write_headers(bytes, flags, at);
	memcpy(bytes + headers, data, size);
	packet.len = headers + size;
	exact = realloc(bytes, packet.len ?: 1); /* ASan sees a byte too many */
	MUST(exact);
	packet.bytes = exact;
	packet.data = (long)exact;
	packet.data_end = (long)(exact + packet.len);
	tcp_state.bytes_received = tcp_state.rcv_nxt = world->received;
	tcp_state.bytes_acked = world->sent;
	if (flags & IN_MEMORY)
		follow_in_memory(&world->in_memory, sent, exact + headers, size);
	else
		follow_packet(world, &packet, sent);
	if ((__s32)(at + size - *position) > 0)
		*position = at + size;
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .connection = { .agent = 1 },
			       .plain = { .token_wanted = true },
			       .in_memory = { .token_wanted = true } };

	clock_nsec = 0;
	looked_up = (struct lookups){ 0 };
	agent_lookups = &looked_up;
	while (size >= 2) {
		unsigned flags = data[0];
		size_t length = data[1] < size - 2 ? data[1] : size - 2;
		__u8 plain = world.plain.state, in_memory = world.in_memory.state;
		__u8 track = world.connection.tls.known.track;

		pass(&world, flags, data + 2, length);
		check_session(&world.plain, plain);
		check_session(&world.in_memory, in_memory);
		check_tls(&world.connection.tls, track);
		data += 2 + length;
		size -= 2 + length;
	}
	return 0;
}
