/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every sentence a record can say, against messages.expected. `UPDATE=1 message_test`, run in the
 * tree's root, writes that file anew: read it aloud before you commit it. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "record/record.h"
#include "suite.h"

#define EXPECTED "tests/unit/messages.expected"

static struct record example(enum record_kind kind)
{
	struct record record = {
		.kind = kind,
		.agent = "aziot-edged",
		.unit = "aziot-edged.service",
		.process = { .pid = 812, .comm = "aziot-edged" },
		.cookie = 77,
		.local = { .family = AF_INET, .port = 40022, .address = { 10, 0, 0, 5 } },
		.peer = { .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } },
		.socket = { .age = 65 * USEC_PER_MINUTE },
	};

	return record;
}

/* ---- one line a cause and a way to end */

static const struct {
	enum cause cause;
	enum confidence confidence;
	enum ended_by ended_by;
	struct socket_facts socket; /* age 0: an hour */
	struct exit_facts exit;
	usec_t period;
	usec_t downtime;
} endings[] = {
#define ENDING(cause_, confidence_, ended_by_, ...)                              \
	{                                                                        \
		.cause = CAUSE_##cause_, .confidence = CONFIDENCE_##confidence_, \
		.ended_by = ENDED_BY_##ended_by_, __VA_ARGS__                    \
	}
	ENDING(AGENT_CRASH, PROVED, LOCAL_FIN, .exit = { true, true, true, SIGSEGV }),
	ENDING(AGENT_CRASH, PROVED, LOCAL_RESET, .socket.unread_bytes = 17,
	       .exit = { true, true, false, SIGABRT }),
	ENDING(AGENT_CRASH, PROVED, LOCAL_FIN, .exit = { true, true, false, SIGKILL }),
	ENDING(AGENT_CRASH, LIKELY, PEER_FIN),
	ENDING(AGENT_CRASH, PROVED, CONNECT_TIMEOUT, .exit = { true, true, false, SIGBUS }),
	ENDING(AGENT_OOM, PROVED, LOCAL_FIN, .exit = { true, true, false, SIGKILL }),
	ENDING(AGENT_EXIT, PROVED, LOCAL_FIN, .exit = { true, false, false, 0 }),
	ENDING(AGENT_EXIT, LIKELY, LOCAL_RESET, .socket.unread_bytes = 1,
	       .exit = { true, false, false, 3 }),
	ENDING(AGENT_STOPPED, PROVED, LOCAL_FIN, .exit = { true, true, false, SIGTERM }),
	ENDING(AGENT_STOPPED, SUSPECTED, LOCAL_FIN),
	ENDING(AGENT_HANG, LIKELY, PEER_FIN, .socket.unread_bytes = 2048),
	ENDING(AGENT_HANG, SUSPECTED, PEER_RESET, .socket.idle_tx = 90 * USEC_PER_SEC),
	ENDING(AGENT_ABORT, PROVED, LOCAL_RESET, .socket.unread_bytes = 17),
	ENDING(AGENT_ABORT, PROVED, LOCAL_RESET, .socket.linger_zero = true),
	ENDING(AGENT_CLOSE, PROVED, LOCAL_FIN),
	ENDING(AGENT_CLOSE, LIKELY, CONNECT_TIMEOUT, .socket.age = 400 * USEC_PER_MSEC),
	ENDING(TOKEN_RENEWAL, LIKELY, LOCAL_FIN, .period = 58 * USEC_PER_MINUTE),
	ENDING(AGENT_NOT_RECONNECTING, PROVED, PEER_RESET),
	ENDING(TOKEN_EXPIRED, LIKELY, PEER_FIN, .period = 65 * USEC_PER_MINUTE),
	ENDING(TOKEN_EXPIRED, SUSPECTED, PEER_RESET),
	ENDING(PEER_IDLE_TIMEOUT, LIKELY, PEER_FIN, .socket.idle_tx = 90 * USEC_PER_SEC),
	ENDING(SESSION_REJECTED, LIKELY, PEER_FIN, .socket.age = 1200 * USEC_PER_MSEC),
	ENDING(SESSION_TAKEOVER, SUSPECTED, PEER_FIN, .socket.age = 8 * USEC_PER_SEC),
	ENDING(SERVICE_TRANSIENT, SUSPECTED, PEER_RESET),
	ENDING(CONNECT_REFUSED, PROVED, CONNECT_REFUSED),
	ENDING(PEER_RESET, LIKELY, PEER_RESET),
	ENDING(PEER_CLOSE, PROVED, PEER_FIN),
	ENDING(TLS_REFUSED_BY_AGENT, PROVED, LOCAL_RESET, .socket.unread_bytes = 7),
	ENDING(TLS_REFUSED_BY_HUB, LIKELY, PEER_FIN),
	ENDING(TLS_NOT_SPOKEN, PROVED, LOCAL_FIN),
	ENDING(TLS_STALLED, LIKELY, LOCAL_FIN),
	ENDING(NAME_NOT_FOUND, LIKELY, UNKNOWN),
	ENDING(NAME_SERVER_FAILING, LIKELY, UNKNOWN),
	ENDING(NAME_SERVER_SILENT, SUSPECTED, UNKNOWN),
	ENDING(LINK_DOWN, PROVED, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 120),
	ENDING(WIFI_DISCONNECTED, PROVED, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 120),
	ENDING(MODEM_DISCONNECTED, LIKELY, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 120),
	ENDING(NO_ROUTE, PROVED, CONNECT_UNREACHABLE, .socket.error = ENETUNREACH),
	ENDING(ADDRESS_CHANGED, PROVED, RETRANSMIT_TIMEOUT),
	ENDING(UNREACHABLE, PROVED, UNREACHABLE, .socket.error = EHOSTUNREACH),
	ENDING(UNREACHABLE, PROVED, CONNECT_UNREACHABLE, .socket.error = EHOSTUNREACH),
	ENDING(PATH_SILENT, LIKELY, KEEPALIVE_TIMEOUT, .socket.probes = 3),
	ENDING(PATH_SILENT, LIKELY, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 1),
	ENDING(PATH_SILENT, LIKELY, USER_TIMEOUT, .socket.user_timeout_msec = 30000),
	ENDING(PATH_SILENT, LIKELY, PROBE_TIMEOUT),
	ENDING(PATH_SILENT, LIKELY, CONNECT_TIMEOUT,
	       .socket = { .age = 127 * USEC_PER_SEC, .error = ETIMEDOUT }),
	ENDING(PATH_SILENT, LIKELY, PEER_FIN),
	ENDING(PATH_MTU, LIKELY, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 3000),
	ENDING(PATH_MTU, SUSPECTED, LOCAL_FIN),
	ENDING(PATH_HALF, LIKELY, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 10),
	ENDING(PATH_HALF, LIKELY, CONNECT_TIMEOUT,
	       .socket = { .age = 127 * USEC_PER_SEC, .error = ETIMEDOUT }),
	ENDING(IDLE_DROP, SUSPECTED, RETRANSMIT_TIMEOUT, .socket.idle_tx = 4 * USEC_PER_MINUTE),
	ENDING(MIDDLEBOX_RESET, LIKELY, PEER_RESET),
	ENDING(OPERATOR_ABORT, PROVED, ABORTED),
	ENDING(HOST_SUSPEND, LIKELY, PEER_RESET),
	ENDING(CLOCK_WRONG, SUSPECTED, LOCAL_RESET),
	ENDING(MEMORY_PRESSURE, PROVED, OUT_OF_MEMORY),
	ENDING(HOST_STARVED, LIKELY, PEER_FIN),
	ENDING(HOST_FIREWALL, PROVED, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 120),
	ENDING(HOST_FIREWALL, PROVED, CONNECT_TIMEOUT,
	       .socket = { .age = 127 * USEC_PER_SEC, .error = ETIMEDOUT }),
	ENDING(HOST_FIREWALL, PROVED, CONNECT_REFUSED),
	ENDING(HOST_NAT, PROVED, RETRANSMIT_TIMEOUT, .socket.unacked_bytes = 120),
	ENDING(HOST_NAT, LIKELY, PEER_RESET),
	ENDING(HOST_NAT, LIKELY, CONNECT_TIMEOUT,
	       .socket = { .age = 127 * USEC_PER_SEC, .error = ETIMEDOUT }),
	ENDING(HOST_SHUTDOWN, LIKELY, UNKNOWN),
	ENDING(HOST_REBOOT, LIKELY, UNKNOWN, .downtime = 42 * USEC_PER_SEC),
	ENDING(HOST_CRASH, LIKELY, UNKNOWN, .downtime = 3 * USEC_PER_MINUTE),
	ENDING(POWER_LOST, SUSPECTED, UNKNOWN, .downtime = USEC_PER_HOUR),
	ENDING(UNKNOWN, INVALID, UNKNOWN),
	ENDING(EVIDENCE_LOST, PROVED, UNKNOWN),
};

