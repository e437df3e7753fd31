/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "collector/report.h"

/* Prints a probability of 10^-N. */
static void print_chance(struct json *json, double chance)
{
	json_number(json, "chance_exponent", (uint64_t)-ceil(chance));
}

static void print_times(struct json *json, usec_t up, usec_t down)
{
	json_number(json, "up_usec", up);
	json_number(json, "down_usec", down);
	if (fleet_availability(up, down) >= 0)
		json_number(json, "availability_ppm", (uint64_t)fleet_availability(up, down));
}

static void print_value(struct json *json, const struct fleet_report *report, uint16_t number)
{
	const struct fleet_value *value = fleet_value(report->fleet, number);

	json_string(json, "field", report->fields[value->field]);
	json_string(json, "value", value->text);
}

static void print_outage(struct json *json, const struct fleet_report *report,
			 const struct fleet_outage *outage)
{
	const struct fleet_place *place = fleet_place(report->fleet, outage->place);
	char name[ENDPOINT_TEXT_SIZE];

	json_open(json, NULL, '{');
	json_number(json, "from_usec", outage->from);
	json_number(json, "until_usec", outage->until);
	json_string(json, "where", fleet_place_name(report, outage->place, name));
	json_number(json, "devices", outage->devices);
	json_number(json, "of_devices", place->devices);
	json_string(json, "extent", fleet_extent_to_string(outage->extent));
	json_string(json, "cause", cause_to_string(outage->cause));
	json_string(json, "confidence", confidence_to_string(outage->confidence));
	if (outage->extent == FLEET_EXTENT_GROUP)
		print_value(json, report, outage->value);
	print_chance(json, outage->chance);
	json_number(json, "window_usec", outage->width);
	json_open(json, "ends", '{');
	for (int i = 0; i < ENDED_BY_MAX; i++)
		if (outage->ends[i])
			json_number(json, ended_by_to_string(i), outage->ends[i]);
	json_close(json, '{');
	json_number(json, "recovered", outage->recovered);
	json_number(json, "restarted", outage->restarted);
	json_number(json, "peak_in_a_second", outage->peak);
	json_number(json, "downtime_max_usec", outage->downtime_max);
	json_close(json, '{');
}

static void print_outages(struct json *json, const struct fleet_report *report)
{
	json_open(json, "common_outages", '[');
	for (unsigned i = 0; i < report->found->outage_count; i++)
		print_outage(json, report, &report->found->outages[i]);
	json_close(json, '[');
}

