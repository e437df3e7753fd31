#include "watch_records.h"

#include <errno.h>
#include <stdlib.h>

#include "core/event.h"
#include "sources/probe.h"

/* As many records in that time are a rush: then a look every so often will do. */
enum { RUSH_RECORDS = 64 };
#define RUSH_TIME (10 * USEC_PER_MSEC)
#define LOOK_TIME (1 * USEC_PER_MSEC)

struct watch_records {
	struct probe *probe;
	int (*look)(void *userdata);
	void *userdata;
	sd_event_source *woken;
	sd_event_source *timer; /* the next look, in a rush */
	bool calmed;            /* the rush is over but for one last look */
	int count;              /* of records, since that time */
	usec_t since;
};

static void look_later(struct watch_records *records)
{
	sd_event_source_set_time_relative(records->timer, LOOK_TIME);
	sd_event_source_set_enabled(records->timer, SD_EVENT_ONESHOT);
}

static void begin_rush(struct watch_records *records)
{
	records->calmed = false;
	probe_set_wake_ups(records->probe, false);
	sd_event_source_set_enabled(records->woken, SD_EVENT_OFF);
	look_later(records);
}

/* A record that is under way may not wake us yet, nor do those behind it: hence the last look. */
static void end_rush(struct watch_records *records)
{
	records->calmed = true;
	records->count = 0;
	probe_set_wake_ups(records->probe, true);
	sd_event_source_set_enabled(records->woken, SD_EVENT_ON);
	look_later(records);
}

static bool is_rush(struct watch_records *records, int count)
{
	usec_t now = 0;

	sd_event_now(sd_event_source_get_event(records->woken), CLOCK_MONOTONIC, &now);
	if (now > records->since + RUSH_TIME) {
		records->since = now;
		records->count = 0;
	}
	records->count += count;
	return records->count >= RUSH_RECORDS;
}

static int on_woken(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch_records *records = userdata;

	(void)source, (void)fd, (void)revents;
	if (is_rush(records, records->look(records->userdata)))
		begin_rush(records);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch_records *records = userdata;
	int count = records->look(records->userdata);

	(void)source, (void)usec;
	if (records->calmed)
		return 0;
	if (count > 0)
		look_later(records);
	else
		end_rush(records);
	return 0;
}

int watch_records_new(struct watch_records **ret, sd_event *event, struct probe *probe,
		      int (*look)(void *userdata), void *userdata)
{
	struct watch_records *records = malloc(sizeof(*records));
	int r;

	if (!records)
		return -ENOMEM;
	*records = (struct watch_records){ .probe = probe, .look = look, .userdata = userdata };
	r = sd_event_add_io(event, &records->woken, probe_fd(probe), EPOLLIN, on_woken, records);
	if (r >= 0)
		r = sd_event_source_set_enabled(records->woken, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(event, &records->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
				      records);
	if (r >= 0)
		r = sd_event_source_set_enabled(records->timer, SD_EVENT_OFF);
	if (r < 0) {
		watch_records_free(records);
		return r;
	}
	*ret = records;
	return 0;
}

struct watch_records *watch_records_free(struct watch_records *records)
{
	if (!records)
		return NULL;
	sd_event_source_unref(records->timer);
	sd_event_source_unref(records->woken);
	free(records);
	return NULL;
}

void watch_records_begin(struct watch_records *records)
{
	sd_event_source_set_enabled(records->woken, SD_EVENT_ON);
}