static size_t write_endings(struct record *records)
{
	size_t count = sizeof(endings) / sizeof(endings[0]);

	for (size_t i = 0; i < count; i++) {
		struct record *record = &records[i];

		*record = example(RECORD_ENDED);
		record->verdict.cause = endings[i].cause;
		record->verdict.confidence = endings[i].confidence;
		record->verdict.ended_by = endings[i].ended_by;
		record->socket = endings[i].socket;
		record->exit = endings[i].exit;
		record->verdict.period = endings[i].period;
		record->downtime = endings[i].downtime;
		if (record->socket.age == 0 && endings[i].cause != CAUSE_EVIDENCE_LOST &&
		    !cause_is_host_down(endings[i].cause))
			record->socket.age = USEC_PER_HOUR;
	}
	return count;
}

/* What a radio reported is a fact; in doubt is only whether the connection ended of it. */
static void a_radio_tells_what_became_of_it(void)
{
	static const struct {
		enum confidence confidence;
		const char *wifi, *reason;
		const char *words;
	} rows[] = {
		{ CONFIDENCE_PROVED, "deauthenticated-by-the-access-point", "4-inactivity",
		  "; wlan0 was deauthenticated by the access point (reason 4, inactivity)." },
		{ CONFIDENCE_LIKELY, "disassociated-by-the-access-point", "77",
		  "; probably because wlan0 was disassociated by the access point (reason 77)." },
		{ CONFIDENCE_SUSPECTED, "access-point-lost", NULL,
		  "; perhaps because wlan0 lost its access point." },
	};
	char message[MESSAGE_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = example(RECORD_ENDED);

		record.verdict.cause = CAUSE_WIFI_DISCONNECTED;
		record.verdict.confidence = rows[i].confidence;
		record.verdict.ended_by = ENDED_BY_KEEPALIVE_TIMEOUT;
		tokens_add(&record.verdict.evidence, "interface=wlan0");
		tokens_add(&record.verdict.evidence, "wifi=%s", rows[i].wifi);
		if (rows[i].reason)
			tokens_add(&record.verdict.evidence, "wifi_reason=%s", rows[i].reason);
		record_message(&record, message);
		CHECK(strstr(message, rows[i].words) != NULL, message);
	}
}

