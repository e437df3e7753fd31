/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/state.h"

/* ---- by number */

static const struct agent_entry *agent_of(const struct fleet *fleet, uint32_t agent)
{
	return fleet_entry(&fleet->agent_table, agent);
}

const struct fleet_device *fleet_device_of(const struct fleet *fleet, uint32_t agent)
{
	return &agent_of(fleet, agent)->device->report;
}

const char *fleet_agent_name(const struct fleet *fleet, uint32_t agent)
{
	return fleet_entry(&fleet->name_table, agent_of(fleet, agent)->name);
}

const struct fleet_place *fleet_place(const struct fleet *fleet, uint16_t place)
{
	return &((const struct place_entry *)fleet_entry(&fleet->place_table, place))->report;
}

const struct fleet_value *fleet_value(const struct fleet *fleet, uint16_t value)
{
	return fleet_entry(&fleet->value_table, value);
}

const struct fleet_device *fleet_device(const struct fleet *fleet, uint32_t number)
{
	const struct device_entry *device = fleet_entry(&fleet->device_table, number + 1);

	return number < fleet->device_table.count ? &device->report : NULL;
}

uint16_t fleet_service_of(const struct fleet *fleet, uint16_t place)
{
	uint16_t service = fleet_place(fleet, place)->service;

	return service ? service : place;
}

struct place_use *fleet_use_of(struct device_entry *device, uint16_t place)
{
	for (unsigned i = 0; i < FLEET_PLACES_OF_DEVICE; i++)
		if (device->uses[i].place == place)
			return &device->uses[i];
	return NULL;
}

/* ---- events */

/* Causes that say no more than how the socket ended. */
static const bool says_how_only[CAUSE_MAX] = {
	[CAUSE_UNKNOWN] = true,         [CAUSE_SERVICE_TRANSIENT] = true,
	[CAUSE_CONNECT_REFUSED] = true, [CAUSE_PEER_RESET] = true,
	[CAUSE_PEER_CLOSE] = true,      [CAUSE_UNREACHABLE] = true,
	[CAUSE_PATH_SILENT] = true,     [CAUSE_MIDDLEBOX_RESET] = true,
};

bool fleet_event_is_open(const struct fleet_event *event)
{
	enum side side = cause_side(event->cause);

	if (event->kind != RECORD_ENDED)
		return false;
	return says_how_only[event->cause] || (event->confidence == CONFIDENCE_SUSPECTED &&
					       (side == SIDE_PEER || side == SIDE_NETWORK));
}

bool fleet_clock_is_doubted(const struct device_entry *device, usec_t time)
{
	for (unsigned i = 0; i < DOUBTS; i++)
		if (time >= device->doubts[i].from && time < device->doubts[i].until)
			return true;
	return false;
}

/* ---- outages */

bool fleet_outage_is_at(const struct fleet *fleet, const struct fleet_outage *outage, uint16_t peer)
{
	return outage->place == peer || outage->place == fleet_place(fleet, peer)->service;
}

static void leave_outages_behind(struct fleet *fleet, usec_t time)
{
	while (fleet->first_outage < fleet->found.outage_count &&
	       fleet->outages[fleet->first_outage].until + SKEW_MAX + SKEW_SLACK < time)
		fleet->first_outage++;
}

unsigned fleet_outage_of(struct fleet *fleet, const struct fleet_event *event)
{
	const struct agent_entry *agent = fleet_entry(&fleet->agent_table, event->agent);
	int64_t skew = agent->device->report.skew;
	usec_t slack = CLOCK_SLACK + (skew ? SKEW_SLACK : 0);
	usec_t time = event->time - (usec_t)skew;

	leave_outages_behind(fleet, event->time);
	for (unsigned i = fleet->first_outage; i < fleet->found.outage_count; i++) {
		const struct fleet_outage *outage = &fleet->outages[i];

		if (outage->from > time + slack)
			break;
		if (time <= outage->until + slack && fleet_outage_is_at(fleet, outage, event->peer))
			return i + 1;
	}
	return 0;
}
