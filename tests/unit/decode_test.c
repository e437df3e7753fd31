/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every record type, every refusal, every length. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ebpf/probe_record.h"
#include "events/decode.h"
#include "suite.h"

static struct probe_connection connection_record(uint8_t type)
{
	return (struct probe_connection){
		.header = { sizeof(struct probe_connection), PROBE_RECORD_VERSION, type, 7,
			    5000999 },
		.cookie = 0x1234,
		.netns = 4026531840,
		.opened_nsec = 2000000,
		.bytes_sent = 1,
		.bytes_acked = 2,
		.bytes_received = 3,
		.idle_rx_nsec = 4000000,
		.idle_tx_nsec = 5000000,
		.idle_ack_nsec = 6000000,
		.local_address = { 10, 0, 0, 5 },
		.peer_address = { 192, 0, 2, 7 },
		.local_port = 40022,
		.peer_port = 8883,
		.family = AF_INET,
		.error = ECONNRESET,
		.soft_error = EHOSTUNREACH,
		.state_before = TCP_STATE_ESTABLISHED,
		.state = TCP_STATE_CLOSE,
		.shutdown = 3,
		.reset_reason = PROBE_RESET_ABORT_ON_CLOSE,
		.reset_state = TCP_STATE_CLOSE_WAIT,
		.flow_ttl_min = 50,
		.flow_ttl_max = 51,
		.reset_ttl = 64,
		.lost_segment = 1448,
		.sacked_bytes = 32,
		.hole_bytes = 2896,
		.unread_bytes = 6,
		.unacked_bytes = 7,
		.send_window = 8,
		.retransmit_timeouts = 9,
		.retransmits = 10,
		.probes = 11,
		.user_timeout_msec = 12,
		.rtt_usec = 13,
		.rto_usec = 14,
		.owner = { 100, 0, PROBE_TASK_IN_AGENT, "agent", 0, 12345678901 },
		.current = { 200, 0x8b, PROBE_TASK_EXITING, "sixteen letters!" },
		.mqtt = { .track = PROBE_MQTT_FOLLOWED,
			  .flags = PROBE_MQTT_ANSWERED,
			  .sent = MQTT_DISCONNECT,
			  .received = MQTT_PINGRESP,
			  .connack = 5,
			  .sent_reason = 4,
			  .received_reason = 0x8e,
			  .sent_nsec = 7000000,
			  .received_nsec = 8000000,
			  .unanswered_nsec = 9000000 },
	};
}

static struct probe_begun begun_record(uint8_t type)
{
	return (struct probe_begun){
		.header = { sizeof(struct probe_begun), PROBE_RECORD_VERSION, type, 7, 5000999 },
		.cookie = 42,
		.opened_nsec = 3000999,
		.local_address = { 192, 0, 2, 1 },
		.peer_address = { 192, 0, 2, 2 },
		.local_port = 40000,
		.peer_port = 8883,
		.family = AF_INET,
		.state_before = TCP_STATE_SYN_SENT,
		.state = TCP_STATE_ESTABLISHED,
		.netns = 4026531840,
		.flags = PROBE_SOCKET_TO_ITSELF,
		.flow_ttl_min = 62,
		.flow_ttl_max = 64,
		.owner = { 100, 0, PROBE_TASK_IN_AGENT, "agent", 0, 12345678901 },
	};
}

static struct probe_reset_sent reset_record(void)
{
	return (struct probe_reset_sent){
		.header = { sizeof(struct probe_reset_sent), PROBE_RECORD_VERSION, PROBE_RESET_SENT,
			    7, 5000999 },
		.cookie = 42,
		.opened_nsec = 3000999,
		.reset_reason = PROBE_RESET_ABORT_ON_DATA,
		.reset_state = TCP_STATE_FIN_WAIT2,
	};
}

static struct probe_process process_record(uint8_t type)
{
	return (struct probe_process){
		.header = { sizeof(struct probe_process), PROBE_RECORD_VERSION, type, 7, 5000999 },
		.task = { 100, 0x8b, PROBE_TASK_IN_AGENT | PROBE_TASK_EXITING, "agent" },
		.sender = { 1, 0, 0, "systemd" },
		.signal = 15,
		.flags = PROBE_SIGNAL_OOM,
	};
}

