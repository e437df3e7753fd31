/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints two days of records of two agents, in the journal's export format, for
 * systemd-journal-remote(8). The records are made by record_fields(), as the daemon's are.
 *
 * "thermostat" has a token that lives for 65 minutes; then it crashes, and is restarted. "camera"
 * loses its network. Among the records are a forged one and one of a newer version. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "record/record.h"

#define START (UINT64_C(1795219200) * USEC_PER_SEC) /* 2026-11-21 00:00:00 UTC */

static usec_t now = START;
static usec_t began;    /* the present outage */
static unsigned outage; /* the number of the present one, which is its id; 0: none */

/* The sentence is tested elsewhere, and its words may change. */
static void print_field(void *userdata, const char *name, const char *value)
{
	const struct record *record = userdata;

	if (strcmp(name, "MESSAGE") == 0)
		printf("MESSAGE=%s: a sentence (%s)\n", record->agent,
		       record_kind_to_string(record->kind));
	else
		printf("%s=%s\n", name, value);
}

/* The fields that journald adds: systemd.journal-fields(7). */
static void begin_entry(unsigned uid)
{
	printf("__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64 "\n", now,
	       now - START + USEC_PER_MINUTE);
	printf("_BOOT_ID=0123456789abcdef0123456789abcdef\n"
	       "_MACHINE_ID=fedcba9876543210fedcba9876543210\n_HOSTNAME=device\n"
	       "_UID=%u\nSYSLOG_IDENTIFIER=connwatchd\n",
	       uid);
}

static void print_record(const struct record *record)
{
	begin_entry(0);
	record_fields(record, print_field, (void *)record);
	putchar('\n');
}

static struct record record_of(const char *agent, enum record_kind kind)
{
	struct record record = {
		.kind = kind,
		.mode = MODE_EBPF,
		.process = { .pid = 812 },
		.local = { .family = AF_INET, .port = 40022, .address = { 10, 0, 0, 5 } },
		.peer = { .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } },
		.cookie = now / USEC_PER_SEC,
		.verdict = { .confidence = CONFIDENCE_INVALID },
	};

	if (outage)
		snprintf(record.outage_id, sizeof(record.outage_id), "%08x%024x", outage, outage);
	snprintf(record.agent, sizeof(record.agent), "%s", agent);
	snprintf(record.unit, sizeof(record.unit), "%s.service", agent);
	snprintf(record.process.comm, sizeof(record.process.comm), "%s", agent);
	if (kind == RECORD_WATCHING)
		record.peer.family = record.local.family = 0;
	return record;
}

static struct record ended(const char *agent, enum ended_by ended_by, enum cause cause,
			   enum confidence confidence, usec_t age)
{
	struct record record = record_of(agent, RECORD_ENDED);

	record.verdict.ended_by = ended_by;
	record.verdict.cause = cause;
	record.verdict.confidence = confidence;
	record.socket = (struct socket_facts){ .state_before = TCP_STATE_ESTABLISHED,
					       .age = age,
					       .idle_rx = 2 * USEC_PER_SEC,
					       .idle_tx = 3 * USEC_PER_SEC,
					       .bytes_sent = 5000,
					       .bytes_acked = 5000,
					       .bytes_received = 700 };
	tokens_add(&record.verdict.evidence, "state=ESTABLISHED");
	return record;
}

static unsigned begin_outage(void)
{
	static unsigned outages;

	began = now;
	return outage = ++outages;
}

static void end_outage(const char *agent, usec_t after, struct outage_summary summary)
{
	struct record record = record_of(agent, RECORD_RECOVERED);

	now += after;
	record.downtime = now - began;
	record.attempts = 1;
	for (unsigned i = 0; i < summary.failed_count; i++)
		record.attempts += summary.failed[i].count;
	record.outage = summary;
	if (record.outage.cause == CAUSE_AGENT_CRASH) {
		record.action.type = ACTION_RESTART;
		record.action_result = "helped";
	}
	print_record(&record);
	outage = 0;
}

static void begin_watching(void)
{
	struct record thermostat = record_of("thermostat", RECORD_WATCHING);
	struct record camera = record_of("camera", RECORD_WATCHING);

	print_record(&thermostat);
	print_record(&camera);
}

static void let_tokens_expire(void)
{
	for (unsigned i = 0; i < 14; i++) {
		enum confidence confidence = i < 3 ? CONFIDENCE_SUSPECTED : CONFIDENCE_LIKELY;
		struct record record;

		now += 65 * USEC_PER_MINUTE;
		begin_outage();
		record = ended("thermostat", ENDED_BY_PEER_FIN, CAUSE_TOKEN_EXPIRED, confidence,
			       65 * USEC_PER_MINUTE);
		tokens_add(&record.verdict.evidence, "like_ages=%u", i + 1);
		tokens_add(&record.verdict.ruled_out, "agent-close=our-side-had-not-closed");
		record.verdict.period = 65 * USEC_PER_MINUTE;
		record.verdict.period_count = i + 1;
		print_record(&record);
		end_outage("thermostat", 2 * USEC_PER_SEC,
			   (struct outage_summary){ .known = true,
						    .cause = CAUSE_TOKEN_EXPIRED,
						    .confidence = confidence });
	}
}

