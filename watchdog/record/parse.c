#include "record_parse.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

enum { VALUE_SIZE = MESSAGE_SIZE };

#define AT(member)    offsetof(struct past_record, member)
#define WIDTH(member) sizeof(((struct past_record *)0)->member)

/* ---- what is told by one field alone */

struct plain_field {
	const char *name;
	size_t at, size;
};

#define FIELD(name, member)                     \
	{                                       \
		name, AT(member), WIDTH(member) \
	}

static const struct plain_field text_fields[] = {
	FIELD("MESSAGE", message),
	FIELD("_BOOT_ID", boot_id),
	FIELD("OBJECT_SYSTEMD_UNIT", record.unit),
	FIELD("INVOCATION_ID", record.invocation_id),
	FIELD("CONNWATCH_AGENT", record.agent),
	FIELD("CONNWATCH_COMM", record.process.comm),
	FIELD("CONNWATCH_ACTION", action),
	FIELD("CONNWATCH_ACTION_RESULT", action_result),
	FIELD("CONNWATCH_ACTION_HELD_BY", action_held_by),
	FIELD("CONNWATCH_KIND", kind),
	FIELD("CONNWATCH_CAUSE", cause),
	FIELD("CONNWATCH_ENDED_BY", ended_by),
	FIELD("EXIT_CODE", exit_code),
	FIELD("EXIT_STATUS", exit_status),
};

static const struct plain_field number_fields[] = {
	FIELD("ERRNO", error),
	FIELD("CONNWATCH_PID", record.process.pid),
	FIELD("CONNWATCH_LOCAL_PORT", record.local.port),
	FIELD("CONNWATCH_PEER_PORT", record.peer.port),
	FIELD("CONNWATCH_NETNS", record.netns),
	FIELD("CONNWATCH_SOCKET_COOKIE", record.cookie),
	FIELD("CONNWATCH_AGE_USEC", record.socket.age),
	FIELD("CONNWATCH_IDLE_RX_USEC", record.socket.idle_rx),
	FIELD("CONNWATCH_IDLE_TX_USEC", record.socket.idle_tx),
	FIELD("CONNWATCH_BYTES_SENT", record.socket.bytes_sent),
	FIELD("CONNWATCH_BYTES_ACKED", record.socket.bytes_acked),
	FIELD("CONNWATCH_BYTES_RECEIVED", record.socket.bytes_received),
	FIELD("CONNWATCH_UNACKED_BYTES", record.socket.unacked_bytes),
	FIELD("CONNWATCH_UNREAD_BYTES", record.socket.unread_bytes),
	FIELD("CONNWATCH_RETRANSMITS", record.socket.retransmits),
	FIELD("CONNWATCH_PROBES", record.socket.probes),
	FIELD("CONNWATCH_RTT_USEC", record.socket.rtt_usec),
	FIELD("CONNWATCH_PERIOD_USEC", record.verdict.period),
	FIELD("CONNWATCH_PERIOD_COUNT", record.verdict.period_count),
	FIELD("CONNWATCH_DELAY_USEC", record.delay),
	FIELD("CONNWATCH_DOWNTIME_USEC", record.downtime),
	FIELD("CONNWATCH_ATTEMPTS", record.attempts),
	FIELD("CONNWATCH_LOST_EVENTS", record.lost_events),
	FIELD("CONNWATCH_TIME_USEC", happened),
};

/* Follow from other fields, so they need no reading. */
static const char *const derived_fields[] = { "CONNWATCH_SIDE" };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool take_text(struct past_record *past, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(text_fields); i++) {
		char *to = (char *)past + text_fields[i].at;

		if (strcmp(text_fields[i].name, name) != 0)
			continue;
		snprintf(to, text_fields[i].size, "%s", value);
		text_make_printable(to); /* a character may have been cut in two */
		return true;
	}
	return false;
}

static bool number_from_text(const char *text, uint64_t limit, uint64_t *number)
{
	*number = 0;
	if (*text == '\0')
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*text - '0'), number))
			return false;
	return *number <= limit;
}

static bool store_number(void *to, size_t size, const char *text)
{
	uint64_t limit = size == sizeof(uint64_t) ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
	uint64_t number;

	if (!number_from_text(text, limit, &number))
		return false;
	if (size == sizeof(uint16_t))
		*(uint16_t *)to = (uint16_t)number;
	else if (size == sizeof(uint32_t))
		*(uint32_t *)to = (uint32_t)number;
	else
		*(uint64_t *)to = number;
	return true;
}

static void is_strange(struct past_record *past, const char *name, const char *value)
{
	tokens_add(&past->strange, "%s=%s", name, value);
}

static bool take_number(struct past_record *past, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(number_fields); i++) {
		if (strcmp(number_fields[i].name, name) != 0)
			continue;
		if (!store_number((char *)past + number_fields[i].at, number_fields[i].size, value))
			is_strange(past, name, value);
		return true;
	}
	return false;
}

/* ---- what has a form of its own */

static void take_address(struct past_record *past, struct endpoint *endpoint, const char *name,
			 const char *value)
{
	struct endpoint read = { 0 };

	if (endpoint_parse(value, &read) < 0 || read.port != 0) {
		is_strange(past, name, value);
		return;
	}
	read.port = endpoint->port; /* its field may have come before */
	*endpoint = read;
}

