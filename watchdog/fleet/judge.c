/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/judge.h"

#include <math.h>
#include <stdlib.h>

#include "base/chance.h"
#include "fleet/rates.h"
#include "fleet/state.h"

/* ---- common outages */

static unsigned sum(const unsigned *counts, unsigned number)
{
	unsigned all = 0;

	for (unsigned i = 0; i < number; i++)
		all += counts[i];
	return all;
}

/* Ends by the service itself, or by a box in front of it. */
static unsigned ends_by_peer(const struct fleet_outage *outage)
{
	return outage->ends[ENDED_BY_PEER_FIN] + outage->ends[ENDED_BY_PEER_RESET] +
	       outage->ends[ENDED_BY_CONNECT_REFUSED];
}

/* True if most sessions that ended had one age, and no more of the others ended than usual: then a
 * limit to the age, such as a token has, explains the outage as well. Sessions have one age if they
 * began together, after an earlier outage. */
static bool had_one_age(struct fleet *fleet, unsigned number)
{
	const struct fleet_outage *outage = &fleet->outages[number];
	const unsigned *ages = fleet->details[number].ages;
	unsigned known = sum(ages, AGE_BUCKETS), alike = 0;
	usec_t length = outage->until - outage->from + 2 * CLOCK_SLACK;

	for (unsigned i = 0; i < AGE_BUCKETS; i++) {
		unsigned pair = ages[i] + ages[(i + 1) % AGE_BUCKETS];

		alike = pair > alike ? pair : alike;
	}
	if (2 * alike <= known || known < FLEET_DEVICES_MIN)
		return false;
	return known - alike < FLEET_DEVICES_MIN ||
	       chance_of_count(known - alike, fleet_expected_ends(fleet, outage->place,
								  outage->from, length)) > -4;
}

static unsigned hit_with(const struct fleet *fleet, unsigned number, uint32_t value)
{
	return fleet->hit[(size_t)number * fleet->settings.values + value - 1];
}

static unsigned devices_with_field(const struct fleet *fleet, unsigned field)
{
	unsigned devices = 0;

	for (uint32_t i = 1; i <= fleet->value_table.count; i++)
		if (fleet_value(fleet, (uint16_t)i)->field == field)
			devices += fleet_value(fleet, (uint16_t)i)->devices;
	return devices;
}

/* The number of a value that 9 in 10 of the devices that were hit have, and less than half of all
 * devices; 0: none. */
static uint16_t group_of(const struct fleet *fleet, unsigned number)
{
	unsigned devices = fleet->outages[number].devices;

	for (uint32_t i = 1; i <= fleet->value_table.count; i++) {
		const struct fleet_value *value = fleet_value(fleet, (uint16_t)i);

		if (10 * hit_with(fleet, number, i) >= 9 * devices &&
		    2 * value->devices < devices_with_field(fleet, value->field))
			return (uint16_t)i;
	}
	return 0;
}

/* True if the outage hit FLEET_DEVICES_MIN devices or more with each of two values of a field. */
static bool hit_several_groups(const struct fleet *fleet, unsigned number)
{
	unsigned groups[FLEET_FIELDS_MAX] = { 0 };

	for (uint32_t i = 1; i <= fleet->value_table.count; i++)
		if (hit_with(fleet, number, i) >= FLEET_DEVICES_MIN &&
		    ++groups[fleet_value(fleet, (uint16_t)i)->field] > 1)
			return true;
	return false;
}

/* Proved if the peer itself ended the connections of at least half of all devices that use it, in
 * several groups. Fewer devices, or devices of one group, may share a network that is the cause:
 * one that fell silent, or one with a box that answers in the peer's name. */
static enum confidence confidence_of(const struct fleet *fleet, unsigned number)
{
	const struct fleet_outage *outage = &fleet->outages[number];
	unsigned ends = sum(outage->ends, ENDED_BY_MAX), by_peer = ends_by_peer(outage);
	bool half = 2 * outage->devices >= fleet_place(fleet, outage->place)->devices;
	bool several = hit_several_groups(fleet, number);

