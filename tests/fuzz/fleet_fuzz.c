/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fleet's analysis on any records, in any order and by any clock: all passes end, and their
 * results are consistent. Input: records of 14 bytes. */
#include "fleet/fleet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { RECORD_SIZE = 14, RECORDS_MAX = 512, DEVICES = 32 };

#define START (UINT64_C(1790812800) * USEC_PER_SEC)

static struct fleet_event events[RECORDS_MAX];

/* The time moves by what the record says, also back; its highest values are other centuries. */
static usec_t time_of(const uint8_t *bytes)
{
	int64_t seconds = (int8_t)bytes[6] * 256 + bytes[7];

	if (bytes[6] == 0x80)
		return (usec_t)bytes[7] << 56;
	return START + (usec_t)(seconds * (1 + bytes[8] % 64) * (int64_t)USEC_PER_SEC);
}

static void fill(struct past_record *past, const uint8_t *bytes)
{
	record_parse_begin(past);
	past->realtime = time_of(bytes);
	past->record.time = (usec_t)bytes[9] * USEC_PER_MINUTE;
	past->record.kind = (int)(bytes[1] % (RECORD_KIND_MAX + 1)) - 1;
	past->record.verdict.cause = bytes[2] % CAUSE_MAX;
	past->record.verdict.ended_by = bytes[3] % ENDED_BY_MAX;
	past->record.verdict.confidence = (int)(bytes[3] % (CONFIDENCE_MAX + 1)) - 1;
	past->record.peer = (struct endpoint){ .family = bytes[4] & 8 ? 0 : AF_INET,
					       .port = bytes[4] & 1,
					       .address = { bytes[4] & 6 } };
	past->record.socket.age = past->record.downtime = (usec_t)bytes[10] << (bytes[11] % 56);
	past->record.action_result = bytes[5] & 64 ? "starting" : NULL;
	snprintf(past->boot_id, sizeof(past->boot_id), "%d", bytes[5] & 3);
	snprintf(past->record.agent, sizeof(past->record.agent), "%d", bytes[5] >> 4 & 1);
	past->record.attempts = bytes[12] & 15;
	past->record.is_correction = bytes[12] & 16;
	past->record.outage.known = bytes[12] & 32;
	past->record.outage.cause = bytes[13] % CAUSE_MAX;
	if (bytes[12] & 64)
		snprintf(past->record.outage_id, sizeof(past->record.outage_id), "%d",
			 bytes[13] & 1);
}

static size_t take_all(struct fleet *fleet, const uint8_t *data, size_t size)
{
	struct past_record past;
	size_t count = 0;

	for (; size >= RECORD_SIZE && count < RECORDS_MAX;
	     data += RECORD_SIZE, size -= RECORD_SIZE) {
		char device[8], value[8];
		struct fleet_origin origin = { .source = data[0] & 0x80 ? device : "",
					       .source_name = device,
					       .machine = data[0] & 0x40 ? "clone" : device,
					       .hostname = "",
					       .values = { value, "" } };

		snprintf(device, sizeof(device), "%d", data[0] % (DEVICES + 4));
		snprintf(value, sizeof(value), "%.*s", data[5] >> 2 & 3, "abc");
		fill(&past, data);
		count += fleet_take(fleet, &past, &origin, &events[count]);
	}
	return count;
}

static void check_outage(const struct fleet *fleet, const struct fleet_outage *outage)
{
	MUST(outage->from <= outage->until);
	MUST(fleet_place(fleet, outage->place)->devices > 0);
	MUST(outage->devices > 0);
	MUST(outage->recovered <= outage->devices);
	MUST(outage->restarted <= outage->recovered);
	MUST(outage->confidence >= 0 && outage->confidence < CONFIDENCE_MAX);
	MUST(outage->cause == CAUSE_SERVICE_TRANSIENT ||
	     outage->confidence == CONFIDENCE_SUSPECTED);
	MUST((outage->extent == FLEET_EXTENT_GROUP) == (outage->value != 0));
}

static void check_findings(const struct fleet *fleet)
{
	const struct fleet_findings *found = fleet_findings(fleet);
	usec_t down = 0;
	uint64_t outages = 0, attempts = 0;

	MUST(found->devices <= DEVICES && found->agents <= DEVICES);
	for (unsigned i = 0; i < found->outage_count; i++)
		check_outage(fleet, &found->outages[i]);
	for (unsigned i = 0; i < found->trouble_count; i++)
		MUST(fleet_device_of(fleet, found->troubles[i].agent));
	for (unsigned i = 0; i < found->relation_count; i++)
		MUST(found->relations[i].with <= found->relations[i].of);
	for (unsigned i = 1; i < found->herd_count; i++)
		MUST(found->herds[i - 1].devices >= found->herds[i].devices);
	for (int cause = 0; cause < CAUSE_MAX; cause++) {
		const struct fleet_cost *cost = &found->by_cause[cause];

		MUST(cost->outages <= RECORDS_MAX && cost->attempts <= 16 * RECORDS_MAX);
		down += cost->down;
		outages += cost->outages;
		attempts += cost->attempts;
	}
	MUST(outages <= RECORDS_MAX && attempts <= 16 * RECORDS_MAX);
	MUST(down == found->down + found->stalled);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fleet_settings settings = { .devices = DEVICES,
					   .places = 16,
					   .values = 16,
					   .fields = 2,
					   .until = USEC_INFINITY,
					   .now = START + USEC_PER_HOUR };
	struct fleet *fleet;
	size_t count;

	MUST(fleet_new(&fleet, &settings) == 0);
	count = take_all(fleet, data, size);
	qsort(events, count, sizeof(events[0]), fleet_event_compare);
	for (enum fleet_pass pass = 0; pass < FLEET_PASSES; pass++) {
		fleet_pass_begin(fleet, pass);
		for (size_t i = 0; i < count; i++)
			fleet_pass_add(fleet, &events[i]);
		fleet_pass_end(fleet);
	}
	check_findings(fleet);
	fleet_free(fleet);
	return 0;
}
