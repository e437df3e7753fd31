/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fleet/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fleet/advice.h"
#include "fleet/state.h"

/* ---- availability */

/* Charges a cause, also in the common outage that the agent's own began in. */
static void charge(struct fleet *fleet, const struct agent_entry *agent, enum cause cause,
		   struct fleet_cost cost)
{
	struct fleet_cost *costs[] = { &fleet->found.by_cause[cause], NULL };

	if (agent->own.common)
		costs[1] = &fleet->details[agent->own.common - 1].by_cause[cause];
	for (size_t i = 0; i < 2 && costs[i]; i++) {
		costs[i]->outages += cost.outages;
		costs[i]->attempts += cost.attempts;
		costs[i]->down += cost.down;
	}
}

static void add_down(struct fleet *fleet, usec_t length)
{
	struct agent_entry *agent = fleet->agent;

	charge(fleet, agent, agent->cause, (struct fleet_cost){ .down = length });
	if (agent->cause == agent->own.cause)
		agent->own.down += length;
}

/* ---- the outages of an agent */

/* A later record knows better what began it. */
static void correct_outage(struct fleet *fleet, struct agent_entry *agent, enum cause cause)
{
	struct own_outage *own = &agent->own;
	struct fleet_cost cost = { 1, own->attempts, own->down };

	if (cause == CAUSE_INVALID || cause == own->cause)
		return;
	charge(fleet, agent, cause, cost);
	/* what was added comes off: unsigned numbers wrap back */
	charge(fleet, agent, own->cause,
	       (struct fleet_cost){ 0U - cost.outages, 0 - cost.attempts, 0 - cost.down });
	if (agent->cause == own->cause)
		agent->cause = (uint8_t)cause;
	own->cause = cause;
}

static void note_attempts(struct fleet *fleet, struct agent_entry *agent, unsigned attempts)
{
	struct own_outage *own = &agent->own;

	if (attempts <= own->attempts)
		return;
	charge(fleet, agent, own->cause,
	       (struct fleet_cost){ .attempts = attempts - own->attempts });
	own->attempts = attempts;
}

static bool is_of_own_outage(const struct agent_entry *agent, const struct fleet_event *event)
{
	return event->outage && event->outage == agent->own.id;
}

static void begin_outage(struct fleet *fleet, struct agent_entry *agent,
			 const struct fleet_event *event, enum cause cause)
{
	agent->own =
		(struct own_outage){ .id = event->outage, .common = agent->outage, .cause = cause };
	charge(fleet, agent, cause, (struct fleet_cost){ .outages = 1 });
	fleet->found.expected += fleet_is_expected(cause);
}

/* A device counts as one, however many agents it has. */
static void add_span(void *userdata, const struct span *span)
{
	struct fleet *fleet = userdata;
	const uint16_t *values = fleet->agent->device->values;
	usec_t length = (span->until - span->from) / fleet->agent->device->agents;
	bool up = span->presence == PRESENCE_UP;

	if (span->presence == PRESENCE_UNKNOWN)
		return;
	if (!up)
		add_down(fleet, length);
	if (up)
		fleet->found.up += length;
	else if (span->presence == PRESENCE_STALLED)
		fleet->found.stalled += length;
	else
		fleet->found.down += length;
	for (unsigned i = 0; i < fleet->settings.fields; i++) {
		struct fleet_value *value;

		if (!values[i])
			continue;
		value = fleet_entry(&fleet->value_table, values[i]);
		*(up ? &value->up : &value->down) += length;
	}
}

/* Turns the event back into the fields of a record that the timeline reads. */
static void feed_timeline(struct fleet *fleet, const struct fleet_event *event)
{
	struct past_record *past = &fleet->past;
	bool recovered = event->kind == RECORD_RECOVERED;

	past->realtime = event->time;
	past->record.kind = event->kind;
	past->record.verdict.cause = event->cause;
	past->record.verdict.ended_by = event->ended_by;
	past->record.downtime = recovered ? event->span : 0;
	past->record.socket.age = recovered ? 0 : event->span;
	snprintf(past->boot_id, sizeof(past->boot_id), "%08" PRIx32, event->boot);
	timeline_add(&fleet->agent->timeline, past);
}

/* ---- values of the operator's fields */

/* A device counts once for a value, with the causes of its ends while it had that value. */
static void add_up_value(struct fleet *fleet, uint16_t number, uint64_t causes)
{
	struct fleet_value *value;

	if (!number)
		return;
	value = fleet_entry(&fleet->value_table, number);
	value->devices++;
	for (int cause = 0; cause < CAUSE_MAX; cause++)
		value->with[cause] += (causes >> cause & 1) != 0;
}

