/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "events/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* ---- the keys of each type of event, for writing and reading */

enum kind {
	NUMBER, /* unsigned, of any width */
	SIGNED, /* int */
	FLAG,   /* bool */
	SPAN,   /* usec_t */
	TEXT,   /* char[] */
	SIGNAL, /* int, a signal number; by name where it has one */
	NAME,   /* an enum with names */
	END,    /* struct endpoint */
};

/* The two functions of an enum of base/vocabulary.h, with one type for all enums. */
struct names {
	const char *(*to_string)(int value);
	int (*from_string)(const char *string);
};

#define NAMES_OF(list)                                     \
	static const char *list##_name(int value)          \
	{                                                  \
		return list##_to_string((enum list)value); \
	}                                                  \
	static int list##_value(const char *string)        \
	{                                                  \
		return list##_from_string(string);         \
	}                                                  \
	static const struct names list##_names = { list##_name, list##_value }

NAMES_OF(tcp_state);
NAMES_OF(reset_reason);
NAMES_OF(unit_state);
NAMES_OF(rung);
NAMES_OF(clock_state);
NAMES_OF(host_stop);
NAMES_OF(radio);
NAMES_OF(device_state);
NAMES_OF(mode);
NAMES_OF(ended_by);
NAMES_OF(cause);
NAMES_OF(action_type);
NAMES_OF(action_outcome);
NAMES_OF(confidence);
NAMES_OF(mqtt_track);
NAMES_OF(task_state);
NAMES_OF(mqtt_packet);
NAMES_OF(lookup_answer);
NAMES_OF(login_protocol);
NAMES_OF(amqp_error);
NAMES_OF(tls_track);
NAMES_OF(tls_answer);

/* There are hundreds: their members are small. */
struct field {
	const char *key;
	uint8_t kind;    /* enum kind */
	uint16_t offset; /* in struct event */
	uint16_t size;
	const struct names *names; /* for NAME, else NULL */
};

_Static_assert(sizeof(struct event) <= UINT16_MAX, "an offset fits");

#define AT(member) offsetof(struct event, member), sizeof(((struct event *)NULL)->member)
#define TASK(name, task)                                                                          \
	{ name ".pid", NUMBER, AT(task.pid), NULL }, { name ".comm", TEXT, AT(task.comm), NULL }, \
		{ name ".in_agent", FLAG, AT(task.in_agent), NULL },                              \
		{ name ".exiting", FLAG, AT(task.exiting), NULL },                                \
		{ name ".exit_code", NUMBER, AT(task.exit_code), NULL },                          \
	{                                                                                         \
		name ".started", NUMBER, AT(task.started), NULL                                   \
	}