static bool take_special(struct past_record *past, const char *name, const char *value)
{
	struct record *record = &past->record;

	if (strcmp(name, "CONNWATCH_EVIDENCE") == 0)
		tokens_add(&record->verdict.evidence, "%s", value);
	else if (strcmp(name, "CONNWATCH_RULED_OUT") == 0)
		tokens_add(&record->verdict.ruled_out, "%s", value);
	else if (strcmp(name, "CONNWATCH_LOCAL_ADDRESS") == 0)
		take_address(past, &record->local, name, value);
	else if (strcmp(name, "CONNWATCH_PEER_ADDRESS") == 0)
		take_address(past, &record->peer, name, value);
	else
		return false;
	return true;
}

/* ---- words out of a vocabulary */

static bool take_word(struct past_record *past, const char *name, const char *value)
{
	struct record *record = &past->record;
	int number;

	if (strcmp(name, "CONNWATCH_CONFIDENCE") == 0)
		number = record->verdict.confidence = confidence_from_string(value);
	else if (strcmp(name, "CONNWATCH_TCP_STATE") == 0)
		number = record->socket.state_before = tcp_state_from_string(value);
	else if (strcmp(name, "CONNWATCH_MODE") == 0)
		number = record->mode = mode_from_string(value);
	else
		return false;
	if (number >= 0)
		return true;
	is_strange(past, name, value);
	if (record->socket.state_before == TCP_STATE_INVALID)
		record->socket.state_before = TCP_STATE_NONE;
	return true;
}

static bool is_derived(const char *name)
{
	for (size_t i = 0; i < COUNT(derived_fields); i++)
		if (strcmp(derived_fields[i], name) == 0)
			return true;
	return false;
}

void record_parse_begin(struct past_record *past)
{
	*past = (struct past_record){
		.record = { .kind = RECORD_KIND_INVALID,
			    .mode = MODE_INVALID,
			    .verdict.confidence = CONFIDENCE_INVALID },
	};
}

void record_parse_field(struct past_record *past, const char *field, size_t size)
{
	const char *equals = memchr(field, '=', size);
	char name[64], value[VALUE_SIZE];
	size_t length;

	if (!equals || (size_t)(equals - field) >= sizeof(name))
		return;
	memcpy(name, field, (size_t)(equals - field));
	name[equals - field] = '\0';
	length = size - (size_t)(equals - field) - 1;
	if (length >= sizeof(value))
		length = sizeof(value) - 1;
	for (size_t i = 0; i < length; i++)
		value[i] = equals[1 + i] ? equals[1 + i] : '?';
	value[length] = '\0';
	text_make_printable(value);

	if (take_text(past, name, value) || take_number(past, name, value) ||
	    take_special(past, name, value) || take_word(past, name, value))
		return;
	if (strncmp(name, "CONNWATCH_", strlen("CONNWATCH_")) == 0 && !is_derived(name))
		is_strange(past, name, value);
}

/* ---- what several fields tell together */

static void end_words(struct past_record *past)
{
	struct verdict *verdict = &past->record.verdict;

	past->record.kind = record_kind_from_string(past->kind);
	if (past->record.kind == RECORD_KIND_INVALID)
		is_strange(past, "CONNWATCH_KIND", past->kind);
	verdict->cause = cause_from_string(past->cause);
	if (verdict->cause == CAUSE_INVALID) {
		verdict->cause = CAUSE_UNKNOWN;
		if (past->cause[0])
			is_strange(past, "CONNWATCH_CAUSE", past->cause);
	}
	verdict->ended_by = ended_by_from_string(past->ended_by);
	if (verdict->ended_by == ENDED_BY_INVALID) {
		verdict->ended_by = ENDED_BY_UNKNOWN;
		if (past->ended_by[0])
			is_strange(past, "CONNWATCH_ENDED_BY", past->ended_by);
	}
}

static void end_action(struct past_record *past)
{
	struct record *record = &past->record;

	if (past->action[0] && action_parse(past->action, &record->action) < 0)
		is_strange(past, "CONNWATCH_ACTION", past->action);
	record->action_result =
		action_outcome_to_string(action_outcome_from_string(past->action_result));
	if (past->action_result[0] && !record->action_result)
		is_strange(past, "CONNWATCH_ACTION_RESULT", past->action_result);
}

enum { ERRNO_MAX = 4095 }; /* MAX_ERRNO in the kernel's include/linux/err.h */

static void end_error(struct past_record *past)
{
	if (past->error > ERRNO_MAX)
		tokens_add(&past->strange, "ERRNO=%u", past->error);
	else if (past->record.kind == RECORD_ACTION)
		past->record.action_error = -(int)past->error;
	else
		past->record.socket.error = (uint16_t)past->error;
}

static void end_exit(struct past_record *past)
{
	struct exit_facts *exit = &past->record.exit;

	if (!past->exit_code[0])
		return;
	exit->dumped = strcmp(past->exit_code, "dumped") == 0;
	exit->by_signal = exit->dumped || strcmp(past->exit_code, "killed") == 0;
	exit->status = signal_from_string(past->exit_status);
	exit->known =
		exit->status >= 0 && (exit->by_signal || strcmp(past->exit_code, "exited") == 0);
	if (exit->known)
		return;
	*exit = (struct exit_facts){ 0 };
	is_strange(past, "EXIT_STATUS", past->exit_status);
}

bool record_parse_end(struct past_record *past)
{
	if (!past->kind[0])
		return false;
	if (!past->record.time)
		past->record.time = past->happened;
	end_words(past);
	end_action(past);
	end_error(past);
	end_exit(past);
	return true;
}

bool past_came_up(const struct past_record *past)
{
	enum ended_by ended_by = past->record.verdict.ended_by;

	return ended_by != ENDED_BY_CONNECT_REFUSED && ended_by != ENDED_BY_CONNECT_TIMEOUT &&
	       ended_by != ENDED_BY_CONNECT_UNREACHABLE;
}
