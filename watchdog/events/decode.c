/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "events/decode.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "ebpf/probe_record.h"

#define NSEC_PER_USEC 1000
/* A clock tick of proc(5): NSEC_PER_SEC / USER_HZ, as nsec_to_clock_t() in kernel/time/time.c. */
#define NSEC_PER_TICK 10000000

/* Reset reasons and MQTT tracks are copied as numbers. */
#define ASSERT_SAME(name) _Static_assert((int)PROBE_RESET_##name == (int)RESET_REASON_##name, #name)
ASSERT_SAME(NONE);
ASSERT_SAME(NOT_SPECIFIED);
ASSERT_SAME(ABORT_ON_DATA);
ASSERT_SAME(ABORT_ON_CLOSE);
ASSERT_SAME(ABORT_ON_LINGER);
ASSERT_SAME(ABORT_ON_MEMORY);
ASSERT_SAME(STATE);
ASSERT_SAME(KEEPALIVE_TIMEOUT);
ASSERT_SAME(DISCONNECT_WITH_DATA);
ASSERT_SAME(OTHER);
ASSERT_SAME(MAX);

_Static_assert((int)PROBE_MQTT_NONE == (int)MQTT_NOT_SEEN &&
		       (int)PROBE_MQTT_FOLLOWED == (int)MQTT_FOLLOWED &&
		       (int)PROBE_MQTT_LOST == (int)MQTT_LOST &&
		       (int)PROBE_MQTT_MAX == (int)MQTT_TRACK_MAX,
	       "the tracks of MQTT are the same");
_Static_assert((int)PROBE_TLS_NONE == (int)TLS_NOT_SEEN && (int)PROBE_TLS_BEGUN == (int)TLS_BEGUN &&
		       (int)PROBE_TLS_ANSWERED == (int)TLS_ANSWERED &&
		       (int)PROBE_TLS_SECURED == (int)TLS_SECURED &&
		       (int)PROBE_TLS_PLAIN == (int)TLS_PLAIN &&
		       (int)PROBE_TLS_NOT_SPOKEN == (int)TLS_NOT_SPOKEN &&
		       (int)PROBE_TLS_LOST == (int)TLS_LOST &&
		       (int)PROBE_TLS_MAX == (int)TLS_TRACK_MAX &&
		       (int)PROBE_TLS_ANSWER_HTTP == (int)TLS_ANSWER_HTTP &&
		       (int)PROBE_TLS_ANSWER_OTHER == (int)TLS_ANSWER_OTHER &&
		       (int)PROBE_TLS_ANSWER_MAX == (int)TLS_ANSWER_MAX &&
		       (int)PROBE_TLS_ALERT_SEALED == (int)TLS_ALERT_SEALED,
	       "the words of TLS are the same");
_Static_assert((int)PROBE_LOOKUP_ASKED == (int)LOOKUP_ASKED &&
		       (int)PROBE_LOOKUP_FOUND == (int)LOOKUP_FOUND &&
		       (int)PROBE_LOOKUP_EMPTY == (int)LOOKUP_EMPTY &&
		       (int)PROBE_LOOKUP_NOT_FOUND == (int)LOOKUP_NOT_FOUND &&
		       (int)PROBE_LOOKUP_FAILED == (int)LOOKUP_FAILED &&
		       (int)PROBE_LOOKUP_REFUSED == (int)LOOKUP_REFUSED &&
		       (int)PROBE_LOOKUP_UNCLEAR == (int)LOOKUP_UNCLEAR &&
		       (int)PROBE_LOOKUP_MAX == (int)LOOKUP_ANSWER_MAX,
	       "the answers of name servers are the same");
_Static_assert(PROBE_COMM_SIZE == COMM_SIZE, "comm is copied whole");

enum {
	SHUTDOWN_BOTH = 3, /* RCV_SHUTDOWN | SEND_SHUTDOWN, include/net/sock.h */
	SIGNAL_LAST = 64,  /* _NSIG */
};

