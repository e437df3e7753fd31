/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/groups.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/chance.h"
#include "base/keyed_table.h"
#include "base/text.h"
#include "fleet/advice.h"
#include "fleet/fleet.h"
#include "hub/hub_code.h"
#include "support/cleanup.h"

enum {
	SENDERS_MAX = 1 << 18,
	SLOTS = 8, /* values of a field that a device may have at a time */
	TAG_VALUES = 3,
};

/* What one sender may bring in, and whether it was counted. */
struct sender {
	uint16_t values[FLEET_FIELDS_MAX][GROUP_VALUES_OF_SENDER];
	bool counted;
};

/* The ends of the device that is counted now, of one value. */
struct slot {
	uint16_t value; /* number; 0: free */
	uint32_t ends[GROUP_CAUSES];
};

struct groups {
	const char *const *names;
	unsigned field_count;
	struct keyed_table values;  /* struct group; the first of them are those without room */
	struct keyed_table senders; /* struct sender, by their hash */
	uint64_t without[FLEET_FIELDS_MAX], no_room[FLEET_FIELDS_MAX];
	uint64_t ends[GROUP_CAUSES]; /* in all */
	const char *device;          /* that is counted now */
	uint64_t sender;
	struct slot slots[FLEET_FIELDS_MAX][SLOTS];
	struct concentration found[FLEET_FIELDS_MAX][GROUP_CAUSES];
};

static struct group *add_value(struct groups *groups, unsigned field, uint64_t key)
{
	struct group *group = keyed_table_add(&groups->values, key);

	if (group)
		group->field = field;
	return group;
}

int groups_new(struct groups **groups, const char *const *fields)
{
	_cleanup_(groups_free_held) struct groups *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->names = fields;
	if (keyed_table_init(&new->values, GROUPS_VALUES_MAX + FLEET_FIELDS_MAX,
			     sizeof(struct group)) < 0 ||
	    keyed_table_init(&new->senders, SENDERS_MAX, sizeof(struct sender)) < 0)
		return -ENOMEM;
	for (; fields[new->field_count]; new->field_count++) {
		struct group *rest = add_value(new, new->field_count, new->field_count);

		rest->rest = true;
		text_copy(rest->text, sizeof(rest->text), "(other)");
	}
	*groups = STEAL_POINTER(new);
	return 0;
}

void groups_free(struct groups *groups)
{
	keyed_table_release(&groups->values);
	keyed_table_release(&groups->senders);
	free(groups);
}

const char *groups_field(const struct groups *groups, unsigned field)
{
	return groups->names[field];
}

int groups_find_field(const struct groups *groups, const char *name)
{
	for (unsigned field = 0; field < groups->field_count; field++)
		if (strcasecmp(groups->names[field], name) == 0)
			return (int)field;
	return -1;
}

/* ---- values */

/* Values never go, so their numbers are those of their entries. */
static struct group *value_at(const struct groups *groups, uint16_t number)
{
	return (struct group *)groups->values.entries + number - 1;
}

static uint16_t number_of(const struct groups *groups, const struct group *group)
{
	return (uint16_t)(group - (const struct group *)groups->values.entries + 1);
}

const struct group *groups_at(const struct groups *groups, uint16_t number)
{
	return value_at(groups, number);
}

/* Returns false if the sender has brought other values, and as many as it may. */
static bool may_bring(struct groups *groups, unsigned field, uint64_t sender, uint16_t value)
{
	struct sender *entry;

	if (!sender)
		return true;
	entry = keyed_table_find(&groups->senders, sender)
			?: keyed_table_add(&groups->senders, sender);
	for (unsigned i = 0; entry && i < GROUP_VALUES_OF_SENDER; i++) {
		if (!entry->values[field][i])
			entry->values[field][i] = value;
		if (entry->values[field][i] == value)
			return true;
	}
	return false;
}

/* The number that a new value will have; past the last one if there is no room. */
static uint16_t next_number(const struct groups *groups)
{
	return (uint16_t)(groups->values.count + 1);
}

static bool has_room(const struct groups *groups)
{
	return groups->values.count < GROUPS_VALUES_MAX;
}

static uint16_t no_room(struct groups *groups, unsigned field)
{
	groups->no_room[field]++;
	return (uint16_t)(field + 1);
}