/* Decodes from a block of the very length, so that ASan sees a byte too many. */
static int decode(const void *data, size_t size, struct event *event)
{
	void *exact = malloc(size ?: 1);
	int r;

	if (size > 0)
		memcpy(exact, data, size);
	r = decode_record(exact, size, event);
	free(exact);
	return r;
}

static int decode_connection(const struct probe_connection *record)
{
	struct event event;

	return decode(record, sizeof(*record), &event);
}

static int decode_process(const struct probe_process *record)
{
	struct event event;

	return decode(record, sizeof(*record), &event);
}

static const struct {
	enum probe_record_type record;
	enum event_type event;
	const char *name;
} types[] = {
	{ PROBE_FOUND, EVENT_FOUND, "found" },
	{ PROBE_CLOSING, EVENT_CLOSING, "closing" },
	{ PROBE_ENDED, EVENT_ENDED, "ended" },
	{ PROBE_RETRANSMIT, EVENT_RETRANSMIT, "retransmit" },
	{ PROBE_HEALED, EVENT_HEALED, "healed" },
	{ PROBE_NEVER_OPENED, EVENT_NEVER_OPENED, "never opened" },
	{ PROBE_VANISHED, EVENT_VANISHED, "vanished" },
	{ PROBE_SAMPLED, EVENT_SAMPLED, "sampled" },
	{ PROBE_STARTED, EVENT_STARTED, "started" },
	{ PROBE_EXECED, EVENT_EXECED, "execed" },
	{ PROBE_SIGNALED, EVENT_SIGNALED, "signaled" },
	{ PROBE_EXITED, EVENT_EXITED, "exited" },
	{ PROBE_SAMPLE_DONE, EVENT_SAMPLE_DONE, "sample done" },
};

static size_t size_of(enum probe_record_type type)
{
	if (type == PROBE_SAMPLE_DONE)
		return sizeof(struct probe_header);
	return type < PROBE_STARTED ? sizeof(struct probe_connection)
				    : sizeof(struct probe_process);
}

/* A valid record of `type` in `buffer`. */
static void fill(void *buffer, enum probe_record_type type)
{
	struct probe_connection connection = connection_record((uint8_t)type);
	struct probe_process process = process_record((uint8_t)type);

	connection.header.size = (uint16_t)size_of(type);
	process.header.size = (uint16_t)size_of(type);
	memcpy(buffer, type < PROBE_STARTED ? (void *)&connection : (void *)&process,
	       size_of(type));
}

static void each_type_becomes_its_event(void)
{
	char buffer[sizeof(struct probe_connection)];
	struct event event;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fill(buffer, types[i].record);
		CHECK(decode(buffer, size_of(types[i].record), &event) == 0, types[i].name);
		CHECK(event.type == types[i].event, types[i].name);
		CHECK(event.time == 5000, types[i].name);
		CHECK(event.agent == 7, types[i].name);
	}
}

static void any_alignment_will_do(void)
{
	char buffer[sizeof(struct probe_connection) + 8];
	struct event event;

	for (size_t offset = 0; offset < 8; offset++) {
		fill(buffer + offset, PROBE_ENDED);
		CU_ASSERT(decode_record(buffer + offset, sizeof(struct probe_connection), &event) ==
			  0);
		CU_ASSERT(event.connection.cookie == 0x1234);
	}
}

static void other_lengths_are_refused(void)
{
	char buffer[sizeof(struct probe_connection) + 1] = {};
	struct event event;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t size = size_of(types[i].record);

		fill(buffer, types[i].record);
		for (size_t length = 0; length <= size + 1; length++)
			if (length != size)
				CHECK(decode(buffer, length, &event) == -EBADMSG, types[i].name);
	}
}

/* The header's own word on the size is not believed either. */
static void a_size_that_is_not_the_types_is_refused(void)
{
	struct probe_connection connection = connection_record(PROBE_ENDED);
	struct probe_process process = process_record(PROBE_EXITED);
	struct event event;

	connection.header.size--;
	CU_ASSERT(decode_connection(&connection) == -EBADMSG);
	CU_ASSERT(decode(&connection, sizeof(connection) - 1, &event) == -EBADMSG);
	process.header.size = sizeof(struct probe_header);
	CU_ASSERT(decode(&process, sizeof(struct probe_header), &event) == -EBADMSG);
	process = process_record(PROBE_ENDED);
	CU_ASSERT(decode_process(&process) == -EBADMSG);
}