/* The column `kind` of SOCKET_FACTS. */
#define FACT_FLAG(member)   FLAG, AT(member), NULL
#define FACT_STATE(member)  NAME, AT(member), &tcp_state_names
#define FACT_REASON(member) NAME, AT(member), &reset_reason_names
#define FACT_SPAN(member)   SPAN, AT(member), NULL
#define FACT_U8(member)     NUMBER, AT(member), NULL
#define FACT_U16(member)    NUMBER, AT(member), NULL
#define FACT_U32(member)    NUMBER, AT(member), NULL
#define FACT_U64(member)    NUMBER, AT(member), NULL
#define FACT(kind, name, probe, sock_diag, journal, field) \
	{ #name, FACT_##kind(connection.facts.name) },

/* Every list begins with the agent's number, and ends with a row without a key. */
#define FIRST_FIELD                              \
	{                                        \
		"agent", NUMBER, AT(agent), NULL \
	}
#define LAST_FIELD                       \
	{                                \
		NULL, NUMBER, 0, 0, NULL \
	}

static const struct field connection_fields[] = {
	FIRST_FIELD,
	{ "cookie", NUMBER, AT(connection.cookie), NULL },
	{ "netns", NUMBER, AT(connection.netns), NULL },
	{ "local", END, AT(connection.local), NULL },
	{ "peer", END, AT(connection.peer), NULL },
	SOCKET_FACTS(FACT) /* a row each */
	TASK("owner", connection.owner),
	{ "hardship.cpu", NUMBER, AT(connection.hardship.cpu), NULL },
	{ "hardship.io", NUMBER, AT(connection.hardship.io), NULL },
	{ "hardship.memory", NUMBER, AT(connection.hardship.memory), NULL },
	{ "hardship.uninterruptible", FLAG, AT(connection.hardship.uninterruptible), NULL },
	{ "hardship.runnable", FLAG, AT(connection.hardship.runnable), NULL },
	{ "hardship.tasks", NUMBER, AT(connection.hardship.tasks), NULL },
	{ "hardship.task", NUMBER, AT(connection.hardship.task), NULL },
	{ "hardship.task_runs", NUMBER, AT(connection.hardship.task_runs), NULL },
	{ "hardship.ran", SPAN, AT(connection.hardship.ran), NULL },
	{ "hardship.waited", SPAN, AT(connection.hardship.waited), NULL },
	{ "hardship.age", SPAN, AT(connection.hardship.age), NULL },
	{ "hardship.throttled_times", NUMBER, AT(connection.hardship.throttled_times), NULL },
	{ "hardship.throttled", SPAN, AT(connection.hardship.throttled), NULL },
	{ "hardship.io_waited", SPAN, AT(connection.hardship.io_waited), NULL },
	{ "hardship.memory_waited", SPAN, AT(connection.hardship.memory_waited), NULL },
	{ "hardship.memory_limit_hits", NUMBER, AT(connection.hardship.memory_limit_hits), NULL },
	{ "hardship.system_call", TEXT, AT(connection.hardship.system_call), NULL },
	{ "hardship.wait_channel", TEXT, AT(connection.hardship.wait_channel), NULL },
	{ "hardship.disk", TEXT, AT(connection.hardship.disk), NULL },
	{ "hardship.disk_read_only", FLAG, AT(connection.hardship.disk_read_only), NULL },
	{ "owner.state", NAME, AT(connection.owner_state), &task_state_names },
	{ "to_itself", FLAG, AT(connection.to_itself), NULL },
	TASK("current", connection.current),
	{ "mqtt", NAME, AT(connection.mqtt.track), &mqtt_track_names },
	{ "mqtt.tls", FLAG, AT(connection.mqtt.tls), NULL },
	{ "mqtt.unsent", FLAG, AT(connection.mqtt.unsent), NULL },
	{ "mqtt.sent", NAME, AT(connection.mqtt.sent), &mqtt_packet_names },
	{ "mqtt.received", NAME, AT(connection.mqtt.received), &mqtt_packet_names },
	{ "mqtt.answered", FLAG, AT(connection.mqtt.answered), NULL },
	{ "mqtt.connack", NUMBER, AT(connection.mqtt.connack), NULL },
	{ "mqtt.sent_reason", NUMBER, AT(connection.mqtt.sent_reason), NULL },
	{ "mqtt.received_reason", NUMBER, AT(connection.mqtt.received_reason), NULL },
	{ "mqtt.sent_ago", SPAN, AT(connection.mqtt.sent_ago), NULL },
	{ "mqtt.received_ago", SPAN, AT(connection.mqtt.received_ago), NULL },
	{ "mqtt.unanswered", SPAN, AT(connection.mqtt.unanswered), NULL },
	{ "tls", NAME, AT(connection.tls.track), &tls_track_names },
	{ "tls.is_13", FLAG, AT(connection.tls.is_13), NULL },
	{ "tls.finished", FLAG, AT(connection.tls.finished), NULL },
	{ "tls.alert_sent", FLAG, AT(connection.tls.alert_sent), NULL },
	{ "tls.alert_received", FLAG, AT(connection.tls.alert_received), NULL },
	{ "tls.sent", NUMBER, AT(connection.tls.sent), NULL },
	{ "tls.received", NUMBER, AT(connection.tls.received), NULL },
	{ "tls.goodbye_sent", FLAG, AT(connection.tls.goodbye_sent), NULL },
	{ "tls.goodbye_received", FLAG, AT(connection.tls.goodbye_received), NULL },
	{ "tls.goodbye_peer_first", FLAG, AT(connection.tls.goodbye_peer_first), NULL },
	{ "tls.goodbye_sent_unclear", FLAG, AT(connection.tls.goodbye_sent_unclear), NULL },
	{ "tls.goodbye_received_unclear", FLAG, AT(connection.tls.goodbye_received_unclear), NULL },
	{ "tls.unsent", FLAG, AT(connection.tls.unsent), NULL },
	{ "tls.answer", NAME, AT(connection.tls.answer), &tls_answer_names },
	{ "tls.sent_since", NUMBER, AT(connection.tls.sent_since), NULL },
	{ "tls.begun", SPAN, AT(connection.tls.begun), NULL },
	{ "tls.took", SPAN, AT(connection.tls.took), NULL },
	{ "login", NAME, AT(connection.login.protocol), &login_protocol_names },
	{ "login.sasl_ended", FLAG, AT(connection.login.sasl_ended), NULL },
	{ "login.sasl", NUMBER, AT(connection.login.sasl), NULL },
	{ "login.amqp_error", NAME, AT(connection.login.amqp_error), &amqp_error_names },
	{ "login.http_status", NUMBER, AT(connection.login.http_status), NULL },
	{ "login.went_on", FLAG, AT(connection.login.went_on), NULL },
	{ "login.left", FLAG, AT(connection.login.left), NULL },
	{ "token.left", SPAN, AT(connection.token_left), NULL },
	{ "token.over", SPAN, AT(connection.token_over), NULL },
	{ "certificate.from", NUMBER, AT(connection.certificate.from), NULL },
	{ "certificate.until", NUMBER, AT(connection.certificate.until), NULL },
	{ "certificate.last_day", NUMBER, AT(connection.certificate.last_day), NULL },
	{ "certificate.now", NUMBER, AT(connection.certificate.now), NULL },
	{ "x509_error", NUMBER, AT(connection.x509_error), NULL },
	{ "login.close_code", NUMBER, AT(connection.login.close_code), NULL },
	LAST_FIELD,
};

static const struct field process_fields[] = {
	FIRST_FIELD,
	TASK("task", process.task),
	{ "signal", SIGNAL, AT(process.signal), NULL },
	{ "from_kernel", FLAG, AT(process.from_kernel), NULL },
	{ "handled", FLAG, AT(process.handled), NULL },
	TASK("sender", process.sender),
	{ "oom", FLAG, AT(process.oom), NULL },
	LAST_FIELD,
};

static const struct field lookup_fields[] = {
	FIRST_FIELD,
	{ "answer", NAME, AT(lookup.answer), &lookup_answer_names },
	{ "by_library", FLAG, AT(lookup.by_library), NULL },
	{ "server", END, AT(lookup.server), NULL },
	LAST_FIELD,
};

static const struct field unit_fields[] = {
	FIRST_FIELD,
	{ "unit", TEXT, AT(unit.unit), NULL },
	{ "state", NAME, AT(unit.state), &unit_state_names },
	{ "sub_state", TEXT, AT(unit.sub_state), NULL },
	{ "result", TEXT, AT(unit.result), NULL },
	{ "job", TEXT, AT(unit.job), NULL },
	{ "masked", FLAG, AT(unit.masked), NULL },
	{ "missing", FLAG, AT(unit.missing), NULL },
	{ "start_limit_burst", NUMBER, AT(unit.start_limit_burst), NULL },
	{ "start_limit_interval", SPAN, AT(unit.start_limit_interval), NULL },
	{ "main_pid", NUMBER, AT(unit.main_pid), NULL },
	{ "main_started", NUMBER, AT(unit.main_started), NULL },
	{ "invocation_id", TEXT, AT(unit.invocation_id), NULL },
	LAST_FIELD,
};

static const struct field path_fields[] = {
	FIRST_FIELD,
	{ "netns", NUMBER, AT(path.netns), NULL },
	{ "interface", NUMBER, AT(path.interface), NULL },
	{ "interface_name", TEXT, AT(path.interface_name), NULL },
	{ "up", FLAG, AT(path.up), NULL },
	{ "initial", FLAG, AT(path.initial), NULL },
	{ "disabled", FLAG, AT(path.disabled), NULL },
	{ "removed", FLAG, AT(path.removed), NULL },
	{ "refuses", FLAG, AT(path.refuses), NULL },
	{ "partial", FLAG, AT(path.partial), NULL },
	{ "rule", FLAG, AT(path.rule), NULL },
	{ "replaces", FLAG, AT(path.replaces), NULL },
	{ "within", SPAN, AT(path.within), NULL },
	{ "address", END, AT(path.address), NULL },
	{ "gateway", END, AT(path.gateway), NULL },
	{ "source", END, AT(path.source), NULL },
	{ "prefix_length", NUMBER, AT(path.prefix_length), NULL },
	{ "table", NUMBER, AT(path.table), NULL },
	{ "metric", NUMBER, AT(path.metric), NULL },
	{ "expires_in", SPAN, AT(path.expires_in), NULL },
	{ "radio", NAME, AT(path.radio), &radio_names },
	{ "device", NAME, AT(path.device), &device_state_names },
	{ "reason", NUMBER, AT(path.reason), NULL },
	{ "signal", SIGNED, AT(path.signal), NULL },
	LAST_FIELD,
};

static const struct field action_result_fields[] = {
	FIRST_FIELD,
	{ "order", NUMBER, AT(action_result.order), NULL },
	{ "error", SIGNED, AT(action_result.error), NULL },
	{ "detail", TEXT, AT(action_result.detail), NULL },
	LAST_FIELD,
};

/* The settings follow as Section.Key=VALUE. */
static const struct field agent_fields[] = {
	FIRST_FIELD,
	{ "mode", NAME, AT(watching.mode), &mode_names },
	{ "external_btf", FLAG, AT(watching.external_btf), NULL },
	{ "actions_held", FLAG, AT(watching.actions_held), NULL },
	{ "lookups_hide", FLAG, AT(watching.lookups_hide), NULL },
	{ "optional", FLAG, AT(watching.optional), NULL },
	{ "catching_up", FLAG, AT(watching.catching_up), NULL },
	LAST_FIELD,
};

static const struct field lost_fields[] = {
	FIRST_FIELD,
	{ "records", NUMBER, AT(lost.records), NULL },
	{ "groups", NUMBER, AT(lost.groups), NULL },
	LAST_FIELD,
};

static const struct field suspended_fields[] = {
	FIRST_FIELD,
	{ "for", SPAN, AT(suspended), NULL },
	LAST_FIELD,
};

static const struct field clock_fields[] = {
	FIRST_FIELD,
	{ "state", NAME, AT(clock), &clock_state_names },
	LAST_FIELD,
};

static const struct field history_session_fields[] = {
	FIRST_FIELD,
	{ "ago", SPAN, AT(history_session.ago), NULL },
	{ "age", SPAN, AT(history_session.age), NULL },
	{ "idle_rx", SPAN, AT(history_session.idle_rx), NULL },
	{ "idle_tx", SPAN, AT(history_session.idle_tx), NULL },
	{ "unacked_bytes", NUMBER, AT(history_session.unacked_bytes), NULL },
	{ "reopened_after", SPAN, AT(history_session.reopened_after), NULL },
	{ "ended_by", NAME, AT(history_session.ended_by), &ended_by_names },
	{ "cause", NAME, AT(history_session.cause), &cause_names },
	LAST_FIELD,
};

#define PAST_VERDICT(verdict)                                                                      \
	{ "ago", SPAN, AT(verdict.ago), NULL },                                                    \
		{ "cause", NAME, AT(verdict.cause), &cause_names },                                \
		{ "confidence", NAME, AT(verdict.confidence), &confidence_names },                 \
		{ "cookie", NUMBER, AT(verdict.cookie), NULL },                                    \
		{ "netns", NUMBER, AT(verdict.netns), NULL },                                      \
		{ "local", END, AT(verdict.local), NULL },                                         \
		{ "peer", END, AT(verdict.peer), NULL }, { "pid", NUMBER, AT(verdict.pid), NULL }, \
		{ "comm", TEXT, AT(verdict.comm), NULL },                                          \
		{ "invocation_id", TEXT, AT(verdict.invocation_id), NULL },                        \
	{                                                                                          \
		"outage_id", TEXT, AT(verdict.outage_id), NULL                                     \
	}

static const struct field history_trouble_fields[] = {
	FIRST_FIELD,
	PAST_VERDICT(history_trouble.verdict),
	{ "open", FLAG, AT(history_trouble.open), NULL },
	{ "came_up", FLAG, AT(history_trouble.came_up), NULL },
	{ "rung", NAME, AT(history_trouble.rung), &rung_names },
	{ "attempts", NUMBER, AT(history_trouble.attempts), NULL },
	{ "cause_attempts", NUMBER, AT(history_trouble.cause_attempts), NULL },
	{ "down", SPAN, AT(history_trouble.down), NULL },
	LAST_FIELD,
};

static const struct field history_action_fields[] = {
	FIRST_FIELD,
	PAST_VERDICT(history_action.verdict),
	{ "action", NAME, AT(history_action.action), &action_type_names },
	{ "outcome", NAME, AT(history_action.outcome), &action_outcome_names },
	{ "held_by", TEXT, AT(history_action.held_by), NULL },
	LAST_FIELD,
};

static const struct field history_open_fields[] = {
	FIRST_FIELD,
	PAST_VERDICT(history_open.verdict),
	{ "host_went_down", FLAG, AT(history_open.host_went_down), NULL },
	{ "host.stop", NAME, AT(history_open.host.stop), &host_stop_names },
	{ "host.journal_closed", FLAG, AT(history_open.host.journal_closed), NULL },
	{ "host.unwatched", FLAG, AT(history_open.host.unwatched), NULL },
	{ "host.is_container", FLAG, AT(history_open.host.is_container), NULL },
	{ "host.not_the_last", FLAG, AT(history_open.host.not_the_last), NULL },
	{ "host.crash_would_show", FLAG, AT(history_open.host.crash_would_show), NULL },
	{ "host.panicked", FLAG, AT(history_open.host.panicked), NULL },
	{ "host.watchdog", NUMBER, AT(history_open.host.watchdog), NULL },
	{ "host.down", SPAN, AT(history_open.host.down), NULL },
	{ "host.boot_id", TEXT, AT(history_open.host.boot_id), NULL },
	{ "host.asked_by", TEXT, AT(history_open.host.asked_by), NULL },
	LAST_FIELD,
};

static const struct field history_spent_fields[] = {
	FIRST_FIELD,
	{ "ago", SPAN, AT(spent_ago), NULL },
	LAST_FIELD,
};

static const struct field caught_up_fields[] = {
	FIRST_FIELD,
	{ "blind", FLAG, AT(blind), NULL },
	LAST_FIELD,
};

static const struct field other_fields[] = { FIRST_FIELD, LAST_FIELD };

/* No list has more rows than that of a connection. */
enum { FIELDS_MAX = sizeof(connection_fields) / sizeof(connection_fields[0]) };

#define ASSERT_FITS(list) _Static_assert(sizeof(list) <= sizeof(connection_fields), #list)
ASSERT_FITS(process_fields);
ASSERT_FITS(lookup_fields);
ASSERT_FITS(unit_fields);
ASSERT_FITS(path_fields);
ASSERT_FITS(action_result_fields);
ASSERT_FITS(agent_fields);
ASSERT_FITS(lost_fields);
ASSERT_FITS(suspended_fields);
ASSERT_FITS(clock_fields);
ASSERT_FITS(history_session_fields);
ASSERT_FITS(history_trouble_fields);
ASSERT_FITS(history_action_fields);
ASSERT_FITS(history_open_fields);
ASSERT_FITS(history_spent_fields);
ASSERT_FITS(caught_up_fields);
ASSERT_FITS(other_fields);

static const struct field *fields_of(enum event_type type)
{
	static const struct field *const others[EVENT_TYPE_MAX] = {
		[EVENT_AGENT] = agent_fields,
		[EVENT_UNIT] = unit_fields,
		[EVENT_LOOKUP] = lookup_fields,
		[EVENT_ACTION_RESULT] = action_result_fields,
		[EVENT_LOST] = lost_fields,
		[EVENT_SUSPENDED] = suspended_fields,
		[EVENT_CLOCK] = clock_fields,
		[EVENT_HISTORY_SESSION] = history_session_fields,
		[EVENT_HISTORY_TROUBLE] = history_trouble_fields,
		[EVENT_HISTORY_ACTION] = history_action_fields,
		[EVENT_HISTORY_OPEN] = history_open_fields,
		[EVENT_HISTORY_SPENT] = history_spent_fields,
		[EVENT_CAUGHT_UP] = caught_up_fields,
	};

	if (event_is_connection(type))
		return connection_fields;
	if (event_is_process(type))
		return process_fields;
	if (event_is_path(type))
		return path_fields;
	return others[type] ?: other_fields;
}

/* ---- numbers of any width */

static uint64_t load(const void *at, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static bool store(void *at, size_t size, uint64_t number)
{
	if (size < sizeof(number) && number >> (8 * size) != 0)
		return false;
	switch (size) {
	case 1:
		*(uint8_t *)at = (uint8_t)number;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)number;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)number;
		break;
	default:
		*(uint64_t *)at = number;
		break;
	}
	return true;
}

