/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fleet_take(): which devices, agents, peers and values of fields there are, and which clocks are
 * to be believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/state.h"

/* 2024-01-01: no record is older than this program. A device without a battery for its clock starts
 * in 1970, or at the date of its image. */
#define EARLIEST (UINT64_C(1704067200) * USEC_PER_SEC)
#define LATE     USEC_PER_MINUTE
#define FUTURE   (5 * USEC_PER_MINUTE)
#define STEP_MIN (10 * USEC_PER_SEC) /* less is drift of the clock, or delay of a record */

/* FNV-1a, 64 bits. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text) + 1);
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
	return hash_bytes(hash, &number, sizeof(number));
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* ---- who */

static bool has_source(const struct fleet_origin *origin)
{
	return origin->source && origin->source[0];
}

/* By its source; otherwise by machine ID and host name: images are cloned with their machine ID,
 * and host names repeat. */
static uint64_t key_of(const struct fleet_origin *origin)
{
	if (has_source(origin))
		return hash_text(hash_number(HASH_START, 1), origin->source);
	return hash_text(hash_text(HASH_START, origin->machine), origin->hostname);
}

/* NULL if there is no room. */
static struct device_entry *find_device(struct fleet *fleet, const struct fleet_origin *origin)
{
	uint64_t key = key_of(origin);
	struct device_entry *device = keyed_table_find(&fleet->device_table, key);
	struct fleet_device *report;

	if (device)
		return device;
	device = keyed_table_add(&fleet->device_table, key);
	if (!device)
		return NULL;
	report = &device->report;
	report->proven = has_source(origin);
	snprintf(report->machine, sizeof(report->machine), "%s", origin->machine);
	snprintf(report->hostname, sizeof(report->hostname), "%s",
		 report->proven ? origin->source_name : origin->hostname);
	device->first = USEC_INFINITY;
	fleet->found.devices++;
	return device;
}

/* A device that is known by its source may say that it is another, or have been set up anew. */
static void note_sender(struct fleet *fleet, struct device_entry *device,
			const struct fleet_origin *origin)
{
	uint64_t named = hash_text(hash_text(HASH_START, origin->machine), origin->hostname);

	fleet->found.unproven += !device->report.proven;
	device->report.renamed += device->named && device->named != named;
	device->named = named;
}

static void exceed_quota(struct fleet *fleet, struct device_entry *device)
{
	device->report.over_quota++;
	fleet->found.over_quota++;
}

/* 0 if there is no room. */
static uint16_t find_name(struct fleet *fleet, const char *name)
{
	uint64_t key = hash_text(HASH_START, name);
	char *known = keyed_table_find(&fleet->name_table, key);

	if (!known) {
		known = keyed_table_add(&fleet->name_table, key);
		if (!known)
			return 0;
		snprintf(known, AGENT_NAME_SIZE, "%s", name);
	}
	return (uint16_t)fleet_number(&fleet->name_table, known);
}

/* NULL if there is no room. */
static struct agent_entry *add_agent(struct fleet *fleet, struct device_entry *device,
				     const char *name, uint64_t key)
{
	uint16_t number = find_name(fleet, name);
	struct agent_entry *agent = number ? keyed_table_add(&fleet->agent_table, key) : NULL;

	if (!agent) {
		fleet->found.no_room++;
		return NULL;
	}
	agent->device = device;
	agent->name = number;
	device->agents++;
	fleet->found.agents++;
	return agent;
}

/* NULL if there is no room, or if its device has too many. */
static struct agent_entry *find_agent(struct fleet *fleet, struct device_entry *device,
				      const char *name)
{
	uint32_t number = fleet_number(&fleet->device_table, device);
	uint64_t key = hash_text(hash_number(HASH_START, number), name);
	struct agent_entry *agent = keyed_table_find(&fleet->agent_table, key);

	if (agent)
		return agent;
	if (device->agents < FLEET_AGENTS_OF_DEVICE)
		return add_agent(fleet, device, name, key);
	exceed_quota(fleet, device);
	return NULL;
}

/* ---- where */

static uint64_t key_of_place(const struct endpoint *endpoint)
{
	uint64_t key = hash_bytes(hash_number(HASH_START, endpoint->port), endpoint->address,
				  sizeof(endpoint->address));

	return hash_number(key, endpoint->family);
}

/* NULL if there is no room; an eighth of the table is for services alone. */
static struct place_entry *add_place(struct fleet *fleet, const struct endpoint *endpoint)
{
	uint32_t all = fleet->settings.places, room = endpoint->family ? all - all / 8 : all;
	struct place_entry *place = NULL;

