/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/explanation.h"
#include "fleet/advice.h"
#include "support/cleanup.h"

static void end_object(struct json *json)
{
	json_close(json, '{');
	json->follows = false;
	putchar('\n');
}

static void print_cause(struct json *json, const struct answer *answer)
{
	const struct device_record *record = answer->record;

	json_string(json, "cause", cause_to_string(record->cause));
	if (answer->confidence != CONFIDENCE_INVALID)
		json_string(json, "confidence", confidence_to_string(answer->confidence));
	json_string(json, "side", side_to_string(cause_side(record->cause)));
	json_boolean(json, "pair_is_sure", answer->sure);
	json_string(json, "agent", record->agent);
	json_string(json, "ended_by", ended_by_to_string(record->ended_by));
	json_number(json, "record_time_usec", answer->record_time);
	json_number(json, "ended_usec", answer->ended);
	if (record->outage_id[0])
		json_string(json, "outage_id", record->outage_id);
	if (answer->contradiction != JOIN_AGREE)
		json_string(json, "contradiction",
			    join_contradiction_to_string(answer->contradiction));
}

/* Who says that it is the device; several: nobody knows which is. */
static void print_claim(struct json *json, const struct device_owner *claim)
{
	json_open(json, "claimed_by", '[');
	json_string(json, NULL, claim->name);
	if (claim->contested)
		json_string(json, NULL, claim->other);
	json_close(json, '[');
}

static void print_reason(struct json *json, const struct answer *answer)
{
	json_string(json, "why_not", answer_reason(answer));
	if (answer->no_cause != NO_CAUSE_IN_OUTAGE)
		return;
	json_string(json, "outage_id", answer->outage_id);
	if (answer->outage_cause != CAUSE_INVALID)
		json_string(json, "outage_cause", cause_to_string(answer->outage_cause));
	if (answer->attempts)
		json_number(json, "attempts", answer->attempts);
}

static void print_values(struct json *json, const struct groups *groups,
			 const struct answer *answer)
{
	json_open(json, "by", '{');
	for (unsigned i = 0; groups_field(groups, i); i++)
		if (answer->values[i])
			json_string(json, groups_field(groups, i),
				    groups_at(groups, answer->values[i])->text);
	json_close(json, '{');
}

void explanation_print_json(const struct explanation *explanation, const struct answer *answer)
{
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	json_number(&json, "time_usec", answer->time);
	json_string(&json, "file", explanation->files[answer->line->file]);
	json_number(&json, "line", answer->line->line);
	json_string(&json, "hub_id", answer->hub_id);
	json_string(&json, "device", answer->device);
	json_string(&json, "symptom", hub_symptom_to_string(answer->line->symptom));
	if (answer->line->code[0])
		json_string(&json, "code", answer->line->code);
	if (answer->record)
		print_cause(&json, answer);
	else
		print_reason(&json, answer);
	if (answer->claim)
		print_claim(&json, answer->claim);
	if (explanation->groups)
		print_values(&json, explanation->groups, answer);
	end_object(&json);
}

/* ---- the summary */

