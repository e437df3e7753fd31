/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/parse.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { VALUE_SIZE = MESSAGE_SIZE };

#define AT(member)    offsetof(struct past_record, member)
#define WIDTH(member) sizeof(((struct past_record *)0)->member)

/* ---- fields that are read alone */

struct text_field {
	const char *name;
	size_t at, size;
};

#define TEXT(name, member)                      \
	{                                       \
		name, AT(member), WIDTH(member) \
	}

static const struct text_field text_fields[] = {
	TEXT("MESSAGE", message),
	TEXT("_BOOT_ID", boot_id),
	TEXT("OBJECT_SYSTEMD_UNIT", record.unit),
	TEXT("INVOCATION_ID", record.invocation_id),
	TEXT("CONNWATCH_AGENT", record.agent),
	TEXT("CONNWATCH_DEVICE_ID", record.device_id),
	TEXT("CONNWATCH_OUTAGE_ID", record.outage_id),
	TEXT("CONNWATCH_COMM", record.process.comm),
	TEXT("CONNWATCH_ACTION", action),
	TEXT("CONNWATCH_ACTION_RESULT", action_result),
	TEXT("CONNWATCH_ACTION_HELD_BY", action_held_by),
	TEXT("CONNWATCH_KIND", kind),
	TEXT("CONNWATCH_CAUSE", cause),
	TEXT("CONNWATCH_ENDED_BY", ended_by),
	TEXT("EXIT_CODE", exit_code),
	TEXT("EXIT_STATUS", exit_status),
};

struct number_field {
	const char *name;
	size_t at, size;
	uint64_t most; /* the largest number that the member holds */
};

/* Each member is unsigned or bool, so -1 converts to its largest value. */
#define NUMBER(name, member)                                                                   \
	{                                                                                      \
		name, AT(member), WIDTH(member), (typeof(((struct past_record *)0)->member))-1 \
	}

/* The column `journal` of SOCKET_FACTS. */
#define JOURNAL_ALWAYS(name, field)   NUMBER(field, record.socket.name),
#define JOURNAL_IF_KNOWN(name, field) NUMBER(field, record.socket.name),
#define JOURNAL_OWN(name, field)
#define JOURNAL_NONE(name, field)
#define FACT(kind, name, probe, sock_diag, journal, field) JOURNAL_##journal(name, field)

static const struct number_field number_fields[] = {
	NUMBER("ERRNO", error),
	NUMBER("CONNWATCH_PID", record.process.pid),
	NUMBER("CONNWATCH_LOCAL_PORT", record.local.port),
	NUMBER("CONNWATCH_PEER_PORT", record.peer.port),
	NUMBER("CONNWATCH_NETNS", record.netns),
	NUMBER("CONNWATCH_SOCKET_COOKIE", record.cookie),
	SOCKET_FACTS(FACT) /* a row each that has a field */
	NUMBER("CONNWATCH_PERIOD_USEC", record.verdict.period),
	NUMBER("CONNWATCH_PERIOD_COUNT", record.verdict.period_count),
	NUMBER("CONNWATCH_ACTION_LIMIT_BURST", record.limit.burst),
	NUMBER("CONNWATCH_ACTION_LIMIT_INTERVAL_USEC", record.limit.interval),
	NUMBER("CONNWATCH_ACTION_LIMIT_WAIT_USEC", record.limit.wait),
	NUMBER("CONNWATCH_DELAY_USEC", record.delay),
	NUMBER("CONNWATCH_DOWNTIME_USEC", record.downtime),
	NUMBER("CONNWATCH_ATTEMPTS", record.attempts),
	NUMBER("CONNWATCH_CAUSE_ATTEMPTS", record.cause_attempts),
	NUMBER("CONNWATCH_LOST_EVENTS", record.lost_events),
	NUMBER("CONNWATCH_LOST_GROUPS", record.lost_groups),
	NUMBER("CONNWATCH_TIME_USEC", happened),
};

/* Follow from other fields, so they are not read. */
static const char *const derived_fields[] = { "CONNWATCH_SIDE" };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool take_text(struct past_record *past, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(text_fields); i++) {
		char *to = (char *)past + text_fields[i].at;

		if (strcmp(text_fields[i].name, name) != 0)
			continue;
		snprintf(to, text_fields[i].size, "%s", value);
		text_make_printable(to); /* cutting may have split a character */
		return true;
	}
	return false;
}

static bool number_from_text(const char *text, uint64_t most, uint64_t *number)
{
	*number = 0;
	if (*text == '\0')
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*text - '0'), number))
			return false;
	return *number <= most;
}

static void store_number(void *to, size_t size, uint64_t number)
{
	switch (size) {
	case sizeof(uint8_t):
		*(uint8_t *)to = (uint8_t)number;
		break;
	case sizeof(uint16_t):
		*(uint16_t *)to = (uint16_t)number;
		break;
	case sizeof(uint32_t):
		*(uint32_t *)to = (uint32_t)number;
		break;
	default:
		*(uint64_t *)to = number;
		break;
	}
}

