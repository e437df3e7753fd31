/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The analysis of many devices' records. A test adds record by record; then all passes run over
 * them, in the order of `connwatch-fleet`. */
#include "fleet/fleet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/advice.h"
#include "suite.h"

#define START    (UINT64_C(1790812800) * USEC_PER_SEC) /* 2026-10-01 00:00:00 UTC */
#define SECOND   USEC_PER_SEC
#define MINUTE   USEC_PER_MINUTE
#define HOUR     USEC_PER_HOUR
#define DAY      (24 * USEC_PER_HOUR)
#define NO_VALUE ""

enum { EVENTS_MAX = 20000, DEVICES = 64 };

static struct fleet *fleet;
static struct fleet_event events[EVENTS_MAX];
static size_t event_count;

/* The subject of the next records. */
static struct {
	unsigned device, peer;
	const char *site, *boot, *source;
	int64_t clock; /* what the device's clock shows too much */
	usec_t boot_time;
} about;

static void begin(unsigned fields)
{
	struct fleet_settings settings = { .devices = DEVICES,
					   .places = 16,
					   .values = 16,
					   .fields = fields,
					   .until = USEC_INFINITY,
					   .now = START + 30 * DAY };

	event_count = 0;
	about.device = about.peer = 0;
	about.site = NO_VALUE;
	about.source = "";
	about.boot = "first";
	about.clock = 0;
	about.boot_time = START - DAY;
	CU_ASSERT_EQUAL_FATAL(fleet_new(&fleet, &settings), 0);
}

/* `time` is true, and counts from START. */
static struct past_record record_at(usec_t time, enum record_kind kind)
{
	struct past_record past;

	record_parse_begin(&past);
	past.record.kind = kind;
	past.realtime = START + time + (usec_t)about.clock;
	past.record.time = START + time - about.boot_time;
	past.record.verdict.cause = CAUSE_UNKNOWN;
	past.record.verdict.confidence = CONFIDENCE_PROVED;
	past.record.cookie = time + about.device;
	past.record.peer = (struct endpoint){ .family = AF_INET,
					      .port = 8883,
					      .address = { 192, 0, 2, (uint8_t)about.peer } };
	snprintf(past.boot_id, sizeof(past.boot_id), "%s", about.boot);
	snprintf(past.record.agent, sizeof(past.record.agent), "edge");
	return past;
}

static void deliver(const struct past_record *past)
{
	char name[32];
	struct fleet_origin origin = { .source = about.source,
				       .source_name = about.source,
				       .machine = name,
				       .hostname = name,
				       .values = { about.site, NO_VALUE, NO_VALUE, NO_VALUE } };

	snprintf(name, sizeof(name), "device-%u", about.device);
	if (event_count < EVENTS_MAX && fleet_take(fleet, past, &origin, &events[event_count]))
		event_count++;
}

static void ended(usec_t time, enum cause cause, enum ended_by ended_by, usec_t age)
{
	struct past_record past = record_at(time, RECORD_ENDED);

	past.record.verdict.cause = cause;
	past.record.verdict.ended_by = ended_by;
	past.record.socket.age = age;
	deliver(&past);
}

static void closed(usec_t time, usec_t age)
{
	ended(time, CAUSE_PEER_CLOSE, ENDED_BY_PEER_FIN, age);
}

static void recovered(usec_t time, usec_t downtime)
{
	struct past_record past = record_at(time, RECORD_RECOVERED);

	past.record.downtime = downtime;
	deliver(&past);
}

static void restarted(usec_t time)
{
	struct past_record past = record_at(time, RECORD_ACTION);

	past.record.action_result = "starting";
	deliver(&past);
}

/* All devices are there from the first to the last day. */
static void let_live(unsigned devices, usec_t length)
{
	for (unsigned i = 0; i < devices; i++) {
		struct past_record past;

		about.device = i;
		past = record_at(0, RECORD_WATCHING);
		deliver(&past);
		past = record_at(length, RECORD_WATCHING);
		deliver(&past);
	}
}

