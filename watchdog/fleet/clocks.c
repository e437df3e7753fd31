/* Which outage an end was part of, and which devices' clocks are so far off that theirs seem to be
 * part of none. */
#include "fleet_state.h"

static bool is_at(const struct fleet *fleet, const struct fleet_outage *outage, uint16_t peer)
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
	const struct agent *agent = fleet_entry(&fleet->agent_table, event->agent);
	int64_t skew = agent->device->told.skew;
	usec_t slack = CLOCK_SLACK + (skew ? SKEW_SLACK : 0);
	usec_t time = event->time - (usec_t)skew;

	leave_outages_behind(fleet, event->time);
	for (unsigned i = fleet->first_outage; i < fleet->found.outage_count; i++) {
		const struct fleet_outage *outage = &fleet->outages[i];

		if (outage->from > time + slack)
			break;
		if (time <= outage->until + slack && is_at(fleet, outage, event->peer))
			return i + 1;
	}
	return 0;
}

static void note_skew(struct device *device, int64_t offset, unsigned outage)
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

/* An end that is part of no outage, but as far from several short ones as it is from this one, is
 * of a device whose clock is off by that much. */
void fleet_clocks_add(struct fleet *fleet, const struct fleet_event *event)
{
	struct agent *agent = fleet_entry(&fleet->agent_table, event->agent);

	if (!event->peer || !fleet_event_is_open(event) || fleet_outage_of(fleet, event))
		return;
	for (unsigned i = fleet->first_outage; i < fleet->found.outage_count; i++) {
		const struct fleet_outage *outage = &fleet->outages[i];

		if (outage->from > event->time + SKEW_MAX)
			break;
		if (outage->until - outage->from <= SKEW_SLACK && is_at(fleet, outage, event->peer))
			note_skew(agent->device, (int64_t)(event->time - outage->from), i + 1);
	}
}

/* Several outages must tell the same, and none as many something else. */
static void judge_skew(struct fleet *fleet, struct device *device)
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
	device->told.skew = most->offset;
	device->told.skew_outages = most->outages;
	fleet->found.skewed++;
}

void fleet_clocks_end(struct fleet *fleet)
{
	for (uint32_t i = 1; i <= fleet->device_table.count; i++)
		judge_skew(fleet, fleet_entry(&fleet->device_table, i));
}