/* What NetworkManager did is a fact of its own. */
static void network_manager_is_named(void)
{
	static const struct {
		enum cause cause;
		const char *interface, *reason, *failed;
		const char *words;
	} rows[] = {
		{ CAUSE_ADDRESS_CHANGED, "interface", "user-requested", NULL,
		  ": NetworkManager disconnected eth0 (a user or a program asked for it)." },
		{ CAUSE_LINK_DOWN, "interface", "sleeping", NULL,
		  ": NetworkManager disconnected eth0 (for sleep, or networking was switched "
		  "off)." },
		{ CAUSE_ADDRESS_CHANGED, "interface", "ip-config-expired", NULL,
		  ": NetworkManager disconnected eth0 (ip config expired)." },
		{ CAUSE_ADDRESS_CHANGED, "interface", "new-activation", "ip-config-unavailable",
		  ": NetworkManager disconnected eth0 (to connect it anew) and failed to connect "
		  "it (ip config unavailable)." },
		{ CAUSE_NO_ROUTE, "nm_interface", NULL, "ip-config-unavailable",
		  ": NetworkManager failed to connect eth0 (ip config unavailable)." },
		{ CAUSE_LINK_DOWN, "interface", "carrier-changed", NULL, "link went down." },
		{ CAUSE_LINK_DOWN, "interface", "78", NULL,
		  ": NetworkManager disconnected eth0 (78)." },
	};
	char message[MESSAGE_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = example(RECORD_ENDED);
		struct tokens *evidence = &record.verdict.evidence;

		record.verdict.cause = rows[i].cause;
		record.verdict.confidence = CONFIDENCE_PROVED;
		evidence->count = 0;
		tokens_add(evidence, "%s=eth0", rows[i].interface);
		if (rows[i].reason)
			tokens_add(evidence, "nm_reason=%s", rows[i].reason);
		if (rows[i].failed)
			tokens_add(evidence, "nm_failed=%s", rows[i].failed);
		record_message(&record, message);
		CHECK(strstr(message, rows[i].words) != NULL, message);
	}
}

