/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the probe's ring is looked into, with a probe of our own. */
#include "watch/ring.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>

#include "sources/probe.h"
#include "suite.h"

static int records; /* that wait in the ring */
static bool behind; /* and some more in its overflow */
static bool wake_ups;
static struct watch_ring *ring;

int probe_drain(struct probe *probe, event_sink sink, void *userdata)
{
	int count = records;

	(void)probe, (void)sink, (void)userdata;
	records = 0;
	return count;
}

bool probe_is_behind(const struct probe *probe)
{
	(void)probe;
	return behind;
}

usec_t probe_next_look(const struct probe *probe)
{
	(void)probe;
	return USEC_INFINITY;
}

void probe_set_wake_ups(struct probe *probe, bool on)
{
	(void)probe;
	wake_ups = on;
}

static void begin(void)
{
	records = 0;
	behind = false;
	wake_ups = true;
	CU_ASSERT_EQUAL_FATAL(watch_ring_new(&ring, NULL), 0);
}

static void end(void)
{
	ring = watch_ring_free(ring);
}

static void take(usec_t now, int count)
{
	records = count;
	CU_ASSERT_EQUAL(watch_ring_take(ring, now, NULL, NULL), count);
}

/* `next_look` 0: none is planned. */
static void expect(const char *what, bool wakes, usec_t next_look)
{
	struct source_wait wait = { .events = EPOLLIN, .deadline = USEC_INFINITY, .accuracy = 1 };

	watch_ring_wait(ring, &wait);
	CHECK(wake_ups == wakes, what);
	CHECK(wait.events == (wakes ? (uint32_t)EPOLLIN : 0), what);
	CHECK(wait.deadline == (next_look ?: USEC_INFINITY), what);
}

static void a_few_records_wake_us(void)
{
	begin();
	expect("at first", true, 0);
	for (usec_t now = 1; now <= 10; now++)
		take(now * USEC_PER_SEC, 63);
	expect("63 at a time", true, 0);
	take(11 * USEC_PER_SEC, -EIO);
	expect("a failure", true, 0);
	end();
}

static void many_records_are_looked_for_every_millisecond(void)
{
	begin();
	take(100000, 40);
	take(105000, 24);
	expect("64 in 10 ms", false, 106000);
	take(105500, 10);
	expect("a look for another reason", false, 106000);
	take(106000, 1);
	expect("still some", false, 107000);
	take(107000, 0);
	expect("no more: one last look", true, 108000);
	take(108000, 0);
	expect("over", true, 0);
	end();
}

static void what_waits_in_the_overflow_is_looked_for(void)
{
	begin();
	behind = true;
	take(100000, 1);
	expect("records are left", false, 101000);
	behind = false;
	take(101000, 1);
	expect("these were the last", false, 102000);
	take(102000, 0);
	take(103000, 0);
	expect("over", true, 0);
	end();
}

static void a_rush_may_begin_anew(void)
{
	begin();
	take(100000, 64);
	take(101000, 0);
	expect("the last look is to come", true, 102000);
	take(101500, 64);
	expect("before it comes", false, 102500);
	end();
}

SUITE("ring", { "a few records wake us", a_few_records_wake_us },
      { "many records are looked for every millisecond",
	many_records_are_looked_for_every_millisecond },
      { "what waits in the overflow is looked for", what_waits_in_the_overflow_is_looked_for },
      { "a rush may begin anew", a_rush_may_begin_anew })