static void print_troubles(struct json *json, const struct fleet_report *report)
{
	json_open(json, "troubles", '[');
	for (unsigned i = 0; i < report->found->trouble_count; i++) {
		const struct fleet_trouble *trouble = &report->found->troubles[i];
		const struct fleet_device *device = fleet_device_of(report->fleet, trouble->agent);

		json_open(json, NULL, '{');
		json_string(json, "trouble", fleet_trouble_kind_to_string(trouble->kind));
		json_string(json, "device", device->hostname);
		json_string(json, "machine_id", device->machine);
		json_string(json, "agent", fleet_agent_name(report->fleet, trouble->agent));
		json_number(json, "ends", trouble->count);
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void print_relations(struct json *json, const struct fleet_report *report)
{
	json_open(json, "relations", '[');
	for (unsigned i = 0; i < report->found->relation_count; i++) {
		const struct fleet_relation *relation = &report->found->relations[i];

		json_open(json, NULL, '{');
		print_value(json, report, relation->value);
		json_string(json, "cause", cause_to_string(relation->cause));
		json_number(json, "devices", relation->with);
		json_number(json, "of_devices", relation->of);
		json_number(json, "other_devices", relation->others_with);
		json_number(json, "of_other_devices", relation->others_of);
		print_chance(json, relation->chance);
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void print_availability(struct json *json, const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;

	json_open(json, "availability", '{');
	print_times(json, found->up, found->down + found->stalled);
	json_open(json, "causes", '[');
	for (int cause = 0; cause < CAUSE_MAX; cause++) {
		const struct fleet_cost *cost = &found->by_cause[cause];

		if (!cost->outages && !cost->down)
			continue;
		json_open(json, NULL, '{');
		json_string(json, "cause", cause_to_string(cause));
		json_number(json, "outages", cost->outages);
		json_number(json, "attempts", cost->attempts);
		json_number(json, "down_usec", cost->down);
		json_close(json, '{');
	}
	json_close(json, '[');
	json_open(json, "groups", '[');
	for (unsigned i = 1; i <= found->values; i++) {
		const struct fleet_value *value = fleet_value(report->fleet, (uint16_t)i);

		json_open(json, NULL, '{');
		print_value(json, report, (uint16_t)i);
		json_number(json, "devices", value->devices);
		print_times(json, value->up, value->down);
		json_close(json, '{');
	}
	json_close(json, '[');
	json_close(json, '{');
}

static void print_herds(struct json *json, const struct fleet_report *report)
{
	json_open(json, "herds", '[');
	for (unsigned i = 0; i < report->found->herd_count; i++) {
		const struct fleet_herd *herd = &report->found->herds[i];

		json_open(json, NULL, '{');
		json_number(json, "time_usec", herd->time);
		json_number(json, "devices", herd->devices);
		json_number(json, "restarted", herd->restarted);
		json_open(json, "spread", '[');
		for (unsigned k = 0; k < FLEET_DELAYS; k++) {
			json_open(json, NULL, '{');
			json_number(json, "delay_usec", fleet_delays[k]);
			json_number(json, "devices",
				    fleet_spread_peak(herd->devices, fleet_delays[k]));
			json_close(json, '{');
		}
		json_close(json, '[');
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void print_clocks(struct json *json, const struct fleet_report *report)
{
	const struct fleet_device *device;

	json_open(json, "clocks_off", '[');
	for (unsigned i = 0; (device = fleet_device(report->fleet, i)); i++) {
		if (!device->skew)
			continue;
		json_open(json, NULL, '{');
		json_string(json, "device", device->hostname);
		json_string(json, "machine_id", device->machine);
		json_string(json, "direction", device->skew > 0 ? "ahead" : "behind");
		json_number(json, "skew_usec",
			    (uint64_t)(device->skew > 0 ? device->skew : -device->skew));
		json_number(json, "outages", device->skew_outages);
		json_close(json, '{');
	}
	json_close(json, '[');
}

/* Devices whose records cannot all be true. */
static void print_doubtful(struct json *json, const struct fleet_report *report)
{
	const struct fleet_device *device;

	json_open(json, "doubtful_devices", '[');
	for (unsigned i = 0; (device = fleet_device(report->fleet, i)); i++) {
		if (!device->over_quota && !fleet_is_renamed(device))
			continue;
		json_open(json, NULL, '{');
		json_string(json, "device", device->hostname);
		json_string(json, "machine_id", device->machine);
		json_number(json, "over_quota", device->over_quota);
		json_number(json, "renamed", device->renamed);
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void print_records(struct json *json, const struct fleet_findings *found)
{
	json_open(json, "records", '{');
	json_number(json, "read", found->records);
	json_number(json, "duplicates", found->duplicates);
	json_number(json, "late", found->late);
	json_number(json, "out_of_order", found->out_of_order);
	json_number(json, "missing", found->missing);
	json_number(json, "lost_events", found->lost_events);
	json_number(json, "undated", found->undated);
	json_number(json, "clock_steps", found->clock_steps);
	json_number(json, "reboots", found->reboots);
	json_number(json, "unproven", found->unproven);
	json_number(json, "outlying", found->outlying);
	json_number(json, "over_quota", found->over_quota);
	json_number(json, "no_room", found->no_room);
	json_number(json, "no_peer", found->no_peer);
	json_number(json, "no_group", found->no_group);
	json_number(json, "more_outages", found->more_outages);
	json_close(json, '{');
}

void fleet_print_json(const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	json_number(&json, "since_usec", found->since);
	json_number(&json, "until_usec", found->until);
	json_number(&json, "devices", found->devices);
	json_number(&json, "agents", found->agents);
	json_open(&json, "test", '{');
	json_number(&json, "windows", (uint64_t)found->windows);
	json_number(&json, "error_ppm", (uint64_t)(FLEET_ERROR * 1e6));
	json_close(&json, '{');
	print_outages(&json, report);
	print_troubles(&json, report);
	print_relations(&json, report);
	print_availability(&json, report);
	print_herds(&json, report);
	print_clocks(&json, report);
	print_doubtful(&json, report);
	print_records(&json, found);
	json_close(&json, '{');
	putchar('\n');
}