/* The reason in the words of its protocol is part of the sentence. */
static void a_known_reason_is_named(void)
{
	static const struct {
		enum cause cause;
		const char *evidence;
		const char *words;
	} rows[] = {
		{ CAUSE_TLS_REFUSED_BY_AGENT, "tls_alert_sent=certificate_expired",
		  "(certificate_expired)" },
		{ CAUSE_TLS_REFUSED_BY_HUB, "tls_alert_received=handshake_failure",
		  "(handshake_failure)" },
		{ CAUSE_TLS_NOT_SPOKEN, "tls_answer=http", "(http)" },
		{ CAUSE_NAME_NOT_FOUND, "name_answer=nxdomain", "(nxdomain)" },
		{ CAUSE_PATH_HALF, "family=ipv6", "broken (ipv6)" },
		{ CAUSE_PATH_HALF, "heard_before_msec=80", "(what this host sends is lost)" },
		{ CAUSE_MODEM_DISCONNECTED, "modem=registration-lost", "(registration lost)" },
		{ CAUSE_NAME_SERVER_SILENT, "name_server=192.0.2.53", "(192.0.2.53)" },
		{ CAUSE_PEER_RESET, "reset_ack=no",
		  "(whoever sent it did not know the connection)" },
		{ CAUSE_IDLE_DROP, "silence_before_write_sec=240", "(idle for 4min)" },
	};
	char message[MESSAGE_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = example(RECORD_ENDED);

		record.verdict.cause = rows[i].cause;
		record.verdict.evidence.count = 0;
		tokens_add(&record.verdict.evidence, "%s", rows[i].evidence);
		record_message(&record, message);
		CHECK(strstr(message, rows[i].words) != NULL, rows[i].evidence);
	}
}

static size_t write_stalls(struct record *records)
{
	static const struct {
		enum cause cause;
		struct socket_facts socket;
	} stalls[] = {
		{ CAUSE_AGENT_NOT_RECONNECTING, { .age = 0 } },
		{ CAUSE_NAME_NOT_FOUND, { .age = 0 } },
		{ CAUSE_NAME_SERVER_FAILING, { .age = 0 } },
		{ CAUSE_NAME_SERVER_SILENT, { .age = 0 } },
		{ CAUSE_AGENT_HANG, { .unread_bytes = 4096 } },
		{ CAUSE_AGENT_HANG, { .idle_tx = 3 * USEC_PER_MINUTE } },
		{ CAUSE_PATH_SILENT, { .unacked_bytes = 120 } },
		{ CAUSE_TOKEN_EXPIRED, { .age = 0 } },
		{ CAUSE_LINK_DOWN, { .unacked_bytes = 1 } },
	};
	size_t count = sizeof(stalls) / sizeof(stalls[0]);

	for (size_t i = 0; i < count; i++) {
		records[i] = example(RECORD_STALLED);
		records[i].verdict.cause = stalls[i].cause;
		records[i].verdict.confidence = CONFIDENCE_LIKELY;
		records[i].socket = stalls[i].socket;
		records[i].downtime = 5 * USEC_PER_MINUTE;
	}
	return count;
}

static size_t write_actions(struct record *records)
{
	static const struct {
		struct action action;
		const char *result;
		const char *held_by;
		int error;
	} actions[] = {
		{ { .type = ACTION_RESTART }, "starting", NULL, 0 },
		{ { .type = ACTION_RESTART }, "done", NULL, 0 },
		{ { .type = ACTION_RESTART }, "failed", NULL, -ENOENT },
		{ { .type = ACTION_RESTART }, "held", "limit", 0 },
		{ { .type = ACTION_RESTART }, "held", "offline", 0 },
		{ { .type = ACTION_RESTART }, "held", "dry-run", 0 },
		{ { .type = ACTION_RESTART }, "held", "confidence", 0 },
		{ { .type = ACTION_RESTART }, "held", "start-limit", 0 },
		{ { .type = ACTION_RESTART }, "did-not-help", NULL, 0 },
		{ { .type = ACTION_RESTART }, "interrupted", NULL, 0 },
		{ { .type = ACTION_RELOAD }, "uncertain", NULL, 0 },
		{ { .type = ACTION_RELOAD }, "done", NULL, 0 },
		{ { .type = ACTION_SIGNAL, .signal = SIGHUP }, "starting", NULL, 0 },
		{ { .type = ACTION_SIGNAL, .signal = SIGHUP }, "failed", NULL, -ESRCH },
		{ { .type = ACTION_ABORT_CONNECTION }, "starting", NULL, 0 },
		{ { .type = ACTION_START_UNIT, .unit = "fallback.service" }, "done", NULL, 0 },
	};
	size_t count = sizeof(actions) / sizeof(actions[0]);

	for (size_t i = 0; i < count; i++) {
		records[i] = example(RECORD_ACTION);
		records[i].verdict.cause = CAUSE_AGENT_HANG;
		records[i].action = actions[i].action;
		records[i].action_result = actions[i].result;
		records[i].action_held_by = actions[i].held_by;
		records[i].action_error = actions[i].error;
	}
	return count;
}

