/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collector/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/journal_arguments.h"
#include "past/bar.h"
#include "support/cleanup.h"

/* Of the sides, colours that people with colour blindness can distinguish too (Okabe and Ito); of
 * what a hub says (s1 and on), those that they leave. */
static const char style[] =
	":root{color-scheme:light dark;--ink:#1c2430;--soft:#566171;--line:#dde2e8;--card:#fff;"
	"--page:#f4f6f8;--common:#0072b2}"
	"@media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--soft:#9aa6b5;--line:#36404d;"
	"--card:#1d242d;--page:#12171d;--common:#56b4e9}}"
	"body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--page);"
	"margin:0 auto;padding:24px;max-width:1300px}"
	"h1{margin:0;font-size:26px}h2{font-size:18px;margin:0 0 10px}"
	"p{margin:6px 0;color:var(--soft)}"
	"section{background:var(--card);border:1px solid var(--line);border-radius:10px;"
	"padding:18px 20px;margin:18px 0}"
	".scroll{overflow-x:auto}"
	".tiles{display:flex;flex-wrap:wrap;gap:14px;margin:18px 0}"
	".tile{flex:1;min-width:130px;background:var(--card);border:1px solid var(--line);"
	"border-radius:10px;padding:12px 16px}"
	".tile b{display:block;font-size:26px;font-weight:600}.tile span{color:var(--soft)}"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
	"th{text-align:left;color:var(--soft);font-weight:500;font-size:13px}"
	"th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);white-space:nowrap;"
	"vertical-align:top}"
	"tbody th{color:var(--ink);font-size:15px;padding-top:14px;white-space:normal}"
	"td.n,th.n{text-align:right}td.w{white-space:normal;overflow-wrap:break-word}"
	"td.v{white-space:normal;overflow-wrap:anywhere;min-width:4em}"
	"td details{display:inline-block}td summary{padding:0;font-weight:400}"
	".bar{display:inline-block;width:90px;height:9px;border-radius:5px;background:var(--line);"
	"margin-right:8px;overflow:hidden}.bar "
	"i{display:block;height:100%;background:var(--common)}"
	".sure{padding:1px 9px;border-radius:9px;font-size:13px;border:1px solid var(--line)}"
	".proved{background:#00694d;color:#fff}.likely{background:#56b4e9;color:#10222e}"
	"summary{cursor:pointer;padding:4px 0;font-weight:600}"
	"figure{margin:0}.lane{display:flex;justify-content:space-between;font-size:13px;"
	"color:var(--soft);margin-top:8px}"
	"svg{display:block;width:100%;height:110px;border-bottom:1px solid var(--soft);"
	"shape-rendering:crispEdges}svg .grid{stroke:var(--line);vector-effect:non-scaling-stroke}"
	".axis{position:relative;height:36px;font-size:12px;color:var(--soft)}"
	".axis span{position:absolute;transform:translateX(-50%);text-align:center;"
	"white-space:nowrap}"
	".common{fill:var(--common)}.no-record{fill:var(--line)}.none{fill:#999}.agent{fill:#"
	"e69f00}.peer{fill:#0072b2}"
	".network{fill:#cc79a7}.host{fill:#d55e00}.s1{fill:#56b4e9}.s2{fill:#009e73}"
	".s3{fill:#b8a800}.s4{fill:#6a4fb6}.s5{fill:#a0324a}.s6{fill:#999}"
	".key{margin-right:14px;white-space:nowrap}"
	"i.dot{display:inline-block;width:10px;height:10px;border-radius:5px;margin-right:6px}"
	"i.common{background:var(--common)}i.no-record{background:var(--line)}i.none,i.s6{"
	"background:#999}i.agent{background:#e69f00}"
	"i.peer{background:#0072b2}i.network{background:#cc79a7}i.host{background:#d55e00}"
	"i.s1{background:#56b4e9}i.s2{background:#009e73}i.s3{background:#b8a800}"
	"i.s4{background:#6a4fb6}i.s5{background:#a0324a}"
	"@media(max-width:700px){body{padding:10px}section{padding:12px}h1{font-size:22px}"
	".tile b{font-size:20px}.tiles{gap:8px}.tile{padding:8px 10px;min-width:90px}"
	"th,td{padding-right:8px;white-space:normal}.bar{display:none}"
	"td.w{min-width:9em}"
	".axis span:nth-child(even){display:none}svg{height:80px}"
	"[id^=by-] :is(th,td):nth-child(2),#to-do :is(th,td):nth-child(3),#to-do "
	":is(th,td):nth-child(4),"
	"#outages :is(th,td):nth-child(2),#outages :is(th,td):nth-child(3),#outages "
	":is(th,td):nth-child(n+7),"
	"#availability :is(th,td):nth-child(3),#availability :is(th,td):nth-child(5)"
	"{display:none}}";