static void other_versions_are_refused(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);

	record.header.version = PROBE_RECORD_VERSION + 1;
	CU_ASSERT(decode_connection(&record) == -EPROTO);
	record.header.version = 0;
	CU_ASSERT(decode_connection(&record) == -EPROTO);
}

static void unknown_types_are_refused(void)
{
	struct event event;

	for (int type = 0; type <= UINT8_MAX; type++) {
		struct probe_connection record = connection_record((uint8_t)type);
		/* these have tests of their own */
		bool known = type == PROBE_LOOKUP || type == PROBE_SPOKEN || type == PROBE_LOGIN ||
			     type == PROBE_CERTIFICATE || type == PROBE_VERIFIED ||
			     type == PROBE_RESET_SENT || type == PROBE_OPENED ||
			     type == PROBE_ESTABLISHED;

		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			known = known || (int)types[i].record == type;
		if (!known)
			CU_ASSERT(decode(&record, sizeof(record), &event) == -EOPNOTSUPP);
	}
}

static void states_have_a_range(void)
{
	for (int state = 0; state <= UINT8_MAX; state++) {
		struct probe_connection record = connection_record(PROBE_ENDED);
		int expected = state < TCP_STATE_MAX ? 0 : -ERANGE;

		record.state = (uint8_t)state;
		CHECK(decode_connection(&record) == expected, "state");
		record = connection_record(PROBE_ENDED);
		record.state_before = (uint8_t)state;
		CHECK(decode_connection(&record) == expected, "state before");
		record = connection_record(PROBE_ENDED);
		record.reset_state = (uint8_t)state;
		CHECK(decode_connection(&record) == expected, "reset state");
	}
}

static void reset_reasons_have_a_range(void)
{
	for (int reason = 0; reason <= UINT8_MAX; reason++) {
		struct probe_connection record = connection_record(PROBE_ENDED);
		struct probe_reset_sent reset = reset_record();
		struct event event;
		int expected = reason < (int)RESET_REASON_MAX ? 0 : -ERANGE;

		record.reset_reason = (uint8_t)reason;
		CU_ASSERT(decode_connection(&record) == expected);
		reset.reset_reason = (uint8_t)reason;
		CU_ASSERT(decode(&reset, sizeof(reset), &event) == expected);
	}
}

static void a_beginning_tells_who_and_where(void)
{
	static const struct {
		enum probe_record_type record;
		enum event_type event;
	} beginnings[] = {
		{ PROBE_OPENED, EVENT_OPENED },
		{ PROBE_ESTABLISHED, EVENT_ESTABLISHED },
	};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		struct probe_begun record = begun_record((uint8_t)beginnings[i].record);
		const struct connection_event *connection;
		struct event event;

		CU_ASSERT(decode(&record, sizeof(record), &event) == 0);
		CU_ASSERT(event.type == beginnings[i].event);
		CU_ASSERT(event.time == 5000);
		CU_ASSERT(event.agent == 7);
		connection = &event.connection;
		CU_ASSERT(connection->cookie == 42);
		CU_ASSERT(connection->netns == 4026531840);
		CU_ASSERT(connection->local.port == 40000);
		CU_ASSERT(connection->local.address[3] == 1);
		CU_ASSERT(connection->peer.port == 8883);
		CU_ASSERT(connection->peer.address[3] == 2);
		CU_ASSERT(connection->owner.pid == 100);
		CU_ASSERT(connection->owner.in_agent);
		CU_ASSERT(connection->owner.started == 1234);
		CU_ASSERT_STRING_EQUAL(connection->owner.comm, "agent");
		CU_ASSERT(connection->current.pid == 0);
		CU_ASSERT(connection->to_itself);
		CU_ASSERT(connection->facts.age == 2000);
		CU_ASSERT(connection->facts.state_before == TCP_STATE_SYN_SENT);
		CU_ASSERT(connection->facts.state == TCP_STATE_ESTABLISHED);
		CU_ASSERT(connection->facts.flow_ttl_min == 62);
		CU_ASSERT(connection->facts.flow_ttl_max == 64);

		record.state = TCP_STATE_MAX;
		CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
		record = begun_record((uint8_t)beginnings[i].record);
		record.state_before = TCP_STATE_MAX;
		CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
		record = begun_record((uint8_t)beginnings[i].record);
		record.family = 3;
		CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
		CU_ASSERT(decode(&record, sizeof(record) - 1, &event) == -EBADMSG);
	}
}

