#include "watch_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <time.h>

#include "core/past_events.h"
#include "sources/journal_reader.h"
#include "support/cleanup.h"

DEFINE_CLEANUP(struct journal_reader *, journal_reader_free);

static usec_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (usec_t)time.tv_sec * USEC_PER_SEC + (usec_t)time.tv_nsec / 1000;
}

static int collect(struct journal_reader *reader, const char *name, struct past_events *past_events)
{
	_cleanup_free_ struct past_record *past = malloc(sizeof(*past));
	int r;

	if (!past)
		return -ENOMEM;
	r = journal_reader_last(reader);
	while (r >= 0 && (r = journal_reader_previous(reader, past)) > 0)
		if (strcmp(past->record.agent, name) == 0 && !past_events_take(past_events, past))
			break;
	return r;
}

static int read_past(const char *name, struct past_events *past_events)
{
	_cleanup_(journal_reader_free_held) struct journal_reader *reader = NULL;
	_cleanup_free_ char *unit = NULL;
	struct journal_query query = { .agent = name, .until = USEC_INFINITY };
	int r = sd_pid_get_unit(0, &unit);

	if (r < 0)
		return 0;
	query.sender = unit;
	r = journal_reader_new(&reader, &query);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return collect(reader, name, past_events);
}

int watch_history_read(const char *name, uint32_t agent, event_sink sink, void *userdata)
{
	_cleanup_free_ struct past_events *past_events = malloc(sizeof(*past_events));
	int r;

	if (!past_events)
		return -ENOMEM;
	past_events_begin(past_events, agent, now(CLOCK_MONOTONIC), now(CLOCK_REALTIME));
	r = read_past(name, past_events);
	if (r < 0)
		return r;
	for (unsigned left = past_events->count; left > 0; left--)
		sink(userdata, &past_events->events[left - 1]);
	return (int)past_events->count;
}