/* Reads digits, at least one, and moves `*text` behind them. False: there are none, or too many. */
static bool read_digits(const char **text, uint64_t *number)
{
	const char *start = *text;

	for (*number = 0; **text >= '0' && **text <= '9'; (*text)++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(**text - '0'), number))
			return false;
	return *text != start;
}

static bool read_number(const char *text, uint64_t *number)
{
	return read_digits(&text, number) && *text == '\0';
}

static bool read_signed(const char *text, int *number)
{
	bool negative = *text == '-';
	uint64_t size;

	if (!read_number(text + negative, &size) || size > INT32_MAX)
		return false;
	*number = negative ? -(int)size : (int)size;
	return true;
}

/* ---- writing */

static void add_escaped(struct text *line, const char *value)
{
	for (; *value; value++) {
		if (*value > ' ' && *value <= '~' && *value != '\\')
			text_add(line, "%c", *value);
		else
			text_add(line, "\\x%02x", (unsigned char)*value);
	}
}

static void add_pair(struct text *line, const char *key, const char *value)
{
	text_add(line, " %s=", key);
	add_escaped(line, value);
}

/* Writes the value at `at` into `text`. False: the value is zero, so the key is left out. */
static bool field_to_text(const struct field *field, const void *at, char *text, size_t size)
{
	const struct endpoint *end = at;
	const char *name;

	switch ((enum kind)field->kind) {
	case NUMBER:
		snprintf(text, size, "%" PRIu64, load(at, field->size));
		return load(at, field->size) != 0;
	case SIGNED:
		snprintf(text, size, "%d", *(const int *)at);
		return *(const int *)at != 0;
	case FLAG:
		snprintf(text, size, "1");
		return *(const bool *)at;
	case SPAN:
		time_span_format_exact(*(const usec_t *)at, text, size);
		return *(const usec_t *)at != 0;
	case TEXT:
		snprintf(text, size, "%s", (const char *)at);
		return *text != '\0';
	case SIGNAL:
		name = signal_to_string(*(const int *)at);
		if (name)
			snprintf(text, size, "%s", name);
		else
			snprintf(text, size, "%d", *(const int *)at);
		return *(const int *)at != 0;
	case NAME:
		name = field->names->to_string(*(const int *)at);
		snprintf(text, size, "%s", name ? name : "?");
		return *(const int *)at != 0;
	case END:
		endpoint_format(end, text);
		return end->family != 0 || end->port != 0;
	}
	return false;
}

