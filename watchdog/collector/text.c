/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_span.h"
#include "collector/report.h"
#include "support/cleanup.h"

enum {
	SHOWN = 20
}; /* devices that are listed for one kind of trouble; the page and the JSON list all */

static const char *ppm_text(int ppm, char text[static TIME_SPAN_TEXT_SIZE])
{
	if (ppm < 0)
		return "not known";
	snprintf(text, TIME_SPAN_TEXT_SIZE, "%d.%04d %%", ppm / 10000, ppm % 10000);
	return text;
}

static void print_head(const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;
	char since[TIMESTAMP_SIZE], until[TIMESTAMP_SIZE];

	printf("%u device%s, %u agent%s, %" PRIu64 " records, %s to %s\n", found->devices,
	       found->devices == 1 ? "" : "s", found->agents, found->agents == 1 ? "" : "s",
	       found->records, timestamp(found->since, since), timestamp(found->until, until));
}

/* Prints a sentence in lines of some 90 columns. */
static void print_wrapped(const char *sentence)
{
	enum { COLUMNS = 90 };
	unsigned column = 0;

	while (*sentence) {
		size_t length = strcspn(sentence, " ");

		if (column == 0 || column + 1 + length > COLUMNS) {
			printf("%s  ", column ? "\n" : "");
			column = 0;
		}
		column += (unsigned)printf("%s%.*s", column ? " " : "", (int)length, sentence);
		sentence += length + (sentence[length] == ' ');
	}
	puts(".");
}

/* ---- common outages */

static void print_outage(const struct fleet_report *report, const struct fleet_outage *outage)
{
	char from[TIMESTAMP_SIZE], lasted[TIME_SPAN_TEXT_SIZE], back[TIME_SPAN_TEXT_SIZE];
	unsigned of = fleet_place(report->fleet, outage->place)->devices;
	char place[ENDPOINT_TEXT_SIZE], words[FLEET_WORDS_SIZE];

	printf("  %s  %-9s  %-20s  %6u of %-6u %3.0f %%  %s%-19s%s  %-9s  %-18s  %-12s %6u\n",
	       timestamp(outage->from, from),
	       time_span_format(outage->until - outage->from, lasted, sizeof(lasted)),
	       fleet_place_name(report, outage->place, place), outage->devices, of,
	       fleet_percent(outage->devices, of), side_colour(report->arguments, SIDE_PEER),
	       fleet_outage_words(report, outage, words), plain(report->arguments),
	       confidence_to_string(outage->confidence),
	       ended_by_to_string(fleet_outage_ended_by(outage)),
	       outage->recovered ? time_span_format(outage->downtime_max, back, sizeof(back)) : "",
	       outage->peak);
}

static void print_outages(const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;
	char test[512];

	printf("\nCommon outages: %u\n", found->outage_count);
	if (found->outage_count)
		printf("  %-19s  %-9s  %-20s  %-16s %5s  %-19s  %-9s  %-18s  %-12s %s\n", "TIME",
		       "LASTED", "WHERE", "DEVICES", "SHARE", "CAUSE", "SURE", "ENDED BY",
		       "BACK WITHIN", "A SECOND");
	for (unsigned i = 0; i < found->outage_count; i++)
		print_outage(report, &found->outages[i]);
	print_wrapped(fleet_test_words(report, test, sizeof(test)));
}

/* ---- troubles */

static void print_trouble(const struct fleet_report *report, const struct fleet_trouble *trouble)
{
	printf("    %-24s  %-20s  %6u", fleet_device_name(report, trouble->agent),
	       fleet_agent_name(report->fleet, trouble->agent), trouble->count);
	if (trouble->expected > 0)
		printf("  (usual: %.1f)", trouble->expected);
	putchar('\n');
}

static void print_troubles_of(const struct fleet_report *report, enum fleet_trouble_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < report->found->trouble_count; i++)
		count += report->found->troubles[i].kind == kind;
	if (count == 0)
		return;
	printf("  %s%s%s: %u device%s (%s)\n", side_colour(report->arguments, SIDE_AGENT),
	       fleet_trouble_kind_to_string(kind), plain(report->arguments), count,
	       count == 1 ? "" : "s", fleet_trouble_words(kind));
	for (unsigned i = 0, shown = 0; i < report->found->trouble_count && shown < SHOWN; i++)
		if (report->found->troubles[i].kind == kind) {
			print_trouble(report, &report->found->troubles[i]);
			shown++;
		}
	if (count > SHOWN)
		printf("    and %u more: see --html or -o json\n", count - SHOWN);
}

static void print_troubles(const struct fleet_report *report)
{
	printf("\nTroubles of single devices, outside of common outages: %u\n",
	       report->found->trouble_count);
	for (int kind = 0; kind < FLEET_TROUBLE_MAX; kind++)
		print_troubles_of(report, kind);
}

/* ---- what goes with what */

