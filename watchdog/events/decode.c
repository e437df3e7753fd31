#include "decode.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "ebpf/probe_record.h"

#define NSEC_PER_USEC 1000

/* Reset reasons cross as they are. */
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
	       "so do the tracks of MQTT");
_Static_assert(PROBE_COMM_SIZE == COMM_SIZE, "comm is copied whole");
_Static_assert(DECODE_SAMPLE_SIZE == sizeof(struct probe_connection), "size of a sample");

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
	};

	memcpy(task.comm, record->comm, sizeof(task.comm) - 1); /* the rest is zero */
	return task;
}

/* A socket without an address yet has none, whatever its family. */
static struct endpoint endpoint_of(uint16_t family, const uint8_t address[static 16], uint16_t port)
{
	static const uint8_t nowhere[16];
	struct endpoint endpoint = { .family = (uint8_t)family, .port = port };

	if (family == 0 || (port == 0 && memcmp(address, nowhere, sizeof(nowhere)) == 0))
		return (struct endpoint){ 0 };
	memcpy(endpoint.address, address, family == AF_INET ? 4 : sizeof(endpoint.address));
	return endpoint;
}

static bool connection_in_range(const struct probe_connection *record)
{
	bool family_known = record->family == AF_INET || record->family == AF_INET6;

	return (family_known || record->family == 0) && record->state_before < TCP_STATE_MAX &&
	       record->state < TCP_STATE_MAX && record->reset_state < TCP_STATE_MAX &&
	       record->reset_reason < PROBE_RESET_MAX && record->shutdown <= SHUTDOWN_BOTH &&
	       record->mqtt.track < PROBE_MQTT_MAX && record->mqtt.sent < MQTT_PACKET_MAX &&
	       record->mqtt.received < MQTT_PACKET_MAX;
}

/* Rounded so that the event's time less the age is the same in every event of a connection. */
static usec_t age_of(const struct probe_connection *record)
{
	usec_t now = record->header.time_nsec / NSEC_PER_USEC;
	usec_t opened = record->opened_nsec / NSEC_PER_USEC;

	return opened && opened < now ? now - opened : 0;
}

/* The kernel counts sequence numbers, and a SYN or a FIN takes one too (RFC 9293, 3.4). */
static uint64_t data_acked(const struct probe_connection *record)
{
	uint64_t acked = record->bytes_acked ? record->bytes_acked - 1 : 0;

	return acked < record->bytes_sent ? acked : record->bytes_sent;
}

static uint64_t data_received(const struct probe_connection *record)
{
	bool fin = record->flags & PROBE_SOCKET_FIN_RECEIVED;

	return record->bytes_received - (fin && record->bytes_received ? 1 : 0);
}

static struct socket_facts facts_of(const struct probe_connection *record)
{
	return (struct socket_facts){
		.state_before = record->state_before,
		.state = record->state,
		.error = record->error,
		.soft_error = record->soft_error,
		.shutdown = record->shutdown,
		.fin_received = record->flags & PROBE_SOCKET_FIN_RECEIVED,
		.orphan = record->flags & PROBE_SOCKET_ORPHAN,
		.keepalive = record->flags & PROBE_SOCKET_KEEPALIVE,
		.linger_zero = record->flags & PROBE_SOCKET_LINGER_ZERO,
		.reset_received = record->flags & PROBE_SOCKET_RESET_RECEIVED,
		.reset_reason = (enum reset_reason)record->reset_reason,
		.reset_state = record->reset_state,
		.flow_ttl_min = record->flow_ttl_min,
		.flow_ttl_max = record->flow_ttl_max,
		.reset_ttl = record->reset_ttl,
		.unread_bytes = record->unread_bytes,
		.unacked_bytes = record->unacked_bytes,
		.send_window = record->send_window,
		.retransmit_timeouts = record->retransmit_timeouts,
		.retransmits = record->retransmits,
		.probes = record->probes,
		.user_timeout_msec = record->user_timeout_msec,
		.rtt_usec = record->rtt_usec,
		.rto_usec = record->rto_usec,
		.bytes_sent = record->bytes_sent,
		.bytes_acked = data_acked(record),
		.bytes_received = data_received(record),
		.age = age_of(record),
		.idle_rx = record->idle_rx_nsec / NSEC_PER_USEC,
		.idle_tx = record->idle_tx_nsec / NSEC_PER_USEC,
		.idle_ack = record->idle_ack_nsec / NSEC_PER_USEC,
	};
}

static struct mqtt_facts mqtt_of(const struct probe_mqtt *record)
{
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

static int decode_connection(const void *data, size_t size, struct event *event)
{
	struct probe_connection record;

	if (size != sizeof(record))
		return -EBADMSG;
	memcpy(&record, data, sizeof(record));
	if (!connection_in_range(&record))
		return -ERANGE;
	event->connection = (struct connection_event){
		.cookie = record.cookie,
		.netns = record.netns,
		.local = endpoint_of(record.family, record.local_address, record.local_port),
		.peer = endpoint_of(record.family, record.peer_address, record.peer_port),
		.owner = task_of(&record.owner),
		.current = task_of(&record.current),
		.facts = facts_of(&record),
		.mqtt = record.mqtt.track == PROBE_MQTT_NONE ? (struct mqtt_facts){ 0 }
							     : mqtt_of(&record.mqtt),
	};
	return 0;
}

static int decode_process(const void *data, size_t size, struct event *event)
{
	struct probe_process record;

	if (size != sizeof(record))
		return -EBADMSG;
	memcpy(&record, data, sizeof(record));
	if (record.signal > SIGNAL_LAST)
		return -ERANGE;
	event->process = (struct process_event){
		.task = task_of(&record.task),
		.signal = (int)record.signal,
		.from_kernel = record.flags & PROBE_SIGNAL_FROM_KERNEL,
		.sender = task_of(&record.sender),
		.oom = record.flags & PROBE_SIGNAL_OOM,
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
	if (event_is_connection(event->type))
		return decode_connection(data, size, event);
	if (event_is_process(event->type))
		return decode_process(data, size, event);
	return size == sizeof(header) ? 0 : -EBADMSG;
}
