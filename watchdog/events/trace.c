#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* ---- what an event consists of: the one table of both directions */

enum kind {
	NUMBER, /* unsigned, of any width */
	SIGNED, /* int */
	FLAG,   /* bool */
	SPAN,   /* usec_t */
	TEXT,   /* char[] */
	SIGNAL, /* int */
	NAME,   /* an enum with names */
	END,    /* struct endpoint */
};

/* One type of function for all lists. */
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
NAMES_OF(mode);
NAMES_OF(ended_by);
NAMES_OF(cause);
NAMES_OF(action_type);
NAMES_OF(action_outcome);
NAMES_OF(confidence);
NAMES_OF(mqtt_track);
NAMES_OF(mqtt_packet);

struct field {
	const char *key;
	enum kind kind;
	size_t offset; /* in struct event */
	size_t size;
	const struct names *names; /* NAME */
};

#define AT(member) offsetof(struct event, member), sizeof(((struct event *)NULL)->member)
#define TASK(name, task)                                                                          \
	{ name ".pid", NUMBER, AT(task.pid), NULL }, { name ".comm", TEXT, AT(task.comm), NULL }, \
		{ name ".in_agent", FLAG, AT(task.in_agent), NULL },                              \
		{ name ".exiting", FLAG, AT(task.exiting), NULL },                                \
	{                                                                                         \
		name ".exit_code", NUMBER, AT(task.exit_code), NULL                               \
	}
#define FACT(kind, member)                                       \
	{                                                        \
#member, kind, AT(connection.facts.member), NULL \
	}
#define LAST_FIELD                       \
	{                                \
		NULL, NUMBER, 0, 0, NULL \
	}

static const struct field connection_fields[] = {
	{ "cookie", NUMBER, AT(connection.cookie), NULL },
	{ "netns", NUMBER, AT(connection.netns), NULL },
	{ "local", END, AT(connection.local), NULL },
	{ "peer", END, AT(connection.peer), NULL },
	{ "state_before", NAME, AT(connection.facts.state_before), &tcp_state_names },
	{ "state", NAME, AT(connection.facts.state), &tcp_state_names },
	FACT(NUMBER, error),
	FACT(NUMBER, soft_error),
	FACT(NUMBER, shutdown),
	FACT(FLAG, fin_received),
	FACT(FLAG, orphan),
	FACT(FLAG, keepalive),
	FACT(FLAG, linger_zero),
	FACT(FLAG, reset_received),
	{ "reset_reason", NAME, AT(connection.facts.reset_reason), &reset_reason_names },
	{ "reset_state", NAME, AT(connection.facts.reset_state), &tcp_state_names },
	FACT(NUMBER, flow_ttl_min),
	FACT(NUMBER, flow_ttl_max),
	FACT(NUMBER, reset_ttl),
	FACT(NUMBER, unread_bytes),
	FACT(NUMBER, unacked_bytes),
	FACT(NUMBER, send_window),
	FACT(NUMBER, retransmit_timeouts),
	FACT(NUMBER, retransmits),
	FACT(NUMBER, probes),
	FACT(NUMBER, user_timeout_msec),
	FACT(NUMBER, rtt_usec),
	FACT(NUMBER, rto_usec),
	FACT(NUMBER, bytes_sent),
	FACT(NUMBER, bytes_acked),
	FACT(NUMBER, bytes_received),
	FACT(SPAN, age),
	FACT(SPAN, idle_rx),
	FACT(SPAN, idle_tx),
	FACT(SPAN, idle_ack),
	FACT(FLAG, unseen),
	FACT(FLAG, fin_sent),
	FACT(FLAG, time_wait),
	FACT(FLAG, disconnected),
	FACT(FLAG, unanswered),
	TASK("owner", connection.owner),
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
	LAST_FIELD,
};