static void crash(void)
{
	struct record record;

	now += 40 * USEC_PER_MINUTE;
	begin_outage();
	record = ended("thermostat", ENDED_BY_LOCAL_FIN, CAUSE_AGENT_CRASH, CONFIDENCE_PROVED,
		       40 * USEC_PER_MINUTE);
	record.exit = (struct exit_facts){ true, true, true, SIGSEGV };
	tokens_add(&record.verdict.evidence, "closed_by=thermostat[812]");
	tokens_add(&record.verdict.evidence, "killed_by=SIGSEGV");
	tokens_add(&record.verdict.evidence, "sent_by=kernel");
	tokens_add(&record.verdict.evidence, "core_dumped=yes");
	tokens_add(&record.verdict.ruled_out, "agent-stopped=no-stop-was-asked-for");
	print_record(&record);
	record.kind = RECORD_ACTION;
	record.action.type = ACTION_RESTART;
	record.action_result = "starting";
	print_record(&record);
	now += USEC_PER_SEC;
	record.action_result = "done";
	print_record(&record);
	end_outage("thermostat", 5 * USEC_PER_SEC,
		   (struct outage_summary){ .known = true,
					    .cause = CAUSE_AGENT_CRASH,
					    .confidence = CONFIDENCE_PROVED });
}

static void lose_the_network(void)
{
	struct record record;

	now += 3 * USEC_PER_HOUR;
	record = ended("camera", ENDED_BY_UNKNOWN, CAUSE_PATH_SILENT, CONFIDENCE_LIKELY,
		       10 * USEC_PER_HOUR);
	record.kind = RECORD_STALLED;
	print_record(&record);
	now += 15 * USEC_PER_MINUTE;
	begin_outage();
	record = ended("camera", ENDED_BY_RETRANSMIT_TIMEOUT, CAUSE_PATH_SILENT, CONFIDENCE_LIKELY,
		       10 * USEC_PER_HOUR + 15 * USEC_PER_MINUTE);
	record.socket.idle_rx = 20 * USEC_PER_MINUTE;
	tokens_add(&record.verdict.evidence, "unanswered_retransmissions=15");
	tokens_add(&record.verdict.evidence, "next_hop=unanswered");
	tokens_add(&record.verdict.evidence, "moon_phase=full");
	tokens_add(&record.verdict.ruled_out, "peer-reset=no-RST-arrived");
	tokens_add(&record.verdict.ruled_out, "link-down=wlan0-stayed-up");
	print_record(&record);
}

/* Once a minute; the journal has the 1st, the 6th and the 12th attempt. */
static void fail_to_connect(void)
{
	static const unsigned told[] = { 1, 6, 12 };
	unsigned failed = 0;

	for (unsigned i = 0; i < 3; i++) {
		struct record record;

		now += (told[i] - failed) * USEC_PER_MINUTE;
		failed = told[i];
		record = ended("camera", ENDED_BY_CONNECT_REFUSED, CAUSE_CONNECT_REFUSED,
			       CONFIDENCE_PROVED, 30 * USEC_PER_MSEC);
		record.socket.bytes_sent = record.socket.bytes_received = 0;
		record.socket.state_before = TCP_STATE_SYN_SENT;
		record.attempts = record.cause_attempts = told[i];
		print_record(&record);
	}
	end_outage("camera", 30 * USEC_PER_MINUTE,
		   (struct outage_summary){ .known = true,
					    .cause = CAUSE_PATH_SILENT,
					    .confidence = CONFIDENCE_LIKELY,
					    .failed_count = 1,
					    .failed = { { CAUSE_CONNECT_REFUSED, 20 } } });
}

static void lose_evidence(void)
{
	struct record record = record_of("camera", RECORD_EVIDENCE_LOST);

	record.peer.family = record.local.family = 0;
	record.lost_events = 37;
	print_record(&record);
}

int main(void)
{
	begin_watching();
	let_tokens_expire();
	crash();
	lose_the_network();
	fail_to_connect();
	lose_evidence();
	begin_entry(1000); /* anybody can write such a record */
	printf("MESSAGE=forged\nCONNWATCH_KIND=ended\nCONNWATCH_AGENT=thermostat\n"
	       "CONNWATCH_CAUSE=operator-abort\n\n");
	now += USEC_PER_HOUR;
	begin_entry(0);
	printf("MESSAGE=camera: of a newer version\nCONNWATCH_KIND=ended\nCONNWATCH_AGENT=camera\n"
	       "CONNWATCH_CAUSE=solar-flare\nCONNWATCH_ENDED_BY=peer-fin\n"
	       "CONNWATCH_AGE_USEC=3600000000\n\n");
	begin_entry(0);
	printf("MESSAGE=camera: a record of a kind yet unknown\nCONNWATCH_KIND=foretold\n"
	       "CONNWATCH_AGENT=camera\n\n");
	return 0;
}
