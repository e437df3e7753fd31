/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The report as an HTML page without scripts and external resources; every name is escaped text. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time_span.h"
#include "collector/report.h"
#include "past/bar.h"
#include "support/cleanup.h"
#include "support/markup.h"

/* The sizes of the picture, in pixels. */
enum {
	WIDTH = 1120,
	LEFT = 70, /* space for the scales */
	RIGHT = 10,
	TOP = 24,
	LANE = 110,
	GAP = 30,
	BOTTOM = 40,
	HEIGHT = TOP + 2 * LANE + GAP + BOTTOM,
	STEPS = 8,
};

/* Colours that people with colour blindness can distinguish too (Okabe and Ito). */
static const char style[] =
	":root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dde2e8;--card:#fff;"
	"--page:#f4f6f8;--common:#0072b2}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--line:#36404d;"
	"--card:#1d242d;--page:#12171d;--common:#56b4e9}}"
	"body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--page);"
	"margin:0 auto;padding:24px;max-width:1300px}"
	"h1{margin:0;font-size:26px}h2{font-size:18px;margin:0 0 10px}"
	"p{margin:6px 0;color:var(--soft)}"
	"section{background:var(--card);border:1px solid var(--line);border-radius:10px;"
	"padding:18px 20px;margin:18px 0;overflow-x:auto}"
	".tiles{display:flex;flex-wrap:wrap;gap:14px;margin:18px 0}"
	".tile{flex:1;min-width:150px;background:var(--card);border:1px solid var(--line);"
	"border-radius:10px;padding:12px 16px}"
	".tile b{display:block;font-size:26px;font-weight:600}.tile span{color:var(--soft)}"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
	"th{text-align:left;color:var(--soft);font-weight:500;font-size:13px}"
	"th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap}"
	"td.n,th.n{text-align:right}td.w{white-space:normal}"
	".bar{display:inline-block;width:90px;height:9px;border-radius:5px;background:var(--line);"
	"margin-right:8px;overflow:hidden}.bar "
	"i{display:block;height:100%;background:var(--common)}"
	".sure{padding:1px 9px;border-radius:9px;font-size:13px;border:1px solid var(--line)}"
	".proved{background:#009e73;color:#fff}.likely{background:#56b4e9;color:#10222e}"
	"summary{cursor:pointer;padding:4px 0;font-weight:600}"
	"svg text{font:12px system-ui,sans-serif;fill:var(--soft)}svg .grid{stroke:var(--line)}"
	".common{fill:var(--common)}.none{fill:#999}.agent{fill:#e69f00}.peer{fill:#0072b2}"
	".network{fill:#cc79a7}.host{fill:#d55e00}"
	"i.dot{display:inline-block;width:10px;height:10px;border-radius:5px;margin-right:6px}"
	"i.none{background:#999}i.agent{background:#e69f00}i.peer{background:#0072b2}"
	"i.network{background:#cc79a7}i.host{background:#d55e00}";

/* ---- the head */

static void print_tile(FILE *stream, const char *value, const char *words)
{
	fprintf(stream, "<div class=\"tile\"><b>%s</b><span>%s</span></div>\n", value, words);
}

static void print_count_tile(FILE *stream, uint64_t count, const char *words)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, count);
	print_tile(stream, text, words);
}

/* Names the time zone of the page's times: "UTC+01:00" style, by the last record. Returns `text`.
 */
static const char *time_zone(usec_t realtime, char *text, size_t size)
{
	time_t seconds = (time_t)(realtime / USEC_PER_SEC);
	struct tm date = { 0 };
	long minutes;

	localtime_r(&seconds, &date);
	minutes = date.tm_gmtoff / 60;
	if (minutes == 0)
		snprintf(text, size, "UTC");
	else
		snprintf(text, size, "UTC%c%02ld:%02ld", minutes < 0 ? '-' : '+',
			 labs(minutes) / 60, labs(minutes) % 60);
	return text;
}

