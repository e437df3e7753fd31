/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "example_record.h"
#include "record/record.h"
#include "suite.h"

static char buffer[16384];

/* All fields, a line each. */
static const char *fields_of(const struct record *record)
{
	return record_lines(record, buffer, sizeof(buffer));
}

static bool has_field(const struct record *record, const char *name)
{
	char start[64];

	snprintf(start, sizeof(start), "\n%s=", name);
	return strstr(fields_of(record), start) != NULL;
}

static const char *field(const struct record *record, const char *name)
{
	static char value[1024];
	char start[64];
	const char *found;

	snprintf(start, sizeof(start), "\n%s=", name);
	found = strstr(fields_of(record), start);
	snprintf(value, sizeof(value), "%.*s",
		 found ? (int)strcspn(found + strlen(start), "\n") : 0,
		 found ? found + strlen(start) : "");
	return value;
}

static void an_end_has_every_field_in_order(void)
{
	struct record record = example_record();

	CU_ASSERT_STRING_EQUAL(fields_of(&record),
			       "MESSAGE=edge[812]: the connection to 192.0.2.7:8883 ended after "
			       "9s: 2 bytes stayed "
			       "unacknowledged until the kernel gave up; the path to the peer is "
			       "probably broken, or the peer is gone. So the session had ended for "
			       "that reason, not by peer-close. Attempt 9 of this outage.\n"
			       "MESSAGE_ID=2d2d70e23ac74353b97749ed810df6c0\n"
			       "PRIORITY=5\n"
			       "OBJECT_SYSTEMD_UNIT=edge.service\n"
			       "INVOCATION_ID=0123456789abcdef0123456789abcdef\n"
			       "CONNWATCH_KIND=ended\n"
			       "CONNWATCH_AGENT=edge\n"
			       "CONNWATCH_DEVICE_ID=sensor-1\n"
			       "CONNWATCH_PID=812\n"
			       "CONNWATCH_COMM=edge\n"
			       "CONNWATCH_ENDED_BY=retransmit-timeout\n"
			       "CONNWATCH_CAUSE=path-silent\n"
			       "CONNWATCH_SIDE=network\n"
			       "CONNWATCH_CONFIDENCE=likely\n"
			       "CONNWATCH_RUNG=tls\n"
			       "CONNWATCH_EVIDENCE=state=ESTABLISHED\n"
			       "CONNWATCH_EVIDENCE=error=ETIMEDOUT\n"
			       "CONNWATCH_RULED_OUT=peer-reset=no-RST-arrived\n"
			       "CONNWATCH_LOCAL_ADDRESS=10.0.0.5\n"
			       "CONNWATCH_LOCAL_PORT=40022\n"
			       "CONNWATCH_PEER_ADDRESS=192.0.2.7\n"
			       "CONNWATCH_PEER_PORT=8883\n"
			       "CONNWATCH_NETNS=4026531840\n"
			       "CONNWATCH_SOCKET_COOKIE=77\n"
			       "CONNWATCH_AGE_USEC=9000000\n"
			       "CONNWATCH_IDLE_RX_USEC=10\n"
			       "CONNWATCH_IDLE_TX_USEC=11\n"
			       "CONNWATCH_IDLE_ACK_USEC=13\n"
			       "CONNWATCH_BYTES_SENT=6\n"
			       "CONNWATCH_BYTES_ACKED=7\n"
			       "CONNWATCH_BYTES_RECEIVED=8\n"
			       "CONNWATCH_UNACKED_BYTES=2\n"
			       "CONNWATCH_UNREAD_BYTES=1\n"
			       "CONNWATCH_RETRANSMITS=3\n"
			       "CONNWATCH_PROBES=4\n"
			       "CONNWATCH_RTT_USEC=5\n"
			       "CONNWATCH_TCP_STATE=ESTABLISHED\n"
			       "ERRNO=110\n"
			       "EXIT_CODE=dumped\n"
			       "EXIT_STATUS=SEGV\n"
			       "CONNWATCH_OUTAGE_ID=fedcba9876543210fedcba9876543210\n"
			       "CONNWATCH_CORRECTS=peer-close\n"
			       "CONNWATCH_PERIOD_USEC=3480000000\n"
			       "CONNWATCH_PERIOD_COUNT=4\n"
			       "CONNWATCH_ATTEMPTS=9\n"
			       "CONNWATCH_CAUSE_ATTEMPTS=8\n"
			       "CONNWATCH_MODE=ebpf\n"
			       "CONNWATCH_LOST_EVENTS=2\n"
			       "CONNWATCH_LOST_GROUPS=1\n"
			       "CONNWATCH_TIME_USEC=12\n");
}

