/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/sources.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "support/clock.h"

/* A row of the table, open or not. */
struct slot {
	struct watch_sources *sources;
	const struct source_row *row;
	void *source; /* NULL: it is not open */
	sd_event_source *descriptor;
	sd_event_source *timer;
	struct source_wait armed; /* what `timer` is set to */
};

struct watch_sources {
	struct source_listener listener;
	sd_event_source *before_sleep; /* never elapses, see prepare() */
	bool begun;
	usec_t taken; /* when the records were last taken, and how long that took */
	usec_t took;
	usec_t behind_since; /* 0: they are all taken */
	size_t count;
	struct slot slots[];
};

DEFINE_CLEANUP(struct watch_sources *, watch_sources_free);

static void say(const struct watch_sources *sources, const char *text, int error)
{
	sources->listener.notice(sources->listener.userdata, text, error);
}

/* ---- taking, each in its turn */

static void take_from(struct slot *slot)
{
	const struct source *source = slot->row->source;
	char text[128];
	int r;

	if (!slot->source || !source->take)
		return;
	r = source->take(slot->source);
	if (r >= 0)
		return;
	snprintf(text, sizeof(text), "cannot take in what %s tells", source->name);
	say(slot->sources, text, r);
}

static void take_turn(struct watch_sources *sources, enum turn turn)
{
	for (size_t i = 0; i < sources->count; i++)
		if (sources->slots[i].row->turn == turn)
			take_from(&sources->slots[i]);
}

void watch_sources_take(struct watch_sources *sources)
{
	usec_t begun;

	if (!sources->begun)
		return;
	begun = clock_now(CLOCK_MONOTONIC);
	take_turn(sources, TURN_BEFORE_RECORDS);
	take_turn(sources, TURN_RECORDS);
	sources->taken = clock_now(CLOCK_MONOTONIC);
	sources->took = sources->taken - begun;
}

void watch_sources_take_all(struct watch_sources *sources)
{
	watch_sources_take(sources);
	take_turn(sources, TURN_AFTER_RECORDS);
}

/* Takes what happened to the path by `time`. */
static void take_until(struct watch_sources *sources, usec_t time)
{
	for (size_t i = 0; i < sources->count; i++) {
		struct slot *slot = &sources->slots[i];

		if (slot->row->turn == TURN_BEFORE_EACH && slot->source &&
		    slot->row->source->told_until(slot->source) < time)
			take_from(slot);
	}
}

/* ---- what the sources tell */

static void on_event(void *userdata, const struct event *event)
{
	const struct slot *slot = userdata;

	slot->sources->listener.event(slot->sources->listener.userdata, event);
}

static void on_record(void *userdata, const struct event *event)
{
	const struct slot *slot = userdata;

	take_until(slot->sources, event->time);
	on_event(userdata, event);
}

/* In a flood of records, which takes that long to take, a service has its word in between: else
 * each word of many would wait for all records that came since the one before. */
#define FLOOD_TIME (50 * USEC_PER_MSEC)

static bool is_flooded(const struct watch_sources *sources)
{
	return sources->took >= FLOOD_TIME &&
	       clock_now(CLOCK_MONOTONIC) < sources->taken + sources->took;
}

/* For a source that hands its events on by itself, and so is not taken from after the records. */
static void on_word(void *userdata, const struct event *event)
{
	const struct slot *slot = userdata;

	if (!is_flooded(slot->sources))
		watch_sources_take(slot->sources);
	on_event(userdata, event);
}

static void on_notice(void *userdata, const char *text, int error)
{
	const struct slot *slot = userdata;

	say(slot->sources, text, error);
}

static event_sink sink_of(const struct source_row *row)
{
	switch (row->turn) {
	case TURN_RECORDS:
		return on_record;
	case TURN_AFTER_RECORDS:
		return row->source->take ? on_event : on_word;
	case TURN_BEFORE_RECORDS:
	case TURN_BEFORE_EACH:
	case TURN_ALONE:
		break;
	}
	return on_event;
}

/* In a flood of records without an end, what has its turn after them waits no longer. */
#define BEHIND_MOST (5 * USEC_PER_SEC)

/* True if older records still wait: what comes after them has to, as well. A deadline that fired
 * now would be ahead of what happened before it. */
static bool is_behind(struct watch_sources *sources)
{
	bool behind = false;

	for (size_t i = 0; i < sources->count; i++) {
		const struct slot *slot = &sources->slots[i];
		const struct source *source = slot->row->source;

		behind |= slot->source && source->is_behind && source->is_behind(slot->source);
	}
	if (!behind)
		sources->behind_since = 0;
	else if (!sources->behind_since)
		sources->behind_since = sources->taken;
	return behind && sources->taken < sources->behind_since + BEHIND_MOST;
}

/* ---- waking up */

static void wake(struct slot *slot)
{
	switch (slot->row->turn) {
	case TURN_RECORDS:
		watch_sources_take(slot->sources);
		break;
	case TURN_AFTER_RECORDS:
		watch_sources_take(slot->sources);
		if (!is_behind(slot->sources))
			take_from(slot); /* else it is still ready: once more */
		break;
	case TURN_BEFORE_RECORDS:
	case TURN_BEFORE_EACH:
	case TURN_ALONE:
		take_from(slot);
		break;
	}
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents;
	wake(userdata);
	return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct slot *slot = userdata;

	(void)source, (void)usec;
	slot->armed.deadline = USEC_INFINITY;
	wake(slot);
	return 0;
}

