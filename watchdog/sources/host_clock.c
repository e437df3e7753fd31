/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the host's clock is synchronised, as EVENT_CLOCK. Nothing wakes us for a change: it is
 * looked at before records are taken, and nobody else needs it sooner. */
#include "sources/host_clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <unistd.h>

#include "sources/source.h"
#include "support/clock.h"

/* 2025-01-01 UTC: no version of this program is older. */
#define WRITTEN (UINT64_C(1735689600) * USEC_PER_SEC)

/* The runtime directory of systemd-timesyncd.service(8), which is there while it runs. */
#define TIME_SERVICE "/run/systemd/timesync"

/* One look a second does: adjtimex(2) costs little, but a rush of records should not pay for it. */
#define LOOK_PAUSE USEC_PER_SEC

struct host_clock {
	struct source_listener listener;
	enum clock_state state; /* as last reported */
	usec_t looked;
};

enum clock_state host_clock_state(void)
{
	struct timex timex = { .modes = 0 };

	if (adjtimex(&timex) < 0)
		return CLOCK_UNKNOWN;
	if (!(timex.status & STA_UNSYNC))
		return CLOCK_SYNCHRONISED;
	if (clock_now(CLOCK_REALTIME) < WRITTEN)
		return CLOCK_PAST;
	return access(TIME_SERVICE, F_OK) == 0 ? CLOCK_AWAITED : CLOCK_UNVOUCHED;
}

static int take_host_clock(void *source)
{
	struct host_clock *clock = source;
	struct event event = { .type = EVENT_CLOCK, .time = clock_now(CLOCK_MONOTONIC) };

	if (clock->looked && event.time < clock->looked + LOOK_PAUSE)
		return 0;
	clock->looked = event.time;
	event.clock = host_clock_state();
	if (event.clock == clock->state)
		return 0;
	clock->state = event.clock;
	clock->listener.event(clock->listener.userdata, &event);
	return 0;
}

static int open_host_clock(void **ret, const struct source_listener *listener, const void *options)
{
	struct host_clock *clock = malloc(sizeof(*clock));

	(void)options;
	if (!clock) {
		listener->notice(listener->userdata, "cannot watch the host's clock", -ENOMEM);
		return -ENOMEM;
	}
	*clock = (struct host_clock){ .listener = *listener };
	*ret = clock;
	return 0;
}

const struct source host_clock_source = {
	.name = "the clock's state",
	.open = open_host_clock,
	.take = take_host_clock,
	.close = free,
};