static void add_up_values(struct fleet *fleet, const struct device_entry *device)
{
	for (unsigned field = 0; field < fleet->settings.fields; field++)
		for (unsigned i = 0; i < FLEET_VALUES_OF_DEVICE; i++)
			add_up_value(fleet, device->known_values[field][i],
				     device->causes[field][i]);
}

static void note_cause(struct device_entry *device, unsigned field, enum cause cause)
{
	for (unsigned i = 0; i < FLEET_VALUES_OF_DEVICE; i++)
		if (device->known_values[field][i] == device->values[field])
			device->causes[field][i] |= UINT64_C(1) << cause;
}

static void note_values(struct fleet *fleet, struct device_entry *device,
			const struct fleet_event *event)
{
	for (unsigned i = 0; i < fleet->settings.fields; i++)
		if (event->values[i])
			device->values[i] = event->values[i];
}

/* ---- common outages */

/* The end was part of outage number `number` - 1. A device counts once for an outage, with its
 * first end in it. */
static void note_hit(struct fleet *fleet, struct device_entry *device,
		     const struct fleet_event *event, unsigned number)
{
	struct fleet_outage *outage = &fleet->outages[number - 1];
	struct outage_detail *detail = &fleet->details[number - 1];
	struct place_use *use = fleet_use_of(device, outage->place);

	if (!use || use->last_outage == number)
		return;
	use->last_outage = number;
	if (outage->devices < FLEET_NAMED)
		outage->agents[outage->devices] = event->agent;
	outage->devices++;
	outage->ends[event->ended_by]++;
	if (event->span)
		detail->ages[event->span / REFRACTORY % AGE_BUCKETS]++;
	for (unsigned i = 0; i < fleet->settings.fields; i++)
		if (device->values[i])
			fleet->hit[(size_t)(number - 1) * fleet->settings.values +
				   device->values[i] - 1]++;
}

/* ---- ends */

static void note_crash(struct agent_entry *agent, const struct fleet_event *event)
{
	if (event->cause != CAUSE_AGENT_CRASH && event->cause != CAUSE_AGENT_OOM &&
	    event->cause != CAUSE_AGENT_EXIT)
		return;
	agent->crash_count++;
	memmove(agent->crashes, agent->crashes + 1, sizeof(agent->crashes) - sizeof(usec_t));
	agent->crashes[CRASHES - 1] = event->time;
	if (agent->crashes[0] && event->time - agent->crashes[0] <= USEC_PER_HOUR)
		agent->crash_loop = true;
}

static void add_to_bin(struct fleet *fleet, const struct agent_entry *agent, usec_t time)
{
	struct fleet_findings *found = &fleet->found;
	usec_t part = (found->until - found->since) / FLEET_BINS + 1;
	struct fleet_bin *bin = &found->bins[(time - found->since) / part];

	if (agent->outage)
		bin->common++;
	else if (!fleet_is_expected(agent->cause))
		bin->ends[cause_side(agent->cause)]++;
}

/* A lost network counts once for an outage; all else, a crash or a refused login, each time. */
static void note_trouble(struct fleet *fleet, struct agent_entry *agent,
			 const struct fleet_event *event, bool begins)
{
	struct device_entry *device = agent->device;

	if (begins || cause_side(event->cause) != SIDE_NETWORK)
		agent->causes[event->cause]++;
	note_crash(agent, event);
	for (unsigned i = 0; i < fleet->settings.fields; i++)
		if (device->values[i])
			note_cause(device, i, event->cause);
}

static void note_end(struct fleet *fleet, struct agent_entry *agent,
		     const struct fleet_event *event)
{
	bool open = event->peer && fleet_event_is_open(event);
	bool begins = !is_of_own_outage(agent, event);
	unsigned common = open ? fleet_outage_of(fleet, event) : 0;

	agent->presence = PRESENCE_DOWN;
	agent->restarted = false;
	if (begins) {
		agent->outage = common;
		agent->cause = event->cause;
		begin_outage(fleet, agent, event, event->cause);
		add_to_bin(fleet, agent, event->time);
	} else {
		correct_outage(fleet, agent, event->outage_cause);
	}
	note_attempts(fleet, agent, event->attempts);
	if (common)
		note_hit(fleet, agent->device, event, common);
	else
		note_trouble(fleet, agent, event, begins);
}

/* ---- coming back */

static bool is_larger(const struct fleet_herd *a, const struct fleet_herd *b)
{
	return a->devices > b->devices;
}