static const struct fleet_findings *findings(void)
{
	uint64_t same = 0;

	qsort(events, event_count, sizeof(events[0]), fleet_event_compare);
	for (enum fleet_pass pass = 0; pass < FLEET_PASSES; pass++) {
		fleet_pass_begin(fleet, pass);
		for (size_t i = 0; i < event_count; i++) {
			if (i > 0 && fleet_event_is_same(&events[i], &events[i - 1]))
				same += pass == 0;
			else
				fleet_pass_add(fleet, &events[i]);
		}
		fleet_pass_end(fleet);
	}
	fleet_count_duplicates(fleet, same);
	return fleet_findings(fleet);
}

/* ---- common outages */

static void test_many_at_once(void)
{
	const struct fleet_outage *outage;
	const struct fleet_findings *found;

	begin(0);
	let_live(40, 3 * DAY);
	for (about.device = 0; about.device < 20; about.device++)
		closed(DAY + about.device * 200 * USEC_PER_MSEC, HOUR + about.device * 7 * MINUTE);
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->outage_count, 1);
	outage = &found->outages[0];
	CU_ASSERT_EQUAL(outage->devices, 20);
	CU_ASSERT_EQUAL(outage->from, START + DAY);
	CU_ASSERT_EQUAL(outage->until, START + DAY + 3800 * USEC_PER_MSEC);
	CU_ASSERT_EQUAL(outage->ends[ENDED_BY_PEER_FIN], 20);
	CU_ASSERT_EQUAL(outage->cause, CAUSE_SERVICE_TRANSIENT);
	CU_ASSERT_EQUAL(outage->confidence, CONFIDENCE_LIKELY); /* of one site, for all we know */
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_SERVICE_TRANSIENT].outages, 20);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_PEER_CLOSE].outages, 0);
	fleet_free(fleet);
}

/* They may share a box in their network that closed them. */
static void test_some_at_once(void)
{
	const struct fleet_findings *found;

	begin(0);
	let_live(40, 3 * DAY);
	for (about.device = 0; about.device < 12; about.device++)
		closed(DAY + about.device * 200 * USEC_PER_MSEC, HOUR + about.device * 7 * MINUTE);
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->outage_count, 1);
	CU_ASSERT_EQUAL(found->outages[0].cause, CAUSE_SERVICE_TRANSIENT);
	CU_ASSERT_EQUAL(found->outages[0].confidence, CONFIDENCE_SUSPECTED);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_PEER_CLOSE].outages,
			12); /* not the service's for sure */
	fleet_free(fleet);
}

/* The outage of so many devices of 20 on each of two sites. */
static struct fleet_outage outage_on_sites(unsigned berlin, unsigned lima, enum ended_by ended_by)
{
	const struct fleet_findings *found;
	struct fleet_outage outage = { .cause = CAUSE_INVALID };

	begin(1);
	for (unsigned i = 0; i < 40; i++) {
		about.device = i;
		about.site = i % 2 ? "lima" : "berlin";
		closed(MINUTE + i * HOUR, HOUR); /* says where it is, alone */
		if (i / 2 < (i % 2 ? lima : berlin))
			ended(2 * DAY + i * 100 * USEC_PER_MSEC,
			      ended_by == ENDED_BY_PEER_FIN ? CAUSE_PEER_CLOSE : CAUSE_PATH_SILENT,
			      ended_by, HOUR + i * 7 * MINUTE);
	}
	found = findings();
	if (found->outage_count == 1)
		outage = found->outages[0];
	fleet_free(fleet);
	return outage;
}