static void what_is_not_known_is_left_out(void)
{
	struct record record = { .kind = RECORD_ENDED,
				 .agent = "edge",
				 .verdict = { .confidence = CONFIDENCE_INVALID } };

	CU_ASSERT_STRING_EQUAL(
		fields_of(&record),
		"MESSAGE=edge: the connection to its hub ended: the end itself was not "
		"seen; the evidence does not show why.\n"
		"MESSAGE_ID=70209eedd47d403c9d2c37f9ef55d817\n"
		"PRIORITY=5\n"
		"CONNWATCH_KIND=ended\n"
		"CONNWATCH_AGENT=edge\n"
		"CONNWATCH_ENDED_BY=unknown\n"
		"CONNWATCH_CAUSE=unknown\n"
		"CONNWATCH_SIDE=-\n"
		"CONNWATCH_MODE=ebpf\n");
}

static void only_an_end_says_what_ended_it(void)
{
	struct record record = example_record();

	for (int kind = 0; kind < RECORD_KIND_MAX; kind++) {
		record.kind = (enum record_kind)kind;
		CHECK(has_field(&record, "CONNWATCH_ENDED_BY") == (kind == RECORD_ENDED),
		      record_kind_to_string(record.kind));
		CHECK(has_field(&record, "CONNWATCH_CAUSE"), "the cause it follows from");
	}
}

static void an_action_says_what_came_of_it(void)
{
	struct record record = example_record();

	record.kind = RECORD_ACTION;
	record.action = (struct action){ .type = ACTION_SIGNAL, .signal = SIGHUP };
	record.action_result = "failed";
	record.action_error = -ESRCH;
	CU_ASSERT_STRING_EQUAL(field(&record, "CONNWATCH_ACTION"), "signal:SIGHUP");
	CU_ASSERT_STRING_EQUAL(field(&record, "CONNWATCH_ACTION_RESULT"), "failed");
	CU_ASSERT_STRING_EQUAL(field(&record, "ERRNO"), "3");
	CU_ASSERT_STRING_EQUAL(field(&record, "PRIORITY"), "3");
	CU_ASSERT_FALSE(has_field(&record, "CONNWATCH_ACTION_HELD_BY"));
	CU_ASSERT_FALSE(has_field(&record, "CONNWATCH_TCP_STATE"));

	record.action_error = 0;
	record.action_result = "held";
	record.action_held_by = "offline";
	CU_ASSERT_STRING_EQUAL(field(&record, "CONNWATCH_ACTION_HELD_BY"), "offline");
	CU_ASSERT_STRING_EQUAL(field(&record, "PRIORITY"), "5");
}

static void a_recovery_says_how_long_it_took(void)
{
	struct record record = example_record();

	record.kind = RECORD_RECOVERED;
	record.downtime = 1200;
	record.attempts = 2;
	CU_ASSERT_STRING_EQUAL(field(&record, "CONNWATCH_DOWNTIME_USEC"), "1200");
	CU_ASSERT_STRING_EQUAL(field(&record, "CONNWATCH_ATTEMPTS"), "2");
}

static void exits_are_named_as_systemd_names_them(void)
{
	static const struct {
		struct exit_facts exit;
		const char *code, *status;
	} rows[] = {
		{ { true, false, false, 3 }, "exited", "3" },
		{ { true, false, false, 0 }, "exited", "0" },
		{ { true, true, false, SIGKILL }, "killed", "KILL" },
		{ { true, true, true, SIGABRT }, "dumped", "ABRT" },
		{ { true, true, false, 40 }, "killed", "40" }, /* a real-time signal */
		{ { false, true, false, SIGKILL }, "", "" },
	};
	struct record record = example_record();
	char code[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		record.exit = rows[i].exit;
		snprintf(code, sizeof(code), "%s", field(&record, "EXIT_CODE"));
		CHECK(strcmp(code, rows[i].code) == 0, code);
		CHECK(strcmp(field(&record, "EXIT_STATUS"), rows[i].status) == 0, rows[i].status);
	}
}

