/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words and numbers that the text, the JSON and the page of `connwatch-fleet report` share. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/report.h"

const usec_t fleet_delays[FLEET_DELAYS] = { 10 * USEC_PER_SEC, 30 * USEC_PER_SEC,
					    2 * USEC_PER_MINUTE };

const char *fleet_device_name(const struct fleet_report *report, uint32_t agent)
{
	const struct fleet_device *device = fleet_device_of(report->fleet, agent);

	return device->hostname[0] ? device->hostname : device->machine;
}

bool fleet_is_renamed(const struct fleet_device *device)
{
	enum { SET_UP_ANEW = 3 };

	return device->renamed > SET_UP_ANEW;
}

const char *fleet_place_name(const struct fleet_report *report, uint16_t place,
			     char text[static ENDPOINT_TEXT_SIZE])
{
	return endpoint_format(&fleet_place(report->fleet, place)->endpoint, text);
}

const char *fleet_outage_words(const struct fleet_report *report, const struct fleet_outage *outage,
			       char text[static FLEET_WORDS_SIZE])
{
	const struct fleet_value *value;

	switch (outage->extent) {
	case FLEET_EXTENT_SERVICE:
		return cause_to_string(outage->cause);
	case FLEET_EXTENT_GROUP:
		value = fleet_value(report->fleet, outage->value);
		snprintf(text, FLEET_WORDS_SIZE, "%s=%s", report->fields[value->field],
			 value->text);
		return text;
	case FLEET_EXTENT_TOGETHER:
	case FLEET_EXTENT_MAX:
	case FLEET_EXTENT_INVALID:
		break;
	}
	return "sessions of one age";
}

static int compare_values(const void *a, const void *b)
{
	const struct fleet_value *const *left = a, *const *right = b;
	int one = fleet_availability((*left)->up, (*left)->down);
	int other = fleet_availability((*right)->up, (*right)->down);

	if ((*left)->field != (*right)->field)
		return (*left)->field < (*right)->field ? -1 : 1;
	return one != other ? (one < other ? -1 : 1) : strcmp((*left)->text, (*right)->text);
}

const struct fleet_value **fleet_values(const struct fleet_report *report)
{
	unsigned count = report->found->values;
	const struct fleet_value **values = calloc(count + 1, sizeof(*values));

	if (!values)
		return NULL;
	for (unsigned i = 0; i < count; i++)
		values[i] = fleet_value(report->fleet, (uint16_t)(i + 1));
	if (count > 0)
		qsort(values, count, sizeof(*values), compare_values);
	return values;
}

const char *fleet_trouble_words(enum fleet_trouble_kind kind)
{
	static const char *const words[FLEET_TROUBLE_MAX] = {
		[FLEET_TROUBLE_CRASH_LOOP] = "crashes and exits, three or more within an hour",
		[FLEET_TROUBLE_TOKEN_RHYTHM] = "closed by the hub at the age of its token",
		[FLEET_TROUBLE_BAD_LINK] = "ends by its network, more than chance explains",
		[FLEET_TROUBLE_REJECTED] = "sessions rejected or taken over",
		[FLEET_TROUBLE_HANG] = "hung or did not reconnect",
	};

	return words[kind];
}

enum ended_by fleet_outage_ended_by(const struct fleet_outage *outage)
{
	int most = 0;

	for (int i = 1; i < ENDED_BY_MAX; i++)
		if (outage->ends[i] > outage->ends[most])
			most = i;
	return most;
}

double fleet_percent(double part, double all)
{
	return all > 0 ? 100 * part / all : 0;
}

int fleet_availability(usec_t up, usec_t down)
{
	usec_t known = up + down;

	return known ? (int)(1e6 * (double)up / (double)known) : -1;
}

const char *fleet_test_words(const struct fleet_report *report, char *text, size_t size)
{
	snprintf(text, size,
		 "%.0f windows of 10 s, 1 min and 5 min were tested against this fleet's own rate "
		 "around that time (Poisson, Bonferroni): at most one report in %.0f of a fleet "
		 "whose "
		 "devices fail independently has a common outage in it",
		 report->found->windows, 1 / FLEET_ERROR);
	return text;
}

/* ---- the records themselves */

struct telling {
	void (*tell)(void *userdata, const char *sentence);
	void *userdata;
};

static void say(const struct telling *telling, uint64_t count, const char *sentence)
{
	char text[256];

	if (count == 0)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 " %s", count, sentence);
	telling->tell(telling->userdata, text);
}

void fleet_tell_records(const struct fleet_report *report,
			void (*tell)(void *userdata, const char *sentence), void *userdata)
{
	const struct fleet_findings *found = report->found;
	const struct telling to = { tell, userdata };

	say(&to, found->duplicates, "are duplicates and count once");
	say(&to, found->late,
	    "came late, more than a minute after newer ones; they count at their own time");
	say(&to, found->out_of_order, "were out of order; they are sorted");
	say(&to, found->missing,
	    "are missing: an agent reconnected, but the record of the end is missing");
	say(&to, found->lost_events,
	    "were dropped by the kernels of their devices (evidence-lost)");
	say(&to, found->undated, "have an impossible date and are not used");
	say(&to, found->clock_steps,
	    "times a clock was set or its device was suspended; records of that boot from before "
	    "the clock was set are not used for common outages");
	say(&to, found->skewed,
	    "devices have a clock that is off, as several common outages show; the report corrects "
	    "it");
	say(&to, found->reboots, "reboots");
	say(&to, found->unproven,
	    "are from devices that are known by their own word alone: any of them may have "
	    "written the records of another (collect a journal for each certificate)");
	say(&to, found->outlying,
	    "are from long before or after the time of most devices and are not used");
	say(&to, found->over_quota,
	    "name more agents, peers or values than one device may: they count for a port alone, "
	    "are in no group, or are not used");
	say(&to, found->no_room, "are not counted: too many devices or agents");
	say(&to, found->no_peer, "count for a port alone or for no common outage: too many peers");
	say(&to, found->no_group, "are in no group: too many values of a field");
	say(&to, found->more_outages, "windows with too many ends are not shown: too many outages");
}