static void test_proof_needs_several_groups(void)
{
	static const struct {
		const char *name;
		unsigned berlin, lima;
		enum ended_by ended_by;
		enum fleet_extent extent;
		enum confidence confidence;
	} rows[] = {
		{ "most of both sites, by the peer", 15, 15, ENDED_BY_PEER_FIN,
		  FLEET_EXTENT_SERVICE, CONFIDENCE_PROVED },
		{ "a part of both sites", 6, 6, ENDED_BY_PEER_FIN, FLEET_EXTENT_SERVICE,
		  CONFIDENCE_LIKELY },
		{ "most of both sites, in silence", 15, 15, ENDED_BY_RETRANSMIT_TIMEOUT,
		  FLEET_EXTENT_SERVICE, CONFIDENCE_LIKELY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fleet_outage outage =
			outage_on_sites(rows[i].berlin, rows[i].lima, rows[i].ended_by);

		CHECK(outage.cause == CAUSE_SERVICE_TRANSIENT, rows[i].name);
		CHECK(outage.extent == rows[i].extent, rows[i].name);
		CHECK(outage.confidence == rows[i].confidence, rows[i].name);
	}
}

/* One of three sites: not the service, whoever sent the FIN. */
static void test_one_group_is_not_the_service(void)
{
	static const char *const sites[] = { "berlin", "lima", "quito" };
	const struct fleet_findings *found;

	begin(1);
	for (unsigned i = 0; i < 45; i++) {
		about.device = i;
		about.site = sites[i % 3];
		closed(MINUTE + i * HOUR, HOUR);
		if (i % 3 == 1)
			closed(2 * DAY + i * 100 * USEC_PER_MSEC, HOUR + i * 7 * MINUTE);
	}
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->outage_count, 1);
	CU_ASSERT_EQUAL(found->outages[0].extent, FLEET_EXTENT_GROUP);
	CU_ASSERT_STRING_EQUAL(fleet_value(fleet, found->outages[0].value)->text, "lima");
	CU_ASSERT_EQUAL(found->outages[0].cause, CAUSE_UNKNOWN);
	CU_ASSERT_EQUAL(found->outages[0].confidence, CONFIDENCE_SUSPECTED);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_SERVICE_TRANSIENT].outages, 0);
	fleet_free(fleet);
}

/* They had come back together, and their tokens are of one age. */
static void test_sessions_of_one_age(void)
{
	const struct fleet_findings *found;

	begin(0);
	let_live(40, 3 * DAY);
	for (about.device = 0; about.device < 30; about.device++)
		closed(DAY + about.device * 100 * USEC_PER_MSEC, 65 * MINUTE);
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->outage_count, 1);
	CU_ASSERT_EQUAL(found->outages[0].extent, FLEET_EXTENT_TOGETHER);
	CU_ASSERT_EQUAL(found->outages[0].cause, CAUSE_UNKNOWN);
	CU_ASSERT_EQUAL(found->outages[0].confidence, CONFIDENCE_SUSPECTED);
	fleet_free(fleet);
}

/* Most are of one age, but others went with them that are not. */
static void test_sessions_of_other_ages_too(void)
{
	const struct fleet_findings *found;

	begin(0);
	let_live(40, 3 * DAY);
	for (about.device = 0; about.device < 40; about.device++)
		closed(DAY + about.device * 100 * USEC_PER_MSEC,
		       about.device < 25 ? 65 * MINUTE : 2 * HOUR + about.device * 20 * MINUTE);
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->outage_count, 1);
	CU_ASSERT_EQUAL(found->outages[0].cause, CAUSE_SERVICE_TRANSIENT);
	fleet_free(fleet);
}

static void test_peers_and_services(void)
{
	static const struct {
		const char *name, *where;
		unsigned peers_hit;
	} rows[] = { { "one of two peers", "192.0.2.0:8883", 1 }, { "both peers", "*:8883", 2 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fleet_findings *found;
		char where[ENDPOINT_TEXT_SIZE] = "";

		begin(0);
		for (about.device = 0; about.device < 40; about.device++) {
			about.peer = about.device % 2;
			closed(about.device * HOUR, HOUR);
			if (about.peer < rows[i].peers_hit)
				closed(2 * DAY + about.device * 90 * USEC_PER_MSEC,
				       HOUR + about.device * 7 * MINUTE);
		}
		found = findings();
		CHECK(found->outage_count == 1, rows[i].name);
		if (found->outage_count)
			endpoint_format(&fleet_place(fleet, found->outages[0].place)->endpoint,
					where);
		CHECK(strcmp(where, rows[i].where) == 0, rows[i].name);
		fleet_free(fleet);
	}
}

/* ---- what is none */

static uint64_t seed = 1;

static usec_t draw(usec_t most) /* xorshift64 */
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % most;
}

