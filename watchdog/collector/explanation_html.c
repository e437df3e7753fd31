/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "base/time_span.h"
#include "collector/explanation.h"
#include "fleet/advice.h"
#include "support/cleanup.h"
#include "support/markup.h"

enum { FIELD_HEADING_SIZE = 80 };

/* ---- the head */

static void print_head(FILE *stream, const struct explanation *explanation)
{
	char share[32];

	page_begin(stream, "What the hub saw, and why", explanation->first, explanation->last);
	page_tiles_begin(stream);
	page_count_tile(stream, explanation->ends, "ends in the hub's log");
	snprintf(share, sizeof(share), "%.1f %%",
		 explanation_percent(explanation->joined, explanation->ends));
	page_tile(stream, share, "have a cause");
	page_count_tile(stream, explanation->sure, "of them surely");
	page_count_tile(stream, explanation->contradicted, "contradictions");
	page_count_tile(stream, explanation->ends - explanation->joined, "unexplained");
	page_tiles_end(stream);
}

/* ---- the two timelines */

/* What the hub says, in few colours. */
enum { CLOSED, SILENT, REFUSED, TAKEN_OVER, HUB_TROUBLE, REST, SAYINGS };

static const struct page_kind sayings[SAYINGS] = {
	[CLOSED] = { "s1", "closed remotely" },
	[SILENT] = { "s2", "keep-alive" },
	[REFUSED] = { "s3", "not authorized" },
	[TAKEN_OVER] = { "s4", "taken over" },
	[HUB_TROUBLE] = { "s5", "server error, throttled" },
	[REST] = { "s6", "other" },
};

static int saying_of(enum hub_symptom symptom)
{
	switch (symptom) {
	case HUB_CLOSED:
		return CLOSED;
	case HUB_KEEP_ALIVE:
		return SILENT;
	case HUB_NOT_AUTHORIZED:
		return REFUSED;
	case HUB_TAKEN_OVER:
		return TAKEN_OVER;
	case HUB_SERVER_ERROR:
	case HUB_THROTTLED:
		return HUB_TROUBLE;
	case HUB_CONNECT:
	case HUB_CLEAN:
	case HUB_PROTOCOL_ERROR:
	case HUB_ENDED_BY_HUB:
	case HUB_OTHER:
	case HUB_SYMPTOM_MAX:
	case HUB_SYMPTOM_INVALID:
		break;
	}
	return REST;
}

static unsigned hub_ends(const void *userdata, unsigned bin, unsigned kind)
{
	const struct explanation *explanation = userdata;
	unsigned ends = 0;

	for (int symptom = 0; symptom < HUB_SYMPTOM_MAX; symptom++)
		if (saying_of(symptom) == (int)kind)
			ends += explanation->bins[bin].symptoms[symptom];
	return ends;
}

static unsigned device_ends(const void *userdata, unsigned bin, unsigned kind)
{
	const struct explanation *explanation = userdata;

	return explanation->bins[bin].sides[kind];
}

static void print_picture(FILE *stream, const struct explanation *explanation)
{
	struct page_kind sides[EXPLANATION_SIDES];
	const struct page_lane lanes[] = {
		{ "what the hub wrote", sayings, SAYINGS, hub_ends, explanation },
		{ "the same ends by the devices: whose doing", sides, EXPLANATION_SIDES,
		  device_ends, explanation },
	};
	char bin[TIME_SPAN_TEXT_SIZE];

	for (int side = 0; side < SIDE_MAX; side++)
		sides[side] = page_sides[side];
	sides[NO_RECORD] = (struct page_kind){ "no-record", "no record" };
	page_section(stream, "picture", "Over time", NO_COUNT);
	page_picture(stream,
		     "Two timelines of the same ends of connections, as the hub wrote them and as "
		     "the devices recorded them; the tables below have the numbers",
		     explanation->first, explanation->last, lanes, 2);
	fprintf(stream, "<p>A bar is %s, by the hub's clock.",
		time_span_format((explanation->last - explanation->first) / PAGE_BINS, bin,
				 sizeof(bin)));
	if (explanation->expected)
		fprintf(stream,
			" Not drawn: %" PRIu64 " ends that are expected, renewals of tokens and "
			"stops on request.",
			explanation->expected);
	fputs("</p>\n", stream);
	page_section_end(stream);
}

