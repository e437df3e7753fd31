/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report as an HTML page without scripts and external resources; every name is escaped text. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/time_span.h"
#include "collector/page.h"
#include "collector/report.h"
#include "fleet/advice.h"
#include "support/cleanup.h"
#include "support/markup.h"

/* ---- the head */

static void print_head(FILE *stream, const struct fleet_findings *found)
{
	int ppm = fleet_availability(found->up, found->down + found->stalled);
	char available[32];

	page_begin(stream, "Fleet report", found->since, found->until);
	snprintf(available, sizeof(available), "%d.%02d %%", ppm / 10000, ppm % 10000 / 100);
	page_tiles_begin(stream);
	page_count_tile(stream, found->devices, "devices");
	page_tile(stream, ppm < 0 ? "not known" : available, "availability");
	page_count_tile(stream, found->outage_count, "common outages");
	page_count_tile(stream, found->trouble_count, "troubles of single devices");
	page_count_tile(stream, found->records, "records");
	page_tiles_end(stream);
}

/* ---- the picture */

_Static_assert((int)PAGE_BINS == (int)FLEET_BINS, "a bar is a bin");

static unsigned common_ends(const void *userdata, unsigned bin, unsigned kind)
{
	const struct fleet_findings *found = userdata;

	(void)kind;
	return found->bins[bin].common;
}

static unsigned other_ends(const void *userdata, unsigned bin, unsigned kind)
{
	const struct fleet_findings *found = userdata;

	return found->bins[bin].ends[kind];
}

static void print_picture(FILE *stream, const struct fleet_findings *found)
{
	static const struct page_kind common = { "common", "ends" };
	const struct page_lane lanes[] = {
		{ "ends in common outages", &common, 1, common_ends, found },
		{ "all other ends, by the side that the devices name", page_sides, SIDE_MAX,
		  other_ends, found },
	};
	char bin[TIME_SPAN_TEXT_SIZE], label[160];

	page_section(stream, "picture", "Ends of connections", NO_COUNT);
	snprintf(label, sizeof(label),
		 "Ends of connections over time: %u common outages; the tables below have the "
		 "numbers",
		 found->outage_count);
	page_picture(stream, label, found->since, found->until, lanes, 2);
	fprintf(stream, "<p>A bar is %s.",
		time_span_format((found->until - found->since) / FLEET_BINS, bin, sizeof(bin)));
	if (found->expected)
		fprintf(stream,
			" Not drawn: %" PRIu64 " that are expected, renewals of tokens and stops "
			"on request.",
			found->expected);
	fputs("</p>\n", stream);
	page_section_end(stream);
}

/* ---- common outages */

static void print_outage_devices(FILE *stream, const struct fleet_report *report,
				 const struct fleet_outage *outage)
{
	unsigned named = outage->devices < FLEET_NAMED ? outage->devices : FLEET_NAMED;

	fprintf(stream, "<details><summary>%u of %u</summary>", outage->devices,
		fleet_place(report->fleet, outage->place)->devices);
	for (unsigned i = 0; i < named; i++) {
		fputs(i ? ", " : "", stream);
		markup_text(stream, fleet_device_name(report, outage->agents[i]));
	}
	if (outage->devices > named)
		fprintf(stream, " and %u more", outage->devices - named);
	fputs("</details>", stream);
}

static void print_outage(FILE *stream, const struct fleet_report *report,
			 const struct fleet_outage *outage)
{
	char from[TIMESTAMP_SIZE], lasted[TIME_SPAN_TEXT_SIZE], back[TIME_SPAN_TEXT_SIZE];
	char place[ENDPOINT_TEXT_SIZE], words[FLEET_WORDS_SIZE];

	fprintf(stream, "<tr><td>%s</td><td class=\"n\">%s</td><td>%s</td><td class=\"w\">",
		timestamp(outage->from, from),
		time_span_format(outage->until - outage->from, lasted, sizeof(lasted)),
		fleet_place_name(report, outage->place, place));
	page_bar(stream, fleet_percent(outage->devices,
				       fleet_place(report->fleet, outage->place)->devices));
	print_outage_devices(stream, report, outage);
	fputs("</td><td>", stream);
	markup_text(stream, fleet_outage_words(report, outage, words));
	fputs("</td>", stream);
	page_cell_confidence(stream, outage->confidence);
	fprintf(stream, "<td>%s</td><td class=\"n\">%s</td>",
		ended_by_to_string(fleet_outage_ended_by(outage)),
		outage->recovered ? time_span_format(outage->downtime_max, back, sizeof(back))
				  : "");
	page_cell_number(stream, outage->peak);
	fputs("</tr>\n", stream);
}

static void print_outages(FILE *stream, const struct fleet_report *report)
{
	static const char *const columns[] = { "from",     "#lasted",      "where",
					       "devices",  "cause",        "sure",
					       "ended by", "#back within", "#most in a second",
					       NULL };
	const struct fleet_findings *found = report->found;
	char test[512];

	page_section(stream, "outages", "Common outages", found->outage_count);
	if (found->outage_count) {
		page_table(stream, "common outages", columns);
		for (unsigned i = 0; i < found->outage_count; i++)
			print_outage(stream, report, &found->outages[i]);
		page_table_end(stream);
	}
	fprintf(stream, "<p>%s.</p>\n", fleet_test_words(report, test, sizeof(test)));
	page_section_end(stream);
}