static void print_head(FILE *stream, const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;
	int ppm = fleet_availability(found->up, found->down + found->stalled);
	char since[TIMESTAMP_SIZE], until[TIMESTAMP_SIZE], available[32], zone[32];

	fprintf(stream,
		"<h1>Fleet report</h1>\n<p>%s to %s (%s), by connwatch</p>\n"
		"<div class=\"tiles\">",
		timestamp(found->since, since), timestamp(found->until, until),
		time_zone(found->until, zone, sizeof(zone)));
	print_count_tile(stream, found->devices, "devices");
	snprintf(available, sizeof(available), "%d.%02d %%", ppm / 10000, ppm % 10000 / 100);
	print_tile(stream, ppm < 0 ? "not known" : available, "availability");
	print_count_tile(stream, found->outage_count, "common outages");
	print_count_tile(stream, found->trouble_count, "troubles of single devices");
	print_count_tile(stream, found->records, "records");
	fputs("</div>\n", stream);
}

/* ---- the timeline */

static double place_of(const struct fleet_findings *found, usec_t time)
{
	double length = (double)(found->until - found->since) + 1;

	return LEFT + (WIDTH - LEFT - RIGHT) * (double)(time - found->since) / length;
}

static void print_axis(FILE *stream, const struct fleet_findings *found)
{
	usec_t step = axis_step(found->until - found->since, STEPS);

	for (usec_t time = round_time_after(found->since, step); time < found->until;
	     time += step) {
		double x = place_of(found, time);
		char text[TIMESTAMP_SIZE];

		timestamp(time, text);
		fprintf(stream,
			"<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.10s</text>"
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.5s</text>\n",
			x, x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 16, text, x,
			HEIGHT - BOTTOM + 32, strlen(text) > 11 ? text + 11 : "");
	}
}

static unsigned bin_total(const struct fleet_bin *bin, bool common)
{
	unsigned total = 0;

	if (common)
		return bin->common;
	for (int side = 0; side < SIDE_MAX; side++)
		total += bin->ends[side];
	return total;
}

static unsigned highest(const struct fleet_findings *found, bool common)
{
	unsigned most = 1;

	for (unsigned i = 0; i < FLEET_BINS; i++)
		if (bin_total(&found->bins[i], common) > most)
			most = bin_total(&found->bins[i], common);
	return most;
}

/* Returns the height of the bar. */
static double print_bar(FILE *stream, const char *class, unsigned bin, double bottom, unsigned ends,
			unsigned most)
{
	double width = (double)(WIDTH - LEFT - RIGHT) / FLEET_BINS;
	double height = (double)LANE * ends / most;

	if (ends)
		fprintf(stream,
			"<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
			"height=\"%.2f\"><title>%u</title></rect>\n",
			class, LEFT + bin * width, bottom - height, width - 0.6, height, ends);
	return height;
}

static void print_lane(FILE *stream, const struct fleet_findings *found, int top, bool common)
{
	unsigned most = highest(found, common);

	fprintf(stream,
		"<text x=\"%d\" y=\"%d\">%s</text><line class=\"grid\" x1=\"%d\" x2=\"%d\" "
		"y1=\"%d\" y2=\"%d\"/><text x=\"%d\" y=\"%d\" text-anchor=\"end\">%u</text>"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">0</text>\n",
		LEFT, top - 8, common ? "ends in common outages" : "all other ends", LEFT,
		WIDTH - RIGHT, top + LANE, top + LANE, LEFT - 8, top + 10, most, LEFT - 8,
		top + LANE);
	for (unsigned i = 0; i < FLEET_BINS; i++) {
		const struct fleet_bin *bin = &found->bins[i];
		double bottom = top + LANE;

		if (common)
			print_bar(stream, "common", i, bottom, bin->common, most);
		for (int side = 0; side < SIDE_MAX && !common; side++)
			bottom -= print_bar(stream, side_class(side), i, bottom, bin->ends[side],
					    most);
	}
}