static void add_field(struct text *line, const struct field *field, const struct event *event)
{
	char text[UNIT_NAME_SIZE];

	if (field_to_text(field, (const char *)event + field->offset, text, sizeof(text)))
		add_pair(line, field->key, text);
}

static void add_setting(void *userdata, const char *section, const char *key, const char *value)
{
	struct text *line = userdata;

	text_add(line, " %s.%s=", section, key);
	add_escaped(line, value);
}

int trace_format(const struct event *event, char *line, size_t size)
{
	struct text text;

	if (size == 0)
		return -ENOSPC;
	text = text_begin(line, size);
	text_add(&text, "%" PRIu64 ".%06" PRIu64 " %s", event->time / USEC_PER_SEC,
		 event->time % USEC_PER_SEC, event_type_to_string(event->type));
	for (const struct field *field = fields_of(event->type); field->key; field++)
		add_field(&text, field, event);
	if (event->type == EVENT_AGENT && event->watching.settings) {
		add_pair(&text, "name", event->watching.settings->name);
		agent_settings_format(event->watching.settings, add_setting, &text);
	}
	return text.cut ? -ENOSPC : (int)text.length;
}

/* ---- reading */

struct reading {
	struct event *event;
	struct agent_settings *settings;
	const struct field *fields;
	bool seen[FIELDS_MAX]; /* the rows of `fields` whose key was there */
	const char *complaint;
};