/* Names the time zone of the page's times, "UTC+01:00", as it was at `realtime`. Returns `text`. */
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

void page_begin(FILE *stream, const char *title, usec_t since, usec_t until)
{
	char from[TIMESTAMP_SIZE], to[TIMESTAMP_SIZE], zone[32];

	fprintf(stream,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" "
		"content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<title>%s</title>\n<style>%s</style></head><body><main>\n",
		title, style);
	fprintf(stream, "<h1>%s</h1>\n<p>%s to %s (%s), by connwatch</p>\n", title,
		timestamp(since, from), timestamp(until, to), time_zone(until, zone, sizeof(zone)));
}

int page_end(FILE *stream)
{
	fputs("</main></body></html>\n", stream);
	return fflush(stream) == 0 && !ferror(stream) ? 0 : -EIO;
}

int page_write(const struct command *command, const char *path,
	       int (*content_write)(FILE *stream, const void *content), const void *content)
{
	_cleanup_fclose_ FILE *file = fopen(path, "we");

	if (file && content_write(file, content) >= 0)
		return EXIT_SUCCESS;
	command_complain(command, "%s: %s", path, strerror(errno));
	return EXIT_FAILURE;
}

/* ---- numbers at the top */

void page_tiles_begin(FILE *stream)
{
	fputs("<div class=\"tiles\">\n", stream);
}

void page_tile(FILE *stream, const char *value, const char *words)
{
	fprintf(stream, "<div class=\"tile\"><b>%s</b> <span>%s</span></div>\n", value, words);
}

void page_count_tile(FILE *stream, uint64_t count, const char *words)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, count);
	page_tile(stream, text, words);
}

void page_tiles_end(FILE *stream)
{
	fputs("</div>\n", stream);
}

/* ---- sections and tables */

void page_section(FILE *stream, const char *id, const char *heading, uint64_t count)
{
	fprintf(stream, "<section id=\"%s\" aria-labelledby=\"%s-h\"><h2 id=\"%s-h\">%s", id, id,
		id, heading);
	if (count != NO_COUNT)
		fprintf(stream, ": %" PRIu64, count);
	fputs("</h2>\n", stream);
}

void page_section_end(FILE *stream)
{
	fputs("</section>\n", stream);
}

void page_table(FILE *stream, const char *label, const char *const *columns)
{
	fprintf(stream,
		"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">"
		"<table><thead><tr>",
		label);
	for (; *columns; columns++)
		fprintf(stream, "<th scope=\"col\"%s>%s</th>",
			**columns == '#' ? " class=\"n\"" : "", *columns + (**columns == '#'));
	fputs("</tr></thead>\n", stream);
}

void page_table_end(FILE *stream)
{
	fputs("</table></div>\n", stream);
}

void page_cell_number(FILE *stream, uint64_t number)
{
	fprintf(stream, "<td class=\"n\">%" PRIu64 "</td>", number);
}

void page_cell_cause(FILE *stream, enum cause cause)
{
	fprintf(stream, "<td><i class=\"dot %s\"></i>&#8288;%s</td>", side_class(cause_side(cause)),
		cause_to_string(cause));
}

void page_cell_confidence(FILE *stream, enum confidence confidence)
{
	const char *name = confidence_to_string(confidence) ?: "-";

	fprintf(stream, "<td><span class=\"sure %s\">%s</span></td>", name, name);
}

void page_bar(FILE *stream, double share)
{
	fprintf(stream, "<span class=\"bar\"><i style=\"width:%.0f%%\"></i></span>",
		share > 100 ? 100 : share);
}

/* ---- pictures */

enum {
	STEPS = 8,      /* of the axis, at most */
	LANE_TALL = 100 /* units; a bin is one wide */
};