/* ---- troubles */

static void print_trouble(FILE *stream, const struct fleet_report *report,
			  const struct fleet_trouble *trouble)
{
	fputs("<tr><td title=\"", stream);
	markup_text(stream, fleet_device_of(report->fleet, trouble->agent)->machine);
	fputs("\">", stream);
	markup_text(stream, fleet_device_name(report, trouble->agent));
	fputs("</td><td>", stream);
	markup_text(stream, fleet_agent_name(report->fleet, trouble->agent));
	fprintf(stream, "</td><td class=\"n\">%u</td></tr>\n", trouble->count);
}

static void print_troubles_of(FILE *stream, const struct fleet_report *report,
			      enum fleet_trouble_kind kind)
{
	static const char *const columns[] = { "device", "agent", "#ends", NULL };
	const struct fleet_findings *found = report->found;
	unsigned count = 0;

	for (unsigned i = 0; i < found->trouble_count; i++)
		count += found->troubles[i].kind == kind;
	if (count == 0)
		return;
	fprintf(stream, "<details><summary>%s: %u</summary><p>%s</p>",
		fleet_trouble_kind_to_string(kind), count, fleet_trouble_words(kind));
	page_table(stream, fleet_trouble_kind_to_string(kind), columns);
	for (unsigned i = 0; i < found->trouble_count; i++)
		if (found->troubles[i].kind == kind)
			print_trouble(stream, report, &found->troubles[i]);
	page_table_end(stream);
	fputs("</details>\n", stream);
}

static void print_troubles(FILE *stream, const struct fleet_report *report)
{
	page_section(stream, "troubles", "Troubles of single devices",
		     report->found->trouble_count);
	fputs("<p>Common outages do not count here.</p>\n", stream);
	for (int kind = 0; kind < FLEET_TROUBLE_MAX; kind++)
		print_troubles_of(stream, report, kind);
	page_section_end(stream);
}

/* ---- groups */

static void print_value(FILE *stream, const struct fleet_report *report,
			const struct fleet_value *value)
{
	fprintf(stream, "%s=", report->fields[value->field]);
	markup_text(stream, value->text);
}

static void print_relation(FILE *stream, const struct fleet_report *report,
			   const struct fleet_relation *relation)
{
	double share = fleet_percent(relation->with, relation->of);

	fputs("<tr><td class=\"w\">", stream);
	print_value(stream, report, fleet_value(report->fleet, relation->value));
	fputs("</td>", stream);
	page_cell_cause(stream, relation->cause);
	fputs("<td>", stream);
	page_bar(stream, share);
	fprintf(stream, "%u of %u (%.1f %%)</td><td>%u of %u (%.1f %%)</td></tr>\n", relation->with,
		relation->of, share, relation->others_with, relation->others_of,
		fleet_percent(relation->others_with, relation->others_of));
}

static void print_relations(FILE *stream, const struct fleet_report *report)
{
	static const char *const columns[] = { "devices with", "have ends by", "share", "elsewhere",
					       NULL };
	const struct fleet_findings *found = report->found;

	if (!report->fields[0])
		return;
	page_section(stream, "relations", "What goes with what", found->relation_count);
	if (found->relation_count) {
		page_table(stream, "what goes with what", columns);
		for (unsigned i = 0; i < found->relation_count; i++)
			print_relation(stream, report, &found->relations[i]);
		page_table_end(stream);
	}
	page_section_end(stream);
}

/* ---- availability */

static void print_cause(FILE *stream, const struct fleet_findings *found, enum cause cause)
{
	const struct fleet_cost *cost = &found->by_cause[cause];
	double share = fleet_percent((double)cost->down, (double)(found->down + found->stalled));
	char down[TIME_SPAN_TEXT_SIZE];

	if (!cost->outages && !cost->down)
		return;
	fputs("<tr>", stream);
	page_cell_cause(stream, cause);
	page_cell_number(stream, cost->outages);
	page_cell_number(stream, cost->attempts);
	fprintf(stream, "<td class=\"n\">%s</td><td>",
		time_span_format(cost->down, down, sizeof(down)));
	page_bar(stream, share);
	fprintf(stream, "%.1f %%</td><td class=\"w\">%s</td></tr>\n", share, fleet_advice(cause));
}

static bool costs_more(const struct fleet_findings *found, int a, int b)
{
	const struct fleet_cost *one = &found->by_cause[a], *other = &found->by_cause[b];

	if (one->down != other->down)
		return one->down > other->down;
	return one->outages > other->outages;
}

/* The cause that cost most time without a connection comes first. */
static void print_causes(FILE *stream, const struct fleet_findings *found)
{
	int order[CAUSE_MAX];

	for (int cause = 0; cause < CAUSE_MAX; cause++) {
		int at = cause;

		for (; at > 0 && costs_more(found, cause, order[at - 1]); at--)
			order[at] = order[at - 1];
		order[at] = cause;
	}
	for (int i = 0; i < CAUSE_MAX; i++)
		print_cause(stream, found, order[i]);
}

