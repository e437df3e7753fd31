/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/state.h"

enum {
	BLOCKS_AN_HOUR = 12,
	AROUND = 12, /* blocks before and after a time that are around it */
};

#define SLACK_MIN (24 * USEC_PER_HOUR)

/* ---- which ends count */

bool fleet_end_counts(struct fleet *fleet, const struct fleet_event *event)
{
	struct agent_entry *agent = fleet_entry(&fleet->agent_table, event->agent);
	struct device_entry *device = agent->device;
	struct place_use *use;

	if (!event->peer || !fleet_event_is_open(event) ||
	    fleet_clock_is_doubted(device, event->time))
		return false;
	use = fleet_use_of(device, fleet_service_of(fleet, event->peer));
	if (!use || (use->counted && event->time < use->counted + REFRACTORY))
		return false;
	use->counted = event->time;
	return true;
}

void fleet_forget_counted(struct fleet *fleet)
{
	for (uint32_t i = 1; i <= fleet->device_table.count; i++) {
		struct device_entry *device = fleet_entry(&fleet->device_table, i);

		for (unsigned k = 0; k < FLEET_PLACES_OF_DEVICE; k++)
			device->uses[k].counted = 0;
	}
}

/* ---- measure */

/* How many devices have their first record at `time` or before; or, for the complement of a time,
 * their last record at that time or after. */
static uint32_t devices_until(const struct fleet *fleet, usec_t time, bool last)
{
	uint32_t devices = 0;

	for (uint32_t i = 1; i <= fleet->device_table.count; i++) {
		const struct device_entry *device = fleet_entry(&fleet->device_table, i);

		devices += (last ? ~device->last : device->first) <= time;
	}
	return devices;
}

/* The least time, or complement of one, that more than `rank` devices had reached. */
static usec_t time_of_rank(const struct fleet *fleet, uint32_t rank, bool last)
{
	usec_t least = 0, most = UINT64_MAX;

	while (least < most) {
		usec_t middle = least + (most - least) / 2;

		if (devices_until(fleet, middle, last) > rank)
			most = middle;
		else
			least = middle + 1;
	}
	return least;
}

/* A few devices do not stretch the time of the findings, for all others would count as up or down
 * in it: without the two that begin first and the two that end last, and one more in a hundred, it
 * may reach half as long again to each side, and a day at least. */
static void bound_time(struct fleet *fleet)
{
	struct fleet_findings *found = &fleet->found;
	uint32_t devices = fleet->device_table.count, few = devices < 5 ? (devices - 1) / 2 : 2;
	usec_t since, until, slack;

	if (devices < FLEET_DEVICES_MIN)
		return;
	few += devices / 100;
	since = time_of_rank(fleet, few, false);
	until = ~time_of_rank(fleet, few, true);
	slack = until > since ? (until - since) / 2 : 0;
	if (slack < SLACK_MIN)
		slack = SLACK_MIN;
	if (found->since + slack < since)
		found->since = since - slack;
	if (found->until > until + slack)
		found->until = until + slack;
}

void fleet_rates_begin(struct fleet *fleet)
{
	usec_t length;

	bound_time(fleet);
	length = fleet->found.records ? fleet->found.until - fleet->found.since : 0;
	fleet->block = length / BLOCKS + 1;
	if (fleet->block < REFRACTORY)
		fleet->block = REFRACTORY;
	fleet_forget_counted(fleet);
}

static unsigned block_of(const struct fleet *fleet, usec_t time)
{
	return time <= fleet->found.since ? 0
					  : (unsigned)((time - fleet->found.since) / fleet->block);
}

static uint32_t *blocks_of(const struct fleet *fleet, uint16_t place)
{
	return fleet->block_ends + (size_t)(place - 1) * BLOCKS;
}

static void measure(struct fleet *fleet, uint16_t number, usec_t time)
{
	blocks_of(fleet, number)[block_of(fleet, time)]++;
}

