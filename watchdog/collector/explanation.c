/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/explanation.h"

#include <string.h>

#include "base/text.h"
#include "fleet/advice.h"

static const char *const result_words[JOIN_RESULT_MAX] = {
	[JOIN_NO_DEVICE] = "no record here is of a device of this name",
	[JOIN_BEFORE] = "before the first record of the device",
	[JOIN_NOT_YET] = "after the last record of the device: its journal may be on its way",
	[JOIN_HOST_DOWN] = "between two boots of the host",
	[JOIN_CLOCK_UNKNOWN] = "no record fits, and how far the device's clock is off is not known",
	[JOIN_NO_RECORD] = "no record fits: it is lost, or of an agent that is not watched",
	[JOIN_OVER_QUOTA] = "more lines than one device may have",
};

static const char *const no_cause_words[NO_CAUSE_MAX] = {
	[NO_CAUSE_AMBIGUOUS] = "several devices have this name",
	[NO_CAUSE_IN_OUTAGE] = "the device had no session then: a failed attempt without a record",
	[NO_CAUSE_RECORDS] = "after the records that were used: the device has too many",
};

static const char *const contradiction_words[JOIN_CONTRADICTION_MAX] = {
	[JOIN_CLOSED_BUT_RENEWED] = "the hub heard no goodbye, and the device says that its agent "
				    "said one to renew its token",
	[JOIN_CLEAN_BUT_CRASHED] = "the hub heard a goodbye, and the device says that its agent "
				   "crashed",
	[JOIN_REFUSED_BUT_OTHERWISE] = "the hub says that it refused the device, and the device's "
				       "own side ended the session",
};

const char *explanation_result_words(enum join_result result)
{
	return result_words[result];
}

const char *explanation_no_cause_words(enum no_cause no_cause)
{
	return no_cause_words[no_cause];
}

const char *explanation_contradiction_words(enum join_contradiction contradiction)
{
	return contradiction_words[contradiction];
}

double explanation_percent(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

/* ---- counting */

void explanation_note_event(struct explanation *explanation, usec_t time)
{
	if (time < explanation->first)
		explanation->first = time;
	if (time > explanation->last)
		explanation->last = time;
}

static void add_example(struct examples *examples, const struct answer *answer)
{
	unsigned count = examples->count;

	if (count == EXAMPLES_TOLD ||
	    (count && strcmp(examples->hub_ids[count - 1], answer->hub_id) == 0))
		return;
	text_copy(examples->hub_ids[count], HUB_ID_SIZE, answer->hub_id);
	examples->times[count] = answer->time;
	examples->count++;
}

static struct explanation_bin *bin_at(struct explanation *explanation, usec_t time)
{
	usec_t part = (explanation->last - explanation->first) / PAGE_BINS + 1;

	if (time < explanation->first)
		time = explanation->first;
	if (time > explanation->last)
		time = explanation->last;
	return &explanation->bins[(time - explanation->first) / part];
}

static void count_in_bins(struct explanation *explanation, const struct answer *answer)
{
	enum side side = answer->record ? cause_side(answer->record->cause) : NO_RECORD;
	usec_t ended = answer->record ? answer->ended : answer->time;

	bin_at(explanation, answer->time)->symptoms[answer->line->symptom]++;
	bin_at(explanation, ended)->sides[side]++;
}

static void count_cause(struct explanation *explanation, const struct answer *answer)
{
	enum cause cause = answer->record->cause;

	explanation->joined++;
	explanation->sure += answer->sure;
	explanation->causes[answer->line->symptom][cause]++;
	if (explanation->last_devices[cause] != answer->device)
		explanation->devices[cause]++;
	explanation->last_devices[cause] = answer->device;
	if (answer->contradiction == JOIN_AGREE)
		return;
	explanation->contradicted++;
	explanation->contradictions[answer->contradiction]++;
	add_example(&explanation->contradiction_examples[answer->contradiction], answer);
}

static void count_reason(struct explanation *explanation, const struct answer *answer)
{
	explanation->unexplained[answer->line->symptom]++;
	if (answer->no_cause != NO_CAUSE_NONE) {
		explanation->no_causes[answer->no_cause]++;
		add_example(&explanation->no_cause_examples[answer->no_cause], answer);
	} else {
		explanation->results[answer->result]++;
		add_example(&explanation->result_examples[answer->result], answer);
	}
}

void explanation_count(struct explanation *explanation, const struct answer *answer)
{
	bool expected = answer->record && fleet_is_expected(answer->record->cause);

	explanation->ends++;
	if (answer->record)
		count_cause(explanation, answer);
	else
		count_reason(explanation, answer);
	explanation->expected += expected;
	if (!expected || answer->contradiction != JOIN_AGREE)
		count_in_bins(explanation, answer);
}

/* ---- sums */

uint64_t explanation_of_symptom(const struct explanation *explanation, enum hub_symptom symptom)
{
	uint64_t count = explanation->unexplained[symptom];

	for (int cause = 0; cause < CAUSE_MAX; cause++)
		count += explanation->causes[symptom][cause];
	return count;
}

uint64_t explanation_of_cause(const struct explanation *explanation, enum cause cause)
{
	uint64_t count = 0;

	for (int symptom = 0; symptom < HUB_SYMPTOM_MAX; symptom++)
		count += explanation->causes[symptom][cause];
	return count;
}

void explanation_order(const uint64_t *counts, unsigned count, unsigned *order)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i;

		for (; at > 0 && counts[i] > counts[order[at - 1]]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

/* ---- groups */

bool explanation_has_field(const struct explanation *explanation, unsigned field)
{
	return explanation->groups && groups_field(explanation->groups, field);
}

const struct concentration *explanation_concentration(const struct explanation *explanation,
						      unsigned field, int cause)
{
	return groups_concentration(explanation->groups, field, cause);
}

const struct concentration *explanation_concentration_of_symptom(
	const struct explanation *explanation, unsigned field, enum hub_symptom symptom, int cause)
{
	uint64_t count, all;

	if (cause == GROUP_UNEXPLAINED) {
		count = explanation->unexplained[symptom];
		all = explanation->ends - explanation->joined;
	} else {
		count = explanation->causes[symptom][cause];
		all = explanation_of_cause(explanation, (enum cause)cause);
	}
	return count * 10 >= all * 9 ? explanation_concentration(explanation, field, cause) : NULL;
}

unsigned explanation_group_causes(const struct group *group, unsigned order[GROUP_CAUSES])
{
	uint64_t counts[GROUP_CAUSES];
	unsigned count = 0;

	for (int cause = 0; cause < GROUP_CAUSES; cause++)
		counts[cause] = cause != GROUP_UNEXPLAINED && fleet_is_expected((enum cause)cause)
					? 0
					: group->causes[cause].ends;
	explanation_order(counts, GROUP_CAUSES, order);
	while (count < GROUP_CAUSES && counts[order[count]])
		count++;
	return count;
}

unsigned explanation_to_do(const struct explanation *explanation, enum cause order[CAUSE_MAX])
{
	uint64_t counts[CAUSE_MAX];
	unsigned numbers[CAUSE_MAX] = { 0 }, count = 0;

	for (int cause = 0; cause < CAUSE_MAX; cause++)
		counts[cause] =
			fleet_is_expected(cause) ? 0 : explanation_of_cause(explanation, cause);
	explanation_order(counts, CAUSE_MAX, numbers);
	while (count < CAUSE_MAX && counts[numbers[count]]) {
		order[count] = (enum cause)numbers[count];
		count++;
	}
	return count;
}