static void a_reset_after_the_end_is_known_by_its_cookie(void)
{
	struct probe_reset_sent record = reset_record();
	struct event event;

	CU_ASSERT(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.type == EVENT_RESET_SENT);
	CU_ASSERT(event.time == 5000);
	CU_ASSERT(event.agent == 7);
	CU_ASSERT(event.connection.cookie == 42);
	CU_ASSERT(event.connection.facts.age == 2000);
	CU_ASSERT(event.connection.facts.reset_reason == RESET_REASON_ABORT_ON_DATA);
	CU_ASSERT(event.connection.facts.reset_state == TCP_STATE_FIN_WAIT2);
	record.reset_state = TCP_STATE_MAX;
	CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
	record = reset_record();
	CU_ASSERT(decode(&record, sizeof(record) - 1, &event) == -EBADMSG);
}

static void mqtt_has_its_ranges(void)
{
	for (int value = 0; value <= UINT8_MAX; value++) {
		struct probe_connection record = connection_record(PROBE_ENDED);

		record.mqtt.track = (uint8_t)value;
		CHECK(decode_connection(&record) == (value < MQTT_TRACK_MAX ? 0 : -ERANGE),
		      "track");
		record = connection_record(PROBE_ENDED);
		record.mqtt.sent = (uint8_t)value;
		CHECK(decode_connection(&record) == (value < MQTT_PACKET_MAX ? 0 : -ERANGE),
		      "sent");
		record = connection_record(PROBE_ENDED);
		record.mqtt.received = (uint8_t)value;
		CHECK(decode_connection(&record) == (value < MQTT_PACKET_MAX ? 0 : -ERANGE),
		      "received");
	}
}

static void shutdown_has_a_range(void)
{
	for (int shutdown = 0; shutdown <= UINT8_MAX; shutdown++) {
		struct probe_connection record = connection_record(PROBE_ENDED);

		record.shutdown = (uint8_t)shutdown;
		CU_ASSERT(decode_connection(&record) == (shutdown <= 3 ? 0 : -ERANGE));
	}
}

static void families_have_a_list(void)
{
	for (int family = 0; family <= UINT16_MAX; family++) {
		struct probe_connection record = connection_record(PROBE_ENDED);
		bool known = family == 0 || family == AF_INET || family == AF_INET6;

		record.family = (uint16_t)family;
		if ((decode_connection(&record) == 0) != known)
			CU_FAIL("family");
	}
}

static void signals_have_a_range(void)
{
	for (uint32_t signal = 0; signal <= 128; signal++) {
		struct probe_process record = process_record(PROBE_SIGNALED);

		record.signal = signal;
		CU_ASSERT(decode_process(&record) == (signal <= 64 ? 0 : -ERANGE));
	}
	struct probe_process record = process_record(PROBE_SIGNALED);

	record.signal = UINT32_MAX;
	CU_ASSERT(decode_process(&record) == -ERANGE);
}

static void a_connection_comes_out_whole(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	record.flags = PROBE_SOCKET_FIN_RECEIVED | PROBE_SOCKET_KEEPALIVE;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);

	const struct connection_event *connection = &event.connection;

	CU_ASSERT(connection->cookie == 0x1234 && connection->netns == 4026531840);
	CU_ASSERT(connection->local.family == AF_INET && connection->local.port == 40022);
	CU_ASSERT(memcmp(connection->local.address, record.local_address, 16) == 0);
	CU_ASSERT(connection->peer.family == AF_INET && connection->peer.port == 8883);
	CU_ASSERT(memcmp(connection->peer.address, record.peer_address, 16) == 0);
	CU_ASSERT(connection->owner.pid == 100 && connection->owner.in_agent);
	CU_ASSERT(!connection->owner.exiting);
	CU_ASSERT_EQUAL(connection->owner.started, 1234);
	CU_ASSERT_STRING_EQUAL(connection->owner.comm, "agent");
	CU_ASSERT(connection->current.pid == 200 && !connection->current.in_agent);
	CU_ASSERT(connection->current.exiting && connection->current.exit_code == 0x8b);
}