void fleet_rates_add(struct fleet *fleet, const struct fleet_event *event)
{
	if (!fleet_end_counts(fleet, event))
		return;
	measure(fleet, event->peer, event->time);
	if (fleet_service_of(fleet, event->peer) != event->peer)
		measure(fleet, fleet_service_of(fleet, event->peer), event->time);
}

static int compare_counts(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* Copies the counts into fleet->sorted, the least first. */
static const uint32_t *sort_counts(struct fleet *fleet, const uint32_t *counts, unsigned number)
{
	memcpy(fleet->sorted, counts, number * sizeof(counts[0]));
	qsort(fleet->sorted, number, sizeof(counts[0]), compare_counts);
	return fleet->sorted;
}

/* The mean without the highest fifth, which may come from outages; plus what leaving it out takes
 * from the mean of a Poisson distribution: the mean of the lower 80 % of a normal distribution lies
 * 0.35 deviations below the whole one. Never 0. */
static double mean_of_usual(const uint32_t *sorted, unsigned number)
{
	unsigned kept = number - number / 5;
	double mean = 0;

	for (unsigned i = 0; i < kept; i++)
		mean += (double)sorted[i] / kept;
	return mean + 0.35 * sqrt(mean) + 0.1;
}

/* The ends of an hour without its three worst blocks. */
static uint32_t quiet_hour(struct fleet *fleet, const uint32_t *blocks)
{
	const uint32_t *sorted = sort_counts(fleet, blocks, BLOCKS_AN_HOUR);
	uint32_t ends = 0;

	for (unsigned i = 0; i < BLOCKS_AN_HOUR - 3; i++)
		ends += sorted[i];
	return ends;
}

/* The variance of the ends in an hour by their mean, at least 1, which independent ends have. Both
 * are taken from the lower half of the hours, where no outages are: the lower quartile of a normal
 * distribution lies 0.6745 deviations below its median. */
static double spread_of(struct fleet *fleet, const uint32_t *blocks, unsigned number)
{
	enum { HOURS_MIN = 8 };
	uint32_t hours[BLOCKS / BLOCKS_AN_HOUR];
	unsigned count = number / BLOCKS_AN_HOUR, middle = count / 2, quarter = count / 4;
	double deviation, median;

	if (count < HOURS_MIN)
		return 1;
	for (unsigned i = 0; i < count; i++)
		hours[i] = quiet_hour(fleet, blocks + (size_t)i * BLOCKS_AN_HOUR);
	sort_counts(fleet, hours, count);
	median = fleet->sorted[middle];
	deviation = (median - fleet->sorted[quarter]) / 0.6745;
	return median > 0 && deviation * deviation > median ? deviation * deviation / median : 1;
}

void fleet_rates_end(struct fleet *fleet)
{
	unsigned number = block_of(fleet, fleet->found.until) + 1;

	for (uint32_t i = 1; i <= fleet->place_table.count; i++) {
		struct place_entry *place = fleet_entry(&fleet->place_table, i);
		const uint32_t *blocks = blocks_of(fleet, (uint16_t)i);

		fleet->found.places++;
		place->report.spread = spread_of(fleet, blocks, number);
		place->usual = mean_of_usual(sort_counts(fleet, blocks, number), number);
	}
}

/* ---- what is usual */

double fleet_expected_ends(struct fleet *fleet, uint16_t number, usec_t time, usec_t length)
{
	const struct place_entry *place = fleet_entry(&fleet->place_table, number);
	unsigned count = block_of(fleet, fleet->found.until) + 1, block = block_of(fleet, time);
	unsigned first = block > AROUND ? block - AROUND : 0;
	unsigned last = block + AROUND < count ? block + AROUND : count - 1;
	double around = mean_of_usual(
		sort_counts(fleet, blocks_of(fleet, number) + first, last - first + 1),
		last - first + 1);

	return (double)length / (double)fleet->block * fmax(around, place->usual);
}
