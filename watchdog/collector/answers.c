/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/text.h"
#include "collector/spool.h"
#include "hub/hub_code.h"

/* How long before the lines of the hub a device's records may be that the join needs. */
#define BEFORE_LINES (24 * USEC_PER_HOUR)

enum {
	SPOOL_ROOM = 32 * 1024,
	BATCHES_MAX = 16, /* of JOIN_LINES_MAX lines of one name: a session each 8 s for 3 days */
};

static const char *const no_cause_names[] = {
	[NO_CAUSE_NONE] = "none",
	[NO_CAUSE_AMBIGUOUS] = "ambiguous",
	[NO_CAUSE_IN_OUTAGE] = "in-outage",
	[NO_CAUSE_RECORDS] = "too-many-records",
};
DEFINE_NAMES(no_cause);

/* What is sorted: by the device whose records it needs, its records first, then the lines of each
 * name that the hub has for it, each in the order of time. */
struct item {
	uint32_t device, hub; /* numbers; hub 0: a record */
	usec_t time;
	union {
		struct hub_line line;
		struct device_record record;
	};
};

struct answers {
	struct devices *devices;
	struct spool *spool;
	struct join *join;
	/* of the device and the name of the hub that are read now */
	uint32_t device, hub;
	struct join_record records[JOIN_RECORDS_MAX];
	struct device_record details[JOIN_RECORDS_MAX];
	unsigned record_count;
	bool records_cut;    /* the last ones found no room */
	bool several_agents; /* have records of a session */
	unsigned batches;    /* of lines that were joined of the name */
	usec_t last_time;    /* of the record before */
	uint64_t last_identity;
	uint16_t last_values[FLEET_FIELDS_MAX];      /* that a record of the device has; 0: none */
	uint16_t values[FLEET_FIELDS_MAX];           /* of the answer that is told */
	struct join_record chosen[JOIN_RECORDS_MAX]; /* those that the name of the hub is about */
	unsigned chosen_at[JOIN_RECORDS_MAX];        /* their indexes above */
	struct join_line lines[JOIN_LINES_MAX];
	struct hub_line line_details[JOIN_LINES_MAX];
	struct join_answer found[JOIN_LINES_MAX];
	unsigned line_count;
	void (*tell)(void *userdata, const struct answer *answer);
	void *userdata;
};

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *left = a, *right = b;
	int order = compare_numbers(left->device, right->device);

	if (!order)
		order = compare_numbers(left->hub, right->hub);
	if (!order)
		order = compare_numbers(left->time, right->time);
	if (order)
		return order;
	if (left->hub == 0) /* one that came twice is side by side */
		return compare_numbers(left->record.identity, right->record.identity);
	order = compare_numbers(left->line.file, right->line.file);
	return order ?: compare_numbers(left->line.line, right->line.line);
}

int answers_new(struct answers **answers, struct devices *devices)
{
	static const struct spool_kind kind = { .size = sizeof(struct item),
						.room = SPOOL_ROOM,
						.compare = compare_items };
	_cleanup_(answers_free_held) struct answers *new = calloc(1, sizeof(*new));
	int r;

	if (!new)
		return -ENOMEM;
	new->devices = devices;
	r = join_new(&new->join);
	if (r >= 0)
		r = spool_new(&new->spool, &kind);
	if (r >= 0)
		*answers = STEAL_POINTER(new);
	return r;
}

void answers_free(struct answers *answers)
{
	join_free(answers->join);
	spool_free_held(&answers->spool);
	free(answers);
}

/* ---- adding */

static void begin_item(struct item *item, uint32_t device, uint32_t hub, usec_t time)
{
	*item = (struct item){ .device = device, .hub = hub, .time = time };
}

int answers_add_event(struct answers *answers, const struct hub_event *event, uint32_t file,
		      uint64_t line)
{
	struct device *named = devices_add(answers->devices, event->device), *device;
	struct item item;

	if (!named)
		return -ENOSPC;
	device = devices_at(answers->devices, named->records);
	device->wanted = true;
	device->first = event->time < device->first ? event->time : device->first;
	device->hub_names += !named->named;
	named->named = true;
	begin_item(&item, device->number, named->number, event->time);
	item.line.session = event->session;
	item.line.identity = event->identity;
	item.line.line = line;
	item.line.file = file;
	item.line.symptom = event->symptom;
	text_copy(item.line.code, sizeof(item.line.code), event->code);
	return spool_add(answers->spool, &item);
}

