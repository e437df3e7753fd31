/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "collector/explanation.h"
#include "fleet/advice.h"
#include "support/cleanup.h"

#define COLUMNS "  %-19s  %-20s  %-37s  "

static const char *words_of(const struct answer *answer)
{
	return answer->no_cause != NO_CAUSE_NONE ? explanation_no_cause_words(answer->no_cause)
						 : explanation_result_words(answer->result);
}

void explanation_head_text(void)
{
	printf(COLUMNS "%-22s  %-9s  %s\n", "TIME", "DEVICE", "THE HUB SAYS", "CAUSE", "SURE",
	       "SIDE");
}

static void print_cause(const struct explanation *explanation, const struct answer *answer)
{
	enum cause cause = answer->record->cause;

	printf("%s%-22s%s  %-9s  %s", side_colour(explanation->arguments, cause_side(cause)),
	       cause_to_string(cause), plain(explanation->arguments),
	       confidence_to_string(answer->confidence) ?: "-",
	       side_to_string(cause_side(cause)) ?: "-");
	if (answer->contradiction != JOIN_AGREE)
		printf("  contradiction: %s", join_contradiction_to_string(answer->contradiction));
}

static void print_reason(const struct answer *answer)
{
	printf("%-22s  %s", answer_reason(answer), words_of(answer));
	if (answer->no_cause == NO_CAUSE_AMBIGUOUS && answer->claim)
		printf(": %s and %s say that they are it", answer->claim->name,
		       answer->claim->other);
	if (answer->no_cause != NO_CAUSE_IN_OUTAGE)
		return;
	printf(" (outage %.8s", answer->outage_id);
	if (answer->outage_cause != CAUSE_INVALID)
		printf(", %s", cause_to_string(answer->outage_cause));
	if (answer->attempts)
		printf(", %u attempt%s failed", answer->attempts, answer->attempts == 1 ? "" : "s");
	putchar(')');
}

void explanation_print_text(const struct explanation *explanation, const struct answer *answer)
{
	char time[TIMESTAMP_SIZE], says[HUB_CODE_SIZE + 64];

	snprintf(says, sizeof(says), "%s%s%s", hub_symptom_to_string(answer->line->symptom),
		 answer->line->code[0] ? " " : "", answer->line->code);
	printf(COLUMNS, timestamp(answer->time, time), answer->hub_id, says);
	if (answer->record)
		print_cause(explanation, answer);
	else
		print_reason(answer);
	putchar('\n');
}

/* ---- the summary */

static void print_input(const struct explanation *explanation)
{
	const char *before = "";

	printf("\n%" PRIu64 " lines read: ", explanation->lines);
	for (int format = 0; format < HUB_FORMAT_MAX; format++)
		if (explanation->events[format]) {
			printf("%s%" PRIu64 " events of %s", before, explanation->events[format],
			       hub_format_to_string(format));
			before = ", ";
		}
	printf("%s%" PRIu64 " about something else, %" PRIu64 " malformed\n", before,
	       explanation->unrelated, explanation->malformed);
	for (unsigned i = 0; i < explanation->malformed && i < PLACES_TOLD; i++)
		printf("  malformed: %s:%" PRIu64 "\n",
		       explanation->files[explanation->places[i].file],
		       explanation->places[i].line);
	if (explanation->malformed > PLACES_TOLD)
		printf("  and %" PRIu64 " more\n", explanation->malformed - PLACES_TOLD);
	if (explanation->unnamed)
		printf("  %" PRIu64 " ends have no name: their connections began before the log\n",
		       explanation->unnamed);
	if (explanation->no_room)
		printf("  %" PRIu64 " events of too many devices are not used\n",
		       explanation->no_room);
}

/* Where a cause is concentrated, in brackets behind its share. */
static void print_tags(const struct explanation *explanation, enum hub_symptom symptom, int cause)
{
	char tag[CONCENTRATION_TAG_SIZE];
	const char *before = "  (";

	for (unsigned field = 0; explanation_has_field(explanation, field); field++) {
		const struct concentration *found =
			explanation_concentration_of_symptom(explanation, field, symptom, cause);

		if (!found)
			continue;
		printf("%s%s", before, groups_tag(explanation->groups, found, tag));
		before = "; ";
	}
	if (before[0] == ';')
		putchar(')');
}

static void print_share(const struct explanation *explanation, enum hub_symptom symptom, int cause,
			uint64_t count, uint64_t all)
{
	enum side side = cause == GROUP_UNEXPLAINED ? SIDE_NONE : cause_side((enum cause)cause);

	printf("    %s%-22s%s %8" PRIu64 "  %5.1f %%  %s",
	       side_colour(explanation->arguments, side), group_cause_name(cause),
	       plain(explanation->arguments), count, explanation_percent(count, all),
	       side_to_string(side) ?: "-");
	print_tags(explanation, symptom, cause);
	putchar('\n');
}