static enum event_type event_type_of(enum probe_record_type type)
{
	switch (type) {
	case PROBE_OPENED:
		return EVENT_OPENED;
	case PROBE_FOUND:
		return EVENT_FOUND;
	case PROBE_ESTABLISHED:
		return EVENT_ESTABLISHED;
	case PROBE_SPOKEN:
		return EVENT_SPOKEN;
	case PROBE_LOGIN:
		return EVENT_LOGIN;
	case PROBE_CERTIFICATE:
		return EVENT_CERTIFICATE;
	case PROBE_VERIFIED:
		return EVENT_VERIFIED;
	case PROBE_CLOSING:
		return EVENT_CLOSING;
	case PROBE_ENDED:
		return EVENT_ENDED;
	case PROBE_RESET_SENT:
		return EVENT_RESET_SENT;
	case PROBE_RETRANSMIT:
		return EVENT_RETRANSMIT;
	case PROBE_HEALED:
		return EVENT_HEALED;
	case PROBE_NEVER_OPENED:
		return EVENT_NEVER_OPENED;
	case PROBE_VANISHED:
		return EVENT_VANISHED;
	case PROBE_SAMPLED:
		return EVENT_SAMPLED;
	case PROBE_STARTED:
		return EVENT_STARTED;
	case PROBE_EXECED:
		return EVENT_EXECED;
	case PROBE_SIGNALED:
		return EVENT_SIGNALED;
	case PROBE_EXITED:
		return EVENT_EXITED;
	case PROBE_LOOKUP:
		return EVENT_LOOKUP;
	case PROBE_SAMPLE_DONE:
		return EVENT_SAMPLE_DONE;
	}
	return EVENT_TYPE_INVALID;
}

static struct task task_of(const struct probe_task *record)
{
	struct task task = {
		.pid = record->pid,
		.in_agent = record->flags & PROBE_TASK_IN_AGENT,
		.exiting = record->flags & PROBE_TASK_EXITING,
		.exit_code = record->exit_code,
		.started = record->start_nsec / NSEC_PER_TICK,
	};

	memcpy(task.comm, record->comm, sizeof(task.comm) - 1); /* the rest is zero */
	return task;
}

/* A socket that is not bound yet has a family, but neither an address nor a port: not known. */
static struct endpoint endpoint_of(uint16_t family, const uint8_t address[static 16], uint16_t port)
{
	static const uint8_t nowhere[16];
	struct endpoint endpoint = { .family = (uint8_t)family, .port = port };

	if (family == 0 || (port == 0 && memcmp(address, nowhere, sizeof(nowhere)) == 0))
		return (struct endpoint){ 0 };
	memcpy(endpoint.address, address, family == AF_INET ? 4 : sizeof(endpoint.address));
	return endpoint;
}

static bool mqtt_in_range(const struct probe_mqtt *record)
{
	return record->track < PROBE_MQTT_MAX && record->sent < MQTT_PACKET_MAX &&
	       record->received < MQTT_PACKET_MAX;
}

static bool is_family(uint16_t family)
{
	return family == AF_INET || family == AF_INET6 || family == 0;
}

static bool connection_in_range(const struct probe_connection *record)
{
	return is_family(record->family) && record->state_before < TCP_STATE_MAX &&
	       record->state < TCP_STATE_MAX && record->reset_state < TCP_STATE_MAX &&
	       record->reset_reason < PROBE_RESET_MAX && record->shutdown <= SHUTDOWN_BOTH &&
	       mqtt_in_range(&record->mqtt);
}

/* Both times are rounded before the subtraction, so that time minus age is the same in all events
 * of a connection. */
static usec_t age_since(uint64_t now_nsec, uint64_t opened_nsec)
{
	usec_t now = now_nsec / NSEC_PER_USEC, opened = opened_nsec / NSEC_PER_USEC;

	return opened && opened < now ? now - opened : 0;
}

/* The kernel's bytes_acked counts sequence numbers; SYN and FIN take one each (RFC 9293, 3.4) and
 * are no data. */
static uint64_t data_acked(const struct probe_connection *record)
{
	uint64_t acked = record->bytes_acked ? record->bytes_acked - 1 : 0;

	return acked < record->bytes_sent ? acked : record->bytes_sent;
}

/* bytes_received counts the peer's FIN, too. */
static uint64_t data_received(const struct probe_connection *record)
{
	bool fin = record->flags & PROBE_SOCKET_FIN_RECEIVED;

	return record->bytes_received - (fin && record->bytes_received ? 1 : 0);
}

/* Packets from one address of this host to another go by the loopback interface; most clients
 * reach one of its addresses from that same address. */
static bool is_peer_on_this_host(const struct probe_connection *record)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	enum { LOOPBACK_NET = 127 }; /* RFC 1122, 3.2.1.3 */

	if (memcmp(record->peer_address, record->local_address, sizeof(record->peer_address)) == 0)
		return true;
	return record->family == AF_INET
		       ? record->peer_address[0] == LOOPBACK_NET
		       : memcmp(record->peer_address, loopback6, sizeof(loopback6)) == 0;
}