/* ---- what to do */

static void print_concentrations(FILE *stream, const struct explanation *explanation, int cause)
{
	char words[CONCENTRATION_SIZE];

	for (unsigned field = 0; explanation_has_field(explanation, field); field++) {
		const struct concentration *found =
			explanation_concentration(explanation, field, cause);

		if (!found)
			continue;
		fputs("<br><b>", stream);
		markup_text(stream, groups_words(explanation->groups, found, words));
		fputs("</b>", stream);
	}
}

static void print_to_do(FILE *stream, const struct explanation *explanation, enum cause cause)
{
	uint64_t lines = explanation_of_cause(explanation, cause);
	double share = explanation_percent(lines, explanation->ends - explanation->expected);

	fputs("<tr>", stream);
	page_cell_cause(stream, cause);
	page_cell_number(stream, lines);
	page_cell_number(stream, explanation->devices[cause]);
	fputs("<td>", stream);
	page_bar(stream, share);
	fprintf(stream, "%.1f %%</td><td class=\"w\">%s", share, fleet_advice(cause));
	print_concentrations(stream, explanation, (int)cause);
	fputs("</td></tr>\n", stream);
}

static void print_what_to_do(FILE *stream, const struct explanation *explanation)
{
	static const char *const columns[] = { "cause",      "#lines",
					       "#devices",   "of those not expected",
					       "what to do", NULL };
	enum cause order[CAUSE_MAX];
	unsigned count = explanation_to_do(explanation, order);

	page_section(stream, "to-do", "What to do, the most frequent first", NO_COUNT);
	page_table(stream, "causes, and what to do", columns);
	for (unsigned i = 0; i < count; i++)
		print_to_do(stream, explanation, order[i]);
	page_table_end(stream);
	if (explanation->expected)
		fprintf(stream,
			"<p>%" PRIu64 " more ends are expected: renewals of tokens and stops on "
			"request.</p>\n",
			explanation->expected);
	page_section_end(stream);
}

/* ---- what the hub says, and why */

/* Where a cause is concentrated. */
static void print_tags(FILE *stream, const struct explanation *explanation,
		       enum hub_symptom symptom, int cause)
{
	char tag[CONCENTRATION_TAG_SIZE];

	for (unsigned field = 0; explanation_has_field(explanation, field); field++) {
		const struct concentration *found =
			explanation_concentration_of_symptom(explanation, field, symptom, cause);

		if (!found)
			continue;
		fputs("<br>", stream);
		markup_text(stream, groups_tag(explanation->groups, found, tag));
	}
}

static void print_share(FILE *stream, const struct explanation *explanation,
			enum hub_symptom symptom, int cause, uint64_t lines, uint64_t all)
{
	double share = explanation_percent(lines, all);

	page_cell_number(stream, lines);
	fputs("<td class=\"w\">", stream);
	page_bar(stream, share);
	fprintf(stream, "%.1f %%", share);
	print_tags(stream, explanation, symptom, cause);
	fputs("</td></tr>\n", stream);
}

static void print_symptom(FILE *stream, const struct explanation *explanation,
			  enum hub_symptom symptom, uint64_t all)
{
	const uint64_t *counts = explanation->causes[symptom];
	unsigned order[CAUSE_MAX];

	explanation_order(counts, CAUSE_MAX, order);
	fprintf(stream,
		"<tbody><tr><th scope=\"rowgroup\" colspan=\"3\">%s: %" PRIu64 "</th></tr>\n",
		hub_symptom_to_string(symptom), all);
	for (int i = 0; i < CAUSE_MAX && counts[order[i]]; i++) {
		fputs("<tr>", stream);
		page_cell_cause(stream, (enum cause)order[i]);
		print_share(stream, explanation, symptom, (int)order[i], counts[order[i]], all);
	}
	if (explanation->unexplained[symptom]) {
		fputs("<tr><td>unexplained</td>", stream);
		print_share(stream, explanation, symptom, GROUP_UNEXPLAINED,
			    explanation->unexplained[symptom], all);
	}
	fputs("</tbody>\n", stream);
}