static void test_chance_is_no_outage(void)
{
	unsigned outages = 0;

	for (unsigned i = 0; i < 20; i++) {
		begin(0);
		for (unsigned k = 0; k < 1500; k++) {
			about.device = (unsigned)draw(DEVICES);
			closed(draw(3 * DAY), draw(DAY));
		}
		outages += findings()->outage_count;
		fleet_free(fleet);
	}
	CU_ASSERT_EQUAL(outages, 0);
}

static void test_one_device_is_no_outage(void)
{
	begin(0);
	let_live(40, 3 * DAY);
	about.device = 7;
	for (unsigned i = 0; i < 60; i++)
		closed(DAY + i * SECOND, SECOND);
	CU_ASSERT_EQUAL(findings()->outage_count, 0);
	fleet_free(fleet);
}

static void test_explained_ends_are_no_outage(void)
{
	static const enum cause causes[] = { CAUSE_TOKEN_RENEWAL, CAUSE_TOKEN_EXPIRED,
					     CAUSE_AGENT_CRASH, CAUSE_AGENT_STOPPED,
					     CAUSE_LINK_DOWN };

	begin(0);
	let_live(40, 3 * DAY);
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		for (about.device = 0; about.device < 40; about.device++)
			ended(HOUR + i * HOUR, causes[i], ENDED_BY_PEER_FIN, HOUR);
	CU_ASSERT_EQUAL(findings()->outage_count, 0);
	fleet_free(fleet);
}

/* Without a battery for the clock, all start with the date of their image. */
static void test_clocks_that_were_not_set(void)
{
	const struct fleet_findings *found;

	begin(0);
	for (about.device = 0; about.device < 30; about.device++) {
		about.boot_time = START + DAY + about.device * HOUR;
		about.clock = -(int64_t)(about.boot_time - START);
		closed(about.boot_time - START + MINUTE, 30 * SECOND + about.device * 10 * MINUTE);
		about.clock = 0;
		closed(about.boot_time - START + 3 * MINUTE, 30 * SECOND);
	}
	found = findings();
	CU_ASSERT_EQUAL(found->outage_count, 0);
	CU_ASSERT_EQUAL(found->clock_steps, 30);
	fleet_free(fleet);
}

/* ---- the records themselves */

static void test_duplicates_and_order(void)
{
	const struct fleet_findings *found;

	begin(0);
	closed(HOUR, MINUTE);
	closed(HOUR, MINUTE);
	recovered(HOUR + MINUTE, MINUTE);
	closed(HOUR + 50 * SECOND, MINUTE); /* out of order */
	about.device = 1;
	closed(30 * MINUTE, MINUTE); /* late */
	recovered(31 * MINUTE, MINUTE);
	recovered(40 * MINUTE, MINUTE); /* there was an end in between */
	found = findings();
	CU_ASSERT_EQUAL(found->records, 7);
	CU_ASSERT_EQUAL(found->devices, 2);
	CU_ASSERT_EQUAL(found->duplicates, 1);
	CU_ASSERT_EQUAL(found->out_of_order, 1);
	CU_ASSERT_EQUAL(found->late, 3);
	CU_ASSERT_EQUAL(found->missing, 1);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_PEER_CLOSE].outages, 3);
	fleet_free(fleet);
}

/* Everybody else would be late beside it. */
static void test_a_clock_ahead_makes_nobody_late(void)
{
	begin(0);
	for (unsigned i = 0; i < 100; i++) {
		about.device = i % 10;
		about.clock = about.device == 3 ? 10 * (int64_t)MINUTE : 0;
		closed(HOUR + i * SECOND, MINUTE);
	}
	CU_ASSERT_EQUAL(findings()->late, 0);
	fleet_free(fleet);
}

static void test_dates_that_cannot_be(void)
{
	begin(0);
	about.clock = -(int64_t)START; /* 1970 */
	closed(HOUR, MINUTE);
	about.clock = 60 * DAY;
	closed(HOUR, MINUTE);
	CU_ASSERT_EQUAL(findings()->undated, 2);
	CU_ASSERT_EQUAL(findings()->agents, 0);
	fleet_free(fleet);
}