static void the_facts_come_out_whole(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);

	const struct socket_facts *facts = &event.connection.facts;

	CU_ASSERT(facts->state_before == TCP_STATE_ESTABLISHED && facts->state == TCP_STATE_CLOSE);
	CU_ASSERT(facts->error == ECONNRESET && facts->soft_error == EHOSTUNREACH);
	CU_ASSERT(facts->shutdown == 3);
	CU_ASSERT(facts->reset_reason == RESET_REASON_ABORT_ON_CLOSE);
	CU_ASSERT(facts->reset_state == TCP_STATE_CLOSE_WAIT);
	CU_ASSERT(facts->flow_ttl_min == 50 && facts->flow_ttl_max == 51 && facts->reset_ttl == 64);
	CU_ASSERT(facts->lost_segment == 1448 && facts->sacked_bytes == 32 &&
		  facts->hole_bytes == 2896);
	CU_ASSERT(facts->bytes_sent == 1 && facts->bytes_acked == 1 && facts->bytes_received == 3);
	CU_ASSERT(facts->age == 3000 && facts->idle_rx == 4000 && facts->idle_tx == 5000 &&
		  facts->idle_ack == 6000);
	CU_ASSERT(facts->unread_bytes == 6 && facts->unacked_bytes == 7 && facts->send_window == 8);
	CU_ASSERT(facts->retransmit_timeouts == 9 && facts->retransmits == 10);
	CU_ASSERT(facts->probes == 11 && facts->user_timeout_msec == 12);
	CU_ASSERT(facts->rtt_usec == 13 && facts->rto_usec == 14);
}

/* The column `probe` of SOCKET_FACTS: what the decoder takes, and what it leaves at 0. */
#define TAKEN_COPY true
#define TAKEN_NSEC true
#define TAKEN_OWN  true
#define TAKEN_NONE false
#define CHECK_FACT(kind, name, probe, sock_diag, journal, field) \
	CHECK((facts->name != 0) == TAKEN_##probe, #name);

static void every_fact_of_the_list_is_taken(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	record.flags = ~0u;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);

	const struct socket_facts *facts = &event.connection.facts;

	SOCKET_FACTS(CHECK_FACT)
}

/* A hub on the same host answers by the loopback interface, and does so in its own name. */
static void a_rst_from_here_is_one_in_the_name_of_another_host(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	record.flags = PROBE_SOCKET_RESET_BY_LOOPBACK;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.connection.facts.reset_from_here);

	memcpy(record.peer_address, record.local_address, sizeof(record.peer_address));
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT_FALSE(event.connection.facts.reset_from_here);

	record.family = AF_INET;
	memcpy(record.peer_address, (uint8_t[4]){ 127, 0, 0, 9 }, 4);
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT_FALSE(event.connection.facts.reset_from_here);
}

static void what_was_said_in_mqtt_comes_out_whole(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);

	const struct mqtt_facts *mqtt = &event.connection.mqtt;

	CU_ASSERT(mqtt->track == MQTT_FOLLOWED && mqtt->answered && !mqtt->tls && !mqtt->unsent);
	CU_ASSERT(mqtt->sent == MQTT_DISCONNECT && mqtt->received == MQTT_PINGRESP);
	CU_ASSERT(mqtt->connack == 5 && mqtt->sent_reason == 4 && mqtt->received_reason == 0x8e);
	CU_ASSERT(mqtt->sent_ago == 7000 && mqtt->received_ago == 8000 && mqtt->unanswered == 9000);
}

static void a_login_comes_out_whole(void)
{
	struct probe_login_seen record = {
		.header = { sizeof(record), PROBE_RECORD_VERSION, PROBE_LOGIN, 7, 5000999 },
		.cookie = 0x1234,
		.opened_nsec = 2000000,
		.mqtt = { .track = PROBE_MQTT_FOLLOWED,
			  .flags = PROBE_MQTT_ANSWERED | PROBE_MQTT_TLS,
			  .sent = MQTT_CONNECT,
			  .received = MQTT_CONNACK,
			  .sent_nsec = 7000000 },
	};
	struct event event;

	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.type == EVENT_LOGIN && event.agent == 7 && event.time == 5000);
	CU_ASSERT(event.connection.cookie == 0x1234 && event.connection.facts.age == 3000);
	CU_ASSERT(event.connection.mqtt.track == MQTT_FOLLOWED && event.connection.mqtt.tls);
	CU_ASSERT(event.connection.mqtt.answered && event.connection.mqtt.connack == 0);
	CU_ASSERT(event.connection.mqtt.sent == MQTT_CONNECT &&
		  event.connection.mqtt.sent_ago == 7000);
	record.mqtt.track = PROBE_MQTT_MAX;
	CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
	record.header.size--;
	CU_ASSERT(decode(&record, sizeof(record) - 1, &event) == -EBADMSG);
}