static int fail(struct reading *reading, const char *complaint)
{
	reading->complaint = complaint;
	return -EINVAL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Undoes add_escaped() in place. False: a malformed escape, or \x00. */
static bool unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '\\') {
			*to++ = *text;
			continue;
		}
		if (text[1] != 'x' || (high = hex_digit(text[2])) < 0 ||
		    (low = hex_digit(text[3])) < 0 || high + low == 0)
			return false;
		*to++ = (char)(high << 4 | low);
		text += 3;
	}
	*to = '\0';
	return true;
}

static bool text_to_field(const struct field *field, const char *text, void *at)
{
	uint64_t number;

	switch ((enum kind)field->kind) {
	case NUMBER:
		return read_number(text, &number) && store(at, field->size, number);
	case SIGNED:
		return read_signed(text, at);
	case FLAG:
		*(bool *)at = strcmp(text, "1") == 0;
		return strcmp(text, "0") == 0 || strcmp(text, "1") == 0;
	case SPAN:
		return time_span_parse(text, at) == 0;
	case TEXT:
		return text_copy(at, field->size, text) == 0;
	case SIGNAL:
		*(int *)at = signal_from_string(text);
		return *(int *)at >= 0;
	case NAME:
		*(int *)at = field->names->from_string(text);
		return *(int *)at >= 0;
	case END:
		return endpoint_parse(text, at) == 0;
	}
	return false;
}