/* Keeps the largest herds, the largest first, and of those within a minute only one. */
static void keep_herd(struct fleet *fleet)
{
	struct fleet_findings *found = &fleet->found;
	struct fleet_herd herd = fleet->herd;
	unsigned at = found->herd_count;

	if (herd.devices < FLEET_DEVICES_MIN)
		return;
	for (unsigned i = 0; i < found->herd_count; i++)
		if (herd.time - found->herds[i].time < USEC_PER_MINUTE) {
			if (!is_larger(&herd, &found->herds[i]))
				return;
			at = i;
		}
	if (at == FLEET_HERDS_MAX) {
		at--;
		if (!is_larger(&herd, &found->herds[at]))
			return;
	} else if (at == found->herd_count) {
		found->herd_count++;
	}
	for (; at > 0 && is_larger(&herd, &found->herds[at - 1]); at--)
		found->herds[at] = found->herds[at - 1];
	found->herds[at] = herd;
}

static void add_to_herd(struct fleet *fleet, const struct agent_entry *agent, usec_t time)
{
	usec_t second = time - time % USEC_PER_SEC;

	if (agent->device->herd == second)
		return;
	agent->device->herd = second;
	if (fleet->herd.time != second) {
		keep_herd(fleet);
		fleet->herd = (struct fleet_herd){ .time = second };
	}
	fleet->herd.devices++;
	fleet->herd.restarted += agent->restarted;
}

static void recover_from(struct fleet *fleet, const struct agent_entry *agent,
			 const struct fleet_event *event)
{
	struct fleet_outage *outage = &fleet->outages[agent->outage - 1];
	struct outage_detail *detail = &fleet->details[agent->outage - 1];
	struct place_use *use = fleet_use_of(agent->device, outage->place);
	usec_t second = event->time / USEC_PER_SEC;

	if (!use || use->last_recovered == agent->outage)
		return;
	use->last_recovered = agent->outage;
	outage->recovered++;
	outage->restarted += agent->restarted;
	if (event->span > outage->downtime_max)
		outage->downtime_max = event->span;
	if (detail->second != second)
		detail->in_second = 0;
	detail->second = second;
	if (++detail->in_second > outage->peak)
		outage->peak = detail->in_second;
}

/* A connection that is open but in trouble: nothing that was before is charged with that. */
static void note_stall(struct agent_entry *agent, const struct fleet_event *event)
{
	if (agent->presence != PRESENCE_DOWN)
		agent->own = (struct own_outage){ .id = 0 };
	agent->cause = event->cause;
}

static void note_return(struct fleet *fleet, struct agent_entry *agent,
			const struct fleet_event *event)
{
	if (event->cause != CAUSE_UNKNOWN) /* a stalled connection works again: no return */
		return;
	if (is_of_own_outage(agent, event)) {
		correct_outage(fleet, agent, event->outage_cause);
		note_attempts(fleet, agent, event->attempts);
	}
	fleet->found.missing += agent->presence == PRESENCE_UP;
	agent->presence = PRESENCE_UP;
	add_to_herd(fleet, agent, event->time);
	if (agent->outage)
		recover_from(fleet, agent, event);
	agent->outage = 0;
}

/* ---- the pass */

void fleet_account_begin(struct fleet *fleet)
{
	fleet->first_outage = 0;
	record_parse_begin(&fleet->past);
	for (uint32_t i = 1; i <= fleet->agent_table.count; i++) {
		struct agent_entry *agent = fleet_entry(&fleet->agent_table, i);

		timeline_begin(&agent->timeline, fleet->found.since, add_span, fleet);
	}
}

void fleet_account_add(struct fleet *fleet, const struct fleet_event *event)
{
	struct agent_entry *agent = fleet_entry(&fleet->agent_table, event->agent);

	note_values(fleet, agent->device, event);
	fleet->agent = agent;
	feed_timeline(fleet, event); /* first: it accounts for the time before this event */
	if (event->kind == RECORD_ENDED)
		note_end(fleet, agent, event);
	else if (event->kind == RECORD_STALLED)
		note_stall(agent, event);
	else if (event->kind == RECORD_RECOVERED)
		note_return(fleet, agent, event);
	else if (event->restart)
		agent->restarted = true;
}

void fleet_account_end(struct fleet *fleet)
{
	keep_herd(fleet);
	for (uint32_t i = 1; i <= fleet->agent_table.count; i++) {
		fleet->agent = fleet_entry(&fleet->agent_table, i);
		timeline_finish(&fleet->agent->timeline, fleet->found.until);
	}
	for (uint32_t i = 1; i <= fleet->device_table.count; i++)
		add_up_values(fleet, fleet_entry(&fleet->device_table, i));
}