static size_t write_limits(struct record *records)
{
	static const struct action_limit limits[] = {
		{ 3, USEC_PER_HOUR, 42 * USEC_PER_MINUTE },
		{ 1, USEC_PER_MINUTE, 5 * USEC_PER_SEC },
		{ 0, USEC_PER_HOUR, USEC_INFINITY },
	};
	size_t count = sizeof(limits) / sizeof(limits[0]);

	for (size_t i = 0; i < count; i++) {
		records[i] = example(RECORD_ACTION);
		records[i].verdict.cause = CAUSE_AGENT_HANG;
		records[i].action.type = ACTION_RESTART;
		records[i].action_result = "held";
		records[i].action_held_by = "limit";
		records[i].limit = limits[i];
	}
	return count;
}

static size_t write_others(struct record *records)
{
	records[0] = example(RECORD_RECOVERED);
	records[0].downtime = 1200 * USEC_PER_MSEC;
	records[0].attempts = 1;
	records[1] = example(RECORD_RECOVERED);
	records[1].downtime = 192 * USEC_PER_SEC;
	records[1].attempts = 7;
	records[1].outage = (struct outage_summary){
		.known = true,
		.cause = CAUSE_PEER_CLOSE,
		.confidence = CONFIDENCE_LIKELY,
		.failed_count = 2,
		.failed = { { CAUSE_CONNECT_REFUSED, 5 }, { CAUSE_NO_ROUTE, 1 } },
	};
	records[2] = example(RECORD_WATCHING);
	records[2].process = (struct task){ 0 };
	records[3] = records[2];
	records[3].mode = MODE_SOCK_DIAG;
	records[4] = (struct record){ .kind = RECORD_EVIDENCE_LOST, .lost_events = 12 };
	records[5] =
		(struct record){ .kind = RECORD_EVIDENCE_LOST, .agent = "edge", .lost_events = 1 };
	/* a script under an interpreter; an agent of which hardly anything is known */
	records[6] = example(RECORD_ENDED);
	records[6].verdict = (struct verdict){ .ended_by = ENDED_BY_PEER_FIN,
					       .cause = CAUSE_PEER_CLOSE,
					       .confidence = CONFIDENCE_LIKELY };
	strcpy(records[6].agent, "agent.py");
	strcpy(records[6].process.comm, "python3");
	records[7] = (struct record){ .kind = RECORD_ENDED, .agent = "agent" };
	records[8] = (struct record){ .kind = RECORD_EVIDENCE_LOST,
				      .mode = MODE_SOCK_DIAG,
				      .lost_events = 1 };
	records[9] = (struct record){
		.kind = RECORD_EVIDENCE_LOST, .agent = "edge", .lost_events = 1, .lost_groups = 1
	};
	records[10] = (struct record){
		.kind = RECORD_EVIDENCE_LOST, .agent = "edge", .lost_events = 23, .lost_groups = 20
	};
	records[11] = example(RECORD_CONNECTED);
	return 12;
}

/* ---- the file */

static void check_against_file(const struct record *records, size_t count)
{
	FILE *file = fopen(EXPECTED, "re");
	char expected[MESSAGE_SIZE + 2], message[MESSAGE_SIZE];

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (size_t i = 0; i < count; i++) {
		record_message(&records[i], message);
		if (!fgets(expected, sizeof(expected), file))
			expected[0] = '\0';
		expected[strcspn(expected, "\n")] = '\0';
		CHECK(strcmp(message, expected) == 0, message);
	}
	CU_ASSERT_PTR_NULL(fgets(expected, sizeof(expected), file));
	fclose(file);
}