/* The goodbyes come last, however many they are. */
static void print_symptoms(FILE *stream, const struct explanation *explanation)
{
	static const char *const columns[] = { "cause, by the devices", "#lines", "share", NULL };
	uint64_t counts[HUB_SYMPTOM_MAX];
	unsigned order[HUB_SYMPTOM_MAX];

	for (int symptom = 0; symptom < HUB_SYMPTOM_MAX; symptom++)
		counts[symptom] =
			symptom == HUB_CLEAN ? 0 : explanation_of_symptom(explanation, symptom);
	explanation_order(counts, HUB_SYMPTOM_MAX, order);
	page_section(stream, "symptoms", "What the hub says, and why", NO_COUNT);
	page_table(stream, "what the hub says, and the causes of it", columns);
	for (int i = 0; i < HUB_SYMPTOM_MAX && counts[order[i]]; i++)
		print_symptom(stream, explanation, (enum hub_symptom)order[i], counts[order[i]]);
	counts[HUB_CLEAN] = explanation_of_symptom(explanation, HUB_CLEAN);
	if (counts[HUB_CLEAN])
		print_symptom(stream, explanation, HUB_CLEAN, counts[HUB_CLEAN]);
	page_table_end(stream);
	page_section_end(stream);
}

/* ---- by the fields of --by */

static void print_group(FILE *stream, const struct group *group)
{
	unsigned order[GROUP_CAUSES], count = explanation_group_causes(group, order);

	fputs("<tr><td class=\"v\">", stream);
	markup_text(stream, group->text);
	fputs("</td>", stream);
	page_cell_number(stream, group->devices);
	page_cell_number(stream, group->ends - group->expected);
	fputs("<td class=\"w\">", stream);
	for (unsigned i = 0; i < count && i < CAUSES_OF_GROUP_TOLD; i++)
		fprintf(stream, "<span class=\"key\">%s %.1f %%</span> ",
			group_cause_name((int)order[i]),
			explanation_percent(group->causes[order[i]].ends,
					    group->ends - group->expected));
	fprintf(stream, "%s</td></tr>\n", count > CAUSES_OF_GROUP_TOLD ? "..." : "");
}

static void print_field(FILE *stream, const struct groups *groups, unsigned field)
{
	static const char *const columns[] = { "value", "#devices", "#lines", "causes", NULL };
	_cleanup_free_ const struct group **values = groups_of_field(groups, field);
	char id[16], heading[FIELD_HEADING_SIZE];
	unsigned count = 0;

	snprintf(id, sizeof(id), "by-%u", field + 1);
	snprintf(heading, sizeof(heading), "By %s, without ends that are expected",
		 groups_field(groups, field));
	page_section(stream, id, heading, NO_COUNT);
	page_table(stream, "ends of connections by value", columns);
	for (; values && values[count]; count++)
		if (count < GROUPS_TOLD)
			print_group(stream, values[count]);
	page_table_end(stream);
	if (count > GROUPS_TOLD)
		fprintf(stream, "<p>And %u more values.</p>\n", count - GROUPS_TOLD);
	if (groups_without(groups, field))
		fprintf(stream, "<p>%" PRIu64 " lines are of devices that have no %s.</p>\n",
			groups_without(groups, field), groups_field(groups, field));
	if (groups_no_room(groups, field))
		fputs("<p>(other): values that found no room, or are more than one device may "
		      "have.</p>\n",
		      stream);
	page_section_end(stream);
}

static void print_groups(FILE *stream, const struct explanation *explanation)
{
	for (unsigned field = 0; explanation_has_field(explanation, field); field++)
		print_field(stream, explanation->groups, field);
}