static void print_legend(FILE *stream)
{
	for (int side = SIDE_AGENT; side < SIDE_MAX; side++)
		fprintf(stream, "<i class=\"dot %s\"></i>%s &nbsp; ", side_class(side),
			side_to_string(side));
	fputs("<i class=\"dot none\"></i>not known", stream);
}

static void print_timeline(FILE *stream, const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;
	char bin[TIME_SPAN_TEXT_SIZE];

	fprintf(stream,
		"<section><h2>Ends of connections</h2>\n"
		"<svg viewBox=\"0 0 %d %d\" width=\"100%%\" role=\"img\" "
		"aria-label=\"Ends of connections over time: %u common outages; the tables "
		"below have the numbers\">\n",
		WIDTH, HEIGHT, found->outage_count);
	print_axis(stream, found);
	print_lane(stream, found, TOP, true);
	print_lane(stream, found, TOP + LANE + GAP, false);
	fprintf(stream, "</svg>\n<p>A bar is %s. The side, according to the devices: ",
		time_span_format((found->until - found->since) / FLEET_BINS, bin, sizeof(bin)));
	print_legend(stream);
	fputs("</p></section>\n", stream);
}

/* ---- common outages */

static void print_outage(FILE *stream, const struct fleet_report *report,
			 const struct fleet_outage *outage)
{
	unsigned of = fleet_place(report->fleet, outage->place)->devices;
	char from[TIMESTAMP_SIZE], lasted[TIME_SPAN_TEXT_SIZE], back[TIME_SPAN_TEXT_SIZE];
	char place[ENDPOINT_TEXT_SIZE], words[FLEET_WORDS_SIZE];
	double share = fleet_percent(outage->devices, of);
	const char *sure = confidence_to_string(outage->confidence);

	fprintf(stream,
		"<tr><td>%s</td><td class=\"n\">%s</td><td>%s</td>"
		"<td><span class=\"bar\"><i style=\"width:%.0f%%\"></i></span>%u of %u</td><td>",
		timestamp(outage->from, from),
		time_span_format(outage->until - outage->from, lasted, sizeof(lasted)),
		fleet_place_name(report, outage->place, place), share > 100 ? 100 : share,
		outage->devices, of);
	markup_text(stream, fleet_outage_words(report, outage, words));
	fprintf(stream,
		"</td><td><span class=\"sure %s\">%s</span></td><td>%s</td>"
		"<td class=\"n\">%s</td><td class=\"n\">%u</td></tr>\n",
		sure, sure, ended_by_to_string(fleet_outage_ended_by(outage)),
		outage->recovered ? time_span_format(outage->downtime_max, back, sizeof(back)) : "",
		outage->peak);
}

static void print_outages(FILE *stream, const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;
	char test[512];

	fprintf(stream, "<section id=\"outages\"><h2>Common outages: %u</h2>\n",
		found->outage_count);
	if (found->outage_count)
		fputs("<table><tr><th scope=\"col\">from</th><th scope=\"col\" "
		      "class=\"n\">lasted</th><th scope=\"col\">where</th>"
		      "<th scope=\"col\">devices</th><th scope=\"col\">cause</th><th "
		      "scope=\"col\">sure</th><th scope=\"col\">ended by</th>"
		      "<th scope=\"col\" class=\"n\">back within</th><th scope=\"col\" "
		      "class=\"n\">most in a "
		      "second</th></tr>\n",
		      stream);
	for (unsigned i = 0; i < found->outage_count; i++)
		print_outage(stream, report, &found->outages[i]);
	fprintf(stream, "%s<p>%s.</p></section>\n", found->outage_count ? "</table>\n" : "",
		fleet_test_words(report, test, sizeof(test)));
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
	const struct fleet_findings *found = report->found;
	unsigned count = 0;

	for (unsigned i = 0; i < found->trouble_count; i++)
		count += found->troubles[i].kind == kind;
	if (count == 0)
		return;
	fprintf(stream,
		"<details><summary>%s: %u</summary><p>%s</p><table><tr><th "
		"scope=\"col\">device</th>"
		"<th scope=\"col\">agent</th><th scope=\"col\" class=\"n\">ends</th></tr>\n",
		fleet_trouble_kind_to_string(kind), count, fleet_trouble_words(kind));
	for (unsigned i = 0; i < found->trouble_count; i++)
		if (found->troubles[i].kind == kind)
			print_trouble(stream, report, &found->troubles[i]);
	fputs("</table></details>\n", stream);
}

