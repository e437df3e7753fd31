/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/engine_timer.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "support/clock.h"

struct engine_timer {
	struct source_listener listener;
	const struct engine *engine;
};

static int open_timer(void **ret, const struct source_listener *listener, const void *options)
{
	struct engine_timer *timer = malloc(sizeof(*timer));

	if (!timer) {
		listener->notice(listener->userdata, "cannot set up the engine's timer", -ENOMEM);
		return -ENOMEM;
	}
	*timer = (struct engine_timer){ .listener = *listener, .engine = options };
	*ret = timer;
	return 0;
}

static void wait_for_engine(const void *source, struct source_wait *wait)
{
	const struct engine_timer *timer = source;

	wait->deadline = engine_deadline(timer->engine);
}

static int take_time(void *source)
{
	const struct engine_timer *timer = source;
	struct event event = { .type = EVENT_TIME, .time = clock_now(CLOCK_MONOTONIC) };

	if (engine_is_due(timer->engine, event.time))
		timer->listener.event(timer->listener.userdata, &event);
	return 0;
}

const struct source engine_timer_source = {
	.name = "the engine",
	.open = open_timer,
	.wait = wait_for_engine,
	.take = take_time,
	.close = free,
};
