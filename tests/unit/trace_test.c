/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "events/trace.h"
#include "suite.h"

static struct agent_settings settings;

static int parse(const char *line, struct event *event)
{
	const char *complaint = NULL;
	size_t column = 0;
	int r = trace_parse(line, event, &settings, &complaint, &column);

	CHECK((r == -EINVAL) == (complaint != NULL), line);
	CHECK(r >= 0 || (column >= 1 && column <= strlen(line) + 1), line);
	return r;
}

/* ---- events of every kind, made up from a seed */

static uint64_t seed;

/* splitmix64 */
static uint64_t any(void)
{
	uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Small, large, extreme: what breaks a codec. */
static uint64_t any_number(void)
{
	switch (any() % 4) {
	case 0:
		return 0;
	case 1:
		return any() % 100;
	case 2:
		return any();
	default:
		return UINT64_MAX;
	}
}

static int any_of(int max)
{
	return (int)(any() % (unsigned)max);
}

static bool any_flag(void)
{
	return any() & 1;
}

static void any_text(char *text, size_t size)
{
	size_t length = any() % size;

	for (size_t i = 0; i < length; i++)
		text[i] = (char)(1 + any() % 255);
}

static void any_endpoint(struct endpoint *endpoint)
{
	int kind = any_of(3);

	endpoint->port = (uint16_t)any_number();
	if (kind == 0)
		return;
	endpoint->family = kind == 1 ? AF_INET : AF_INET6;
	for (int i = 0; i < (kind == 1 ? 4 : 16); i++)
		endpoint->address[i] = (uint8_t)any_number();
}

static void any_task(struct task *task)
{
	task->pid = (uint32_t)any_number();
	any_text(task->comm, sizeof(task->comm));
	task->in_agent = any_flag();
	task->exiting = any_flag();
	task->exit_code = (uint32_t)any_number();
	task->started = any_number();
}

/* By the column `kind` of SOCKET_FACTS. */
#define ANY_FLAG                                               any_flag()
#define ANY_STATE                                              (enum tcp_state) any_of(TCP_STATE_MAX)
#define ANY_REASON                                             (enum reset_reason) any_of(RESET_REASON_MAX)
#define ANY_SPAN                                               any_number()
#define ANY_U8                                                 (uint8_t) any_number()
#define ANY_U16                                                (uint16_t) any_number()
#define ANY_U32                                                (uint32_t) any_number()
#define ANY_U64                                                any_number()
#define ANY_FACT(kind, name, probe, sock_diag, journal, field) facts->name = ANY_##kind;

static void any_socket(struct socket_facts *facts)
{
	SOCKET_FACTS(ANY_FACT)
}

static void any_mqtt(struct mqtt_facts *mqtt)
{
	mqtt->track = (enum mqtt_track)any_of(MQTT_TRACK_MAX);
	mqtt->tls = any_flag();
	mqtt->unsent = any_flag();
	mqtt->sent = (enum mqtt_packet)any_of(MQTT_PACKET_MAX);
	mqtt->received = (enum mqtt_packet)any_of(MQTT_PACKET_MAX);
	mqtt->answered = any_flag();
	mqtt->connack = (uint8_t)any_number();
	mqtt->sent_reason = (uint8_t)any_number();
	mqtt->received_reason = (uint8_t)any_number();
	mqtt->sent_ago = any_number();
	mqtt->received_ago = any_number();
	mqtt->unanswered = any_number();
}

static void any_connection(struct connection_event *connection)
{
	connection->cookie = any_number();
	connection->netns = any_number();
	any_endpoint(&connection->local);
	any_endpoint(&connection->peer);
	connection->to_itself = any_flag();
	any_task(&connection->owner);
	any_task(&connection->current);
	any_mqtt(&connection->mqtt);
	any_socket(&connection->facts);
}

static void any_process(struct process_event *process)
{
	any_task(&process->task);
	process->signal = any_of(65);
	process->from_kernel = any_flag();
	any_task(&process->sender);
	process->oom = any_flag();
}

static void any_path(struct path_event *path)
{
	path->netns = any_number();
	path->interface = (uint32_t)any_number();
	any_text(path->interface_name, sizeof(path->interface_name));
	path->up = any_flag();
	path->initial = any_flag();
	path->disabled = any_flag();
	path->removed = any_flag();
	path->refuses = any_flag();
	path->rule = any_flag();
	path->partial = any_flag();
	path->replaces = any_flag();
	path->within = any_number();
	any_endpoint(&path->address);
	any_endpoint(&path->gateway);
	any_endpoint(&path->source);
	path->prefix_length = (uint8_t)any_number();
	path->table = (uint32_t)any_number();
	path->metric = (uint32_t)any_number();
	path->radio = (enum radio)any_of(RADIO_MAX);
	path->device = (enum device_state)any_of(DEVICE_STATE_MAX);
	path->reason = (uint16_t)any_number();
	path->signal = any_of(200) - 100;
}

static void any_unit(struct unit_event *unit)
{
	any_text(unit->unit, sizeof(unit->unit));
	unit->state = (enum unit_state)any_of(UNIT_STATE_MAX);
	any_text(unit->sub_state, sizeof(unit->sub_state));
	any_text(unit->result, sizeof(unit->result));
	any_text(unit->job, sizeof(unit->job));
	unit->masked = any_flag();
	unit->missing = any_flag();
	unit->main_pid = (uint32_t)any_number();
	unit->main_started = any_number();
	any_text(unit->invocation_id, sizeof(unit->invocation_id));
}

static void any_past_session(struct history_session_event *session)
{
	session->ago = any_number();
	session->age = any_number();
	session->idle_rx = any_number();
	session->idle_tx = any_number();
	session->unacked_bytes = (uint32_t)any_number();
	session->reopened_after = any_number();
	session->ended_by = (enum ended_by)any_of(ENDED_BY_MAX);
	session->cause = (enum cause)any_of(CAUSE_MAX);
}

static void any_past_verdict(struct past_verdict *verdict)
{
	verdict->ago = any_number();
	verdict->cause = (enum cause)any_of(CAUSE_MAX);
	verdict->confidence = (enum confidence)any_of(CONFIDENCE_MAX);
	verdict->cookie = any_number();
	verdict->netns = any_number();
	any_endpoint(&verdict->local);
	any_endpoint(&verdict->peer);
	verdict->pid = (uint32_t)any_number();
	any_text(verdict->comm, sizeof(verdict->comm));
	any_text(verdict->invocation_id, sizeof(verdict->invocation_id));
}

static void any_past_trouble(struct history_trouble_event *trouble)
{
	any_past_verdict(&trouble->verdict);
	trouble->open = any_flag();
	trouble->came_up = any_flag();
	trouble->attempts = (unsigned)any_number();
}

static void any_past_action(struct history_action_event *action)
{
	any_past_verdict(&action->verdict);
	action->action = (enum action_type)any_of(ACTION_TYPE_MAX);
	action->outcome = (enum action_outcome)any_of(ACTION_OUTCOME_MAX);
	any_text(action->held_by, sizeof(action->held_by));
}

static void any_past_open(struct history_open_event *open)
{
	any_past_verdict(&open->verdict);
	open->host_went_down = any_flag();
	open->host.stop = (enum host_stop)any_of(HOST_STOP_MAX);
	open->host.journal_closed = any_flag();
	open->host.unwatched = any_flag();
	open->host.is_container = any_flag();
	open->host.not_the_last = any_flag();
	open->host.crash_would_show = any_flag();
	open->host.panicked = any_flag();
	open->host.watchdog = (uint32_t)any_number();
	open->host.down = any_number();
	any_text(open->host.boot_id, sizeof(open->host.boot_id));
	any_text(open->host.asked_by, sizeof(open->host.asked_by));
}

static void any_event(enum event_type type, struct event *event)
{
	memset(event, 0, sizeof(*event));
	event->type = type;
	event->time = any_number();
	event->agent = (uint32_t)any_number();
	if (event_is_connection(type))
		any_connection(&event->connection);
	else if (event_is_process(type))
		any_process(&event->process);
	else if (event_is_path(type))
		any_path(&event->path);
	else if (type == EVENT_UNIT)
		any_unit(&event->unit);
	else if (type == EVENT_SUSPENDED)
		event->suspended = any_number();
	else if (type == EVENT_CLOCK)
		event->clock = (enum clock_state)(any_number() % CLOCK_STATE_MAX);
	else if (type == EVENT_LOST)
		event->lost.records = any_number();
	else if (type == EVENT_HISTORY_SESSION)
		any_past_session(&event->history_session);
	else if (type == EVENT_HISTORY_TROUBLE)
		any_past_trouble(&event->history_trouble);
	else if (type == EVENT_HISTORY_OPEN)
		any_past_open(&event->history_open);
	else if (type == EVENT_HISTORY_SPENT)
		event->spent_ago = any_number();
	else if (type == EVENT_CAUGHT_UP)
		event->blind = any_flag();
	else if (type == EVENT_HISTORY_ACTION)
		any_past_action(&event->history_action);
	if (type == EVENT_ACTION_RESULT) {
		event->action_result.order = (uint32_t)any_number();
		event->action_result.error = any_of(200) - 100;
		any_text(event->action_result.detail, sizeof(event->action_result.detail));
	}
}

/* ---- there and back again */

/* memcmp() is fair: both events were cleared, padding and all, before they were filled in. */
static void what_is_written_is_read_the_same(void)
{
	static struct event event, again;
	char line[TRACE_LINE_SIZE];

	for (seed = 0; seed < 200; seed++) {
		uint64_t begun = seed;

		for (int type = 0; type < EVENT_TYPE_MAX; type++) {
			int length;

			if (type == EVENT_AGENT)
				continue;
			any_event((enum event_type)type, &event);
			length = trace_format(&event, line, sizeof(line));
			CHECK(length > 0 && (size_t)length == strlen(line), line);
			CHECK(strpbrk(line, "\n\r\t") == NULL, line);
			memset(&again, 0xff, sizeof(again));
			CHECK(parse(line, &again) == 1, line);
			CHECK(memcmp(&event, &again, sizeof(event)) == 0, line);
		}
		seed = begun;
	}
}

static void an_agent_brings_its_settings(void)
{
	static struct agent_settings given;
	struct event event = {
		.type = EVENT_AGENT,
		.time = 1500000,
		.agent = 1,
		.watching = { .settings = &given, .mode = MODE_SOCK_DIAG, .optional = true }
	};
	char line[TRACE_LINE_SIZE], again[TRACE_LINE_SIZE];

	agent_settings_defaults(&given, "edge 1");
	agent_settings_assign(&given, "Match", "Unit", "edge.service");
	agent_settings_assign(&given, "Match", "Peer", "*:8883");
	agent_settings_assign(&given, "Policy", "OnAgentCrash", "signal:HUP restart");
	CU_ASSERT(trace_format(&event, line, sizeof(line)) > 0);
	CU_ASSERT_STRING_EQUAL(line,
			       "1.500000 agent agent=1 mode=sock-diag optional=1 name=edge\\x201 "
			       "Match.Unit=edge.service Match.Peer=*:8883 "
			       "Policy.OnAgentCrash=signal:SIGHUP\\x20restart");
	CU_ASSERT_EQUAL(parse(line, &event), 1);
	CU_ASSERT_PTR_EQUAL(event.watching.settings, &settings);
	CU_ASSERT(trace_format(&event, again, sizeof(again)) > 0);
	CU_ASSERT_STRING_EQUAL(line, again);
	CU_ASSERT_EQUAL(memcmp(&given, &settings, sizeof(given)), 0);
}

/* ---- lines written by people */

static void a_line_reads_as_it_looks(void)
{
	struct event event;

	CU_ASSERT_EQUAL(parse("  12.5 ended agent=1 cookie=77 peer=192.0.2.7:8883 "
			      "state_before=ESTABLISHED error=104 age=65min owner.comm=a\\x20b \r",
			      &event),
			1);
	CU_ASSERT_EQUAL(event.time, 12500000);
	CU_ASSERT_EQUAL(event.type, EVENT_ENDED);
	CU_ASSERT_EQUAL(event.agent, 1);
	CU_ASSERT_EQUAL(event.connection.cookie, 77);
	CU_ASSERT_EQUAL(event.connection.peer.port, 8883);
	CU_ASSERT_EQUAL(event.connection.facts.state_before, TCP_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(event.connection.facts.error, 104);
	CU_ASSERT_EQUAL(event.connection.facts.age, 65 * USEC_PER_MINUTE);
	CU_ASSERT_STRING_EQUAL(event.connection.owner.comm, "a b");

	CU_ASSERT_EQUAL(parse("3 signaled signal=TERM task.pid=7", &event), 1);
	CU_ASSERT_EQUAL(event.time, 3 * USEC_PER_SEC);
	CU_ASSERT_EQUAL(event.process.signal, SIGTERM);
}

static void blank_lines_and_comments_are_no_events(void)
{
	static const char *const rows[] = { "", "   ", "# 1.0 time", "  \t# x", "\r" };
	struct event event;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK(parse(rows[i], &event) == 0, rows[i]);
}

static void a_malformed_line_is_said_where(void)
{
	static const struct {
		const char *line, *complaint;
		size_t column;
	} rows[] = {
		{ "x ended", "not a time", 1 },
		{ "-1 ended", "not a time", 1 },
		{ "1. ended", "not a time", 1 },
		{ "1.0000001 ended", "not a time", 1 },
		{ "18446744073710 time", "time out of range", 1 },
		{ "1.0", "no event", 4 },
		{ "1.0 finished", "unknown event", 5 },
		{ "1.0 ended cookie", "not KEY=VALUE", 11 },
		{ "1.0 ended =1", "not KEY=VALUE", 11 },
		{ "1.0 ended colour=blue", "unknown key", 11 },
		{ "1.0 ended cookie=1 cookie=1", "the same key twice", 20 },
		{ "1.0 ended agent=1 agent=1", "the same key twice", 19 },
		{ "1.0 ended mqtt.unanswered=1s mqtt.unanswered=1s", "the same key twice", 30 },
		{ "1.0 ended cookie=18446744073709551616", "bad value", 11 },
		{ "1.0 ended error=65536", "bad value", 11 },
		{ "1.0 ended agent=4294967296", "bad value", 11 },
		{ "1.0 ended agent=-1", "bad value", 11 },
		{ "1.0 ended agent=", "bad value", 11 },
		{ "1.0 ended orphan=2", "bad value", 11 },
		{ "1.0 ended state=OPEN", "bad value", 11 },
		{ "1.0 ended peer=hub.example:8883", "bad value", 11 },
		{ "1.0 ended age=long", "bad value", 11 },
		{ "1.0 ended owner.comm=sixteen_letters_", "bad value", 11 },
		{ "1.0 ended owner.comm=\\x0", "bad escape", 11 },
		{ "1.0 ended owner.comm=\\x00", "bad escape", 11 },
		{ "1.0 ended owner.comm=\\x2G", "bad escape", 11 },
		{ "1.0 ended owner.comm=a\\", "bad escape", 11 },
		{ "1.0 signaled signal=SIGNONE", "bad value", 14 },
		{ "1.0 action-result error=--1", "bad value", 19 },
		{ "1.0 agent Match.Unit=x", "bad value of a setting", 11 },
		{ "1.0 agent Match.Unity=x.service", "unknown setting", 11 },
		{ "1.0 agent Match.Process=0000000000000001", "unknown setting", 11 },
		{ "1.0 agent colour=blue", "unknown key", 11 },
		{ "1.0 agent name=a name=b", "the same key twice", 18 },
	};
	struct event event;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *complaint = "";
		size_t column = 0;

		CHECK(trace_parse(rows[i].line, &event, &settings, &complaint, &column) == -EINVAL,
		      rows[i].line);
		CHECK(strcmp(complaint, rows[i].complaint) == 0, rows[i].line);
		CHECK(column == rows[i].column, rows[i].line);
	}
}

/* Every good line, cut anywhere and with any bit of it flipped, parses or is refused. */
static void damage_does_no_harm(void)
{
	struct event event, damaged;
	char line[TRACE_LINE_SIZE], copy[TRACE_LINE_SIZE];

	seed = 4711;
	for (int type = 0; type < EVENT_TYPE_MAX; type++) {
		any_event((enum event_type)type, &event);
		CU_ASSERT(trace_format(&event, line, sizeof(line)) > 0);
		for (size_t i = 0; line[i]; i++) {
			memcpy(copy, line, i);
			copy[i] = '\0';
			CHECK(parse(copy, &damaged) <= 1, copy);
			strcpy(copy, line);
			copy[i] ^= (char)(1 << any_of(8));
			CHECK(parse(copy, &damaged) <= 1, copy);
		}
	}
}

static void a_line_that_does_not_fit_is_said(void)
{
	struct event event;
	char line[TRACE_LINE_SIZE], small[TRACE_LINE_SIZE];
	int length;

	seed = 1;
	any_event(EVENT_ENDED, &event);
	length = trace_format(&event, line, sizeof(line));
	CU_ASSERT(length > 0);
	CU_ASSERT_EQUAL(trace_format(&event, small, (size_t)length + 1), length);
	for (int size = 0; size <= length; size += 7)
		CU_ASSERT_EQUAL(trace_format(&event, small, (size_t)size), -ENOSPC);
}

static void a_word_too_long_is_refused(void)
{
	static char line[2 * TRACE_LINE_SIZE];
	struct event event;

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "1.0 ended owner.comm=", 21);
	CU_ASSERT_EQUAL(parse(line, &event), -EINVAL);
}

SUITE("trace", { "what is written is read the same", what_is_written_is_read_the_same },
      { "an agent brings its settings", an_agent_brings_its_settings },
      { "a line reads as it looks", a_line_reads_as_it_looks },
      { "blank lines and comments are no events", blank_lines_and_comments_are_no_events },
      { "a malformed line is said where", a_malformed_line_is_said_where },
      { "damage does no harm", damage_does_no_harm },
      { "a line that does not fit is said", a_line_that_does_not_fit_is_said },
      { "a word too long is refused", a_word_too_long_is_refused })
