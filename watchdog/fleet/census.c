/* Who is there: devices, agents, peers, values of fields; and whether the clocks are to be
 * believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_state.h"

/* No record can be older than this program: 2024-01-01. A device without a battery for its clock
 * starts in 1970, or with the date of its image. */
#define EARLIEST (UINT64_C(1704067200) * USEC_PER_SEC)
#define LATE     USEC_PER_MINUTE
#define FUTURE   (5 * USEC_PER_MINUTE)
#define STEP_MIN (10 * USEC_PER_SEC) /* what is less is how clocks run, and how records come */

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

/* Images are cloned with their machine ID, and host names are not unique either: both together. */
static struct device *find_device(struct fleet *fleet, const struct fleet_origin *origin)
{
	uint64_t key = hash_text(hash_text(HASH_START, origin->machine), origin->hostname);
	struct device *device = keyed_table_find(&fleet->device_table, key);

	if (device)
		return device;
	device = keyed_table_add(&fleet->device_table, key);
	if (!device)
		return NULL;
	snprintf(device->told.machine, sizeof(device->told.machine), "%s", origin->machine);
	snprintf(device->told.hostname, sizeof(device->told.hostname), "%s", origin->hostname);
	fleet->found.devices++;
	return device;
}

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

static struct agent *find_agent(struct fleet *fleet, const struct past_record *past,
				const struct fleet_origin *origin)
{
	struct device *device = find_device(fleet, origin);
	uint16_t name = find_name(fleet, past->record.agent);
	struct agent *agent;
	uint64_t key;

	if (!device || !name)
		return NULL;
	key = hash_number(hash_number(HASH_START, fleet_number(&fleet->device_table, device)),
			  name);
	agent = keyed_table_find(&fleet->agent_table, key);
	if (agent)
		return agent;
	agent = keyed_table_add(&fleet->agent_table, key);
	if (!agent)
		return NULL;
	agent->device = device;
	agent->name = name;
	fleet->found.agents++;
	return agent;
}

/* ---- where */

static struct place *find_place(struct fleet *fleet, const struct endpoint *endpoint)
{
	uint64_t key = hash_bytes(hash_number(HASH_START, endpoint->port), endpoint->address,
				  sizeof(endpoint->address));
	struct place *place;

	key = hash_number(key, endpoint->family);
	place = keyed_table_find(&fleet->place_table, key);
	if (place)
		return place;
	place = keyed_table_add(&fleet->place_table, key);
	if (place)
		place->told.endpoint = *endpoint;
	return place;
}

static uint16_t find_peer(struct fleet *fleet, const struct endpoint *endpoint)
{
	struct endpoint any = { .port = endpoint->port };
	struct place *peer, *service;

	if (endpoint->family == 0)
		return 0;
	service = find_place(fleet, &any);
	peer = find_place(fleet, endpoint);
	if (!peer || !service)
		return 0;
	if (!peer->told.service) {
		peer->told.service = (uint16_t)fleet_number(&fleet->place_table, service);
		service->told.peers++;
	}
	return (uint16_t)fleet_number(&fleet->place_table, peer);
}

/* Counts a device once for each of the last few places that it used. */
static void uses(struct fleet *fleet, struct device *device, uint16_t number)
{
	struct place *place = fleet_entry(&fleet->place_table, number);

	for (unsigned i = 0; i < PLACES_OF_DEVICE; i++)
		if (device->places[i] == number)
			return;
	memmove(device->places + 1, device->places,
		sizeof(device->places) - sizeof(device->places[0]));
	device->places[0] = number;
	place->told.devices++;
}

static uint16_t find_value(struct fleet *fleet, unsigned field, const char *text)
{
	uint64_t key = hash_text(hash_number(HASH_START, field), text);
	struct fleet_value *value = keyed_table_find(&fleet->value_table, key);

	if (!text[0])
		return 0;
	if (!value) {
		value = keyed_table_add(&fleet->value_table, key);
		if (!value) {
			fleet->found.no_group++;
			return 0;
		}
		value->field = field;
		snprintf(value->text, sizeof(value->text), "%s", text);
		fleet->found.values++;
	}
	return (uint16_t)fleet_number(&fleet->value_table, value);
}

/* ---- when */

static void doubt(struct device *device, usec_t from, usec_t until)
{
	device->doubts[device->doubt_count++ % DOUBTS] = (struct doubt){ from, until };
}

bool fleet_clock_is_doubted(const struct device *device, usec_t time)
{
	for (unsigned i = 0; i < DOUBTS; i++)
		if (time >= device->doubts[i].from && time < device->doubts[i].until)
			return true;
	return false;
}

/* CLOCK_REALTIME less CLOCK_MONOTONIC stays the same while a host is up, until its clock is set or
 * it sleeps. What was dated before its clock was first set in a boot, or before it was set back,
 * is in doubt. */
static void look_at_clock(struct fleet *fleet, struct device *device,
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

/* The middle one of the last few records, so that one clock that is ahead does not make all others
 * late. */
static void advance_newest(struct fleet *fleet, usec_t time)
{
	usec_t sorted[LAST_TIMES];

	fleet->last_times[fleet->found.records % LAST_TIMES] = time;
	memcpy(sorted, fleet->last_times, sizeof(sorted));
	qsort(sorted, LAST_TIMES, sizeof(sorted[0]), compare_times);
	if (sorted[LAST_TIMES / 2] > fleet->newest)
		fleet->newest = sorted[LAST_TIMES / 2];
}

static void look_at_order(struct fleet *fleet, struct device *device, usec_t time)
{
	struct fleet_findings *found = &fleet->found;

	if (time + LATE < fleet->newest)
		found->late++;
	if (time < device->last)
		found->out_of_order++;
	advance_newest(fleet, time);
	if (time > device->last)
		device->last = time;
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

bool fleet_take(struct fleet *fleet, const struct past_record *past,
		const struct fleet_origin *origin, struct fleet_event *event)
{
	struct agent *agent;

	if (!is_about_agent(fleet, past))
		return false;
	agent = find_agent(fleet, past, origin);
	if (!agent) {
		fleet->found.no_room++;
		return false;
	}
	fill_event(event, past);
	event->agent = fleet_number(&fleet->agent_table, agent);
	event->peer = find_peer(fleet, &past->record.peer);
	for (unsigned i = 0; i < fleet->settings.fields; i++)
		event->values[i] = find_value(fleet, i, origin->values[i]);
	if (event->peer) {
		uses(fleet, agent->device, event->peer);
		uses(fleet, agent->device, fleet_place(fleet, event->peer)->service);
	}
	look_at_clock(fleet, agent->device, past, event->boot);
	look_at_order(fleet, agent->device, event->time);
	return true;
}