static int down_ppm(const struct fleet_value *value)
{
	int up = fleet_availability(value->up, value->down);

	return up < 0 ? 0 : 1000000 - up;
}

/* The bar is what is missing, that of the worst group the longest. */
static void print_group(FILE *stream, const struct fleet_report *report,
			const struct fleet_value *value, int worst)
{
	int ppm = fleet_availability(value->up, value->down);

	fputs("<tr><td class=\"w\">", stream);
	print_value(stream, report, value);
	fputs("</td>", stream);
	page_cell_number(stream, value->devices);
	fputs("<td>", stream);
	page_bar(stream, fleet_percent(down_ppm(value), worst));
	if (ppm >= 0)
		fprintf(stream, "%d.%04d %%", ppm / 10000, ppm % 10000);
	fputs("</td></tr>\n", stream);
}

static void print_groups(FILE *stream, const struct fleet_report *report)
{
	static const char *const columns[] = { "group", "#devices", "availability", NULL };
	_cleanup_free_ const struct fleet_value **values = fleet_values(report);
	int worst = 0;

	for (unsigned i = 0; values && values[i]; i++)
		worst = down_ppm(values[i]) > worst ? down_ppm(values[i]) : worst;
	page_section(stream, "groups", "Availability by group", NO_COUNT);
	page_table(stream, "availability by group", columns);
	for (unsigned i = 0; values && values[i]; i++)
		print_group(stream, report, values[i], worst);
	page_table_end(stream);
	fputs("<p>A bar is the time without a connection, that of the worst group the "
	      "longest.</p>\n",
	      stream);
	page_section_end(stream);
}

static void print_availability(FILE *stream, const struct fleet_report *report)
{
	static const char *const columns[] = { "cause",
					       "#outages",
					       "#failed attempts",
					       "#time without a connection",
					       "of all of it",
					       "what to do",
					       NULL };

	page_section(stream, "availability", "Availability by cause", NO_COUNT);
	page_table(stream, "availability by cause", columns);
	print_causes(stream, report->found);
	page_table_end(stream);
	page_section_end(stream);
	if (report->found->values)
		print_groups(stream, report);
}

/* ---- herds */

static void print_herd(FILE *stream, const struct fleet_herd *herd)
{
	char time[TIMESTAMP_SIZE];

	fprintf(stream, "<tr><td>%s</td>", timestamp(herd->time, time));
	page_cell_number(stream, herd->devices);
	page_cell_number(stream, herd->restarted);
	for (unsigned k = 0; k < FLEET_DELAYS; k++)
		page_cell_number(stream, fleet_spread_peak(herd->devices, fleet_delays[k]));
	fputs("</tr>\n", stream);
}

static void print_herds(FILE *stream, const struct fleet_report *report)
{
	static const char *const columns[] = { "second",
					       "#devices",
					       "#restarted by connwatchd",
					       "#with a delay of up to 10s",
					       "#30s",
					       "#2min",
					       NULL };
	const struct fleet_findings *found = report->found;

	if (found->herd_count == 0)
		return;
	page_section(stream, "herds", "Back in the same second", NO_COUNT);
	page_table(stream, "back in the same second", columns);
	for (unsigned i = 0; i < found->herd_count; i++)
		print_herd(stream, &found->herds[i]);
	page_table_end(stream);
	fputs("<p>RandomizedDelaySec= delays the agents that connwatchd restarts; the others "
	      "reconnect by the retry of their SDK.</p>\n",
	      stream);
	page_section_end(stream);
}

/* ---- the records */

static void print_sentence(void *userdata, const char *sentence)
{
	fprintf(userdata, "<p>%s.</p>\n", sentence);
}

static void print_clocks(FILE *stream, const struct fleet_report *report)
{
	const struct fleet_device *device;

	if (report->found->skewed == 0)
		return;
	fputs("<details><summary>Clocks that are off</summary><table>", stream);
	for (unsigned i = 0; (device = fleet_device(report->fleet, i)); i++) {
		char skew[TIME_SPAN_TEXT_SIZE];

		if (!device->skew)
			continue;
		fputs("<tr><td>", stream);
		markup_text(stream, device->hostname);
		fprintf(stream, "</td><td>%s %s</td><td>by %u outages</td></tr>\n",
			time_span_format((usec_t)llabs(device->skew), skew, sizeof(skew)),
			device->skew > 0 ? "ahead" : "behind", device->skew_outages);
	}
	fputs("</table></details>\n", stream);
}

int fleet_write_html(FILE *stream, const void *content)
{
	const struct fleet_report *report = content;

	print_head(stream, report->found);
	print_picture(stream, report->found);
	print_outages(stream, report);
	print_troubles(stream, report);
	print_relations(stream, report);
	print_availability(stream, report);
	print_herds(stream, report);
	page_section(stream, "records", "The records", NO_COUNT);
	fleet_tell_records(report, print_sentence, stream);
	print_clocks(stream, report);
	page_section_end(stream);
	return page_end(stream);
}
