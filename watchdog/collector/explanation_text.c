/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "collector/explanation.h"

#define COLUMNS "  %-19s  %-20s  %-37s  "

/* Why a line has no cause. */
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

static const char *words_of(const struct answer *answer)
{
	return answer->no_cause != NO_CAUSE_NONE ? no_cause_words[answer->no_cause]
						 : result_words[answer->result];
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

static double percent(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

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
	if (explanation->no_room)
		printf("  %" PRIu64 " events of too many devices are not used\n",
		       explanation->no_room);
}

static uint64_t lines_of(const struct explanation *explanation, enum hub_symptom symptom)
{
	uint64_t count = 0;

	for (int cause = 0; cause < CAUSE_MAX; cause++)
		count += explanation->causes[symptom][cause];
	return count;
}

/* The causes of one symptom, the most frequent first. */
static void print_causes(const struct explanation *explanation, enum hub_symptom symptom)
{
	uint64_t all = lines_of(explanation, symptom), left[CAUSE_MAX];

	memcpy(left, explanation->causes[symptom], sizeof(left));
	if (all)
		printf("  %s: %" PRIu64 "\n", hub_symptom_to_string(symptom), all);
	for (uint64_t told = 0; told < all;) {
		int most = 0;

		for (int cause = 1; cause < CAUSE_MAX; cause++)
			if (left[cause] > left[most])
				most = cause;
		printf("    %s%-22s%s %8" PRIu64 "  %5.1f %%  %s\n",
		       side_colour(explanation->arguments, cause_side(most)), cause_to_string(most),
		       plain(explanation->arguments), left[most], percent(left[most], all),
		       side_to_string(cause_side(most)) ?: "-");
		told += left[most];
		left[most] = 0;
	}
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
	       percent(explanation->joined, explanation->ends), explanation->sure);
	for (int symptom = 0; symptom < HUB_SYMPTOM_MAX; symptom++)
		print_causes(explanation, symptom);
	if (unexplained)
		printf("  unexplained: %" PRIu64 " (%.1f %%)\n", unexplained,
		       percent(unexplained, explanation->ends));
	for (int i = 0; i < JOIN_RESULT_MAX; i++)
		print_unexplained(join_result_to_string(i), explanation->results[i],
				  result_words[i]);
	for (int i = 0; i < NO_CAUSE_MAX; i++)
		print_unexplained(no_cause_to_string(i), explanation->no_causes[i],
				  no_cause_words[i]);
	for (int i = JOIN_AGREE + 1; i < JOIN_CONTRADICTION_MAX; i++)
		if (explanation->contradictions[i])
			printf("  contradiction: %s %" PRIu64 "\n", join_contradiction_to_string(i),
			       explanation->contradictions[i]);
	if (explanation->duplicates)
		printf("  %" PRIu64 " lines came twice and count once\n", explanation->duplicates);
}