static void update_file(const struct record *records, size_t count)
{
	FILE *file = fopen(EXPECTED, "we");
	char message[MESSAGE_SIZE];

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (size_t i = 0; i < count; i++)
		fprintf(file, "%s\n", record_message(&records[i], message));
	fclose(file);
}

static void says_what_is_expected(void)
{
	static struct record records[128];
	size_t count = 0;

	count += write_endings(records + count);
	count += write_stalls(records + count);
	count += write_actions(records + count);
	count += write_limits(records + count);
	count += write_others(records + count);
	if (getenv("UPDATE"))
		update_file(records, count);
	else
		check_against_file(records, count);
}

/* ---- whatever is in it, it is one printable line */

static void is_one_sentence_for_every_combination(void)
{
	char message[MESSAGE_SIZE];

	for (int cause = 0; cause < CAUSE_MAX; cause++) {
		for (int ended_by = 0; ended_by < ENDED_BY_MAX; ended_by++) {
			struct record record = example(RECORD_ENDED);

			record.verdict.cause = (enum cause)cause;
			record.verdict.ended_by = (enum ended_by)ended_by;
			record.verdict.confidence = CONFIDENCE_LIKELY;
			record_message(&record, message);
			CHECK(message[strlen(message) - 1] == '.', message);
			CHECK(strstr(message, "192.0.2.7:8883") != NULL, message);
			CHECK(strstr(message, "  ") == NULL && !strstr(message, "(null)"), message);
		}
	}
}

static void has_a_verb_for_every_action(void)
{
	char message[MESSAGE_SIZE];

	for (int type = 0; type < ACTION_TYPE_MAX; type++) {
		for (int outcome = 0; outcome < ACTION_OUTCOME_MAX; outcome++) {
			struct record record = example(RECORD_ACTION);

			record.verdict.cause = CAUSE_AGENT_HANG;
			record.action = (struct action){ .type = (enum action_type)type,
							 .signal = SIGHUP,
							 .unit = "fallback.service" };
			record.action_result =
				action_outcome_to_string((enum action_outcome)outcome);
			record_message(&record, message);
			CHECK(strstr(message, "  ") == NULL && !strstr(message, "(null)"), message);
		}
	}
}

static void keeps_control_bytes_out(void)
{
	struct record record = example(RECORD_ENDED);
	char message[MESSAGE_SIZE];

	strcpy(record.agent, "evil\nPRIORITY=0\x1b[31m");
	strcpy(record.process.comm, "\xff\xfe");
	record_message(&record, message);
	CU_ASSERT_PTR_NULL(strpbrk(message, "\n\x1b\xff\xfe"));
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "evil?PRIORITY=0?[31m (??[812])"));
}

static void replaces_what_is_no_text(void)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{ "plain", "plain" },
		{ "tab\tdel\x7f", "tab?del?" },
		{ "\xc3\xbc", "??" },                       /* a letter, not ASCII */
		{ "\xe2\x80\xaegnp.exe", "???gnp.exe" },    /* U+202E turns the line around */
		{ "\xe2\x81\xa6x\xe2\x81\xa9", "???x???" }, /* U+2066, U+2069: isolates */
		{ "a\xe2\x80\x8b"
		  "b\xef\xbb\xbf",
		  "a???b???" },                 /* U+200B, U+FEFF: no width */
		{ "\xd0\xb0", "??" },           /* a Cyrillic letter that looks like an a */
		{ "\xc0\xaf", "??" },           /* overlong */
		{ "\xe0\x80\xaf", "???" },      /* overlong */
		{ "\xed\xa0\x80", "???" },      /* surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* beyond Unicode */
		{ "\xc2\x85", "??" },           /* next line, a C1 control */
		{ "\xe2\x82", "??" },           /* cut */
		{ "\x80\xbf", "??" },           /* without a first byte */
	};
	char text[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		strcpy(text, rows[i].bytes);
		text_make_printable(text);
		CHECK(strcmp(text, rows[i].text) == 0, text);
	}
}

SUITE("message", { "a known reason is named", a_known_reason_is_named },
      { "NetworkManager is named", network_manager_is_named },
      { "a radio tells what became of it", a_radio_tells_what_became_of_it },
      { "says what is expected", says_what_is_expected },
      { "is one sentence for every combination", is_one_sentence_for_every_combination },
      { "has a verb for every action", has_a_verb_for_every_action },
      { "keeps control bytes out", keeps_control_bytes_out },
      { "replaces what is no text", replaces_what_is_no_text })