/* The column `probe` of SOCKET_FACTS. */
#define PROBE_COPY(name) .name = record->name,
#define PROBE_NSEC(name) .name = record->name##_nsec / NSEC_PER_USEC,
#define PROBE_OWN(name)
#define PROBE_NONE(name)
#define TAKE_FACT(kind, name, probe, sock_diag, journal, field) PROBE_##probe(name)

static struct socket_facts facts_of(const struct probe_connection *record)
{
	struct socket_facts facts = { SOCKET_FACTS(TAKE_FACT) };

	facts.fin_received = record->flags & PROBE_SOCKET_FIN_RECEIVED;
	facts.orphan = record->flags & PROBE_SOCKET_ORPHAN;
	facts.keepalive = record->flags & PROBE_SOCKET_KEEPALIVE;
	facts.linger_zero = record->flags & PROBE_SOCKET_LINGER_ZERO;
	facts.reset_received = record->flags & PROBE_SOCKET_RESET_RECEIVED;
	facts.large_received = record->flags & PROBE_SOCKET_LARGE_RECEIVED;
	facts.reset_from_here =
		record->flags & PROBE_SOCKET_RESET_BY_LOOPBACK && !is_peer_on_this_host(record);
	facts.reset_without_ack = record->flags & PROBE_SOCKET_RESET_WITHOUT_ACK;
	facts.age = age_since(record->header.time_nsec, record->opened_nsec);
	facts.bytes_acked = data_acked(record);
	facts.bytes_received = data_received(record);
	return facts;
}

static struct mqtt_facts mqtt_of(const struct probe_mqtt *record)
{
	if (record->track == PROBE_MQTT_NONE)
		return (struct mqtt_facts){ 0 };
	return (struct mqtt_facts){
		.track = record->track,
		.tls = record->flags & PROBE_MQTT_TLS,
		.unsent = record->flags & PROBE_MQTT_UNSENT,
		.sent = record->sent,
		.received = record->received,
		.answered = record->flags & PROBE_MQTT_ANSWERED,
		.connack = record->connack,
		.sent_reason = record->sent_reason,
		.received_reason = record->received_reason,
		.sent_ago = record->sent_nsec / NSEC_PER_USEC,
		.received_ago = record->received_nsec / NSEC_PER_USEC,
		.unanswered = record->unanswered_nsec / NSEC_PER_USEC,
	};
}

/* 32-bit FNV-1a, as in ebpf/login_follow.bpf.h. */
static uint32_t hash_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash;
}

static enum amqp_error amqp_error_of(uint32_t hash)
{
	if (!hash)
		return AMQP_NO_ERROR;
	for (enum amqp_error error = AMQP_INTERNAL_ERROR; error < AMQP_OTHER_ERROR; error++)
		if (hash_of(amqp_error_to_string(error)) == hash)
			return error;
	return AMQP_OTHER_ERROR;
}

static struct login_facts login_of(const struct probe_login *record)
{
	bool is_http = record->protocol == PROBE_LOGIN_HTTP;

	return (struct login_facts){
		.protocol = record->protocol,
		.sasl_ended = record->flags & PROBE_LOGIN_SASL,
		.sasl = record->sasl,
		.amqp_error = is_http ? AMQP_NO_ERROR : amqp_error_of(record->reason),
		.http_status = is_http ? (uint16_t)(record->reason >> 16) : 0,
		.went_on = record->flags & PROBE_LOGIN_WENT_ON,
		.left = record->flags & PROBE_LOGIN_LEFT,
		.close_code = is_http ? (uint16_t)record->reason : 0,
	};
}

static bool tls_in_range(const struct probe_tls *record)
{
	return record->track < PROBE_TLS_MAX && record->answer < PROBE_TLS_ANSWER_MAX;
}