static void print_troubles(FILE *stream, const struct fleet_report *report)
{
	fprintf(stream,
		"<section id=\"troubles\"><h2>Troubles of single devices: %u</h2>\n"
		"<p>Common outages do not count here.</p>\n",
		report->found->trouble_count);
	for (int kind = 0; kind < FLEET_TROUBLE_MAX; kind++)
		print_troubles_of(stream, report, kind);
	fputs("</section>\n", stream);
}

/* ---- groups */

static void print_value(FILE *stream, const struct fleet_report *report,
			const struct fleet_value *value)
{
	fprintf(stream, "%s=", report->fields[value->field]);
	markup_text(stream, value->text);
}

static void print_relations(FILE *stream, const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;

	if (!report->fields[0])
		return;
	fprintf(stream, "<section id=\"relations\"><h2>What goes with what: %u</h2>\n<table>",
		found->relation_count);
	if (found->relation_count)
		fputs("<tr><th scope=\"col\">devices with</th><th scope=\"col\">have ends "
		      "by</th><th scope=\"col\">share</th>"
		      "<th scope=\"col\">elsewhere</th></tr>\n",
		      stream);
	for (unsigned i = 0; i < found->relation_count; i++) {
		const struct fleet_relation *relation = &found->relations[i];
		double share = fleet_percent(relation->with, relation->of);

		fputs("<tr><td>", stream);
		print_value(stream, report, fleet_value(report->fleet, relation->value));
		fprintf(stream,
			"</td><td><i class=\"dot %s\"></i>%s</td><td><span class=\"bar\">"
			"<i style=\"width:%.0f%%\"></i></span>%u of %u (%.1f %%)</td>"
			"<td>%u of %u (%.1f %%)</td></tr>\n",
			side_class(cause_side(relation->cause)), cause_to_string(relation->cause),
			share, relation->with, relation->of, share, relation->others_with,
			relation->others_of,
			fleet_percent(relation->others_with, relation->others_of));
	}
	fputs("</table></section>\n", stream);
}

/* ---- availability */

static void print_cause(FILE *stream, const struct fleet_findings *found, enum cause cause)
{
	double share = fleet_percent((double)found->down_by[cause],
				     (double)(found->down + found->stalled));
	char down[TIME_SPAN_TEXT_SIZE];

	if (!found->ends_by[cause] && !found->down_by[cause])
		return;
	fprintf(stream,
		"<tr><td><i class=\"dot %s\"></i>%s</td><td class=\"n\">%u</td><td "
		"class=\"n\">%s</td>"
		"<td><span class=\"bar\"><i style=\"width:%.0f%%\"></i></span>%.1f %%</td></tr>\n",
		side_class(cause_side(cause)), cause_to_string(cause), found->ends_by[cause],
		time_span_format(found->down_by[cause], down, sizeof(down)), share, share);
}

