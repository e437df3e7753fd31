/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/journal_past.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "base/text.h"
#include "engine/past_events.h"
#include "sources/journal_reader.h"
#include "support/cleanup.h"
#include "support/clock.h"

/* One reading of the journal. */
struct reading {
	const struct agent_settings *settings;
	uint32_t agent;
	const struct past_listener *listener;
	struct past_events events;
};

static bool tells_the_end(const struct reading *reading, const struct past_record *past)
{
	return past->record.kind == RECORD_ENDED &&
	       strcmp(past->boot_id, reading->events.boot_id) == 0;
}

static int collect(struct journal_reader *reader, struct reading *reading)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	char name[AGENT_NAME_SIZE];
	int r;

	if (!past)
		return -ENOMEM;
	text_copy(name, sizeof(name), reading->settings->name);
	text_make_printable(name); /* as records have it */
	r = journal_reader_last(reader);
	while (r >= 0 && (r = journal_reader_previous(reader, past)) > 0) {
		if (strcmp(past->record.agent, name) != 0)
			continue;
		if (tells_the_end(reading, past))
			reading->listener->ended(reading->listener->userdata, past->record.cookie);
		if (!past_events_take(&reading->events, past))
			break;
	}
	return r;
}

static int read_past(struct reading *reading)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	_cleanup_free_ char *unit = NULL;
	const char *const agents[] = { reading->settings->name, NULL };
	struct journal_query query = { .agents = agents, .until = USEC_INFINITY };
	int r = sd_pid_get_unit(0, &unit);

	if (r < 0)
		return 0;
	query.sender = unit;
	r = journal_reader_new(&reader, &query);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	past_events_begin(&reading->events, reading->agent, reading->settings->limit_interval,
			  clock_now(CLOCK_MONOTONIC), clock_now(CLOCK_REALTIME),
			  journal_reader_boot(reader));
	return collect(reader, reading);
}

int watch_journal_past_read(const struct agent_settings *settings, uint32_t agent,
			    const struct past_listener *listener)
{
	_cleanup_free_ struct reading *reading = calloc(1, sizeof(*reading));
	int r;

	if (!reading)
		return -ENOMEM;
	reading->settings = settings;
	reading->agent = agent;
	reading->listener = listener;
	r = read_past(reading);
	if (r < 0)
		return r;
	for (unsigned left = reading->events.count; left > 0; left--)
		listener->event(listener->userdata, &reading->events.events[left - 1]);
	return 0;
}