static const struct field process_fields[] = {
	TASK("task", process.task),
	{ "signal", SIGNAL, AT(process.signal), NULL },
	{ "from_kernel", FLAG, AT(process.from_kernel), NULL },
	TASK("sender", process.sender),
	{ "oom", FLAG, AT(process.oom), NULL },
	LAST_FIELD,
};

static const struct field unit_fields[] = {
	{ "unit", TEXT, AT(unit.unit), NULL },
	{ "state", NAME, AT(unit.state), &unit_state_names },
	{ "sub_state", TEXT, AT(unit.sub_state), NULL },
	{ "result", TEXT, AT(unit.result), NULL },
	{ "job", TEXT, AT(unit.job), NULL },
	{ "masked", FLAG, AT(unit.masked), NULL },
	{ "main_pid", NUMBER, AT(unit.main_pid), NULL },
	{ "invocation_id", TEXT, AT(unit.invocation_id), NULL },
	LAST_FIELD,
};

static const struct field path_fields[] = {
	{ "netns", NUMBER, AT(path.netns), NULL },
	{ "interface", NUMBER, AT(path.interface), NULL },
	{ "interface_name", TEXT, AT(path.interface_name), NULL },
	{ "up", FLAG, AT(path.up), NULL },
	{ "initial", FLAG, AT(path.initial), NULL },
	{ "disabled", FLAG, AT(path.disabled), NULL },
	{ "removed", FLAG, AT(path.removed), NULL },
	{ "refuses", FLAG, AT(path.refuses), NULL },
	{ "partial", FLAG, AT(path.partial), NULL },
	{ "replaces", FLAG, AT(path.replaces), NULL },
	{ "within", SPAN, AT(path.within), NULL },
	{ "address", END, AT(path.address), NULL },
	{ "gateway", END, AT(path.gateway), NULL },
	{ "source", END, AT(path.source), NULL },
	{ "prefix_length", NUMBER, AT(path.prefix_length), NULL },
	{ "table", NUMBER, AT(path.table), NULL },
	{ "metric", NUMBER, AT(path.metric), NULL },
	LAST_FIELD,
};

static const struct field action_result_fields[] = {
	{ "order", NUMBER, AT(action_result.order), NULL },
	{ "error", SIGNED, AT(action_result.error), NULL },
	{ "detail", TEXT, AT(action_result.detail), NULL },
	LAST_FIELD,
};

/* The agent's settings follow as Section.Key=VALUE. */
static const struct field agent_fields[] = {
	{ "mode", NAME, AT(watching.mode), &mode_names },
	{ "actions_held", FLAG, AT(watching.actions_held), NULL },
	{ "catching_up", FLAG, AT(watching.catching_up), NULL },
	LAST_FIELD,
};

static const struct field lost_fields[] = {
	{ "records", NUMBER, AT(lost.records), NULL },
	LAST_FIELD,
};

static const struct field suspended_fields[] = {
	{ "for", SPAN, AT(suspended), NULL },
	LAST_FIELD,
};