uint16_t groups_value(struct groups *groups, unsigned field, uint64_t sender, const char *text)
{
	char cut[GROUP_TEXT_SIZE];
	struct group *group;
	uint64_t key;

	if (!text[0])
		return 0;
	if (text_copy(cut, sizeof(cut), text) < 0)
		memcpy(cut + sizeof(cut) - 4, "...", 4);
	text_make_printable(cut);
	key = hub_hash(hub_hash(HUB_HASH, &field, sizeof(field)), cut, strlen(cut) + 1);
	group = keyed_table_find(&groups->values, key);
	if (!may_bring(groups, field, sender,
		       group ? number_of(groups, group) : next_number(groups)))
		return no_room(groups, field);
	if (group)
		return number_of(groups, group);
	group = has_room(groups) ? add_value(groups, field, key) : NULL;
	if (!group)
		return no_room(groups, field);
	text_copy(group->text, sizeof(group->text), cut);
	return number_of(groups, group);
}

/* ---- counting */

static bool is_expected(int cause)
{
	return cause != GROUP_UNEXPLAINED && fleet_is_expected((enum cause)cause);
}

/* Returns true if the device is another than all that were counted: a sender with several names is
 * one. */
static bool is_new_device(struct groups *groups)
{
	struct sender *sender;

	if (!groups->sender)
		return true;
	sender = keyed_table_find(&groups->senders, groups->sender)
			 ?: keyed_table_add(&groups->senders, groups->sender);
	if (!sender || sender->counted)
		return false;
	sender->counted = true;
	return true;
}

/* A device that is known for unexplained ends alone says nothing about causes. */
static bool is_explained(const struct slot *slot)
{
	for (int cause = 0; cause < CAUSE_MAX; cause++)
		if (slot->ends[cause])
			return true;
	return !slot->ends[GROUP_UNEXPLAINED];
}

static uint32_t population(const struct group *group, int cause)
{
	return cause == GROUP_UNEXPLAINED ? group->devices : group->explained;
}

static void add_slot(struct groups *groups, struct slot *slot, bool is_new)
{
	struct group *group = value_at(groups, slot->value);

	group->devices += is_new;
	group->explained += is_new && is_explained(slot);
	for (int cause = 0; is_new && cause < GROUP_CAUSES; cause++)
		for (unsigned level = 0; level < GROUP_LEVELS && slot->ends[cause] >> level;
		     level++)
			group->causes[cause].devices[level]++;
	*slot = (struct slot){ .value = 0 };
}

/* Counts the device in that all answers until now were about. */
static void end_device(struct groups *groups)
{
	bool is_new = groups->device && is_new_device(groups);

	for (unsigned field = 0; field < groups->field_count; field++)
		for (unsigned i = 0; i < SLOTS && groups->slots[field][i].value; i++)
			add_slot(groups, &groups->slots[field][i], is_new);
}

/* NULL if the device has too many values: one of the operator's file for each of its names. */
static struct slot *find_slot(struct groups *groups, unsigned field, uint16_t value)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *slot = &groups->slots[field][i];

		if (!slot->value)
			slot->value = value;
		if (slot->value == value)
			return slot;
	}
	return NULL;
}

static void count_value(struct groups *groups, unsigned field, uint16_t value, int cause)
{
	struct slot *slot = find_slot(groups, field, value);
	struct group *group = value_at(groups, value);

	if (cause < 0) /* a connect: the device is there */
		return;
	group->ends++;
	group->expected += is_expected(cause);
	group->causes[cause].ends++;
	if (slot)
		slot->ends[cause]++;
}

void groups_count(struct groups *groups, const struct answer *answer)
{
	int cause = answer->result == JOIN_CONNECT || answer->result == JOIN_DUPLICATE ? -1
		    : answer->record ? (int)answer->record->cause
				     : GROUP_UNEXPLAINED;

	if (answer->device != groups->device)
		end_device(groups);
	groups->device = answer->device;
	groups->sender = answer->sender;
	if (cause >= 0)
		groups->ends[cause]++;
	for (unsigned field = 0; field < groups->field_count; field++)
		if (answer->values[field])
			count_value(groups, field, answer->values[field], cause);
		else
			groups->without[field] += cause >= 0;
}

