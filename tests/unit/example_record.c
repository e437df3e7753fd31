/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "example_record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/text.h"
#include "suite.h"

struct record example_record(void)
{
	struct record record = {
		.kind = RECORD_ENDED,
		.time = 12,
		.mode = MODE_EBPF,
		.agent = "edge",
		.unit = "edge.service",
		.device_id = "sensor-1",
		.invocation_id = "0123456789abcdef0123456789abcdef",
		.process = { .pid = 812, .comm = "edge" },
		.cookie = 77,
		.netns = 4026531840,
		.local = { .family = AF_INET, .port = 40022, .address = { 10, 0, 0, 5 } },
		.peer = { .family = AF_INET, .port = 8883, .address = { 192, 0, 2, 7 } },
		.socket = { .state_before = TCP_STATE_ESTABLISHED,
			    .state = TCP_STATE_CLOSE,
			    .error = ETIMEDOUT,
			    .unread_bytes = 1,
			    .unacked_bytes = 2,
			    .retransmits = 3,
			    .probes = 4,
			    .rtt_usec = 5,
			    .bytes_sent = 6,
			    .bytes_acked = 7,
			    .bytes_received = 8,
			    .age = 9 * USEC_PER_SEC,
			    .idle_rx = 10,
			    .idle_tx = 11,
			    .idle_ack = 13 },
		.verdict = { .ended_by = ENDED_BY_RETRANSMIT_TIMEOUT,
			     .cause = CAUSE_PATH_SILENT,
			     .confidence = CONFIDENCE_LIKELY,
			     .rung = RUNG_TLS,
			     .period = 58 * USEC_PER_MINUTE,
			     .period_count = 4 },
		.exit = { .known = true, .by_signal = true, .dumped = true, .status = SIGSEGV },
		.outage_id = "fedcba9876543210fedcba9876543210",
		.attempts = 9,
		.cause_attempts = 8,
		.is_correction = true,
		.corrects = CAUSE_PEER_CLOSE,
		.outage = { .confidence = CONFIDENCE_INVALID },
		.lost_events = 2,
		.lost_groups = 1,
	};

	tokens_add(&record.verdict.evidence, "state=ESTABLISHED");
	tokens_add(&record.verdict.evidence, "error=ETIMEDOUT");
	tokens_add(&record.verdict.ruled_out, "peer-reset=no-RST-arrived");
	return record;
}

static void take_line(void *userdata, const char *name, const char *value)
{
	text_add(userdata, "%s=%s\n", name, value);
}

const char *record_lines(const struct record *record, char *buffer, size_t size)
{
	struct text text = text_begin(buffer, size);

	record_fields(record, take_line, &text);
	CU_ASSERT_FALSE(text.cut);
	return buffer;
}

bool parse_fields(struct past_record *past, const char *fields, char separator)
{
	record_parse_begin(past);
	while (*fields) {
		const char *end = strchrnul(fields, separator);

		record_parse_field(past, fields, (size_t)(end - fields));
		fields = end + (*end == separator);
	}
	return record_parse_end(past);
}
