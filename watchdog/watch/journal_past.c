#include "watch_history.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "core/past_events.h"
#include "sources/journal_reader.h"
#include "support/cleanup.h"
#include "support/clock.h"

DEFINE_CLEANUP(struct journal_reader *, journal_reader_free);

struct search {
	const struct agent_settings *settings;
	uint32_t agent;
	const struct past_listener *listener;
	struct past_events events;
};

static bool tells_the_end(const struct search *search, const struct past_record *past)
{
	return past->record.kind == RECORD_ENDED &&
	       strcmp(past->boot_id, search->events.boot_id) == 0;
}

static int collect(struct journal_reader *reader, struct search *search)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	int r;

	if (!past)
		return -ENOMEM;
	r = journal_reader_last(reader);
	while (r >= 0 && (r = journal_reader_previous(reader, past)) > 0) {
		if (strcmp(past->record.agent, search->settings->name) != 0)
			continue;
		if (tells_the_end(search, past))
			search->listener->ended(search->listener->userdata, past->record.cookie);
		if (!past_events_take(&search->events, past))
			break;
	}
	return r;
}

static int read_past(struct search *search)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	_cleanup_free_ char *unit = NULL;
	struct journal_query query = { .agent = search->settings->name, .until = USEC_INFINITY };
	int r = sd_pid_get_unit(0, &unit);

	if (r < 0)
		return 0;
	query.sender = unit;
	r = journal_reader_new(&reader, &query);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	past_events_begin(&search->events, search->agent, search->settings->limit_interval,
			  clock_now(CLOCK_MONOTONIC), clock_now(CLOCK_REALTIME),
			  journal_reader_boot(reader));
	return collect(reader, search);
}

int watch_history_read(const struct agent_settings *settings, uint32_t agent,
		       const struct past_listener *listener)
{
	_cleanup_free_ struct search *search = calloc(1, sizeof(*search));
	int r;

	if (!search)
		return -ENOMEM;
	search->settings = settings;
	search->agent = agent;
	search->listener = listener;
	r = read_past(search);
	if (r < 0)
		return r;
	for (unsigned left = search->events.count; left > 0; left--)
		listener->event(listener->userdata, &search->events.events[left - 1]);
	return 0;
}