static void test_no_room(void)
{
	begin(0);
	for (about.device = 0; about.device < DEVICES + 5; about.device++)
		closed(HOUR, MINUTE);
	CU_ASSERT_EQUAL(findings()->no_room, 5);
	CU_ASSERT_EQUAL(findings()->devices, DEVICES);
	fleet_free(fleet);
}

/* ---- devices that lie; tests/fleet/attack_cases.py plays them on journals */

static void test_source_is_the_device(void)
{
	const struct fleet_device *device;

	begin(0);
	about.source = "a";
	for (about.device = 0; about.device < 10; about.device++)
		closed(HOUR, MINUTE);
	about.source = "b";
	about.device = 3;
	closed(HOUR, MINUTE);
	about.source = "";
	closed(HOUR, MINUTE);
	CU_ASSERT_EQUAL(findings()->devices, 3);
	CU_ASSERT_EQUAL(findings()->unproven, 1);
	device = fleet_device(fleet, 0);
	CU_ASSERT_STRING_EQUAL(device->hostname, "a");
	CU_ASSERT_EQUAL(device->renamed, 9);
	CU_ASSERT_TRUE(device->proven);
	CU_ASSERT_FALSE(fleet_device(fleet, 2)->proven);
	fleet_free(fleet);
}

static void test_peers_without_room_count_for_their_port(void)
{
	const struct fleet_findings *found;
	char where[ENDPOINT_TEXT_SIZE] = "";

	begin(0);
	let_live(40, 3 * DAY);
	for (about.device = 0; about.device < 40; about.device++) {
		about.peer = about.device; /* room for 13 beside their service */
		closed(DAY + about.device * 90 * USEC_PER_MSEC, HOUR + about.device * 7 * MINUTE);
	}
	found = findings();
	CU_ASSERT_EQUAL(found->no_peer, 27);
	CU_ASSERT_EQUAL_FATAL(found->outage_count, 1);
	CU_ASSERT_EQUAL(found->outages[0].devices, 40);
	endpoint_format(&fleet_place(fleet, found->outages[0].place)->endpoint, where);
	CU_ASSERT_STRING_EQUAL(where, "*:8883");
	fleet_free(fleet);
}

static void test_quotas_of_a_device(void)
{
	const struct fleet_findings *found;

	begin(1);
	for (unsigned i = 0; i < 100; i++) {
		struct past_record past = record_at(HOUR + i * SECOND, RECORD_ENDED);
		char site[16];

		snprintf(site, sizeof(site), "site-%u", i);
		about.site = site;
		snprintf(past.record.agent, sizeof(past.record.agent), "agent-%u", i);
		past.record.peer.port = (uint16_t)(1 + i);
		deliver(&past);
	}
	found = findings();
	CU_ASSERT_EQUAL(found->agents, FLEET_AGENTS_OF_DEVICE);
	CU_ASSERT_EQUAL(found->values, FLEET_VALUES_OF_DEVICE);
	CU_ASSERT_EQUAL(found->places, FLEET_PLACES_OF_DEVICE);
	CU_ASSERT_TRUE(found->over_quota >= 100 - FLEET_AGENTS_OF_DEVICE);
	CU_ASSERT_EQUAL(fleet_device(fleet, 0)->over_quota, found->over_quota);
	fleet_free(fleet);
}

/* One record of long ago or of later than all others. */
static void test_one_device_does_not_stretch_the_time(void)
{
	static const int64_t times[] = { -600 * (int64_t)DAY, 20 * (int64_t)DAY };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const struct fleet_findings *found;

		begin(0);
		let_live(40, 3 * DAY);
		about.device = 50;
		about.boot_time = START - 900 * DAY;
		closed((usec_t)times[i], MINUTE);
		found = findings();
		CU_ASSERT_EQUAL(found->outlying, 1);
		CU_ASSERT_EQUAL(found->until - found->since, 3 * DAY + 36 * HOUR);
		fleet_free(fleet);
	}
}