static struct tls_facts tls_of(const struct probe_tls *record)
{
	return (struct tls_facts){
		.track = record->track,
		.is_13 = record->flags & PROBE_TLS_IS_13,
		.finished = record->flags & PROBE_TLS_FINISHED,
		.alert_sent = record->flags & PROBE_TLS_ALERT_SENT,
		.alert_received = record->flags & PROBE_TLS_ALERT_RECEIVED,
		.sent = record->alert_sent,
		.received = record->alert_received,
		.goodbye_sent = record->goodbye & PROBE_TLS_GOODBYE_SENT,
		.goodbye_received = record->goodbye & PROBE_TLS_GOODBYE_RECEIVED,
		.goodbye_peer_first = record->goodbye & PROBE_TLS_GOODBYE_PEER_FIRST,
		.goodbye_sent_unclear = record->goodbye & PROBE_TLS_GOODBYE_SENT_UNCLEAR,
		.goodbye_received_unclear = record->goodbye & PROBE_TLS_GOODBYE_RECEIVED_UNCLEAR,
		.unsent = record->track != PROBE_TLS_NONE && record->flags & PROBE_TLS_UNSENT,
		.answer = record->answer,
		.sent_since = record->sent_since,
		.begun = record->begun_nsec / NSEC_PER_USEC,
		.took = record->took_nsec / NSEC_PER_USEC,
	};
}

/* Copies the record out of `data`, where it may lie at any address. Returns false if it has another
 * size. */
static bool take_record(void *record, size_t wanted, const void *data, size_t size)
{
	if (size != wanted)
		return false;
	memcpy(record, data, size);
	return true;
}

static int decode_spoken(const void *data, size_t size, struct event *event)
{
	struct probe_spoken record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (!tls_in_range(&record.tls))
		return -ERANGE;
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.facts.age = age_since(record.header.time_nsec, record.opened_nsec),
		.tls = tls_of(&record.tls),
	};
	return 0;
}

static int decode_begun(const void *data, size_t size, struct event *event)
{
	struct probe_begun record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (!is_family(record.family) || record.state_before >= TCP_STATE_MAX ||
	    record.state >= TCP_STATE_MAX)
		return -ERANGE;
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.netns = record.netns,
		.local = endpoint_of(record.family, record.local_address, record.local_port),
		.peer = endpoint_of(record.family, record.peer_address, record.peer_port),
		.owner = task_of(&record.owner),
		.facts.state_before = record.state_before,
		.facts.state = record.state,
		.facts.flow_ttl_min = record.flow_ttl_min,
		.facts.flow_ttl_max = record.flow_ttl_max,
		.facts.age = age_since(record.header.time_nsec, record.opened_nsec),
		.to_itself = record.flags & PROBE_SOCKET_TO_ITSELF,
	};
	return 0;
}

static int decode_reset_sent(const void *data, size_t size, struct event *event)
{
	struct probe_reset_sent record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (record.reset_reason >= PROBE_RESET_MAX || record.reset_state >= TCP_STATE_MAX)
		return -ERANGE;
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.facts.state_before = TCP_STATE_CLOSE,
		.facts.state = TCP_STATE_CLOSE,
		.facts.age = age_since(record.header.time_nsec, record.opened_nsec),
		.facts.reset_reason = record.reset_reason,
		.facts.reset_state = record.reset_state,
	};
	return 0;
}

static int decode_login(const void *data, size_t size, struct event *event)
{
	struct probe_login_seen record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (!mqtt_in_range(&record.mqtt))
		return -ERANGE;
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.facts.age = age_since(record.header.time_nsec, record.opened_nsec),
		.mqtt = mqtt_of(&record.mqtt),
	};
	return 0;
}

/* Takes the two digits of `*date` that are its last. */
static unsigned take_digits(uint64_t *date)
{
	unsigned digits = (unsigned)(*date % 100);

	*date /= 100;
	return digits;
}

/* Days since 1970 at the first of a month, of the Gregorian calendar, from 1901 on: years that
 * begin in March have the leap day at their end. */
static int64_t days_before(unsigned year, unsigned month)
{
	unsigned years = month > 2 ? year : year - 1;
	unsigned months = month > 2 ? month - 3 : month + 9;

	return (int64_t)years * 365 + years / 4 - years / 100 + years / 400 +
	       (153 * months + 2) / 5 - 719468;
}

/* Takes a date, YYYYMMDDHHMMSS. Returns false if it is none. One before 1970 counts as its first
 * second. */
static bool seconds_of(uint64_t date, uint64_t *seconds)
{
	unsigned second = take_digits(&date), minute = take_digits(&date);
	unsigned hour = take_digits(&date), day = take_digits(&date), month = take_digits(&date);
	int64_t since;

	if (second > 60 || minute > 59 || hour > 23 || day < 1 || day > 31 || month < 1 ||
	    month > 12 || date < 1 || date > 9999)
		return false;
	since = ((days_before((unsigned)date, month) + day - 1) * 24 + hour) * 3600;
	since += (int64_t)minute * 60 + second;
	*seconds = since > 1 ? (uint64_t)since : 1;
	return true;
}