/* Takes `Section.Key`, or `name`, of an `agent` line. */
static int take_setting(struct reading *reading, char *key, const char *value)
{
	struct agent_settings *settings = reading->settings;
	char *dot = strchr(key, '.');

	if (strcmp(key, "name") == 0) {
		if (settings->name[0] != '\0')
			return fail(reading, "the same key twice");
		if (text_copy(settings->name, sizeof(settings->name), value) < 0)
			return fail(reading, "bad value");
		return 0;
	}
	if (!dot)
		return fail(reading, "unknown key");
	*dot = '\0';
	switch (agent_settings_assign(settings, key, dot + 1, value)) {
	case 0:
		return 0;
	case -ENOENT:
		return fail(reading, "unknown setting");
	default:
		return fail(reading, "bad value of a setting");
	}
}

/* The row of `key` in the list of `fields`, or -1. */
static int find_field(const struct field *fields, const char *key)
{
	for (int row = 0; fields[row].key; row++)
		if (strcmp(key, fields[row].key) == 0)
			return row;
	return -1;
}

static int take_pair(struct reading *reading, char *word)
{
	char *value = strchr(word, '=');
	const struct field *field;
	int row;

	if (!value || value == word)
		return fail(reading, "not KEY=VALUE");
	*value++ = '\0';
	if (!unescape(value))
		return fail(reading, "bad escape");

	row = find_field(reading->fields, word);
	if (row < 0)
		return reading->event->type == EVENT_AGENT ? take_setting(reading, word, value)
							   : fail(reading, "unknown key");
	if (reading->seen[row])
		return fail(reading, "the same key twice");
	reading->seen[row] = true;
	field = &reading->fields[row];
	if (!text_to_field(field, value, (char *)reading->event + field->offset))
		return fail(reading, "bad value");
	return 0;
}