static void test_a_clock_that_is_off(void)
{
	const struct fleet_findings *found;

	begin(0);
	for (about.device = 0; about.device < 30; about.device++) {
		about.clock = about.device == 9 ? 90 * (int64_t)SECOND : 0;
		for (unsigned i = 0; i < 4; i++)
			closed(12 * HOUR + i * 9 * HOUR + about.device * 50 * USEC_PER_MSEC,
			       HOUR + about.device * 7 * MINUTE);
	}
	found = findings();
	CU_ASSERT_EQUAL(found->outage_count, 4);
	CU_ASSERT_EQUAL(found->skewed, 1);
	CU_ASSERT_EQUAL(fleet_device(fleet, 9)->skew_outages, 4);
	CU_ASSERT_EQUAL(fleet_device(fleet, 9)->skew / (int64_t)SECOND, 90);
	CU_ASSERT_EQUAL(fleet_device(fleet, 8)->skew, 0);
	CU_ASSERT_PTR_NULL(fleet_device(fleet, 30));
	fleet_free(fleet);
}

/* ---- single devices */

static void test_troubles(void)
{
	const struct fleet_findings *found;

	begin(0);
	let_live(40, 3 * DAY);
	for (unsigned i = 0; i < 3; i++) {
		about.device = 1;
		ended(DAY + i * 20 * MINUTE, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN, MINUTE);
		about.device = 2; /* no loop: once a day */
		ended(i * DAY, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN, MINUTE);
		about.device = 3;
		ended(DAY + i * 65 * MINUTE, CAUSE_TOKEN_EXPIRED, ENDED_BY_PEER_FIN, 65 * MINUTE);
		about.device = 5;
		ended(DAY + i * MINUTE, CAUSE_SESSION_REJECTED, ENDED_BY_PEER_FIN, SECOND);
		about.device = 6;
		ended(DAY + i * HOUR, CAUSE_AGENT_HANG, ENDED_BY_PEER_FIN, HOUR);
	}
	about.device = 4;
	for (unsigned i = 0; i < 12; i++)
		ended(DAY + i * HOUR, CAUSE_LINK_DOWN, ENDED_BY_UNREACHABLE, MINUTE);
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->trouble_count, FLEET_TROUBLE_MAX);
	for (int kind = 0; kind < FLEET_TROUBLE_MAX; kind++) {
		static const unsigned devices[] = { 1, 3, 4, 5, 6 };
		const struct fleet_trouble *trouble = &found->troubles[kind];

		CHECK(trouble->kind == kind, fleet_trouble_kind_to_string(kind));
		CHECK(fleet_device_of(fleet, trouble->agent) == fleet_device(fleet, devices[kind]),
		      fleet_trouble_kind_to_string(kind));
	}
	CU_ASSERT_STRING_EQUAL(fleet_agent_name(fleet, found->troubles[0].agent), "edge");
	fleet_free(fleet);
}

static void test_what_goes_with_what(void)
{
	const struct fleet_findings *found;

	begin(1);
	for (about.device = 0; about.device < 60; about.device++) {
		bool is_new = about.device % 3 == 0;

		about.site = is_new ? "1.2" : "1.1";
		closed(about.device * HOUR, HOUR);
		if (is_new || about.device == 1)
			ended(DAY + about.device * HOUR, CAUSE_AGENT_ABORT, ENDED_BY_LOCAL_RESET,
			      HOUR);
	}
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->relation_count, 1);
	CU_ASSERT_STRING_EQUAL(fleet_value(fleet, found->relations[0].value)->text, "1.2");
	CU_ASSERT_EQUAL(found->relations[0].cause, CAUSE_AGENT_ABORT);
	CU_ASSERT_EQUAL(found->relations[0].with, 20);
	CU_ASSERT_EQUAL(found->relations[0].of, 20);
	CU_ASSERT_EQUAL(found->relations[0].others_with, 1);
	CU_ASSERT_EQUAL(found->relations[0].others_of, 40);
	fleet_free(fleet);
}

/* ---- availability and herds */

static void test_availability_by_cause(void)
{
	const struct fleet_findings *found;

	begin(0);
	closed(HOUR, HOUR);
	recovered(HOUR + 10 * MINUTE, 10 * MINUTE);
	ended(2 * HOUR, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN, 50 * MINUTE);
	recovered(2 * HOUR + MINUTE, MINUTE);
	closed(3 * HOUR, 59 * MINUTE);
	found = findings();
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_PEER_CLOSE].down, 10 * MINUTE);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_AGENT_CRASH].down, MINUTE);
	CU_ASSERT_EQUAL(found->down, 11 * MINUTE);
	CU_ASSERT_EQUAL(found->up, 109 * MINUTE);
	fleet_free(fleet);
}