	if (outage->extent != FLEET_EXTENT_SERVICE)
		return CONFIDENCE_SUSPECTED;
	if (several && half && 10 * by_peer >= 9 * ends)
		return CONFIDENCE_PROVED;
	return several || (half && 2 * by_peer > ends) ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED;
}

/* Charges service-transient with what this outage cost, instead of the verdicts of the devices. */
static void move_to_service(struct fleet *fleet, unsigned number)
{
	struct fleet_cost *service = &fleet->found.by_cause[CAUSE_SERVICE_TRANSIENT];

	for (int cause = 0; cause < CAUSE_MAX; cause++) {
		const struct fleet_cost *cost = &fleet->details[number].by_cause[cause];
		struct fleet_cost *own = &fleet->found.by_cause[cause];

		own->outages -= cost->outages;
		own->attempts -= cost->attempts;
		own->down -= cost->down;
		service->outages += cost->outages;
		service->attempts += cost->attempts;
		service->down += cost->down;
	}
}

static void judge_outage(struct fleet *fleet, unsigned number)
{
	struct fleet_outage *outage = &fleet->outages[number];

	outage->value = group_of(fleet, number);
	outage->extent = outage->value                ? FLEET_EXTENT_GROUP
			 : had_one_age(fleet, number) ? FLEET_EXTENT_TOGETHER
						      : FLEET_EXTENT_SERVICE;
	outage->cause =
		outage->extent == FLEET_EXTENT_SERVICE ? CAUSE_SERVICE_TRANSIENT : CAUSE_UNKNOWN;
	outage->confidence = confidence_of(fleet, number);
	if (outage->extent == FLEET_EXTENT_SERVICE && outage->confidence >= CONFIDENCE_LIKELY)
		move_to_service(fleet, number);
}

/* ---- troubles of single devices */

static unsigned ends_of_side(const struct agent_entry *agent, enum side side)
{
	unsigned ends = 0;

	for (int cause = 0; cause < CAUSE_MAX; cause++)
		if (cause_side(cause) == side)
			ends += agent->causes[cause];
	return ends;
}

/* How often an agent of this fleet loses its network: the mean without the worst 2 % of agents, one
 * at least. */
static double usual_network_ends(const struct fleet *fleet)
{
	enum { COUNTS = 1024 };
	unsigned agents[COUNTS] = { 0 }, kept = 0;
	unsigned all = fleet->agent_table.count;
	unsigned keep = all - (all >= FLEET_DEVICES_MIN && all < 50 ? 1 : all / 50);
	double ends = 1; /* never 0 */

	for (uint32_t i = 1; i <= fleet->agent_table.count; i++) {
		unsigned count = ends_of_side(fleet_entry(&fleet->agent_table, i), SIDE_NETWORK);

		agents[count < COUNTS ? count : COUNTS - 1]++;
	}
	for (unsigned count = 0; count < COUNTS && kept < keep; count++) {
		unsigned some = agents[count] < keep - kept ? agents[count] : keep - kept;

		kept += some;
		ends += (double)some * count;
	}
	return kept ? ends / kept : 1;
}

static void add_trouble(struct fleet *fleet, uint32_t agent, enum fleet_trouble_kind kind,
			unsigned count, double expected)
{
	if (fleet->found.trouble_count < TROUBLES_MAX)
		fleet->troubles[fleet->found.trouble_count++] = (struct fleet_trouble){
			.agent = agent, .kind = kind, .count = count, .expected = expected
		};
}