static void print_input(struct json *json, const struct explanation *explanation)
{
	json_number(json, "lines", explanation->lines);
	json_open(json, "events", '{');
	for (int format = 0; format < HUB_FORMAT_MAX; format++)
		json_number(json, hub_format_to_string(format), explanation->events[format]);
	json_close(json, '{');
	json_number(json, "unrelated", explanation->unrelated);
	json_number(json, "unnamed", explanation->unnamed);
	json_number(json, "no_room", explanation->no_room);
	json_number(json, "malformed", explanation->malformed);
	json_open(json, "first_malformed", '[');
	for (unsigned i = 0; i < explanation->malformed && i < PLACES_TOLD; i++) {
		json_open(json, NULL, '{');
		json_string(json, "file", explanation->files[explanation->places[i].file]);
		json_number(json, "line", explanation->places[i].line);
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void print_causes(struct json *json, const struct explanation *explanation)
{
	json_open(json, "causes", '[');
	for (int symptom = 0; symptom < HUB_SYMPTOM_MAX; symptom++)
		for (int cause = 0; cause < CAUSE_MAX; cause++) {
			if (!explanation->causes[symptom][cause])
				continue;
			json_open(json, NULL, '{');
			json_string(json, "symptom", hub_symptom_to_string(symptom));
			json_string(json, "cause", cause_to_string(cause));
			json_number(json, "ends", explanation->causes[symptom][cause]);
			json_close(json, '{');
		}
	json_close(json, '[');
	json_open(json, "unexplained_symptoms", '{');
	for (int symptom = 0; symptom < HUB_SYMPTOM_MAX; symptom++)
		if (explanation->unexplained[symptom])
			json_number(json, hub_symptom_to_string(symptom),
				    explanation->unexplained[symptom]);
	json_close(json, '{');
}

static void print_to_do(struct json *json, const struct explanation *explanation)
{
	enum cause order[CAUSE_MAX];
	unsigned count = explanation_to_do(explanation, order);

	json_number(json, "expected", explanation->expected);
	json_open(json, "to_do", '[');
	for (unsigned i = 0; i < count; i++) {
		json_open(json, NULL, '{');
		json_string(json, "cause", cause_to_string(order[i]));
		json_number(json, "ends", explanation_of_cause(explanation, order[i]));
		json_number(json, "devices", explanation->devices[order[i]]);
		json_string(json, "advice", fleet_advice(order[i]));
		json_close(json, '{');
	}
	json_close(json, '[');
}

static void print_counts(struct json *json, const struct explanation *explanation)
{
	json_open(json, "why_not", '{');
	for (int i = 0; i < JOIN_RESULT_MAX; i++)
		if (explanation->results[i])
			json_number(json, join_result_to_string(i), explanation->results[i]);
	for (int i = 0; i < NO_CAUSE_MAX; i++)
		if (explanation->no_causes[i])
			json_number(json, no_cause_to_string(i), explanation->no_causes[i]);
	json_close(json, '{');
	json_open(json, "contradictions", '{');
	for (int i = JOIN_AGREE + 1; i < JOIN_CONTRADICTION_MAX; i++)
		if (explanation->contradictions[i])
			json_number(json, join_contradiction_to_string(i),
				    explanation->contradictions[i]);
	json_close(json, '{');
}

/* ---- by the fields of --by */

static void print_group(struct json *json, const struct group *group)
{
	json_open(json, NULL, '{');
	json_string(json, "value", group->text);
	if (group->rest)
		json_boolean(json, "is_rest", true);
	json_number(json, "devices", group->devices);
	json_number(json, "ends", group->ends);
	json_number(json, "expected", group->expected);
	json_open(json, "causes", '{');
	for (int cause = 0; cause < GROUP_CAUSES; cause++)
		if (group->causes[cause].ends)
			json_number(json, group_cause_name(cause), group->causes[cause].ends);
	json_close(json, '{');
	json_close(json, '{');
}

static void print_concentration(struct json *json, const struct groups *groups, int cause,
				const struct concentration *found)
{
	char words[CONCENTRATION_SIZE];

	json_open(json, NULL, '{');
	json_string(json, "cause", group_cause_name(cause));
	json_open(json, "values", '[');
	for (unsigned i = 0; i < found->count; i++)
		json_string(json, NULL, found->values[i]->text);
	json_close(json, '[');
	json_number(json, "ends", found->ends);
	json_number(json, "of_ends", found->all_ends);
	json_number(json, "ends_of_device_min", found->least);
	json_number(json, "devices", found->with);
	json_number(json, "of_devices", found->of);
	json_number(json, "other_devices", found->others_with);
	json_number(json, "of_other_devices", found->others_of);
	json_string(json, "words", groups_words(groups, found, words));
	json_close(json, '{');
}

static void print_field(struct json *json, const struct groups *groups, unsigned field)
{
	_cleanup_free_ const struct group **values = groups_of_field(groups, field);

	json_open(json, NULL, '{');
	json_string(json, "field", groups_field(groups, field));
	json_number(json, "ends_without", groups_without(groups, field));
	json_number(json, "values_without_room", groups_no_room(groups, field));
	json_open(json, "concentrated", '[');
	for (int cause = 0; cause < GROUP_CAUSES; cause++) {
		const struct concentration *found = groups_concentration(groups, field, cause);

		if (found)
			print_concentration(json, groups, cause, found);
	}
	json_close(json, '[');
	json_open(json, "values", '[');
	for (unsigned i = 0; values && values[i]; i++)
		print_group(json, values[i]);
	json_close(json, '[');
	json_close(json, '{');
}

static void print_groups(struct json *json, const struct explanation *explanation)
{
	json_open(json, "by", '[');
	for (unsigned field = 0; explanation_has_field(explanation, field); field++)
		print_field(json, explanation->groups, field);
	json_close(json, '[');
}

void explanation_end_json(const struct explanation *explanation)
{
	struct json json = { .stream = stdout };

	json_open(&json, NULL, '{');
	json_open(&json, "summary", '{');
	print_input(&json, explanation);
	json_number(&json, "connects", explanation->connects);
	json_number(&json, "duplicates", explanation->duplicates);
	json_number(&json, "ends", explanation->ends);
	json_number(&json, "joined", explanation->joined);
	json_number(&json, "sure", explanation->sure);
	json_number(&json, "unexplained", explanation->ends - explanation->joined);
	print_causes(&json, explanation);
	print_counts(&json, explanation);
	print_to_do(&json, explanation);
	if (explanation->groups)
		print_groups(&json, explanation);
	json_close(&json, '{');
	end_object(&json);
}