static void test_herds(void)
{
	const struct fleet_findings *found;

	begin(0);
	let_live(40, 3 * DAY);
	for (about.device = 0; about.device < 30; about.device++) {
		closed(DAY + about.device * 50 * USEC_PER_MSEC, HOUR + about.device * 7 * MINUTE);
		if (about.device < 10)
			restarted(DAY + 5 * SECOND);
		recovered(DAY + 20 * SECOND + about.device * 20 * USEC_PER_MSEC, 20 * SECOND);
	}
	found = findings();
	CU_ASSERT_EQUAL_FATAL(found->herd_count, 1);
	CU_ASSERT_EQUAL(found->herds[0].time, START + DAY + 20 * SECOND);
	CU_ASSERT_EQUAL(found->herds[0].devices, 30);
	CU_ASSERT_EQUAL(found->herds[0].restarted, 10);
	CU_ASSERT_EQUAL_FATAL(found->outage_count, 1);
	CU_ASSERT_EQUAL(found->outages[0].recovered, 30);
	CU_ASSERT_EQUAL(found->outages[0].restarted, 10);
	CU_ASSERT_EQUAL(found->outages[0].peak, 30);
	CU_ASSERT_EQUAL(found->outages[0].downtime_max, 20 * SECOND);
	fleet_free(fleet);
}

/* ---- outages of an agent */

static void in_outage(const char *id, usec_t time, enum cause cause, unsigned attempts,
		      bool is_correction)
{
	struct past_record past = record_at(time, RECORD_ENDED);

	past.record.verdict.cause = cause;
	past.record.verdict.ended_by = attempts ? ENDED_BY_CONNECT_REFUSED : ENDED_BY_PEER_FIN;
	past.record.attempts = attempts;
	past.record.is_correction = is_correction;
	past.record.socket.age = attempts ? 0 : HOUR;
	snprintf(past.record.outage_id, sizeof(past.record.outage_id), "%s", id);
	deliver(&past);
}

/* Four attempts that failed, and a fifth that came up. */
static void recovered_from(const char *id, usec_t time, usec_t downtime, enum cause cause)
{
	struct past_record past = record_at(time, RECORD_RECOVERED);

	past.record.downtime = downtime;
	past.record.attempts = 5;
	past.record.outage.known = cause != CAUSE_INVALID;
	past.record.outage.cause = cause;
	snprintf(past.record.outage_id, sizeof(past.record.outage_id), "%s", id);
	deliver(&past);
}

static void test_an_outage_counts_once(void)
{
	const struct fleet_findings *found;

	begin(0);
	let_live(3, 2 * DAY);
	about.device = 0;
	in_outage("a", DAY, CAUSE_PEER_CLOSE, 0, false);
	in_outage("a", DAY + MINUTE, CAUSE_CONNECT_REFUSED, 1, false);
	in_outage("a", DAY + 2 * MINUTE, CAUSE_CONNECT_REFUSED, 2, false);
	recovered_from("a", DAY + 10 * MINUTE, 10 * MINUTE, CAUSE_INVALID);
	in_outage("b", DAY + HOUR, CAUSE_PEER_CLOSE, 0, false);
	recovered_from("b", DAY + HOUR + MINUTE, MINUTE, CAUSE_INVALID);
	found = findings();
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_PEER_CLOSE].outages, 2);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_PEER_CLOSE].attempts, 8);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_PEER_CLOSE].down, 11 * MINUTE);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_CONNECT_REFUSED].outages, 0);
	CU_ASSERT_EQUAL(found->by_cause[CAUSE_CONNECT_REFUSED].down, 0);
	fleet_free(fleet);
}