	if (fleet->place_table.count < room)
		place = keyed_table_add(&fleet->place_table, key_of_place(endpoint));
	if (place)
		place->report.endpoint = *endpoint;
	else
		fleet->found.no_peer++;
	return place;
}

/* Notes that the device uses the place, once. NULL if there is no room for the place, or if the
 * device uses as many others as it may. */
static struct place_entry *use_place(struct fleet *fleet, struct device_entry *device,
				     const struct endpoint *endpoint)
{
	struct place_entry *place = keyed_table_find(&fleet->place_table, key_of_place(endpoint));
	struct place_use *use;

	if (place && fleet_use_of(device, (uint16_t)fleet_number(&fleet->place_table, place)))
		return place;
	use = fleet_use_of(device, 0);
	if (!use) {
		exceed_quota(fleet, device);
		return NULL;
	}
	if (!place)
		place = add_place(fleet, endpoint);
	if (!place)
		return NULL;
	use->place = (uint16_t)fleet_number(&fleet->place_table, place);
	place->report.devices++;
	return place;
}

/* The number of the peer, or of its service if the peer finds no room; 0 if there is none. */
static uint16_t find_peer(struct fleet *fleet, struct device_entry *device,
			  const struct endpoint *endpoint)
{
	struct endpoint any = { .port = endpoint->port };
	struct place_entry *peer, *service;

	if (endpoint->family == 0)
		return 0;
	service = use_place(fleet, device, &any);
	if (!service)
		return 0;
	peer = use_place(fleet, device, endpoint);
	if (!peer) {
		service->crowded = true;
		return (uint16_t)fleet_number(&fleet->place_table, service);
	}
	if (!peer->report.service) {
		peer->report.service = (uint16_t)fleet_number(&fleet->place_table, service);
		service->report.peers++;
	}
	return (uint16_t)fleet_number(&fleet->place_table, peer);
}

/* NULL if there is no room. */
static struct fleet_value *add_value(struct fleet *fleet, unsigned field, const char *text,
				     uint64_t key)
{
	struct fleet_value *value = keyed_table_add(&fleet->value_table, key);

	if (!value) {
		fleet->found.no_group++;
		return NULL;
	}
	value->field = field;
	snprintf(value->text, sizeof(value->text), "%s", text);
	fleet->found.values++;
	return value;
}

/* The number of the value; 0 if it is empty, there is no room, or the device had too many others.
 */
static uint16_t find_value(struct fleet *fleet, struct device_entry *device, unsigned field,
			   const char *text)
{
	uint64_t key = hash_text(hash_number(HASH_START, field), text);
	struct fleet_value *value = keyed_table_find(&fleet->value_table, key);
	uint16_t number = value ? (uint16_t)fleet_number(&fleet->value_table, value) : 0;
	uint16_t *known = device->known_values[field];

	if (!text[0])
		return 0;
	for (unsigned i = 0; i < FLEET_VALUES_OF_DEVICE; i++) {
		if (known[i] && known[i] == number)
			return number;
		if (known[i])
			continue;
		if (!value)
			value = add_value(fleet, field, text, key);
		if (value)
			known[i] = (uint16_t)fleet_number(&fleet->value_table, value);
		return known[i];
	}
	exceed_quota(fleet, device);
	return 0;
}

/* ---- when */

/* Forgets the oldest doubt if there is no room. */
static void doubt(struct device_entry *device, usec_t from, usec_t until)
{
	device->doubts[device->doubt_count++ % DOUBTS] = (struct doubt){ from, until };
}

/* CLOCK_REALTIME minus CLOCK_MONOTONIC stays the same while a host is up, until its clock is set or
 * it sleeps. The dates from before the first step of a boot, and from before any step back, are in
 * doubt. */
static void look_at_clock(struct fleet *fleet, struct device_entry *device,
			  const struct past_record *past, uint32_t boot)
{
	int64_t offset = (int64_t)(past->realtime - past->record.time);
	int64_t step = offset - device->offset;

	if (device->boot != boot) {
		fleet->found.reboots += device->boot != 0;
		device->boot = boot;
		device->boot_first = past->realtime;
		device->stepped = false;
	} else if (step > (int64_t)STEP_MIN || step < -(int64_t)STEP_MIN) {
		if (step < 0 || !device->stepped)
			doubt(device, device->boot_first, device->last + 1);
		device->stepped = true;
		device->boot_first = past->realtime;
		fleet->found.clock_steps++;
	}
	device->offset = offset;
}

