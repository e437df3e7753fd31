/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "example_record.h"
#include "record/parse.h"
#include "suite.h"

static char written[16384], again[16384];

static bool parse(struct past_record *past, const char *lines)
{
	return parse_fields(past, lines, '\n');
}

static void check_round_trip(const struct record *record)
{
	struct past_record past;

	record_lines(record, written, sizeof(written));
	CU_ASSERT_TRUE(parse(&past, written));
	CU_ASSERT_EQUAL(past.strange.count, 0);
	CU_ASSERT_STRING_EQUAL(record_lines(&past.record, again, sizeof(again)), written);
}

static void ended_comes_back(void)
{
	struct record record = example_record();

	check_round_trip(&record);
	record.exit = (struct exit_facts){ .known = true, .status = 3 };
	check_round_trip(&record);
	record.peer = (struct endpoint){ .family = AF_INET6,
					 .port = 8883,
					 .address = { 0x20, 1, 0xd, 0xb8 } };
	check_round_trip(&record);
}

/* The column `journal` of SOCKET_FACTS: the largest number that each fact can be. */
#define FILL_ALWAYS(name)   record.socket.name = (typeof(record.socket.name))-1;
#define FILL_IF_KNOWN(name) record.socket.name = (typeof(record.socket.name))-1;
#define FILL_OWN(name)      record.socket.name = 1;
#define FILL_NONE(name)
#define FILL(kind, name, probe, sock_diag, journal, field) FILL_##journal(name)
#define CHECK_FACT(kind, name, probe, sock_diag, journal, field) \
	CHECK(past.record.socket.name == record.socket.name, #name);

static void every_fact_of_the_list_comes_back(void)
{
	struct record record = { .kind = RECORD_ENDED, .verdict.confidence = CONFIDENCE_INVALID };
	struct past_record past;

	SOCKET_FACTS(FILL)
	CU_ASSERT_TRUE(parse(&past, record_lines(&record, written, sizeof(written))));
	CU_ASSERT_EQUAL(past.strange.count, 0);
	SOCKET_FACTS(CHECK_FACT)
}

static void action_comes_back(void)
{
	struct record record = example_record();

	record.kind = RECORD_ACTION;
	record.socket = (struct socket_facts){ 0 };
	record.exit = (struct exit_facts){ 0 };
	record.action = (struct action){ .type = ACTION_SIGNAL, .signal = SIGHUP };
	record.action_result = "failed";
	record.action_error = -ESRCH;
	record.delay = 5;
	record.limit = (struct action_limit){ 3, 6, 7 };
	check_round_trip(&record);
}

static void recovered_comes_back(void)
{
	struct record record = example_record();

	record.kind = RECORD_RECOVERED;
	record.verdict = (struct verdict){ .confidence = CONFIDENCE_INVALID };
	record.socket = (struct socket_facts){ 0 };
	record.exit = (struct exit_facts){ 0 };
	record.downtime = 7;
	record.attempts = 2;
	record.outage = (struct outage_summary){
		.known = true,
		.cause = CAUSE_PEER_CLOSE,
		.confidence = CONFIDENCE_LIKELY,
		.failed_count = 2,
		.failed = { { CAUSE_CONNECT_REFUSED, 32 }, { CAUSE_NO_ROUTE, 2 } },
	};
	check_round_trip(&record);
}

static void message_is_kept_as_written(void)
{
	struct past_record past;

	CU_ASSERT_TRUE(parse(&past, "CONNWATCH_KIND=ended\nMESSAGE=of an older version"));
	CU_ASSERT_STRING_EQUAL(past.message, "of an older version");
}

static void records_of_others_are_none(void)
{
	struct past_record past;

	CU_ASSERT_FALSE(parse(&past, ""));
	CU_ASSERT_FALSE(parse(&past, "MESSAGE=hello\nPRIORITY=6\nERRNO=x\nno equals sign"));
}

static void strange_values_are_listed(void)
{
	static const struct {
		const char *name, *field;
	} rows[] = {
		{ "cause of a newer version", "CONNWATCH_CAUSE=solar-flare" },
		{ "ending of a newer version", "CONNWATCH_ENDED_BY=quic" },
		{ "kind of a newer version", "CONNWATCH_KIND=foretold" },
		{ "field of a newer version", "CONNWATCH_MOON_PHASE=3" },
		{ "confidence", "CONNWATCH_CONFIDENCE=sworn" },
		{ "state", "CONNWATCH_TCP_STATE=DREAMING" },
		{ "mode", "CONNWATCH_MODE=tea-leaves" },
		{ "rung", "CONNWATCH_RUNG=of-a-ladder" },
		{ "action", "CONNWATCH_ACTION=pray" },
		{ "result", "CONNWATCH_ACTION_RESULT=perhaps" },
		{ "word in place of a number", "CONNWATCH_AGE_USEC=old" },
		{ "empty number", "CONNWATCH_AGE_USEC=" },
		{ "negative", "CONNWATCH_PID=-1" },
		{ "over 32 bits", "CONNWATCH_PID=4294967296" },
		{ "over 16 bits", "CONNWATCH_PEER_PORT=65536" },
		{ "over 64 bits", "CONNWATCH_AGE_USEC=18446744073709551616" },
		{ "no address", "CONNWATCH_PEER_ADDRESS=hub" },
		{ "address with a port", "CONNWATCH_PEER_ADDRESS=192.0.2.1:80" },
		{ "no errno", "ERRNO=99999" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct past_record past;
		char lines[128];

		snprintf(lines, sizeof(lines), "CONNWATCH_KIND=ended\n%s", rows[i].field);
		CHECK(parse(&past, lines), rows[i].name);
		CHECK(past.strange.count == 1, rows[i].name);
		CHECK(strcmp(past.strange.text[0], rows[i].field) == 0, rows[i].name);
	}
}

static void newer_words_are_kept(void)
{
	struct past_record past;

	parse(&past, "CONNWATCH_KIND=ended\nCONNWATCH_CAUSE=solar-flare\nCONNWATCH_ENDED_BY=quic");
	CU_ASSERT_STRING_EQUAL(past.cause, "solar-flare");
	CU_ASSERT_EQUAL(past.record.verdict.cause, CAUSE_UNKNOWN);
	CU_ASSERT_STRING_EQUAL(past.ended_by, "quic");
	CU_ASSERT_EQUAL(past.record.verdict.ended_by, ENDED_BY_UNKNOWN);
}

static void bytes_become_printable(void)
{
	static const char field[] = "CONNWATCH_AGENT=a\0b\x1b[2J\xff";
	struct past_record past;

	record_parse_begin(&past);
	record_parse_field(&past, field, sizeof(field) - 1);
	record_parse_field(&past, "CONNWATCH_KIND=ended", 20);
	CU_ASSERT_TRUE(record_parse_end(&past));
	CU_ASSERT_STRING_EQUAL(past.record.agent, "a?b?[2J?");
}

static void long_values_are_cut(void)
{
	struct past_record past;
	char field[4096] = "CONNWATCH_COMM=";

	memset(field + strlen(field), 'x', sizeof(field) - strlen(field));
	record_parse_begin(&past);
	record_parse_field(&past, field, sizeof(field));
	memcpy(field, "CONNWATCH_EVIDENCE=", 19);
	record_parse_field(&past, field, sizeof(field));
	memset(field, 'N', 100);
	record_parse_field(&past, field, sizeof(field));
	CU_ASSERT_STRING_EQUAL(past.record.process.comm, "xxxxxxxxxxxxxxx");
	CU_ASSERT_EQUAL(strlen(past.record.verdict.evidence.text[0]), TOKEN_SIZE - 1);
}

/* Records of any bytes: no sanitizer complains, and the result can be written again. */
static void damaged_fields_do_no_harm(void)
{
	struct record record = example_record();
	struct past_record past;

	srand(404104);
	record_lines(&record, written, sizeof(written));
	for (unsigned round = 0; round < 20000; round++) {
		char damaged[sizeof(written)];
		size_t length = strlen(written);

		memcpy(damaged, written, length + 1);
		for (unsigned i = 0; i < 1 + round % 8; i++)
			damaged[(size_t)rand() % length] = (char)(rand() % 255 + 1);
		damaged[(size_t)rand() % length + 1] = '\0';
		if (parse(&past, damaged) && past.record.kind != RECORD_KIND_INVALID)
			record_lines(&past.record, again, sizeof(again));
	}
}

SUITE("record_parse", { "ended comes back", ended_comes_back },
      { "every fact of the list comes back", every_fact_of_the_list_comes_back },
      { "action comes back", action_comes_back }, { "recovered comes back", recovered_comes_back },
      { "message is kept as written", message_is_kept_as_written },
      { "records of others are none", records_of_others_are_none },
      { "strange values are listed", strange_values_are_listed },
      { "newer words are kept", newer_words_are_kept },
      { "bytes become printable", bytes_become_printable },
      { "long values are cut", long_values_are_cut },
      { "damaged fields do no harm", damaged_fields_do_no_harm })