/* The causes of one symptom, the most frequent first. */
static void print_causes(const struct explanation *explanation, enum hub_symptom symptom)
{
	uint64_t all = explanation_of_symptom(explanation, symptom);
	const uint64_t *counts = explanation->causes[symptom];
	unsigned order[CAUSE_MAX];

	explanation_order(counts, CAUSE_MAX, order);
	if (all)
		printf("  %s: %" PRIu64 "\n", hub_symptom_to_string(symptom), all);
	for (int i = 0; i < CAUSE_MAX && counts[order[i]]; i++)
		print_share(explanation, symptom, (int)order[i], counts[order[i]], all);
	if (explanation->unexplained[symptom])
		print_share(explanation, symptom, GROUP_UNEXPLAINED,
			    explanation->unexplained[symptom], all);
}

/* ---- by the fields of --by */

static void print_concentrations(const struct explanation *explanation, int cause)
{
	char words[CONCENTRATION_SIZE];

	for (unsigned field = 0; explanation_has_field(explanation, field); field++) {
		const struct concentration *found =
			explanation_concentration(explanation, field, cause);

		if (found)
			printf("      %s\n", groups_words(explanation->groups, found, words));
	}
}

static void print_group(const struct group *group)
{
	unsigned order[GROUP_CAUSES], count = explanation_group_causes(group, order);

	printf("  %-24s %8" PRIu32 " %8" PRIu64 "  ", group->text, group->devices,
	       group->ends - group->expected);
	for (unsigned i = 0; i < count && i < CAUSES_OF_GROUP_TOLD; i++)
		printf("%s%s %.1f %%", i ? ", " : "", group_cause_name((int)order[i]),
		       explanation_percent(group->causes[order[i]].ends,
					   group->ends - group->expected));
	puts(count > CAUSES_OF_GROUP_TOLD ? ", ..." : "");
}

static void print_field(const struct groups *groups, unsigned field)
{
	_cleanup_free_ const struct group **values = groups_of_field(groups, field);
	unsigned count = 0;

	printf("\nBy %s, without ends that are expected\n", groups_field(groups, field));
	if (values && values[0])
		printf("  %-24s %8s %8s  %s\n", "VALUE", "DEVICES", "LINES", "CAUSES");
	for (; values && values[count]; count++)
		if (count < GROUPS_TOLD)
			print_group(values[count]);
	if (count > GROUPS_TOLD)
		printf("  and %u more values\n", count - GROUPS_TOLD);
	if (groups_without(groups, field))
		printf("  %" PRIu64 " lines are of devices that have no %s\n",
		       groups_without(groups, field), groups_field(groups, field));
	if (groups_no_room(groups, field))
		puts("  (other): values that found no room, or are more than one device may have");
}

/* ---- what to do */

static void print_to_do(const struct explanation *explanation)
{
	enum cause order[CAUSE_MAX];
	unsigned count = explanation_to_do(explanation, order);

	if (count)
		puts("\nWhat to do, the most frequent first");
	for (unsigned i = 0; i < count; i++) {
		printf("  %s%-22s%s %8" PRIu64 "  on %" PRIu64 " device%s: %s\n",
		       side_colour(explanation->arguments, cause_side(order[i])),
		       cause_to_string(order[i]), plain(explanation->arguments),
		       explanation_of_cause(explanation, order[i]), explanation->devices[order[i]],
		       explanation->devices[order[i]] == 1 ? "" : "s", fleet_advice(order[i]));
		print_concentrations(explanation, (int)order[i]);
	}
	if (explanation->expected)
		printf("  %" PRIu64 " more ends are expected: renewals of tokens and stops on "
		       "request\n",
		       explanation->expected);
}

static void print_unexplained(const char *name, uint64_t count, const char *words)
{
	if (count)
		printf("    %-22s %8" PRIu64 "  %s\n", name, count, words);
}

void explanation_end_text(const struct explanation *explanation)
{
	uint64_t unexplained = explanation->ends - explanation->joined;

	print_input(explanation);
	printf("%" PRIu64 " ends of connections, %" PRIu64 " of them joined to a record (%.1f %%), "
	       "%" PRIu64 " surely\n",
	       explanation->ends, explanation->joined,
	       explanation_percent(explanation->joined, explanation->ends), explanation->sure);
	for (int symptom = 0; symptom < HUB_SYMPTOM_MAX; symptom++)
		print_causes(explanation, symptom);
	if (unexplained) {
		printf("  unexplained: %" PRIu64 " (%.1f %%)\n", unexplained,
		       explanation_percent(unexplained, explanation->ends));
		print_concentrations(explanation, GROUP_UNEXPLAINED);
	}
	for (int i = 0; i < JOIN_RESULT_MAX; i++)
		print_unexplained(join_result_to_string(i), explanation->results[i],
				  explanation_result_words(i));
	for (int i = 0; i < NO_CAUSE_MAX; i++)
		print_unexplained(no_cause_to_string(i), explanation->no_causes[i],
				  explanation_no_cause_words(i));
	for (int i = JOIN_AGREE + 1; i < JOIN_CONTRADICTION_MAX; i++)
		if (explanation->contradictions[i])
			printf("  contradiction: %s %" PRIu64 "\n", join_contradiction_to_string(i),
			       explanation->contradictions[i]);
	if (explanation->duplicates)
		printf("  %" PRIu64 " lines came twice and count once\n", explanation->duplicates);
	print_to_do(explanation);
	for (unsigned field = 0; explanation_has_field(explanation, field); field++)
		print_field(explanation->groups, field);
}