/* Takes the time: seconds with up to six decimals. */
static int take_time(struct reading *reading, const char *word)
{
	uint64_t seconds, part = 0;
	const char *decimals = NULL;
	size_t digits = 6;

	if (!read_digits(&word, &seconds))
		return fail(reading, "not a time");
	if (*word == '.') {
		decimals = ++word;
		if (!read_digits(&word, &part))
			return fail(reading, "not a time");
		digits = (size_t)(word - decimals);
	}
	if (*word != '\0' || digits > 6)
		return fail(reading, "not a time");
	for (; digits < 6; digits++)
		part *= 10;
	if (__builtin_mul_overflow(seconds, USEC_PER_SEC, &seconds) ||
	    __builtin_add_overflow(seconds, part, &reading->event->time))
		return fail(reading, "time out of range");
	return 0;
}

static int take_type(struct reading *reading, const char *word)
{
	struct event *event = reading->event;

	event->type = event_type_from_string(word);
	if (event->type == EVENT_TYPE_INVALID)
		return fail(reading, "unknown event");
	reading->fields = fields_of(event->type);
	if (event->type == EVENT_AGENT) {
		agent_settings_defaults(reading->settings, "");
		event->watching.settings = reading->settings;
	}
	return 0;
}

/* Takes word number `index` of the line. */
static int take_word(struct reading *reading, unsigned index, char *word)
{
	switch (index) {
	case 0:
		return take_time(reading, word);
	case 1:
		return take_type(reading, word);
	default:
		return take_pair(reading, word);
	}
}

static int take_line(struct reading *reading, const char *line, size_t *column)
{
	static const char blanks[] = " \t\r";
	char word[TRACE_LINE_SIZE];
	const char *at = line + strspn(line, blanks);

	for (unsigned index = 0; index < 2 || *at != '\0'; index++) {
		size_t length = strcspn(at, blanks);
		int r;

		*column = (size_t)(at - line) + 1;
		if (length == 0)
			return fail(reading, index == 0 ? "not a time" : "no event");
		if (length >= sizeof(word))
			return fail(reading, "word too long");
		memcpy(word, at, length);
		word[length] = '\0';
		r = take_word(reading, index, word);
		if (r < 0)
			return r;
		at += length;
		at += strspn(at, blanks);
	}
	return 1;
}

int trace_parse(const char *line, struct event *event, struct agent_settings *settings,
		const char **complaint, size_t *column)
{
	const char *first = line + strspn(line, " \t\r");
	struct reading reading = { .event = event, .settings = settings, .fields = other_fields };
	int r;

	if (*first == '\0' || *first == '#')
		return 0;
	memset(event, 0, sizeof(*event));
	r = take_line(&reading, line, column);
	if (r < 0)
		*complaint = reading.complaint;
	return r;
}