static void print_relations(const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;

	if (!report->fields[0])
		return;
	printf("\nWhat goes with what: %u\n", found->relation_count);
	for (unsigned i = 0; i < found->relation_count; i++) {
		const struct fleet_relation *relation = &found->relations[i];
		const struct fleet_value *value = fleet_value(report->fleet, relation->value);

		printf("  %s=%s: %s%s%s on %u of %u devices (%.1f %%), elsewhere on %u of %u "
		       "(%.1f %%)\n",
		       report->fields[value->field], value->text,
		       side_colour(report->arguments, cause_side(relation->cause)),
		       cause_to_string(relation->cause), plain(report->arguments), relation->with,
		       relation->of, fleet_percent(relation->with, relation->of),
		       relation->others_with, relation->others_of,
		       fleet_percent(relation->others_with, relation->others_of));
	}
}

/* ---- availability */

static void print_cause(const struct fleet_report *report, enum cause cause)
{
	const struct fleet_findings *found = report->found;
	const struct fleet_cost *cost = &found->by_cause[cause];
	char down[TIME_SPAN_TEXT_SIZE];

	if (!cost->outages && !cost->down)
		return;
	printf("  %s%-22s%s %8u %9" PRIu64 "  %-12s %5.1f %%  %s\n",
	       side_colour(report->arguments, cause_side(cause)), cause_to_string(cause),
	       plain(report->arguments), cost->outages, cost->attempts,
	       time_span_format(cost->down, down, sizeof(down)),
	       fleet_percent((double)cost->down, (double)(found->down + found->stalled)),
	       side_to_string(cause_side(cause)));
}

static void print_group(const struct fleet_report *report, const struct fleet_value *value)
{
	char available[TIME_SPAN_TEXT_SIZE];

	printf("  %s=%-*s %6u devices  %s\n", report->fields[value->field],
	       (int)(24 - strlen(report->fields[value->field])), value->text, value->devices,
	       ppm_text(fleet_availability(value->up, value->down), available));
}

static void print_availability(const struct fleet_report *report)
{
	_cleanup_free_ const struct fleet_value **values = fleet_values(report);
	const struct fleet_findings *found = report->found;
	char available[TIME_SPAN_TEXT_SIZE];

	printf("\nAvailability: %s\n  %-22s %8s %9s  %-12s %7s  %s\n",
	       ppm_text(fleet_availability(found->up, found->down + found->stalled), available),
	       "CAUSE", "OUTAGES", "ATTEMPTS", "DOWN", "OF ALL", "SIDE");
	for (int cause = 0; cause < CAUSE_MAX; cause++)
		print_cause(report, cause);
	for (unsigned i = 0; values && values[i]; i++)
		print_group(report, values[i]);
}

/* ---- herds */

static void print_herds(const struct fleet_report *report)
{
	const struct fleet_findings *found = report->found;

	if (found->herd_count == 0)
		return;
	puts("\nBack in the same second\n"
	     "  TIME                 DEVICES  RESTARTED  WOULD BE, WITH A RANDOM DELAY OF UP TO\n"
	     "                                           10s     30s     2min");
	for (unsigned i = 0; i < found->herd_count; i++) {
		const struct fleet_herd *herd = &found->herds[i];
		char time[TIMESTAMP_SIZE];

		printf("  %s  %7u  %9u  ", timestamp(herd->time, time), herd->devices,
		       herd->restarted);
		for (unsigned k = 0; k < FLEET_DELAYS; k++)
			printf("%-8u", fleet_spread_peak(herd->devices, fleet_delays[k]));
		putchar('\n');
	}
	puts("  RandomizedDelaySec= delays the agents that connwatchd restarts; the others "
	     "reconnect\n"
	     "  by the retry of their SDK.");
}

/* ---- the records */

static void print_sentence(void *userdata, const char *sentence)
{
	(void)userdata;
	print_wrapped(sentence);
}

static void print_clocks(const struct fleet_report *report)
{
	const struct fleet_device *device;
	unsigned shown = 0;

	for (unsigned i = 0; (device = fleet_device(report->fleet, i)) && shown < SHOWN; i++) {
		char skew[TIME_SPAN_TEXT_SIZE];

		if (!device->skew)
			continue;
		shown++;
		printf("    %-24s  %s %s, by %u outages\n", device->hostname,
		       time_span_format((usec_t)llabs(device->skew), skew, sizeof(skew)),
		       device->skew > 0 ? "ahead" : "behind", device->skew_outages);
	}
}

static void print_doubtful(const struct fleet_report *report)
{
	const struct fleet_device *device;
	unsigned shown = 0;

	for (unsigned i = 0; (device = fleet_device(report->fleet, i)) && shown < SHOWN; i++) {
		if (!device->over_quota && !fleet_is_renamed(device))
			continue;
		shown++;
		printf("    %-24s ", device->hostname[0] ? device->hostname : device->machine);
		if (device->over_quota)
			printf(" %" PRIu64 " records beyond what a device may name",
			       device->over_quota);
		if (fleet_is_renamed(device))
			printf("%s says that it is another device", device->over_quota ? "," : "");
		putchar('\n');
	}
}

void fleet_print_text(const struct fleet_report *report)
{
	print_head(report);
	print_outages(report);
	print_troubles(report);
	print_relations(report);
	print_availability(report);
	print_herds(report);
	puts("\nThe records");
	fleet_tell_records(report, print_sentence, NULL);
	print_clocks(report);
	print_doubtful(report);
}