/* ---- contradictions, and what has no cause */

static void print_finding(FILE *stream, const char *name, uint64_t count, const char *words,
			  const struct examples *examples)
{
	if (!count)
		return;
	fprintf(stream, "<tr><td>%s</td>", name);
	page_cell_number(stream, count);
	fprintf(stream, "<td class=\"w\">%s</td><td class=\"w\">", words);
	for (unsigned i = 0; i < examples->count; i++) {
		char time[TIMESTAMP_SIZE];

		fputs(i ? "<br>" : "", stream);
		markup_text(stream, examples->hub_ids[i]);
		fprintf(stream, " %s", timestamp(examples->times[i], time));
	}
	fputs("</td></tr>\n", stream);
}

static const char *const finding_columns[] = { "", "#lines", "that is", "first devices", NULL };

static void print_contradictions(FILE *stream, const struct explanation *explanation)
{
	page_section(stream, "contradictions", "Contradictions", explanation->contradicted);
	if (explanation->contradicted) {
		page_table(stream, "contradictions of hub and devices", finding_columns);
		for (int i = JOIN_AGREE + 1; i < JOIN_CONTRADICTION_MAX; i++)
			print_finding(stream, join_contradiction_to_string(i),
				      explanation->contradictions[i],
				      explanation_contradiction_words(i),
				      &explanation->contradiction_examples[i]);
		page_table_end(stream);
	}
	page_section_end(stream);
}

static void print_unexplained(FILE *stream, const struct explanation *explanation)
{
	uint64_t count = explanation->ends - explanation->joined;

	page_section(stream, "unexplained", "Unexplained", count);
	if (count) {
		page_table(stream, "why lines have no cause", finding_columns);
		for (int i = 0; i < JOIN_RESULT_MAX; i++)
			print_finding(stream, join_result_to_string(i), explanation->results[i],
				      explanation_result_words(i),
				      &explanation->result_examples[i]);
		for (int i = 0; i < NO_CAUSE_MAX; i++)
			print_finding(stream, no_cause_to_string(i), explanation->no_causes[i],
				      explanation_no_cause_words(i),
				      &explanation->no_cause_examples[i]);
		page_table_end(stream);
		fputs("<p>", stream);
		print_concentrations(stream, explanation, GROUP_UNEXPLAINED);
		fputs("</p>\n", stream);
	}
	page_section_end(stream);
}

/* ---- the log itself */

static void print_log(FILE *stream, const struct explanation *explanation)
{
	page_section(stream, "log", "The log", NO_COUNT);
	fprintf(stream, "<p>%" PRIu64 " lines read: ", explanation->lines);
	for (int format = 0; format < HUB_FORMAT_MAX; format++)
		if (explanation->events[format])
			fprintf(stream, "%" PRIu64 " events of %s, ", explanation->events[format],
				hub_format_to_string(format));
	fprintf(stream,
		"%" PRIu64 " about something else, %" PRIu64 " malformed. %" PRIu64
		" came twice and count once.</p>\n",
		explanation->unrelated, explanation->malformed, explanation->duplicates);
	if (explanation->unnamed)
		fprintf(stream,
			"<p>%" PRIu64 " ends have no name: their connections began before the "
			"log.</p>\n",
			explanation->unnamed);
	for (unsigned i = 0; i < explanation->malformed && i < PLACES_TOLD; i++) {
		fputs("<p>Malformed: ", stream);
		markup_text(stream, explanation->files[explanation->places[i].file]);
		fprintf(stream, ":%" PRIu64 "</p>\n", explanation->places[i].line);
	}
	page_section_end(stream);
}

int explanation_write_html(FILE *stream, const void *content)
{
	const struct explanation *explanation = content;

	print_head(stream, explanation);
	print_picture(stream, explanation);
	print_what_to_do(stream, explanation);
	print_symptoms(stream, explanation);
	print_groups(stream, explanation);
	print_contradictions(stream, explanation);
	print_unexplained(stream, explanation);
	print_log(stream, explanation);
	return page_end(stream);
}