static void look_for_troubles(struct fleet *fleet, uint32_t number, double usual)
{
	enum { OFTEN = 3 };
	const struct agent_entry *agent = fleet_entry(&fleet->agent_table, number);
	const unsigned *causes = agent->causes;
	unsigned network = ends_of_side(agent, SIDE_NETWORK);
	unsigned rejected = causes[CAUSE_SESSION_REJECTED] + causes[CAUSE_SESSION_TAKEOVER];
	unsigned hung = causes[CAUSE_AGENT_HANG] + causes[CAUSE_AGENT_NOT_RECONNECTING];

	if (agent->crash_loop)
		add_trouble(fleet, number, FLEET_TROUBLE_CRASH_LOOP, agent->crash_count, 0);
	if (causes[CAUSE_TOKEN_EXPIRED] >= OFTEN)
		add_trouble(fleet, number, FLEET_TROUBLE_TOKEN_RHYTHM, causes[CAUSE_TOKEN_EXPIRED],
			    0);
	if (network >= OFTEN &&
	    chance_of_count(network, usual) < log10(FLEET_ERROR / fleet->agent_table.count))
		add_trouble(fleet, number, FLEET_TROUBLE_BAD_LINK, network, usual);
	if (rejected >= OFTEN)
		add_trouble(fleet, number, FLEET_TROUBLE_REJECTED, rejected, 0);
	if (hung >= OFTEN)
		add_trouble(fleet, number, FLEET_TROUBLE_HANG, hung, 0);
}

static int compare_troubles(const void *a, const void *b)
{
	const struct fleet_trouble *left = a, *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return left->agent < right->agent ? -1 : left->agent > right->agent;
}

/* ---- what goes with what */

/* Fills in the rest of `found`, which has the value and the cause. */
static void compare_with_others(const struct fleet *fleet, struct fleet_relation *found)
{
	const struct fleet_value *value = fleet_value(fleet, found->value);

	found->with = value->with[found->cause];
	found->of = value->devices;
	for (uint32_t i = 1; i <= fleet->value_table.count; i++) {
		const struct fleet_value *other = fleet_value(fleet, (uint16_t)i);

		if (other == value || other->field != value->field)
			continue;
		found->others_with += other->with[found->cause];
		found->others_of += other->devices;
	}
	found->chance = chance_of_share(found->with, found->of, found->with + found->others_with,
					found->of + found->others_of);
}

/* True if the share is at least twice that of the others, and chance does not explain it
 * (Bonferroni over all values and causes). */
static bool is_significant(const struct fleet *fleet, const struct fleet_relation *relation)
{
	double tests = (double)fleet->value_table.count * CAUSE_MAX;

	return relation->with >= FLEET_DEVICES_MIN && relation->others_of > 0 &&
	       (double)relation->with * relation->others_of >=
		       2.0 * relation->others_with * relation->of &&
	       relation->chance < log10(FLEET_ERROR / tests);
}

static void look_for_relations(struct fleet *fleet)
{
	for (uint32_t i = 1; i <= fleet->value_table.count; i++)
		for (int cause = 0; cause < CAUSE_MAX; cause++) {
			struct fleet_relation relation = { .value = (uint16_t)i, .cause = cause };

			if (fleet_value(fleet, (uint16_t)i)->with[cause] == 0)
				continue;
			compare_with_others(fleet, &relation);
			if (is_significant(fleet, &relation) &&
			    fleet->found.relation_count < RELATIONS_MAX)
				fleet->relations[fleet->found.relation_count++] = relation;
		}
}

static int compare_relations(const void *a, const void *b)
{
	const struct fleet_relation *left = a, *right = b;

	return left->chance < right->chance ? -1 : left->chance > right->chance;
}

void fleet_judge(struct fleet *fleet)
{
	struct fleet_findings *found = &fleet->found;
	double usual = usual_network_ends(fleet);

	for (unsigned i = 0; i < found->outage_count; i++)
		judge_outage(fleet, i);
	for (uint32_t i = 1; i <= fleet->agent_table.count; i++)
		look_for_troubles(fleet, i, usual);
	look_for_relations(fleet);
	qsort(fleet->troubles, found->trouble_count, sizeof(fleet->troubles[0]), compare_troubles);
	qsort(fleet->relations, found->relation_count, sizeof(fleet->relations[0]),
	      compare_relations);
	found->troubles = fleet->troubles;
	found->relations = fleet->relations;
}