/* When it happened, by the clock that journald had when it received the record. */
static usec_t time_of(const struct past_record *past)
{
	usec_t late = past->happened && past->happened < past->record.time
			      ? past->record.time - past->happened
			      : 0;

	return late < past->realtime ? past->realtime - late : 0;
}

/* Equal for a record that came twice. */
static uint64_t identity_of(const struct past_record *past, uint32_t boot)
{
	const struct record *record = &past->record;
	uint64_t hash = hub_hash(HUB_HASH, &boot, sizeof(boot));

	hash = hub_hash(hash, &past->realtime, sizeof(past->realtime));
	hash = hub_hash(hash, &record->kind, sizeof(record->kind));
	hash = hub_hash(hash, record->agent, strlen(record->agent));
	return hub_hash(hash, &record->cookie, sizeof(record->cookie));
}

int answers_add_record(struct answers *answers, struct device *device,
		       const struct past_record *past, const struct device_record *origin)
{
	const struct record *record = &past->record;
	struct item item;

	if (!device->wanted || record->kind == RECORD_KIND_INVALID)
		return 0;
	begin_item(&item, device->number, 0, time_of(past));
	item.record = *origin;
	item.record.age = record->socket.age;
	item.record.boot = (uint32_t)hub_hash(HUB_HASH, past->boot_id, strlen(past->boot_id)) | 1;
	item.record.identity = identity_of(past, item.record.boot);
	item.record.attempts = record->attempts;
	item.record.kind = record->kind;
	item.record.cause = record->verdict.cause;
	item.record.outage_cause = record->outage.known ? record->outage.cause : CAUSE_INVALID;
	item.record.ended_by = record->verdict.ended_by;
	item.record.confidence = record->verdict.confidence;
	text_copy(item.record.agent, sizeof(item.record.agent), record->agent);
	text_copy(item.record.outage_id, sizeof(item.record.outage_id), record->outage_id);
	return spool_add(answers->spool, &item);
}

/* ---- outages */

static bool is_of_agent(const struct device_record *record, const char *agent)
{
	return !agent[0] || strcmp(record->agent, agent) == 0;
}

static bool is_of_outage(const struct device_record *record, const char *agent, const char *id)
{
	return strcmp(record->outage_id, id) == 0 && strcmp(record->agent, agent) == 0;
}

/* What is known of the outage that goes on after record `from`. */
static void describe_outage(const struct answers *answers, unsigned from, struct answer *answer)
{
	const struct device_record *begin = &answers->details[from];

	answer->no_cause = NO_CAUSE_IN_OUTAGE;
	answer->outage_id = begin->outage_id;
	answer->outage_cause = CAUSE_INVALID;
	answer->attempts = begin->attempts;
	for (unsigned i = from + 1; i < answers->record_count; i++) {
		const struct device_record *record = &answers->details[i];

		if (!is_of_outage(record, begin->agent, begin->outage_id))
			continue;
		answer->attempts = record->attempts;
		if (record->kind == RECORD_RECOVERED) {
			/* the last one came up */
			answer->attempts = record->attempts ? record->attempts - 1 : 0;
			answer->outage_cause = record->outage_cause;
			return;
		}
	}
}

/* A line that no record fits: if the agent was in an outage then, it is about an attempt that
 * failed and is only counted (connwatch.journal-fields(7), OUTAGES). */
static void look_for_outage(const struct answers *answers, const struct join_clock *clock,
			    const char *agent, struct answer *answer)
{
	usec_t time = join_device_time(clock, answer->time);
	unsigned last = 0, after = answers->record_count;

	while (last < after) { /* the number of records until then */
		unsigned middle = (last + after) / 2;

		if (answers->records[middle].time <= time)
			last = middle + 1;
		else
			after = middle;
	}
	while ((agent[0] || !answers->several_agents) && last-- > 0) {
		const struct device_record *record = &answers->details[last];

		if (!is_of_agent(record, agent))
			continue;
		if (record->kind == RECORD_RECOVERED)
			return;
		if (record->kind != RECORD_ENDED)
			continue;
		if (record->outage_id[0])
			describe_outage(answers, last, answer);
		return;
	}
}

