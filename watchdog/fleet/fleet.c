/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/fleet.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/chance.h"
#include "base/names.h"
#include "fleet/account.h"
#include "fleet/clocks.h"
#include "fleet/judge.h"
#include "fleet/rates.h"
#include "fleet/scan.h"
#include "fleet/state.h"

static const char *const fleet_extent_names[FLEET_EXTENT_MAX] = {
	[FLEET_EXTENT_SERVICE] = "service",
	[FLEET_EXTENT_GROUP] = "group",
	[FLEET_EXTENT_TOGETHER] = "began-together",
};
DEFINE_NAMES(fleet_extent);

static const char *const fleet_trouble_kind_names[FLEET_TROUBLE_MAX] = {
	[FLEET_TROUBLE_CRASH_LOOP] = "crash-loop",
	[FLEET_TROUBLE_TOKEN_RHYTHM] = "token-rhythm",
	[FLEET_TROUBLE_BAD_LINK] = "bad-link",
	[FLEET_TROUBLE_REJECTED] = "rejected",
	[FLEET_TROUBLE_HANG] = "hang",
};
DEFINE_NAMES(fleet_trouble_kind);

/* ---- life */

static int allocate_tables(struct fleet *fleet)
{
	uint32_t devices = fleet->settings.devices;

	if (keyed_table_init(&fleet->device_table, devices, sizeof(struct device_entry)) < 0 ||
	    keyed_table_init(&fleet->agent_table, devices, sizeof(struct agent_entry)) < 0 ||
	    keyed_table_init(&fleet->place_table, fleet->settings.places,
			     sizeof(struct place_entry)) < 0 ||
	    keyed_table_init(&fleet->value_table, fleet->settings.values,
			     sizeof(struct fleet_value)) < 0 ||
	    keyed_table_init(&fleet->name_table, NAMES_MAX, AGENT_NAME_SIZE) < 0)
		return -ENOMEM;
	return 0;
}

static int allocate_arrays(struct fleet *fleet)
{
	fleet->block_ends =
		calloc((size_t)fleet->settings.places * BLOCKS, sizeof(*fleet->block_ends));
	fleet->sorted = calloc(BLOCKS, sizeof(*fleet->sorted));
	fleet->bursts = calloc(BURSTS_MAX, sizeof(*fleet->bursts));
	fleet->outages = calloc(OUTAGES_MAX, sizeof(*fleet->outages));
	fleet->details = calloc(OUTAGES_MAX, sizeof(*fleet->details));
	fleet->hit = calloc((size_t)OUTAGES_MAX * fleet->settings.values, sizeof(*fleet->hit));
	fleet->troubles = calloc(TROUBLES_MAX, sizeof(*fleet->troubles));
	fleet->relations = calloc(RELATIONS_MAX, sizeof(*fleet->relations));
	return fleet->block_ends && fleet->sorted && fleet->bursts && fleet->outages &&
			       fleet->details && fleet->hit && fleet->troubles && fleet->relations
		       ? 0
		       : -ENOMEM;
}

int fleet_new(struct fleet **fleet, const struct fleet_settings *settings)
{
	struct fleet *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->settings = *settings;
	if (allocate_tables(new) < 0 || allocate_arrays(new) < 0) {
		fleet_free(new);
		return -ENOMEM;
	}
	new->found.since = USEC_INFINITY;
	*fleet = new;
	return 0;
}

void fleet_free(struct fleet *fleet)
{
	keyed_table_release(&fleet->device_table);
	keyed_table_release(&fleet->agent_table);
	keyed_table_release(&fleet->place_table);
	keyed_table_release(&fleet->value_table);
	keyed_table_release(&fleet->name_table);
	free(fleet->block_ends);
	free(fleet->sorted);
	free(fleet->bursts);
	free(fleet->outages);
	free(fleet->details);
	free(fleet->hit);
	free(fleet->troubles);
	free(fleet->relations);
	free(fleet);
}

/* ---- events */

int fleet_event_compare(const void *a, const void *b)
{
	const struct fleet_event *left = a, *right = b;

	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	if (left->agent != right->agent)
		return left->agent < right->agent ? -1 : 1;
	return left->identity < right->identity ? -1 : left->identity > right->identity;
}

bool fleet_event_is_same(const struct fleet_event *a, const struct fleet_event *b)
{
	return a->time == b->time && a->agent == b->agent && a->identity == b->identity;
}

void fleet_count_duplicates(struct fleet *fleet, uint64_t duplicates)
{
	fleet->found.duplicates = duplicates;
}

/* ---- passes */

static void end_account(struct fleet *fleet)
{
	fleet_account_end(fleet);
	fleet_judge(fleet);
}

void fleet_pass_begin(struct fleet *fleet, enum fleet_pass pass)
{
	static void (*const begin[FLEET_PASSES])(struct fleet *) = {
		[FLEET_MEASURE] = fleet_rates_begin,
		[FLEET_SCAN] = fleet_scan_begin,
		[FLEET_CLOCKS] = fleet_clocks_begin,
		[FLEET_ACCOUNT] = fleet_account_begin,
	};

	fleet->pass = pass;
	begin[pass](fleet);
}

void fleet_pass_add(struct fleet *fleet, const struct fleet_event *event)
{
	static void (*const add[FLEET_PASSES])(struct fleet *, const struct fleet_event *) = {
		[FLEET_MEASURE] = fleet_rates_add,
		[FLEET_SCAN] = fleet_scan_add,
		[FLEET_CLOCKS] = fleet_clocks_add,
		[FLEET_ACCOUNT] = fleet_account_add,
	};

	if (event->time >= fleet->found.since && event->time <= fleet->found.until)
		add[fleet->pass](fleet, event);
	else if (fleet->pass == FLEET_MEASURE)
		fleet->found.outlying++;
}

void fleet_pass_end(struct fleet *fleet)
{
	static void (*const end[FLEET_PASSES])(struct fleet *) = {
		[FLEET_MEASURE] = fleet_rates_end,
		[FLEET_SCAN] = fleet_scan_end,
		[FLEET_CLOCKS] = fleet_clocks_end,
		[FLEET_ACCOUNT] = end_account,
	};

	end[fleet->pass](fleet);
}

/* ---- what was found */

const struct fleet_findings *fleet_findings(const struct fleet *fleet)
{
	return &fleet->found;
}

unsigned fleet_spread_peak(unsigned devices, usec_t delay)
{
	double seconds = (double)delay / USEC_PER_SEC;
	double mean = seconds > 1 ? devices / seconds : devices;
	unsigned peak = (unsigned)mean + 1;

	if (seconds <= 1)
		return devices;
	while (peak < devices && chance_of_count(peak + 1, mean) + log10(seconds) > -2)
		peak++;
	return peak < devices ? peak : devices;
}