/* What a later record knows better, all of the outage is charged with. */
static void test_an_outage_is_corrected(void)
{
	static const bool at_once[] = { true, false };

	for (size_t i = 0; i < 2; i++) {
		const struct fleet_findings *found;
		const struct fleet_cost *cost;

		begin(0);
		let_live(3, 2 * DAY);
		about.device = 0;
		in_outage("a", DAY, CAUSE_PEER_CLOSE, 0, false);
		in_outage("a", DAY + MINUTE, CAUSE_TOKEN_EXPIRED, 1, at_once[i]);
		recovered_from("a", DAY + 10 * MINUTE, 10 * MINUTE,
			       at_once[i] ? CAUSE_INVALID : CAUSE_TOKEN_EXPIRED);
		found = findings();
		cost = &found->by_cause[CAUSE_TOKEN_EXPIRED];
		CU_ASSERT_EQUAL(cost->outages, 1);
		CU_ASSERT_EQUAL(cost->attempts, 4);
		CU_ASSERT_EQUAL(cost->down, 10 * MINUTE);
		cost = &found->by_cause[CAUSE_PEER_CLOSE];
		CU_ASSERT_EQUAL(cost->outages + cost->attempts + cost->down, 0);
		fleet_free(fleet);
	}
}

static void test_expected_ends_are_not_drawn(void)
{
	const struct fleet_findings *found;
	unsigned drawn = 0;

	begin(0);
	let_live(3, 2 * DAY);
	about.device = 0;
	ended(DAY, CAUSE_TOKEN_RENEWAL, ENDED_BY_LOCAL_FIN, HOUR);
	ended(DAY + HOUR, CAUSE_AGENT_CRASH, ENDED_BY_LOCAL_FIN, HOUR);
	found = findings();
	for (unsigned i = 0; i < FLEET_BINS; i++)
		for (int side = 0; side < SIDE_MAX; side++)
			drawn += found->bins[i].ends[side];
	CU_ASSERT_EQUAL(drawn, 1);
	CU_ASSERT_EQUAL(found->expected, 1);
	fleet_free(fleet);
}

static void test_advice(void)
{
	for (int cause = 0; cause < CAUSE_MAX; cause++)
		CU_ASSERT_PTR_NOT_NULL(fleet_advice(cause));
	CU_ASSERT_PTR_NULL(fleet_advice(CAUSE_MAX));
}

static void test_spreading(void)
{
	CU_ASSERT_EQUAL(fleet_spread_peak(1000, 0), 1000);
	CU_ASSERT_EQUAL(fleet_spread_peak(3, 10 * SECOND), 3);
	/* 1000 in 100 s are 10 a second; 25 or more in any of 100 seconds come less than once in
	 * 100 */
	CU_ASSERT_EQUAL(fleet_spread_peak(1000, 100 * SECOND), 24);
}

SUITE("fleet", { "many at once", test_many_at_once }, { "some at once", test_some_at_once },
      { "proof needs several groups", test_proof_needs_several_groups },
      { "one group is not the service", test_one_group_is_not_the_service },
      { "sessions of one age", test_sessions_of_one_age },
      { "sessions of other ages too", test_sessions_of_other_ages_too },
      { "peers and services", test_peers_and_services },
      { "chance is no outage", test_chance_is_no_outage },
      { "one device is no outage", test_one_device_is_no_outage },
      { "explained ends are no outage", test_explained_ends_are_no_outage },
      { "clocks that were not set", test_clocks_that_were_not_set },
      { "duplicates and order", test_duplicates_and_order },
      { "a clock ahead makes nobody late", test_a_clock_ahead_makes_nobody_late },
      { "dates that cannot be", test_dates_that_cannot_be }, { "no room", test_no_room },
      { "source is the device", test_source_is_the_device },
      { "peers without room count for their port", test_peers_without_room_count_for_their_port },
      { "quotas of a device", test_quotas_of_a_device },
      { "one device does not stretch the time", test_one_device_does_not_stretch_the_time },
      { "a clock that is off", test_a_clock_that_is_off }, { "troubles", test_troubles },
      { "what goes with what", test_what_goes_with_what },
      { "availability by cause", test_availability_by_cause }, { "herds", test_herds },
      { "an outage counts once", test_an_outage_counts_once },
      { "an outage is corrected", test_an_outage_is_corrected },
      { "expected ends are not drawn", test_expected_ends_are_not_drawn },
      { "every cause has advice", test_advice }, { "spreading", test_spreading })