/* ---- joining */

static bool is_of_session(const struct device_record *record)
{
	return record->kind == RECORD_ENDED || record->kind == RECORD_RECOVERED;
}

/* Chooses the records of an agent, and those that show that the host was there. Returns how many
 * they are. */
static unsigned choose_records(struct answers *answers, const char *agent)
{
	unsigned count = 0;

	for (unsigned i = 0; i < answers->record_count; i++) {
		const struct device_record *record = &answers->details[i];

		if (is_of_session(record) && !is_of_agent(record, agent))
			continue;
		answers->chosen[count] = answers->records[i];
		answers->chosen_at[count++] = i;
	}
	return count;
}

static enum confidence confidence_of(const struct device_record *record, bool sure)
{
	if (record->confidence == CONFIDENCE_INVALID || sure)
		return record->confidence;
	return CONFIDENCE_SUSPECTED;
}

/* Where the hub has several names for a device, each of its records may be that of another name,
 * unless the operator says of which agent it is. */
static void fill(const struct answers *answers, const struct join_clock *clock, unsigned number,
		 struct answer *answer)
{
	const char *agent = devices_at(answers->devices, answers->hub)->agent;
	bool several_names =
		!agent[0] && devices_at(answers->devices, answers->device)->hub_names > 1;
	const struct join_answer *found = &answers->found[number];

	answer->result = found->result;
	if (found->result == JOIN_ANSWERED) {
		answer->record = &answers->details[answers->chosen_at[found->record]];
		answer->record_time = answers->chosen[found->record].time;
		answer->ended = join_hub_time(clock, answer->record_time);
		answer->sure = found->sure && !several_names;
		answer->confidence = confidence_of(answer->record, answer->sure);
		answer->contradiction = found->contradiction;
	} else if (found->result == JOIN_NO_RECORD || found->result == JOIN_CLOCK_UNKNOWN) {
		look_for_outage(answers, clock, agent, answer);
	} else if (found->result == JOIN_NOT_YET && answers->records_cut) {
		answer->no_cause = NO_CAUSE_RECORDS;
	}
}

static const uint16_t *values_of(struct answers *answers, const struct answer *answer)
{
	const struct device *named = devices_at(answers->devices, answers->hub);

	for (unsigned i = 0; i < FLEET_FIELDS_MAX; i++) {
		uint16_t recorded = answer->record ? answer->record->values[i] : 0;

		answers->values[i] = named->values[i] ?: recorded ?: answers->last_values[i];
	}
	return answers->values;
}

/* Beyond its quota, the lines of a name are not joined: one that connects as fast as it can would
 * take the time of all others. */
static void refuse_lines(struct answers *answers)
{
	for (unsigned i = 0; i < answers->line_count; i++)
		answers->found[i] =
			(struct join_answer){ .result = answers->lines[i].symptom == HUB_CONNECT
								? JOIN_CONNECT
								: JOIN_OVER_QUOTA };
}

static void join_lines(struct answers *answers)
{
	const struct device *device, *named;
	struct join_clock clock = { .known = false };

	if (answers->line_count == 0)
		return;
	device = devices_at(answers->devices, answers->device);
	named = devices_at(answers->devices, answers->hub);
	if (answers->batches++ < BATCHES_MAX)
		join_device(answers->join, answers->lines, answers->line_count, answers->chosen,
			    device_is_ambiguous(device) ? 0 : choose_records(answers, named->agent),
			    answers->found, &clock);
	else
		refuse_lines(answers);
	for (unsigned i = 0; i < answers->line_count; i++) {
		struct answer answer = { .time = answers->lines[i].time,
					 .line = &answers->line_details[i],
					 .hub_id = named->name,
					 .device = device->name,
					 .confidence = CONFIDENCE_INVALID,
					 .sender = device_owner(device)->source };

		fill(answers, &clock, i, &answer);
		if (device_is_ambiguous(device) && answer.result == JOIN_NO_DEVICE)
			answer.no_cause = NO_CAUSE_AMBIGUOUS;
		if (device->claim.known && !device->own.known)
			answer.claim = &device->claim;
		answer.values = values_of(answers, &answer);
		answers->tell(answers->userdata, &answer);
	}
	answers->line_count = 0;
}