/* ---- what is concentrated */

/* A value, and how many of its devices had the cause that is looked at often enough. */
struct candidate {
	const struct group *group;
	uint32_t with, of;
};

/* The devices with any value of the field. */
struct devices_of_field {
	uint32_t with, of;
	uint64_t weight; /* of those that had the cause */
	unsigned values;
};

/* A device that had the cause 1 << n times counts n + 1 times: more for one that had it often, and
 * never much. */
static uint64_t weight_of(const struct group *group, int cause)
{
	uint64_t weight = 0;

	for (unsigned level = 0; level < GROUP_LEVELS; level++)
		weight += group->causes[cause].devices[level];
	return weight;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;
	double one = (double)left->with * right->of;
	double other = (double)right->with * left->of;

	if (one != other)
		return one > other ? -1 : 1;
	return strcmp(left->group->text, right->group->text);
}

/* Fills `candidates`, those with the highest share first, and `all`. Returns how many they are. */
static unsigned find_candidates(const struct groups *groups, unsigned field, int cause,
				unsigned level, struct candidate *candidates,
				struct devices_of_field *all)
{
	unsigned count = 0;

	*all = (struct devices_of_field){ 0 };
	for (uint16_t number = 1; number <= groups->values.count; number++) {
		const struct group *group = value_at(groups, number);
		uint32_t with = group->causes[cause].devices[level];
		uint32_t of = population(group, cause);

		if (group->field != field)
			continue;
		all->with += with;
		all->of += of;
		all->weight += weight_of(group, cause);
		all->values += group->devices > 0;
		if (with >= FLEET_DEVICES_MIN && !group->rest)
			candidates[count++] = (struct candidate){ group, with, of };
	}
	qsort(candidates, count, sizeof(*candidates), compare_candidates);
	return count;
}

/* The chance that so many of `of` devices had it, where those beside them are the `others`. */
static double chance_beside(uint32_t with, uint32_t of, uint32_t others_with, uint32_t others_of)
{
	if (!others_of || (double)with * others_of < 2.0 * others_with * of)
		return 0;
	return chance_of_share(with, of, with + others_with, of + others_of);
}

/* Of the candidates with the highest share, how many differ most from the rest. */
static unsigned find_split(const struct candidate *candidates, unsigned count,
			   const struct devices_of_field *all, struct concentration *split)
{
	uint32_t with = 0, of = 0;
	unsigned best = 0;

	for (unsigned i = 0; i < count && i < CONCENTRATED_MAX; i++) {
		double chance;

		with += candidates[i].with;
		of += candidates[i].of;
		chance = chance_beside(with, of, all->with - with, all->of - of);
		if (chance >= split->chance)
			continue;
		best = i + 1;
		split->chance = chance;
		split->others_with = all->with - with;
		split->others_of = all->of - of;
	}
	return best;
}

/* True if most of what the devices had of the cause is where it is said to be concentrated. */
static bool is_most(const struct concentration *split, const struct devices_of_field *all,
		    int cause)
{
	uint64_t weight = 0;

	for (unsigned i = 0; i < split->count; i++)
		weight += weight_of(split->values[i], cause);
	return split->count && split->with * 2 >= all->with && weight * 2 >= all->weight;
}

/* Each of the values must differ from the rest for itself. */
static void take_values(const struct candidate *candidates, unsigned count, double limit, int cause,
			struct concentration *split)
{
	for (unsigned i = 0; i < count; i++) {
		const struct group *group = candidates[i].group;

		if (chance_beside(candidates[i].with, candidates[i].of, split->others_with,
				  split->others_of) >= limit)
			continue;
		split->values[split->count++] = group;
		split->with += candidates[i].with;
		split->of += candidates[i].of;
		split->ends += group->causes[cause].ends;
	}
}

/* How many tests there are: values, how many of them are taken together, causes and levels. */
static double limit_of(const struct groups *groups, unsigned values)
{
	unsigned causes = 0;

	for (int cause = 0; cause < GROUP_CAUSES; cause++)
		causes += groups->ends[cause] > 0;
	return log10(FLEET_ERROR / ((double)values * CONCENTRATED_MAX * causes * GROUP_LEVELS *
				    groups->field_count));
}