static int decode_certificate(const void *data, size_t size, struct event *event)
{
	struct probe_certificate record;
	struct certificate_facts certificate = { 0 };

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (record.not_after && (!seconds_of(record.not_before, &certificate.from) ||
				 !seconds_of(record.not_after, &certificate.until)))
		certificate = (struct certificate_facts){ 0 };
	else
		certificate.last_day = (uint32_t)(record.not_after / 1000000);
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.facts.age = age_since(record.header.time_nsec, record.opened_nsec),
		.certificate = certificate,
	};
	return 0;
}

static int decode_verified(const void *data, size_t size, struct event *event)
{
	struct probe_verified record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (record.error > UINT8_MAX)
		return -ERANGE;
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.facts.age = age_since(record.header.time_nsec, record.opened_nsec),
		.x509_error = (uint8_t)record.error,
	};
	return 0;
}

static int decode_connection(const void *data, size_t size, struct event *event)
{
	struct probe_connection record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (!connection_in_range(&record) || !tls_in_range(&record.tls) ||
	    record.login.protocol >= PROBE_LOGIN_MAX)
		return -ERANGE;
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.netns = record.netns,
		.local = endpoint_of(record.family, record.local_address, record.local_port),
		.peer = endpoint_of(record.family, record.peer_address, record.peer_port),
		.owner = task_of(&record.owner),
		.current = task_of(&record.current),
		.facts = facts_of(&record),
		.mqtt = mqtt_of(&record.mqtt),
		.tls = tls_of(&record.tls),
		.login = login_of(&record.login),
		.to_itself = record.flags & PROBE_SOCKET_TO_ITSELF,
	};
	return 0;
}

static int decode_process(const void *data, size_t size, struct event *event)
{
	struct probe_process record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (record.signal > SIGNAL_LAST)
		return -ERANGE;
	event->process = (struct process_event){
		.task = task_of(&record.task),
		.signal = (int)record.signal,
		.from_kernel = record.flags & PROBE_SIGNAL_FROM_KERNEL,
		.handled = record.flags & PROBE_SIGNAL_HANDLED,
		.sender = task_of(&record.sender),
		.oom = record.flags & PROBE_SIGNAL_OOM,
	};
	return 0;
}

static int decode_lookup(const void *data, size_t size, struct event *event)
{
	struct probe_lookup record;

	if (!take_record(&record, sizeof(record), data, size))
		return -EBADMSG;
	if (record.answer <= PROBE_LOOKUP_NONE || record.answer >= PROBE_LOOKUP_MAX ||
	    (record.family != AF_INET && record.family != AF_INET6 && record.family != AF_UNSPEC))
		return -ERANGE;
	event->lookup = (struct lookup_event){
		.answer = record.answer,
		.by_library = record.family == AF_UNSPEC,
		.server = endpoint_of(record.family, record.server, 0),
	};
	return 0;
}

int decode_record(const void *data, size_t size, struct event *event)
{
	struct probe_header header;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, data, sizeof(header));
	if (header.version != PROBE_RECORD_VERSION)
		return -EPROTO;
	event->type = event_type_of(header.type);
	if (event->type == EVENT_TYPE_INVALID)
		return -EOPNOTSUPP;
	if (header.size != size)
		return -EBADMSG;
	event->time = header.time_nsec / NSEC_PER_USEC;
	event->agent = header.agent;
	if (event->type == EVENT_SPOKEN)
		return decode_spoken(data, size, event);
	if (event->type == EVENT_OPENED || event->type == EVENT_ESTABLISHED)
		return decode_begun(data, size, event);
	if (event->type == EVENT_RESET_SENT)
		return decode_reset_sent(data, size, event);
	if (event->type == EVENT_LOGIN)
		return decode_login(data, size, event);
	if (event->type == EVENT_CERTIFICATE)
		return decode_certificate(data, size, event);
	if (event->type == EVENT_VERIFIED)
		return decode_verified(data, size, event);
	if (event_is_connection(event->type))
		return decode_connection(data, size, event);
	if (event_is_process(event->type))
		return decode_process(data, size, event);
	if (event->type == EVENT_LOOKUP)
		return decode_lookup(data, size, event);
	return size == sizeof(header) ? 0 : -EBADMSG;
}
