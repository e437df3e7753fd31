/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { VALUE_SIZE = 512 }; /* of the longest field */
_Static_assert(VALUE_SIZE >= (int)MESSAGE_SIZE && VALUE_SIZE > (int)ACTION_TEXT_SIZE,
	       "no field is cut");

void tokens_add(struct tokens *tokens, const char *format, ...)
{
	va_list arguments;
	char *text;

	if (tokens->count == TOKENS_MAX)
		return;
	text = tokens->text[tokens->count++];
	va_start(arguments, format);
	vsnprintf(text, TOKEN_SIZE, format, arguments);
	va_end(arguments);
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

/* ---- priority and message id */

enum {
	PRIORITY_ERROR = 3, /* syslog(3) */
	PRIORITY_WARNING = 4,
	PRIORITY_NOTICE = 5,
	PRIORITY_INFO = 6,
};

static int cause_priority(enum cause cause)
{
	if (cause == CAUSE_TOKEN_RENEWAL || cause == CAUSE_AGENT_STOPPED)
		return PRIORITY_INFO;
	if (cause == CAUSE_AGENT_CLOSE) /* an agent may close: no fault */
		return PRIORITY_NOTICE;
	if (cause == CAUSE_EVIDENCE_LOST || cause_side(cause) == SIDE_AGENT)
		return PRIORITY_WARNING;
	return PRIORITY_NOTICE;
}

int record_priority(const struct record *record)
{
	switch (record->kind) {
	case RECORD_ENDED:
	case RECORD_STALLED:
		return cause_priority(record->verdict.cause);
	case RECORD_RECOVERED:
	case RECORD_WATCHING:
	case RECORD_CONNECTED:
		return PRIORITY_INFO;
	case RECORD_ACTION:
		return record->action_error ? PRIORITY_ERROR : PRIORITY_NOTICE;
	case RECORD_EVIDENCE_LOST:
	case RECORD_KIND_MAX:
	case RECORD_KIND_INVALID:
		break;
	}
	return PRIORITY_WARNING;
}

/* Made once with `systemd-id128 new`. Never change one: people filter by them, and journald finds
 * the catalog entry by them. */
static const char *const cause_ids[CAUSE_MAX] = {
	[CAUSE_UNKNOWN] = "70209eedd47d403c9d2c37f9ef55d817",
	[CAUSE_EVIDENCE_LOST] = "4959036587ca43ed849f7512da61553d",
	[CAUSE_AGENT_CRASH] = "9c870a9d2dfc443da33e5a130dc6af49",
	[CAUSE_AGENT_OOM] = "473015e3db2f497fab1638729e8bc479",
	[CAUSE_AGENT_EXIT] = "607ce56efb4c47ae87959f9d020e51b4",
	[CAUSE_AGENT_STOPPED] = "8affa54c75d54fd28899aa7f54ac55c2",
	[CAUSE_AGENT_HANG] = "515dc9da0cbb416b9018b2a7c88ccff4",
	[CAUSE_AGENT_ABORT] = "8710a53ff67040429a8afd6c7c173b12",
	[CAUSE_AGENT_CLOSE] = "ba95003885b8451e88149d00bd39e7af",
	[CAUSE_TOKEN_RENEWAL] = "77d195fd845143d5b9188ea9ce4c39ea",
	[CAUSE_AGENT_NOT_RECONNECTING] = "24b84d4e94ed4d24bd066211683b5516",
	[CAUSE_TOKEN_EXPIRED] = "58b644c794f448a4a2a112fbd8f67d9a",
	[CAUSE_PEER_IDLE_TIMEOUT] = "4558dc3ffbb44115b58290be0e55f315",
	[CAUSE_SESSION_REJECTED] = "26871291687b46529528e93bba27a664",
	[CAUSE_SESSION_TAKEOVER] = "1bb3af917349476db81524985b476a66",
	[CAUSE_SERVICE_TRANSIENT] = "62ab0e56539f4a038496b938f717ee40",
	[CAUSE_CONNECT_REFUSED] = "7bcf3f1f1813431cb4497637a3307c83",
	[CAUSE_PEER_RESET] = "0ff878e90f0c442286d1293020d3efc1",
	[CAUSE_PEER_CLOSE] = "eb0db6e47f984d01b44e081372cb644c",
	[CAUSE_TLS_REFUSED_BY_AGENT] = "9c793df2a96f4fcfbcb24970916a572d",
	[CAUSE_TLS_REFUSED_BY_HUB] = "c59dcdd392264447a8831c5cb1eb7366",
	[CAUSE_TLS_NOT_SPOKEN] = "b206685a36b047b1bbc2cce3811e6fc8",
	[CAUSE_TLS_STALLED] = "f3662f920bed4557b1d18bf90fd2559d",
	[CAUSE_NAME_NOT_FOUND] = "35764e48ce504a3da507dd9969cab11a",
	[CAUSE_NAME_SERVER_FAILING] = "5731611b7d1849689363696df9fef7db",
	[CAUSE_NAME_SERVER_SILENT] = "7ec2ce0439894274acc3910f33005557",
	[CAUSE_LINK_DOWN] = "17b81f2ce0ef4404bc8027075899b038",
	[CAUSE_WIFI_DISCONNECTED] = "51764b8eff4d4411b87a465e8337f2b0",
	[CAUSE_MODEM_DISCONNECTED] = "e3b13d03d43d4cf49f2175660d901573",
	[CAUSE_NO_ROUTE] = "79804d7e68f94d799a74080f2c733232",
	[CAUSE_ADDRESS_CHANGED] = "95ac89a173de45e3a3bb485114eccad3",
	[CAUSE_UNREACHABLE] = "8fa6a0bad9d340d58198a71b051eeeba",
	[CAUSE_PATH_SILENT] = "2d2d70e23ac74353b97749ed810df6c0",
	[CAUSE_PATH_MTU] = "385cf7ef128b47d186e46b692c81eaf3",
	[CAUSE_PATH_HALF] = "2256a1da1aae479a81987273dd520558",
	[CAUSE_IDLE_DROP] = "05a8aaa5ecc847d4a984bbc0af19a9ba",
	[CAUSE_MIDDLEBOX_RESET] = "f64cc66cc6f2416d8888a8abf6bf9f6d",
	[CAUSE_OPERATOR_ABORT] = "4a996caab5b94374816778de90153b7c",
	[CAUSE_HOST_SUSPEND] = "95a44585bfdd44619eb8faa5cc1506a4",
	[CAUSE_CLOCK_WRONG] = "36dcd801099e4f42888b278174cbb144",
	[CAUSE_MEMORY_PRESSURE] = "b6bfbcc323b54dada7d7666a0c2b712a",
	[CAUSE_HOST_STARVED] = "2c4aee1263fe4262bdfe0701e316e22e",
	[CAUSE_HOST_FIREWALL] = "05e7bc71143f4509a34d7e89fd1b63da",
	[CAUSE_HOST_NAT] = "332c3d3ef1d24f478643165658d74f46",
	[CAUSE_HOST_SHUTDOWN] = "786fe8cd9332422085daf15736a28e80",
	[CAUSE_HOST_REBOOT] = "875d71ff2171463eb7657e0d49168852",
	[CAUSE_HOST_CRASH] = "5dcb02a11ff6481a8e80777eba714b61",
	[CAUSE_POWER_LOST] = "25a6cd9633cc4870b2cd9cfa657bba6f",
};

static const char *const kind_ids[RECORD_KIND_MAX] = {
	[RECORD_RECOVERED] = "a517781bdcad4f3392f1d33350b3e167",
	[RECORD_ACTION] = "080144cc7c5e448cb8f15d7dabb9033b",
	[RECORD_WATCHING] = "5870197cdef64a6faa35b9392479c938",
	[RECORD_EVIDENCE_LOST] = "8236d42820604abc9327105b4209d11b",
	[RECORD_CONNECTED] = "611b0e4930a249cc9d125f734cc5c475",
};

static bool has_verdict(const struct record *record)
{
	return record->kind == RECORD_ENDED || record->kind == RECORD_STALLED;
}

const char *record_message_id(const struct record *record)
{
	return has_verdict(record) ? cause_ids[record->verdict.cause] : kind_ids[record->kind];
}

/* ---- fields */

struct fields {
	record_emit emit;
	void *userdata;
};

static void add(struct fields *fields, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct fields *fields, const char *name, const char *format, ...)
{
	char value[VALUE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	text_make_printable(value);
	fields->emit(fields->userdata, name, value);
}

/* Leaves out an empty text. */
static void add_text(struct fields *fields, const char *name, const char *value)
{
	if (value && *value)
		add(fields, name, "%s", value);
}

static void add_number(struct fields *fields, const char *name, uint64_t number)
{
	add(fields, name, "%" PRIu64, number);
}

/* Adds a number whose 0 means that it is not known: that is left out. */
static void add_known_number(struct fields *fields, const char *name, uint64_t number)
{
	if (number != 0)
		add_number(fields, name, number);
}

static void add_who(struct fields *fields, const struct record *record)
{
	add_text(fields, "OBJECT_SYSTEMD_UNIT", record->unit);
	add_text(fields, "INVOCATION_ID", record->invocation_id);
	add_text(fields, "CONNWATCH_KIND", record_kind_to_string(record->kind));
	add_text(fields, "CONNWATCH_AGENT", record->agent);
	add_text(fields, "CONNWATCH_DEVICE_ID", record->device_id);
	add_known_number(fields, "CONNWATCH_PID", record->process.pid);
	add_text(fields, "CONNWATCH_COMM", record->process.comm);
}

static void add_tokens(struct fields *fields, const char *name, const struct tokens *tokens)
{
	for (unsigned i = 0; i < tokens->count; i++)
		add_text(fields, name, tokens->text[i]);
}

/* A record without a verdict of its own names the cause that it follows from, if there is one. */
static void add_verdict(struct fields *fields, const struct record *record)
{
	const struct verdict *verdict = &record->verdict;

	if (record->kind == RECORD_ENDED)
		add_text(fields, "CONNWATCH_ENDED_BY", ended_by_to_string(verdict->ended_by));
	if (has_verdict(record) || verdict->cause != CAUSE_UNKNOWN) {
		add_text(fields, "CONNWATCH_CAUSE", cause_to_string(verdict->cause));
		add_text(fields, "CONNWATCH_SIDE", side_to_string(cause_side(verdict->cause)));
		add_text(fields, "CONNWATCH_CONFIDENCE", confidence_to_string(verdict->confidence));
	}
	if (verdict->rung != RUNG_NONE)
		add_text(fields, "CONNWATCH_RUNG", rung_to_string(verdict->rung));
	add_tokens(fields, "CONNWATCH_EVIDENCE", &verdict->evidence);
	add_tokens(fields, "CONNWATCH_RULED_OUT", &verdict->ruled_out);
}

static void add_connection(struct fields *fields, const struct record *record)
{
	char address[ADDRESS_TEXT_SIZE];

	add_text(fields, "CONNWATCH_LOCAL_ADDRESS", endpoint_address(&record->local, address));
	add_known_number(fields, "CONNWATCH_LOCAL_PORT", record->local.port);
	add_text(fields, "CONNWATCH_PEER_ADDRESS", endpoint_address(&record->peer, address));
	add_known_number(fields, "CONNWATCH_PEER_PORT", record->peer.port);
	add_known_number(fields, "CONNWATCH_NETNS", record->netns);
	add_known_number(fields, "CONNWATCH_SOCKET_COOKIE", record->cookie);
}

/* The column `journal` of SOCKET_FACTS. */
#define JOURNAL_ALWAYS(name, field)   add_number(fields, field, socket->name);
#define JOURNAL_IF_KNOWN(name, field) add_known_number(fields, field, socket->name);
#define JOURNAL_OWN(name, field)
#define JOURNAL_NONE(name, field)
#define ADD_FACT(kind, name, probe, sock_diag, journal, field) JOURNAL_##journal(name, field)

/* The socket as it was before it reached the state of its end. */
static void add_socket(struct fields *fields, const struct socket_facts *socket)
{
	enum tcp_state state = socket->state_before ? socket->state_before : socket->state;

	SOCKET_FACTS(ADD_FACT)
	add_text(fields, "CONNWATCH_TCP_STATE", tcp_state_to_string(state));
	add_known_number(fields, "ERRNO", socket->error);
}

/* The values of $EXIT_CODE and $EXIT_STATUS in systemd.exec(5). */
static void add_exit(struct fields *fields, const struct exit_facts *exit)
{
	const char *signal = signal_to_string(exit->status);

	if (!exit->known)
		return;
	add_text(fields, "EXIT_CODE",
		 exit->dumped      ? "dumped"
		 : exit->by_signal ? "killed"
				   : "exited");
	if (exit->by_signal && signal)
		add_text(fields, "EXIT_STATUS", signal + strlen("SIG"));
	else
		add(fields, "EXIT_STATUS", "%d", exit->status);
}

static void add_action(struct fields *fields, const struct record *record)
{
	char action[ACTION_TEXT_SIZE];

	action_format(&record->action, action, sizeof(action));
	add_text(fields, "CONNWATCH_ACTION", action);
	add_text(fields, "CONNWATCH_ACTION_RESULT", record->action_result);
	add_text(fields, "CONNWATCH_ACTION_HELD_BY", record->action_held_by);
	if (record->limit.wait) {
		add_number(fields, "CONNWATCH_ACTION_LIMIT_BURST", record->limit.burst);
		add_number(fields, "CONNWATCH_ACTION_LIMIT_INTERVAL_USEC", record->limit.interval);
		add_number(fields, "CONNWATCH_ACTION_LIMIT_WAIT_USEC", record->limit.wait);
	}
	add_known_number(fields, "CONNWATCH_DELAY_USEC", record->delay);
	if (record->action_error)
		add(fields, "ERRNO", "%d", -record->action_error);
}

static void add_outage(struct fields *fields, const struct record *record)
{
	const struct outage_summary *outage = &record->outage;

	add_text(fields, "CONNWATCH_OUTAGE_ID", record->outage_id);
	if (record->is_correction)
		add_text(fields, "CONNWATCH_CORRECTS", cause_to_string(record->corrects));
	if (outage->known) {
		add_text(fields, "CONNWATCH_OUTAGE_CAUSE", cause_to_string(outage->cause));
		add_text(fields, "CONNWATCH_OUTAGE_CONFIDENCE",
			 confidence_to_string(outage->confidence));
	}
	for (unsigned i = 0; i < outage->failed_count; i++)
		add(fields, "CONNWATCH_OUTAGE_ATTEMPTS", "%s=%u",
		    cause_to_string(outage->failed[i].by), outage->failed[i].count);
}

void record_fields(const struct record *record, record_emit emit, void *userdata)
{
	struct fields fields = { emit, userdata };
	bool socket_known = record->socket.state != TCP_STATE_NONE ||
			    record->socket.state_before != TCP_STATE_NONE;
	char message[MESSAGE_SIZE];

	add_text(&fields, "MESSAGE", record_message(record, message));
	add_text(&fields, "MESSAGE_ID", record_message_id(record));
	add(&fields, "PRIORITY", "%d", record_priority(record));
	add_who(&fields, record);
	add_verdict(&fields, record);
	add_connection(&fields, record);
	if (has_verdict(record) && socket_known)
		add_socket(&fields, &record->socket);
	if (has_verdict(record) || record->kind == RECORD_ACTION)
		add_exit(&fields, &record->exit);
	add_outage(&fields, record);
	add_known_number(&fields, "CONNWATCH_PERIOD_USEC", record->verdict.period);
	add_known_number(&fields, "CONNWATCH_PERIOD_COUNT", record->verdict.period_count);
	if (record->action_result)
		add_action(&fields, record);
	if (record->kind == RECORD_RECOVERED)
		add_number(&fields, "CONNWATCH_DOWNTIME_USEC", record->downtime);
	else if (record->kind == RECORD_ENDED)
		add_known_number(&fields, "CONNWATCH_DOWNTIME_USEC", record->downtime);
	if (record->kind == RECORD_RECOVERED || record->attempts)
		add_number(&fields, "CONNWATCH_ATTEMPTS", record->attempts);
	add_known_number(&fields, "CONNWATCH_CAUSE_ATTEMPTS", record->cause_attempts);
	add_text(&fields, "CONNWATCH_MODE", mode_to_string(record->mode));
	if (record->external_btf)
		add_text(&fields, "CONNWATCH_BTF", "external");
	add_known_number(&fields, "CONNWATCH_LOST_EVENTS", record->lost_events);
	add_known_number(&fields, "CONNWATCH_LOST_GROUPS", record->lost_groups);
	add_known_number(&fields, "CONNWATCH_TIME_USEC", record->time);
}