static bool costs_more(const struct fleet_findings *found, int a, int b)
{
	if (found->down_by[a] != found->down_by[b])
		return found->down_by[a] > found->down_by[b];
	return found->ends_by[a] > found->ends_by[b];
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

static void print_group(FILE *stream, const struct fleet_report *report,
			const struct fleet_value *value)
{
	int ppm = fleet_availability(value->up, value->down);

	fputs("<tr><td>", stream);
	print_value(stream, report, value);
	fprintf(stream, "</td><td class=\"n\">%u</td><td class=\"n\">", value->devices);
	if (ppm >= 0)
		fprintf(stream, "%d.%04d %%", ppm / 10000, ppm % 10000);
	fputs("</td></tr>\n", stream);
}

static void print_availability(FILE *stream, const struct fleet_report *report)
{
	_cleanup_free_ const struct fleet_value **values = fleet_values(report);
	const struct fleet_findings *found = report->found;

	fputs("<section id=\"availability\"><h2>Availability by cause</h2>\n<table><tr>"
	      "<th scope=\"col\">cause</th><th scope=\"col\" class=\"n\">ends</th><th "
	      "scope=\"col\" class=\"n\">time without a "
	      "connection</th>"
	      "<th scope=\"col\">of all of it</th></tr>\n",
	      stream);
	print_causes(stream, found);
	fputs("</table></section>\n", stream);
	if (found->values == 0)
		return;
	fputs("<section id=\"groups\"><h2>Availability by group</h2>\n<table><tr><th "
	      "scope=\"col\">group</th>"
	      "<th scope=\"col\" class=\"n\">devices</th><th scope=\"col\" "
	      "class=\"n\">availability</th></tr>\n",
	      stream);
	for (unsigned i = 0; values && values[i]; i++)
		print_group(stream, report, values[i]);
	fputs("</table></section>\n", stream);
}

/* ---- herds */

static void print_herds(FILE *stream, const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;

	if (found->herd_count == 0)
		return;
	fputs("<section id=\"herds\"><h2>Back in the same second</h2>\n<table><tr><th "
	      "scope=\"col\">second</th>"
	      "<th scope=\"col\" class=\"n\">devices</th><th scope=\"col\" class=\"n\">restarted "
	      "by connwatchd</th>",
	      stream);
	for (unsigned k = 0; k < FLEET_DELAYS; k++) {
		char delay[TIME_SPAN_TEXT_SIZE];

		fprintf(stream, "<th scope=\"col\" class=\"n\">with a delay of up to %s</th>",
			time_span_format(fleet_delays[k], delay, sizeof(delay)));
	}
	fputs("</tr>\n", stream);
	for (unsigned i = 0; i < found->herd_count; i++) {
		const struct fleet_herd *herd = &found->herds[i];
		char time[TIMESTAMP_SIZE];

		fprintf(stream, "<tr><td>%s</td><td class=\"n\">%u</td><td class=\"n\">%u</td>",
			timestamp(herd->time, time), herd->devices, herd->restarted);
		for (unsigned k = 0; k < FLEET_DELAYS; k++)
			fprintf(stream, "<td class=\"n\">%u</td>",
				fleet_spread_peak(herd->devices, fleet_delays[k]));
		fputs("</tr>\n", stream);
	}
	fputs("</table><p>RandomizedDelaySec= delays the agents that connwatchd restarts; the "
	      "others "
	      "reconnect by the retry of their SDK.</p></section>\n",
	      stream);
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

int fleet_write_html(FILE *stream, const struct fleet_report *report)
{
	fprintf(stream,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" "
		"content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width\">\n"
		"<title>Fleet report</title>\n<style>%s</style></head><body>\n",
		style);
	print_head(stream, report);
	print_timeline(stream, report);
	print_outages(stream, report);
	print_troubles(stream, report);
	print_relations(stream, report);
	print_availability(stream, report);
	print_herds(stream, report);
	fputs("<section id=\"records\"><h2>The records</h2>\n", stream);
	fleet_tell_records(report, print_sentence, stream);
	print_clocks(stream, report);
	fputs("</section>\n</body></html>\n", stream);
	return fflush(stream) == 0 && !ferror(stream) ? 0 : -EIO;
}