static void take_line(struct answers *answers, const struct item *item)
{
	if (answers->line_count == JOIN_LINES_MAX)
		join_lines(answers); /* the rest of them for themselves */
	answers->line_details[answers->line_count] = item->line;
	answers->lines[answers->line_count++] = (struct join_line){
		.time = item->time,
		.session = item->line.session,
		.identity = item->line.identity,
		.symptom = item->line.symptom,
	};
}

/* Makes room for half of the records. Those from long before the first line go. */
static void drop_old_records(struct answers *answers)
{
	const struct device *device = devices_at(answers->devices, answers->device);
	unsigned old = 0;

	while (old < JOIN_RECORDS_MAX / 2 &&
	       answers->records[old].time + BEFORE_LINES < device->first)
		old++;
	answers->record_count -= old;
	memmove(answers->records, answers->records + old,
		answers->record_count * sizeof(answers->records[0]));
	memmove(answers->details, answers->details + old,
		answers->record_count * sizeof(answers->details[0]));
}

/* Of records that only say that the device was there, the last one is enough. */
static bool replaces_last(const struct answers *answers, const struct device_record *record)
{
	const struct device_record *details = answers->details + answers->record_count;

	return answers->record_count >= 2 && !is_of_session(record) &&
	       !is_of_session(details - 1) && details[-1].boot == record->boot &&
	       details[-2].boot == record->boot;
}

/* True if this is the record of a session, as one before it, and of another agent. */
static bool is_another_agent(const struct answers *answers, const struct device_record *record)
{
	unsigned at = answers->record_count;

	while (at > 0 && !is_of_session(&answers->details[at - 1]))
		at--;
	return at > 0 && is_of_session(record) &&
	       strcmp(answers->details[at - 1].agent, record->agent) != 0;
}

static void note_values(struct answers *answers, const uint16_t *values)
{
	for (unsigned i = 0; i < FLEET_FIELDS_MAX; i++)
		if (values[i])
			answers->last_values[i] = values[i];
}

static void take_record(struct answers *answers, const struct item *item)
{
	const struct device *device = devices_at(answers->devices, item->device);

	if (item->record.is_claim && device->own.known)
		return; /* the device has records of its own */
	if (device_owner(device)->proven && !item->record.is_proven)
		return; /* a sender has that name, and another one may have written this */
	if (!device_is_ambiguous(device))
		note_values(answers, item->record.values);
	if (item->time == answers->last_time && item->record.identity == answers->last_identity)
		return; /* it came twice */
	answers->last_time = item->time;
	answers->last_identity = item->record.identity;
	answers->several_agents |= is_another_agent(answers, &item->record);
	answers->record_count -= replaces_last(answers, &item->record);
	if (answers->record_count == JOIN_RECORDS_MAX)
		drop_old_records(answers);
	if (answers->record_count == JOIN_RECORDS_MAX) {
		answers->records_cut = true;
		return;
	}
	answers->details[answers->record_count] = item->record;
	answers->records[answers->record_count++] = (struct join_record){
		.time = item->time,
		.age = item->record.age,
		.boot = item->record.boot,
		.kind = item->record.kind,
		.cause = item->record.cause,
		.ended_by = item->record.ended_by,
		.confidence = item->record.confidence,
	};
}

static int take_item(void *userdata, const void *taken)
{
	struct answers *answers = userdata;
	const struct item *item = taken;

	if (item->device != answers->device || item->hub != answers->hub) {
		join_lines(answers);
		answers->batches = 0;
	}
	if (item->device != answers->device) {
		answers->record_count = 0;
		answers->last_time = 0;
		memset(answers->last_values, 0, sizeof(answers->last_values));
		answers->records_cut = answers->several_agents = false;
	}
	answers->device = item->device;
	answers->hub = item->hub;
	if (item->hub)
		take_line(answers, item);
	else
		take_record(answers, item);
	return 0;
}

int answers_tell(struct answers *answers, void (*tell)(void *userdata, const struct answer *answer),
		 void *userdata)
{
	int r;

	answers->tell = tell;
	answers->userdata = userdata;
	r = spool_read(answers->spool, take_item, answers);
	join_lines(answers);
	return r;
}

const char *answer_reason(const struct answer *answer)
{
	return answer->no_cause != NO_CAUSE_NONE ? no_cause_to_string(answer->no_cause)
						 : join_result_to_string(answer->result);
}