static void is_strange(struct past_record *past, const char *name, const char *value)
{
	tokens_add(&past->strange, "%s=%s", name, value);
}

static bool take_number(struct past_record *past, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT(number_fields); i++) {
		const struct number_field *field = &number_fields[i];
		uint64_t number;

		if (strcmp(field->name, name) != 0)
			continue;
		if (number_from_text(value, field->most, &number))
			store_number((char *)past + field->at, field->size, number);
		else
			is_strange(past, name, value);
		return true;
	}
	return false;
}

/* ---- fields with a form of their own */

static void take_address(struct past_record *past, struct endpoint *endpoint, const char *name,
			 const char *value)
{
	struct endpoint read = { 0 };

	if (endpoint_parse(value, &read) < 0 || read.port != 0) {
		is_strange(past, name, value);
		return;
	}
	read.port = endpoint->port; /* the port's field may have come before */
	*endpoint = read;
}

/* "CAUSE=COUNT" */
static void take_failed(struct past_record *past, const char *name, const char *value)
{
	struct outage_summary *outage = &past->record.outage;
	const char *equals = strchr(value, '=');
	char cause[WORD_SIZE];
	uint64_t count;
	enum cause by;

	snprintf(cause, sizeof(cause), "%.*s", equals ? (int)(equals - value) : 0, value);
	by = cause_from_string(cause);
	if (!equals || by == CAUSE_INVALID || !number_from_text(equals + 1, UINT32_MAX, &count) ||
	    outage->failed_count == OUTAGE_FAILED_MAX) {
		is_strange(past, name, value);
		return;
	}
	outage->failed[outage->failed_count++] =
		(struct failed_attempts){ .by = by, .count = (unsigned)count };
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
	else if (strcmp(name, "CONNWATCH_OUTAGE_ATTEMPTS") == 0)
		take_failed(past, name, value);
	else
		return false;
	return true;
}

/* ---- fields that hold a name of the vocabulary */

/* Returns what cause_from_string() does. Only a cause that it knows is stored. */
static int take_cause(const char *value, enum cause *cause, bool *known)
{
	enum cause read = cause_from_string(value);

	if (read != CAUSE_INVALID) {
		*cause = read;
		*known = true;
	}
	return (int)read;
}

/* Returns a negative number for a value that this version does not know. */
static int take_btf(const char *value, bool *external)
{
	*external = strcmp(value, "external") == 0;
	return *external ? 0 : -1;
}

static bool take_word(struct past_record *past, const char *name, const char *value)
{
	struct record *record = &past->record;
	int number;

	if (strcmp(name, "CONNWATCH_CONFIDENCE") == 0)
		number = record->verdict.confidence = confidence_from_string(value);
	else if (strcmp(name, "CONNWATCH_TCP_STATE") == 0)
		number = record->socket.state_before = tcp_state_from_string(value);
	else if (strcmp(name, "CONNWATCH_RUNG") == 0)
		number = record->verdict.rung = rung_from_string(value);
	else if (strcmp(name, "CONNWATCH_CORRECTS") == 0)
		number = take_cause(value, &record->corrects, &record->is_correction);
	else if (strcmp(name, "CONNWATCH_OUTAGE_CAUSE") == 0)
		number = take_cause(value, &record->outage.cause, &record->outage.known);
	else if (strcmp(name, "CONNWATCH_OUTAGE_CONFIDENCE") == 0)
		number = record->outage.confidence = confidence_from_string(value);
	else if (strcmp(name, "CONNWATCH_MODE") == 0)
		number = record->mode = mode_from_string(value);
	else if (strcmp(name, "CONNWATCH_BTF") == 0)
		number = take_btf(value, &record->external_btf);
	else
		return false;
	if (number >= 0)
		return true;
	is_strange(past, name, value);
	if (record->socket.state_before == TCP_STATE_INVALID)
		record->socket.state_before = TCP_STATE_NONE;
	if (record->verdict.rung == RUNG_INVALID)
		record->verdict.rung = RUNG_NONE;
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
			    .verdict.confidence = CONFIDENCE_INVALID,
			    .outage.confidence = CONFIDENCE_INVALID },
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

/* ---- what follows from several fields */

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

	return past->record.verdict.rung == RUNG_NONE && ended_by != ENDED_BY_CONNECT_REFUSED &&
	       ended_by != ENDED_BY_CONNECT_TIMEOUT && ended_by != ENDED_BY_CONNECT_UNREACHABLE;
}

bool past_is_of_earlier_boot(const struct past_record *past)
{
	const struct tokens *evidence = &past->record.verdict.evidence;

	for (unsigned i = 0; i < evidence->count; i++)
		if (strncmp(evidence->text[i], "boot=", strlen("boot=")) == 0)
			return true;
	return false;
}

bool past_is_attempt(const struct past_record *past)
{
	return past->record.attempts > 0 || !past_came_up(past);
}