/* Seconds as date(1) has them. */
static const struct {
	const char *what;
	uint64_t from, until; /* as digits */
	uint64_t from_seconds, until_seconds;
} certificates[] = {
	{ "two dates", 20240229000000, 20301231235959, 1709164800, 1924991999 },
	{ "the first of March, and a year without a leap day", 20250301000000, 21000301120000,
	  1740787200, 4107585600 },
	{ "in 1950", 19500101000000, 20000101000000, 1, 946684800 },
	{ "for ever", 20240101000000, 99991231235959, 1704067200, 253402300799 },
	{ "it could not be read", 0, 0, 0, 0 },
	{ "no month 13", 20240101000000, 20241301000000, 0, 0 },
	{ "no day 0", 20240100000000, 20240201000000, 0, 0 },
	{ "no hour 24", 20240101000000, 20240201240000, 0, 0 },
	{ "no year 0", 101000000, 20240201000000, 0, 0 },
	{ "too many digits", 20240101000000, UINT64_MAX, 0, 0 },
};

static void a_certificate_has_two_dates(void)
{
	for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
		struct probe_certificate record = {
			.header = { sizeof(record), PROBE_RECORD_VERSION, PROBE_CERTIFICATE, 7,
				    5000999 },
			.cookie = 0x1234,
			.opened_nsec = 2000000,
			.not_before = certificates[i].from,
			.not_after = certificates[i].until,
		};
		struct event event;

		CHECK(decode(&record, sizeof(record), &event) == 0, certificates[i].what);
		CHECK(event.type == EVENT_CERTIFICATE && event.connection.cookie == 0x1234,
		      certificates[i].what);
		CHECK(event.connection.certificate.from == certificates[i].from_seconds,
		      certificates[i].what);
		CHECK(event.connection.certificate.until == certificates[i].until_seconds,
		      certificates[i].what);
		record.header.size--;
		CHECK(decode(&record, sizeof(record) - 1, &event) == -EBADMSG,
		      certificates[i].what);
	}
}

static void an_error_of_a_certificate_is_a_small_number(void)
{
	struct probe_verified record = {
		.header = { sizeof(record), PROBE_RECORD_VERSION, PROBE_VERIFIED, 7, 5000999 },
		.cookie = 0x1234,
		.opened_nsec = 2000000,
		.error = 10,
	};
	struct event event;

	CU_ASSERT(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.type == EVENT_VERIFIED && event.connection.cookie == 0x1234);
	CU_ASSERT(event.connection.x509_error == 10 && event.connection.facts.age == 3000);
	record.error = 256;
	CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
	record.header.size--;
	CU_ASSERT(decode(&record, sizeof(record) - 1, &event) == -EBADMSG);
}

static const struct {
	const char *what;
	struct probe_login record;
	struct login_facts facts;
} logins[] = {
	{ "an outcome of SASL",
	  { .protocol = PROBE_LOGIN_AMQP, .flags = PROBE_LOGIN_SASL, .sasl = 1 },
	  { .protocol = LOGIN_AMQP, .sasl_ended = true, .sasl = 1 } },
	{ "FNV-1a of amqp:unauthorized-access",
	  { .protocol = PROBE_LOGIN_AMQP, .reason = 0xd99b025f },
	  { .protocol = LOGIN_AMQP, .amqp_error = AMQP_UNAUTHORIZED_ACCESS } },
	{ "an error of the peer's own",
	  { .protocol = PROBE_LOGIN_AMQP, .reason = 1 },
	  { .protocol = LOGIN_AMQP, .amqp_error = AMQP_OTHER_ERROR } },
	{ "a status and a close",
	  { .protocol = PROBE_LOGIN_HTTP,
	    .flags = PROBE_LOGIN_WENT_ON | PROBE_LOGIN_LEFT,
	    .reason = 101U << 16 | 1008 },
	  { .protocol = LOGIN_HTTP,
	    .http_status = 101,
	    .close_code = 1008,
	    .went_on = true,
	    .left = true } },
};