static void priorities_follow_the_fault(void)
{
	struct record record = example_record();

	for (int i = 0; i < CAUSE_MAX; i++) {
		enum cause cause = (enum cause)i;
		int expected = cause_side(cause) == SIDE_AGENT ? 4 : 5;

		if (cause == CAUSE_TOKEN_RENEWAL || cause == CAUSE_AGENT_STOPPED)
			expected = 6; /* as it should be */
		else if (cause == CAUSE_AGENT_CLOSE)
			expected = 5; /* its right */
		else if (cause == CAUSE_EVIDENCE_LOST)
			expected = 4; /* our own fault */
		record.verdict.cause = cause;
		CHECK(record_priority(&record) == expected, cause_to_string(cause));
	}
	record.kind = RECORD_WATCHING;
	CU_ASSERT_EQUAL(record_priority(&record), 6);
	record.kind = RECORD_CONNECTED;
	CU_ASSERT_EQUAL(record_priority(&record), 6);
	record.kind = RECORD_RECOVERED;
	CU_ASSERT_EQUAL(record_priority(&record), 6);
	record.kind = RECORD_EVIDENCE_LOST;
	CU_ASSERT_EQUAL(record_priority(&record), 4);
}

/* RFC 4122, section 4.4: version 4 and its variant, as `systemd-id128 new` makes them. */
static bool is_random_id(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32 && id[12] == '4' &&
	       strchr("89ab", id[16]);
}

static void message_ids_are_unique_and_random(void)
{
	const char *ids[CAUSE_MAX + RECORD_KIND_MAX];
	struct record record = { .kind = RECORD_ENDED };
	int count = 0;

	for (int i = 0; i < CAUSE_MAX; i++) {
		record.verdict.cause = (enum cause)i;
		ids[count++] = record_message_id(&record);
		record.kind = RECORD_STALLED;
		CU_ASSERT_PTR_EQUAL(record_message_id(&record), ids[count - 1]);
		record.kind = RECORD_ENDED;
	}
	for (int i = 0; i < RECORD_KIND_MAX; i++) {
		record.kind = (enum record_kind)i;
		if (record.kind != RECORD_ENDED && record.kind != RECORD_STALLED)
			ids[count++] = record_message_id(&record);
	}
	for (int i = 0; i < count; i++) {
		CHECK(is_random_id(ids[i]), ids[i]);
		for (int j = 0; j < i; j++)
			CHECK(strcmp(ids[i], ids[j]) != 0, ids[i]);
	}
}

static void no_value_breaks_its_line(void)
{
	struct record record = example_record();

	strcpy(record.agent, "a\nMESSAGE=b");
	strcpy(record.process.comm, "\xff\r\x1b");
	strcpy(record.unit, "x\ny.service");
	fields_of(&record);
	CU_ASSERT_PTR_NULL(strstr(buffer, "\nMESSAGE="));
	CU_ASSERT_PTR_NULL(strpbrk(buffer, "\r\x1b\xff"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buffer, "\nCONNWATCH_COMM=???\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(buffer, "\nOBJECT_SYSTEMD_UNIT=x?y.service\n"));
}

static void tokens_keep_within_their_bounds(void)
{
	struct tokens tokens = { 0 };
	char lengthy[200];

	memset(lengthy, 'x', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	tokens_add(&tokens, "by=%s", lengthy);
	CU_ASSERT_EQUAL(strlen(tokens.text[0]), TOKEN_SIZE - 1);
	tokens_add(&tokens, "comm=%s", "a\nb\xff");
	CU_ASSERT_STRING_EQUAL(tokens.text[1], "comm=a?b?");
	for (int i = 0; i < 2 * TOKENS_MAX; i++)
		tokens_add(&tokens, "n=%d", i);
	CU_ASSERT_EQUAL(tokens.count, TOKENS_MAX);
	CU_ASSERT_STRING_EQUAL(tokens.text[TOKENS_MAX - 1], "n=13");
}

SUITE("record", { "an end has every field, in order", an_end_has_every_field_in_order },
      { "what is not known is left out", what_is_not_known_is_left_out },
      { "only an end says what ended it", only_an_end_says_what_ended_it },
      { "an action says what came of it", an_action_says_what_came_of_it },
      { "a recovery says how long it took", a_recovery_says_how_long_it_took },
      { "exits are named as systemd names them", exits_are_named_as_systemd_names_them },
      { "priorities follow the fault", priorities_follow_the_fault },
      { "message ids are unique and random", message_ids_are_unique_and_random },
      { "no value breaks its line", no_value_breaks_its_line },
      { "tokens keep within their bounds", tokens_keep_within_their_bounds })