const struct page_kind page_sides[SIDE_MAX] = {
	[SIDE_NONE] = { "none", "not known" }, [SIDE_AGENT] = { "agent", "agent" },
	[SIDE_PEER] = { "peer", "peer" },      [SIDE_NETWORK] = { "network", "network" },
	[SIDE_HOST] = { "host", "host" },
};

static double share_of(usec_t since, usec_t until, usec_t time)
{
	return (double)(time - since) / ((double)(until - since) + 1);
}

static void print_axis(FILE *stream, usec_t since, usec_t until)
{
	usec_t step = axis_step(until - since, STEPS);

	fputs("<div class=\"axis\" aria-hidden=\"true\">", stream);
	for (usec_t time = round_time_after(since, step); time < until; time += step) {
		double share = share_of(since, until, time);
		char text[TIMESTAMP_SIZE];

		if (share < 0.03 || share > 0.97)
			continue; /* it would stick out */
		timestamp(time, text);
		fprintf(stream, "<span style=\"left:%.2f%%\">%.10s<br>%.5s</span>", 100 * share,
			text, strlen(text) > 11 ? text + 11 : "");
	}
	fputs("</div>\n", stream);
}

static void print_grid(FILE *stream, usec_t since, usec_t until)
{
	usec_t step = axis_step(until - since, STEPS);

	for (usec_t time = round_time_after(since, step); time < until; time += step) {
		double x = PAGE_BINS * share_of(since, until, time);

		fprintf(stream, "<line class=\"grid\" x1=\"%.2f\" x2=\"%.2f\" y1=\"0\" y2=\"%d\"/>",
			x, x, LANE_TALL);
	}
}

static unsigned total_of(const struct page_lane *lane, unsigned bin)
{
	unsigned total = 0;

	for (unsigned kind = 0; kind < lane->kind_count; kind++)
		total += lane->ends(lane->userdata, bin, kind);
	return total;
}

static unsigned highest_of(const struct page_lane *lane)
{
	unsigned most = 0;

	for (unsigned bin = 0; bin < PAGE_BINS; bin++)
		if (total_of(lane, bin) > most)
			most = total_of(lane, bin);
	return most;
}

static void print_bin(FILE *stream, const struct page_lane *lane, unsigned bin, unsigned most)
{
	double bottom = LANE_TALL;

	for (unsigned kind = 0; kind < lane->kind_count; kind++) {
		unsigned ends = lane->ends(lane->userdata, bin, kind);
		double height = (double)LANE_TALL * ends / most;

		if (!ends)
			continue;
		bottom -= height;
		fprintf(stream,
			"<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\".88\" "
			"height=\"%.2f\"><title>%u %s</title></rect>\n",
			lane->kinds[kind].class, bin + 0.06, bottom, height, ends,
			lane->kinds[kind].name);
	}
}

static void print_lane(FILE *stream, usec_t since, usec_t until, const struct page_lane *lane)
{
	unsigned most = highest_of(lane);

	fprintf(stream,
		"<div class=\"lane\"><span>%s</span><span>the highest: %u</span></div>\n"
		"<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\n",
		lane->title, most, PAGE_BINS, LANE_TALL);
	print_grid(stream, since, until);
	for (unsigned bin = 0; bin < PAGE_BINS && most; bin++)
		print_bin(stream, lane, bin, most);
	fputs("</svg>\n", stream);
}

static void print_legend(FILE *stream, const struct page_lane *lane)
{
	fputs("<p>", stream);
	for (unsigned kind = 0; kind < lane->kind_count; kind++)
		fprintf(stream, "<span class=\"key\"><i class=\"dot %s\"></i>%s</span> ",
			lane->kinds[kind].class, lane->kinds[kind].name);
	fputs("</p>\n", stream);
}

void page_picture(FILE *stream, const char *label, usec_t since, usec_t until,
		  const struct page_lane *lanes, unsigned count)
{
	fprintf(stream, "<figure role=\"img\" aria-label=\"%s\">\n", label);
	for (unsigned i = 0; i < count; i++)
		print_lane(stream, since, until, &lanes[i]);
	print_axis(stream, since, until);
	fputs("</figure>\n", stream);
	for (unsigned i = 0; i < count; i++)
		if (lanes[i].kind_count > 1)
			print_legend(stream, &lanes[i]);
}
