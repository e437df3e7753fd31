/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/clocks.h"

#include "fleet/state.h"

static void note_skew(struct device_entry *device, int64_t offset, unsigned outage)
{
	struct skew *least = &device->skews[0];

	for (unsigned i = 0; i < SKEWS; i++) {
		struct skew *skew = &device->skews[i];
		int64_t apart = offset - skew->offset;

		if (skew->outages && apart < (int64_t)SKEW_SLACK && apart > -(int64_t)SKEW_SLACK) {
			skew->outages += skew->last_outage != outage;
			skew->last_outage = outage;
			return;
		}
		if (skew->outages < least->outages)
			least = skew;
	}
	*least = (struct skew){ offset, 1, outage };
}

void fleet_clocks_begin(struct fleet *fleet)
{
	fleet->first_outage = 0;
}

/* An end that is part of no outage, but lies as far from several short ones, is of a device whose
 * clock is off by that much. */
void fleet_clocks_add(struct fleet *fleet, const struct fleet_event *event)
{
	struct agent_entry *agent = fleet_entry(&fleet->agent_table, event->agent);

	if (!event->peer || !fleet_event_is_open(event) || fleet_outage_of(fleet, event))
		return;
	for (unsigned i = fleet->first_outage; i < fleet->found.outage_count; i++) {
		const struct fleet_outage *outage = &fleet->outages[i];

		if (outage->from > event->time + SKEW_MAX)
			break;
		if (outage->until - outage->from <= SKEW_SLACK &&
		    fleet_outage_is_at(fleet, outage, event->peer))
			note_skew(agent->device, (int64_t)(event->time - outage->from), i + 1);
	}
}

/* Several outages must agree on the skew, and no other skew have half as many. */
static void judge_skew(struct fleet *fleet, struct device_entry *device)
{
	enum { OUTAGES_MIN = 3 };
	const struct skew *most = &device->skews[0];
	unsigned rivals = 0;

	for (unsigned i = 1; i < SKEWS; i++)
		if (device->skews[i].outages > most->outages)
			most = &device->skews[i];
	for (unsigned i = 0; i < SKEWS; i++)
		rivals += 2 * device->skews[i].outages > most->outages;
	if (most->outages < OUTAGES_MIN || rivals > 1)
		return;
	device->report.skew = most->offset;
	device->report.skew_outages = most->outages;
	fleet->found.skewed++;
}

void fleet_clocks_end(struct fleet *fleet)
{
	for (uint32_t i = 1; i <= fleet->device_table.count; i++)
		judge_skew(fleet, fleet_entry(&fleet->device_table, i));
}