static const struct field history_session_fields[] = {
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
	{                                                                                          \
		"invocation_id", TEXT, AT(verdict.invocation_id), NULL                             \
	}

static const struct field history_trouble_fields[] = {
	PAST_VERDICT(history_trouble.verdict),
	{ "open", FLAG, AT(history_trouble.open), NULL },
	{ "came_up", FLAG, AT(history_trouble.came_up), NULL },
	{ "attempts", NUMBER, AT(history_trouble.attempts), NULL },
	LAST_FIELD,
};

static const struct field history_action_fields[] = {
	PAST_VERDICT(history_action.verdict),
	{ "action", NAME, AT(history_action.action), &action_type_names },
	{ "outcome", NAME, AT(history_action.outcome), &action_outcome_names },
	{ "held_by", TEXT, AT(history_action.held_by), NULL },
	LAST_FIELD,
};

static const struct field caught_up_fields[] = {
	{ "blind", FLAG, AT(blind), NULL },
	LAST_FIELD,
};

static const struct field no_fields[] = { LAST_FIELD };

static const struct field agent_number = { "agent", NUMBER, AT(agent), NULL };

static const struct field *fields_of(enum event_type type)
{
	if (event_is_connection(type))
		return connection_fields;
	if (event_is_process(type))
		return process_fields;
	if (event_is_path(type))
		return path_fields;
	switch (type) {
	case EVENT_AGENT:
		return agent_fields;
	case EVENT_UNIT:
		return unit_fields;
	case EVENT_ACTION_RESULT:
		return action_result_fields;
	case EVENT_LOST:
		return lost_fields;
	case EVENT_SUSPENDED:
		return suspended_fields;
	case EVENT_HISTORY_SESSION:
		return history_session_fields;
	case EVENT_HISTORY_TROUBLE:
		return history_trouble_fields;
	case EVENT_HISTORY_ACTION:
		return history_action_fields;
	case EVENT_CAUGHT_UP:
		return caught_up_fields;
	default:
		return no_fields;
	}
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

/* Reads the digits from `*text` on, at least one, and moves `*text` behind them. */
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

/* Turns the field at `at` into text. False: it is zero and left out. */
static bool field_to_text(const struct field *field, const void *at, char *text, size_t size)
{
	static const struct endpoint unknown;
	const char *name;

	switch (field->kind) {
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
		endpoint_format(at, text);
		return memcmp(at, &unknown, sizeof(unknown)) != 0;
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
	add_field(&text, &agent_number, event);
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
	uint64_t seen; /* a bit a field; the last bit: the agent's number */
	const char *complaint;
};

_Static_assert(sizeof(connection_fields) / sizeof(connection_fields[0]) < 64, "a bit a field");

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

/* Undoes add_escaped() in place. False: a bad escape, or one of a NUL. */
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

	switch (field->kind) {
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
		if (strlen(text) >= field->size)
			return false;
		strcpy(at, text);
		return true;
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

/* `Section.Key`, or the agent's name. */
static int take_setting(struct reading *reading, char *key, const char *value)
{
	struct agent_settings *settings = reading->settings;
	char *dot = strchr(key, '.');

	if (strcmp(key, "name") == 0) {
		if (settings->name[0] != '\0')
			return fail(reading, "the same key twice");
		if (strlen(value) >= sizeof(settings->name))
			return fail(reading, "bad value");
		strcpy(settings->name, value);
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

static const struct field *find_field(const struct reading *reading, const char *key,
				      unsigned *number)
{
	*number = 63;
	if (strcmp(key, agent_number.key) == 0)
		return &agent_number;
	for (*number = 0; reading->fields[*number].key; (*number)++)
		if (strcmp(key, reading->fields[*number].key) == 0)
			return &reading->fields[*number];
	return NULL;
}

static int take_pair(struct reading *reading, char *word)
{
	char *value = strchr(word, '=');
	const struct field *field;
	unsigned number;

	if (!value || value == word)
		return fail(reading, "not KEY=VALUE");
	*value++ = '\0';
	if (!unescape(value))
		return fail(reading, "bad escape");

	field = find_field(reading, word, &number);
	if (!field)
		return reading->event->type == EVENT_AGENT ? take_setting(reading, word, value)
							   : fail(reading, "unknown key");
	if (reading->seen & UINT64_C(1) << number)
		return fail(reading, "the same key twice");
	reading->seen |= UINT64_C(1) << number;
	if (!text_to_field(field, value, (char *)reading->event + field->offset))
		return fail(reading, "bad value");
	return 0;
}

/* Seconds with up to six decimals. */
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
	struct reading reading = { .event = event, .settings = settings, .fields = no_fields };
	int r;

	if (*first == '\0' || *first == '#')
		return 0;
	memset(event, 0, sizeof(*event));
	r = take_line(&reading, line, column);
	if (r < 0)
		*complaint = reading.complaint;
	return r;
}