static void look_at_cause(struct groups *groups, unsigned field, int cause,
			  struct candidate *candidates)
{
	struct concentration *found = &groups->found[field][cause];

	for (unsigned level = 0; level < GROUP_LEVELS; level++) {
		struct concentration split = { .least = 1U << level,
					       .all_ends = groups->ends[cause] };
		struct devices_of_field all;
		unsigned count = find_candidates(groups, field, cause, level, candidates, &all);

		if (!count)
			return;
		count = find_split(candidates, count, &all, &split);
		take_values(candidates, count, limit_of(groups, all.values), cause, &split);
		if (is_most(&split, &all, cause) && (!found->count || split.chance < found->chance))
			*found = split;
	}
}

void groups_finish(struct groups *groups)
{
	_cleanup_free_ struct candidate *candidates =
		calloc(groups->values.count + 1, sizeof(*candidates));

	end_device(groups);
	groups->device = NULL;
	for (unsigned field = 0; candidates && field < groups->field_count; field++)
		for (int cause = 0; cause < GROUP_CAUSES; cause++)
			if (groups->ends[cause] && !is_expected(cause))
				look_at_cause(groups, field, cause, candidates);
}

/* ---- telling */

static int compare_ends(const void *a, const void *b)
{
	const struct group *left = *(const struct group *const *)a;
	const struct group *right = *(const struct group *const *)b;

	uint64_t one = left->ends - left->expected, other = right->ends - right->expected;

	if (one != other)
		return one > other ? -1 : 1;
	return strcmp(left->text, right->text);
}

const struct group **groups_of_field(const struct groups *groups, unsigned field)
{
	const struct group **values = calloc(groups->values.count + 1, sizeof(*values));
	unsigned count = 0;

	if (!values)
		return NULL;
	for (uint16_t number = 1; number <= groups->values.count; number++) {
		const struct group *group = value_at(groups, number);

		if (group->field == field && (group->ends || group->devices))
			values[count++] = group;
	}
	qsort(values, count, sizeof(*values), compare_ends);
	return values;
}

uint64_t groups_without(const struct groups *groups, unsigned field)
{
	return groups->without[field];
}

uint64_t groups_no_room(const struct groups *groups, unsigned field)
{
	return groups->no_room[field];
}

const struct concentration *groups_concentration(const struct groups *groups, unsigned field,
						 int cause)
{
	const struct concentration *found = &groups->found[field][cause];

	return found->count ? found : NULL;
}

const char *groups_words(const struct groups *groups, const struct concentration *concentration,
			 char text[static CONCENTRATION_SIZE])
{
	struct text words = text_begin(text, CONCENTRATION_SIZE);
	double share = concentration->all_ends ? 100.0 * (double)concentration->ends /
							 (double)concentration->all_ends
					       : 0;

	text_add(&words, "%s=", groups->names[concentration->values[0]->field]);
	for (unsigned i = 0; i < concentration->count; i++)
		text_add(&words, "%s%s", i ? ", " : "", concentration->values[i]->text);
	text_add(&words, ": %.1f %% of these lines; %" PRIu32 " of %" PRIu32 " devices there",
		 share, concentration->with, concentration->of);
	if (concentration->least > 1)
		text_add(&words, " had it %u times or more", concentration->least);
	text_add(&words, ", %" PRIu32 " of %" PRIu32 " elsewhere", concentration->others_with,
		 concentration->others_of);
	return text;
}

const char *groups_tag(const struct groups *groups, const struct concentration *concentration,
		       char text[static CONCENTRATION_TAG_SIZE])
{
	struct text words = text_begin(text, CONCENTRATION_TAG_SIZE);
	const char *field = groups->names[concentration->values[0]->field];

	if (concentration->count > TAG_VALUES) {
		text_add(&words, "%u values of %s", concentration->count, field);
		return text;
	}
	text_add(&words, "%s ", field);
	for (unsigned i = 0; i < concentration->count; i++)
		text_add(&words, "%s%s", i ? ", " : "", concentration->values[i]->text);
	return text;
}

const char *group_cause_name(int cause)
{
	return cause == GROUP_UNEXPLAINED ? "unexplained" : cause_to_string((enum cause)cause);
}