static void an_answer_to_a_login_comes_out_whole(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		const struct login_facts *wanted = &logins[i].facts;
		const struct login_facts *login = &event.connection.login;

		record.login = logins[i].record;
		CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
		CHECK(login->protocol == wanted->protocol, logins[i].what);
		CHECK(login->sasl_ended == wanted->sasl_ended && login->sasl == wanted->sasl,
		      logins[i].what);
		CHECK(login->amqp_error == wanted->amqp_error, logins[i].what);
		CHECK(login->http_status == wanted->http_status &&
			      login->close_code == wanted->close_code,
		      logins[i].what);
		CHECK(login->went_on == wanted->went_on && login->left == wanted->left,
		      logins[i].what);
	}
	record.login.protocol = PROBE_LOGIN_MAX;
	CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
}

static void mqtt_that_was_not_seen_tells_nothing(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	record.mqtt.track = PROBE_MQTT_NONE;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.connection.mqtt.track == MQTT_NOT_SEEN);
	CU_ASSERT(event.connection.mqtt.sent == MQTT_NOTHING && !event.connection.mqtt.answered);
}

static void each_flag_sets_its_fact(void)
{
	for (int bit = 0; bit < 5; bit++) {
		struct probe_connection record = connection_record(PROBE_ENDED);
		struct event event;

		record.flags = 1U << bit;
		CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);

		const struct socket_facts *facts = &event.connection.facts;

		CU_ASSERT(facts->fin_received == (record.flags == PROBE_SOCKET_FIN_RECEIVED));
		CU_ASSERT(facts->orphan == (record.flags == PROBE_SOCKET_ORPHAN));
		CU_ASSERT(facts->keepalive == (record.flags == PROBE_SOCKET_KEEPALIVE));
		CU_ASSERT(facts->linger_zero == (record.flags == PROBE_SOCKET_LINGER_ZERO));
		CU_ASSERT(facts->reset_received == (record.flags == PROBE_SOCKET_RESET_RECEIVED));
	}
}

static void a_process_comes_out_whole(void)
{
	struct probe_process record = process_record(PROBE_SIGNALED);
	struct event event;

	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.process.task.pid == 100 && event.process.task.exit_code == 0x8b);
	CU_ASSERT(event.process.task.in_agent && event.process.task.exiting);
	CU_ASSERT(event.process.signal == 15 && event.process.oom && !event.process.from_kernel);
	CU_ASSERT(event.process.sender.pid == 1);
	CU_ASSERT_STRING_EQUAL(event.process.sender.comm, "systemd");
	record.flags = PROBE_SIGNAL_FROM_KERNEL;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.process.from_kernel && !event.process.oom);
}

static void names_come_out_terminated(void)
{
	struct probe_connection record = connection_record(PROBE_ENDED);
	struct event event;

	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT_STRING_EQUAL(event.connection.current.comm, "sixteen letters");
}

static void an_end_without_address_and_port_is_not_known(void)
{
	struct probe_connection record = connection_record(PROBE_NEVER_OPENED);
	struct event event;

	memset(record.peer_address, 0, sizeof(record.peer_address));
	record.local_port = record.peer_port = 0;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.connection.peer.family == 0);
	CU_ASSERT(event.connection.local.family == AF_INET);
}

/* Found by fuzzing. */
static void without_a_family_there_is_no_address(void)
{
	struct probe_connection record = connection_record(PROBE_NEVER_OPENED);
	struct event event;

	record.family = 0;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.connection.local.family == 0 && event.connection.local.port == 0);
	CU_ASSERT(event.connection.peer.family == 0 && event.connection.peer.address[0] == 0);
}

static void an_age_is_known_only_with_the_syn(void)
{
	struct probe_connection record = connection_record(PROBE_FOUND);
	struct event event;

	record.opened_nsec = 0;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.connection.facts.age == 0);
	record.opened_nsec = record.header.time_nsec + 1;
	CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.connection.facts.age == 0);
}

/* Time and age are cut to microseconds; cut apart, their difference would waver by one. */
static void the_age_gives_the_same_beginning_every_time(void)
{
	for (uint64_t later = 0; later < 3000; later += 7) {
		struct probe_connection record = connection_record(PROBE_SAMPLED);
		struct event event;

		record.opened_nsec = 2000999;
		record.header.time_nsec = record.opened_nsec + later;
		CU_ASSERT_FATAL(decode(&record, sizeof(record), &event) == 0);
		CU_ASSERT(event.time - event.connection.facts.age == 2000);
	}
}