static int compare_times(const void *a, const void *b)
{
	const usec_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Takes the median of the last few records, so that one clock that is ahead does not make all
 * others late. */
static void advance_newest(struct fleet *fleet, usec_t time)
{
	usec_t sorted[LAST_TIMES];

	fleet->last_times[fleet->found.records % LAST_TIMES] = time;
	memcpy(sorted, fleet->last_times, sizeof(sorted));
	qsort(sorted, LAST_TIMES, sizeof(sorted[0]), compare_times);
	if (sorted[LAST_TIMES / 2] > fleet->newest)
		fleet->newest = sorted[LAST_TIMES / 2];
}

static void look_at_order(struct fleet *fleet, struct device_entry *device, usec_t time)
{
	struct fleet_findings *found = &fleet->found;

	if (time + LATE < fleet->newest)
		found->late++;
	if (time < device->last)
		found->out_of_order++;
	advance_newest(fleet, time);
	if (time > device->last)
		device->last = time;
	if (time < device->first)
		device->first = time;
	if (time < found->since)
		found->since = time;
	if (time > found->until)
		found->until = time;
}

static bool is_dated(struct fleet *fleet, usec_t time)
{
	if (time >= EARLIEST && time <= fleet->settings.now + FUTURE)
		return true;
	fleet->found.undated++;
	return false;
}

/* ---- one record */

/* What began the outage, if this record knows better than those before it. */
static enum cause outage_cause_of(const struct record *record)
{
	if (record->kind == RECORD_RECOVERED)
		return record->outage.known ? record->outage.cause : CAUSE_INVALID;
	return record->is_correction ? record->verdict.cause : CAUSE_INVALID;
}

/* Those that failed: the last one of a recovery did not. */
static unsigned attempts_of(const struct record *record)
{
	return record->attempts - (record->kind == RECORD_RECOVERED && record->attempts > 0);
}

static uint32_t hash_outage(const struct record *record)
{
	return record->outage_id[0] ? (uint32_t)(hash_text(HASH_START, record->outage_id) >> 32) | 1
				    : 0;
}

static void fill_event(struct fleet_event *event, const struct past_record *past)
{
	const struct record *record = &past->record;
	uint64_t boot = hash_text(HASH_START, past->boot_id);

	*event = (struct fleet_event){
		.time = past->realtime,
		.identity = hash_number(
			hash_number(hash_number(boot, record->time), (uint64_t)record->kind),
			record->cookie),
		.span = record->kind == RECORD_RECOVERED ? record->downtime : record->socket.age,
		.boot = (uint32_t)(boot >> 32) | 1,
		.kind = (uint8_t)record->kind,
		.cause = (uint8_t)record->verdict.cause,
		.ended_by = (uint8_t)record->verdict.ended_by,
		.confidence = (int8_t)record->verdict.confidence,
		.outage = hash_outage(record),
		.attempts = attempts_of(record),
		.outage_cause = (int8_t)outage_cause_of(record),
		.restart = record->kind == RECORD_ACTION && record->action_result &&
			   strcmp(record->action_result, "starting") == 0,
	};
}

static bool is_about_agent(struct fleet *fleet, const struct past_record *past)
{
	const struct fleet_settings *settings = &fleet->settings;

	if (past->realtime < settings->since || past->realtime > settings->until)
		return false;
	fleet->found.records++;
	if (past->record.kind == RECORD_EVIDENCE_LOST)
		fleet->found.lost_events += past->record.lost_events;
	return is_dated(fleet, past->realtime) && past->record.kind != RECORD_KIND_INVALID &&
	       past->record.kind != RECORD_EVIDENCE_LOST && past->record.agent[0];
}

void fleet_begin_journal(struct fleet *fleet)
{
	memset(fleet->last_times, 0, sizeof(fleet->last_times));
	fleet->newest = 0;
}

bool fleet_take(struct fleet *fleet, const struct past_record *past,
		const struct fleet_origin *origin, struct fleet_event *event)
{
	struct device_entry *device;
	struct agent_entry *agent;

	if (!is_about_agent(fleet, past))
		return false;
	device = find_device(fleet, origin);
	if (!device) {
		fleet->found.no_room++;
		return false;
	}
	note_sender(fleet, device, origin);
	agent = find_agent(fleet, device, past->record.agent);
	if (!agent)
		return false;
	fill_event(event, past);
	event->agent = fleet_number(&fleet->agent_table, agent);
	event->peer = find_peer(fleet, device, &past->record.peer);
	for (unsigned i = 0; i < fleet->settings.fields; i++)
		event->values[i] = find_value(fleet, device, i, origin->values[i]);
	look_at_clock(fleet, device, past, event->boot);
	look_at_order(fleet, device, event->time);
	return true;
}