static void arm_descriptor(struct slot *slot, uint32_t events)
{
	bool awaited = events && (slot->sources->begun || slot->row->turn != TURN_RECORDS);

	if (awaited)
		sd_event_source_set_io_events(slot->descriptor, events);
	sd_event_source_set_enabled(slot->descriptor, awaited ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* Sets only what differs: a timer that is set again, even to the same time, goes to the end of the
 * queue of ready event sources. */
static void arm_timer(struct slot *slot, const struct source_wait *wait)
{
	if (slot->armed.deadline == wait->deadline && slot->armed.accuracy == wait->accuracy)
		return;
	slot->armed = *wait;
	sd_event_source_set_time(slot->timer, wait->deadline);
	sd_event_source_set_time_accuracy(slot->timer, wait->accuracy);
	sd_event_source_set_enabled(
		slot->timer, wait->deadline == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void arm(struct slot *slot)
{
	struct source_wait wait = { .events = EPOLLIN, .deadline = USEC_INFINITY, .accuracy = 1 };

	if (!slot->source)
		return;
	if (slot->row->source->wait)
		slot->row->source->wait(slot->source, &wait);
	if (slot->descriptor)
		arm_descriptor(slot, wait.events);
	if (slot->timer)
		arm_timer(slot, &wait);
}

/* Called before each sleep of the loop, so that no source needs to say when its descriptor or its
 * deadline changes. */
static int prepare(sd_event_source *source, void *userdata)
{
	struct watch_sources *sources = userdata;

	(void)source;
	for (size_t i = 0; i < sources->count; i++)
		arm(&sources->slots[i]);
	return 0;
}

static int on_never(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec, (void)userdata;
	return 0;
}

void watch_sources_begin(struct watch_sources *sources)
{
	sources->begun = true;
}

/* ---- opening and closing */

static struct slot *find_slot(const struct watch_sources *sources, const struct source *source)
{
	for (size_t i = 0; i < sources->count; i++)
		if (sources->slots[i].row->source == source)
			return (struct slot *)&sources->slots[i];
	return NULL;
}

void *watch_sources_get(const struct watch_sources *sources, const struct source *source)
{
	const struct slot *slot = find_slot(sources, source);

	return slot ? slot->source : NULL;
}

static void close_slot(struct slot *slot)
{
	sd_event_source_disable_unref(slot->timer);
	sd_event_source_disable_unref(slot->descriptor);
	if (slot->source)
		slot->row->source->close(slot->source);
	slot->timer = slot->descriptor = NULL;
	slot->source = NULL;
}

/* Adds both switched off: prepare() switches them on. */
static int add_to_loop(struct slot *slot)
{
	const struct source *source = slot->row->source;
	sd_event *loop = slot->sources->listener.loop;
	int r = 0;

	if (source->descriptor)
		r = sd_event_add_io(loop, &slot->descriptor, source->descriptor(slot->source),
				    EPOLLIN, on_ready, slot);
	if (r >= 0 && slot->descriptor)
		r = sd_event_source_set_enabled(slot->descriptor, SD_EVENT_OFF);
	if (r >= 0 && source->wait)
		r = sd_event_add_time(loop, &slot->timer, CLOCK_MONOTONIC, USEC_INFINITY, 1,
				      on_deadline, slot);
	if (r < 0) {
		say(slot->sources, "cannot set up the event loop", r);
		close_slot(slot);
	}
	return r;
}

static int open_slot(struct slot *slot, const void *options)
{
	const struct source_listener listener = {
		.loop = slot->sources->listener.loop,
		.event = sink_of(slot->row),
		.notice = on_notice,
		.userdata = slot,
	};
	int r = slot->row->source->open(&slot->source, &listener, options);

	slot->armed = (struct source_wait){ .deadline = USEC_INFINITY };
	return r < 0 || !slot->source ? r : add_to_loop(slot);
}

int watch_sources_open(struct watch_sources *sources, const struct source *source,
		       const void *options)
{
	struct slot *slot = find_slot(sources, source);

	return slot ? open_slot(slot, options) : -ENOENT;
}

int watch_sources_open_all(struct watch_sources *sources)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sources->count; i++)
		if (sources->slots[i].row->opening == AT_START)
			r = open_slot(&sources->slots[i], NULL);
	return r < 0 ? r : 0;
}

int watch_sources_new(struct watch_sources **ret, const struct source_row *rows, size_t count,
		      const struct source_listener *listener)
{
	_cleanup_(watch_sources_free_held) struct watch_sources *sources =
		calloc(1, sizeof(*sources) + count * sizeof(sources->slots[0]));
	int r;

	if (!sources)
		return -ENOMEM;
	sources->listener = *listener;
	sd_event_ref(sources->listener.loop);
	sources->count = count;
	for (size_t i = 0; i < count; i++)
		sources->slots[i] = (struct slot){ .sources = sources, .row = &rows[i] };
	r = sd_event_add_time(listener->loop, &sources->before_sleep, CLOCK_MONOTONIC,
			      USEC_INFINITY, 1, on_never, sources);
	if (r >= 0)
		r = sd_event_source_set_prepare(sources->before_sleep, prepare);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(sources);
	return 0;
}

struct watch_sources *watch_sources_free(struct watch_sources *sources)
{
	if (!sources)
		return NULL;
	for (size_t i = sources->count; i > 0; i--)
		close_slot(&sources->slots[i - 1]);
	sd_event_source_disable_unref(sources->before_sleep);
	sd_event_unref(sources->listener.loop);
	free(sources);
	return NULL;
}