static struct probe_lookup lookup_record(void)
{
	return (struct probe_lookup){
		.header = { .size = sizeof(struct probe_lookup),
			    .version = PROBE_RECORD_VERSION,
			    .type = PROBE_LOOKUP,
			    .agent = 3,
			    .time_nsec = 5000000 },
		.server = { 192, 0, 2, 53 },
		.family = AF_INET,
		.answer = PROBE_LOOKUP_NOT_FOUND,
	};
}

static void a_lookup_comes_out_whole(void)
{
	struct probe_lookup record = lookup_record();
	char server[ADDRESS_TEXT_SIZE];
	struct event event;

	CU_ASSERT(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.type == EVENT_LOOKUP && event.agent == 3 && event.time == 5000);
	CU_ASSERT(event.lookup.answer == LOOKUP_NOT_FOUND);
	CU_ASSERT_STRING_EQUAL(endpoint_address(&event.lookup.server, server), "192.0.2.53");
	CU_ASSERT(!event.lookup.by_library);
}

static void a_lookup_that_the_library_tells_has_no_server(void)
{
	struct probe_lookup record = lookup_record();
	struct event event;

	record.family = AF_UNSPEC;
	CU_ASSERT(decode(&record, sizeof(record), &event) == 0);
	CU_ASSERT(event.lookup.by_library && event.lookup.server.family == 0);
}

static void lookups_have_a_range(void)
{
	struct event event;

	for (int answer = 0; answer <= UINT8_MAX; answer++) {
		struct probe_lookup record = lookup_record();
		bool good = answer > PROBE_LOOKUP_NONE && answer < PROBE_LOOKUP_MAX;

		record.answer = (uint8_t)answer;
		CU_ASSERT(decode(&record, sizeof(record), &event) == (good ? 0 : -ERANGE));
		CU_ASSERT(decode(&record, sizeof(record) - 1, &event) == -EBADMSG);
		record.family = AF_UNIX;
		CU_ASSERT(decode(&record, sizeof(record), &event) == -ERANGE);
	}
}

SUITE("decode", { "a lookup comes out whole", a_lookup_comes_out_whole },
      { "a lookup that the library tells has no server",
	a_lookup_that_the_library_tells_has_no_server },
      { "lookups have a range", lookups_have_a_range },
      { "each type becomes its event", each_type_becomes_its_event },
      { "any alignment will do", any_alignment_will_do },
      { "other lengths are refused", other_lengths_are_refused },
      { "a size that is not the type's is refused", a_size_that_is_not_the_types_is_refused },
      { "other versions are refused", other_versions_are_refused },
      { "unknown types are refused", unknown_types_are_refused },
      { "states have a range", states_have_a_range },
      { "reset reasons have a range", reset_reasons_have_a_range },
      { "a beginning tells who and where", a_beginning_tells_who_and_where },
      { "a reset after the end is known by its cookie",
	a_reset_after_the_end_is_known_by_its_cookie },
      { "shutdown has a range", shutdown_has_a_range },
      { "MQTT has its ranges", mqtt_has_its_ranges },
      { "families have a list", families_have_a_list },
      { "signals have a range", signals_have_a_range },
      { "a connection comes out whole", a_connection_comes_out_whole },
      { "the facts come out whole", the_facts_come_out_whole },
      { "every fact of the list is taken", every_fact_of_the_list_is_taken },
      { "a RST from here is one in the name of another host",
	a_rst_from_here_is_one_in_the_name_of_another_host },
      { "what was said in MQTT comes out whole", what_was_said_in_mqtt_comes_out_whole },
      { "a certificate has two dates", a_certificate_has_two_dates },
      { "an error of a certificate is a small number",
	an_error_of_a_certificate_is_a_small_number },
      { "a login comes out whole", a_login_comes_out_whole },
      { "an answer to a login comes out whole", an_answer_to_a_login_comes_out_whole },
      { "MQTT that was not seen tells nothing", mqtt_that_was_not_seen_tells_nothing },
      { "each flag sets its fact", each_flag_sets_its_fact },
      { "a process comes out whole", a_process_comes_out_whole },
      { "names come out terminated", names_come_out_terminated },
      { "an end without address and port is not known",
	an_end_without_address_and_port_is_not_known },
      { "no family, no address", without_a_family_there_is_no_address },
      { "an age is known only with the SYN", an_age_is_known_only_with_the_syn },
      { "the age gives the same beginning every time",
	the_age_gives_the_same_beginning_every_time })
