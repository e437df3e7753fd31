/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sleeps of the host, as EVENT_SUSPENDED. Nothing wakes us for it: what wakes us after a sleep is
 * taken after this source. */
#include <errno.h>
#include <stdlib.h>

#include "sources/source.h"
#include "support/clock.h"

struct host_sleep {
	struct source_listener listener;
	usec_t slept; /* by the host since it booted, as far as it is told */
};

/* CLOCK_MONOTONIC stands still while the host sleeps, CLOCK_BOOTTIME does not. */
static usec_t slept_since_boot(void)
{
	usec_t slept = 0;

	/* A pause between the two readings makes the sleep look shorter: the longest one counts. */
	for (int i = 0; i < 3; i++) {
		usec_t all = clock_now(CLOCK_BOOTTIME), awake = clock_now(CLOCK_MONOTONIC);

		if (all > awake + slept)
			slept = all - awake;
	}
	return slept;
}

static int open_host_sleep(void **ret, const struct source_listener *listener, const void *options)
{
	struct host_sleep *sleep = malloc(sizeof(*sleep));

	(void)options;
	if (!sleep) {
		listener->notice(listener->userdata, "cannot watch for sleeps of the host",
				 -ENOMEM);
		return -ENOMEM;
	}
	*sleep = (struct host_sleep){ .listener = *listener, .slept = slept_since_boot() };
	*ret = sleep;
	return 0;
}

static int take_host_sleep(void *source)
{
	struct host_sleep *sleep = source;
	usec_t slept = slept_since_boot();
	struct event event = {
		.type = EVENT_SUSPENDED,
		.time = clock_now(CLOCK_MONOTONIC),
		.suspended = slept - sleep->slept,
	};

	if (slept < sleep->slept + USEC_PER_SEC) /* the two clocks are not read at once */
		return 0;
	sleep->slept = slept;
	sleep->listener.event(sleep->listener.userdata, &event);
	return 0;
}

const struct source host_sleep_source = {
	.name = "the clock",
	.open = open_host_sleep,
	.take = take_host_sleep,
	.close = free,
};
