/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order in which the loop takes from its sources, and what wakes it: with sources of our own.
 */
#include "watch/sources.h"

#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/text.h"
#include "suite.h"
#include "support/clock.h"

/* One source: it tells of what is waiting, as an event of agent `letter`. */
struct fake {
	char letter;
	struct source_listener listener;
	int descriptor;
	usec_t waiting[4]; /* times of events, 0: none */
	usec_t told_until;
	struct source_wait wait; /* deadline 0: as it is */
	int error;               /* of take() */
	unsigned taken;          /* how often */
	unsigned left;           /* takes until it is no longer behind */
};

static char told[256];
static struct text all;
static struct fake fakes[5]; /* in the order of `rows` */
static unsigned opened;

static int open_fake(void **ret, const struct source_listener *listener, const void *options)
{
	struct fake *fake = &fakes[options ? (size_t)(*(const char *)options - 'a') : opened];

	opened++;
	text_add(&all, "(%c", fake->letter);
	fake->listener = *listener;
	*ret = fake;
	return 0;
}

static int descriptor_of(const void *source)
{
	return ((const struct fake *)source)->descriptor;
}

static void wait_of(const void *source, struct source_wait *wait)
{
	const struct fake *fake = source;

	if (fake->wait.deadline)
		*wait = fake->wait;
}

static void tell(struct fake *fake, usec_t time)
{
	const struct event event = { .type = EVENT_TIME,
				     .time = time,
				     .agent = (uint32_t)fake->letter };

	fake->listener.event(fake->listener.userdata, &event);
}

static int take_fake(void *source)
{
	struct fake *fake = source;
	uint64_t count;

	fake->taken++;
	fake->left -= fake->left > 0;
	(void)!read(fake->descriptor, &count, sizeof(count));
	for (size_t i = 0; i < sizeof(fake->waiting) / sizeof(fake->waiting[0]); i++) {
		usec_t time = fake->waiting[i];

		fake->waiting[i] = 0;
		if (time)
			tell(fake, time);
	}
	return fake->error;
}

static usec_t told_until(const void *source)
{
	return ((const struct fake *)source)->told_until;
}

static bool is_behind(const void *source)
{
	return ((const struct fake *)source)->left > 0;
}

static void close_fake(void *source)
{
	text_add(&all, "%c)", ((const struct fake *)source)->letter);
}

#define FAKE(who)                                                                             \
	{                                                                                     \
		.name = who, .open = open_fake, .descriptor = descriptor_of, .wait = wait_of, \
		.take = take_fake, .told_until = told_until, .is_behind = is_behind,          \
		.close = close_fake,                                                          \
	}

static const struct source sleeps = FAKE("the clock"), path = FAKE("the path"),
			   kernel = FAKE("the kernel"), timer = FAKE("the timer"),
			   service = { .name = "a service",
				       .open = open_fake,
				       .close = close_fake };

static const struct source_row rows[] = {
	{ &sleeps, TURN_BEFORE_RECORDS, AT_START },  { &path, TURN_BEFORE_EACH, AT_START },
	{ &kernel, TURN_RECORDS, AT_START },         { &timer, TURN_AFTER_RECORDS, AT_START },
	{ &service, TURN_AFTER_RECORDS, ON_DEMAND },
};
enum { SLEEPS, PATH, KERNEL, TIMER, SERVICE, FAKES };

static sd_event *loop;
static struct watch_sources *sources;

static void on_event(void *userdata, const struct event *event)
{
	(void)userdata;
	text_add(&all, "%c%u ", (int)event->agent, (unsigned)event->time);
}

static void on_notice(void *userdata, const char *text, int error)
{
	(void)userdata;
	text_add(&all, "!%s %d", text, error);
}

static void begin(void)
{
	struct source_listener listener = { .event = on_event, .notice = on_notice };

	CU_ASSERT_FATAL(sd_event_new(&loop) >= 0);
	listener.loop = loop;
	opened = 0;
	for (int i = 0; i < FAKES; i++) {
		fakes[i] = (struct fake){ .letter = (char)('a' + i),
					  .descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
		CU_ASSERT_FATAL(fakes[i].descriptor >= 0);
	}
	CU_ASSERT_EQUAL_FATAL(watch_sources_new(&sources, rows, FAKES, &listener), 0);
	all = (struct text)TEXT_IN(told);
	CU_ASSERT_EQUAL_FATAL(watch_sources_open_all(sources), 0);
	CU_ASSERT_EQUAL_FATAL(watch_sources_open(sources, &service, "e"), 0);
	watch_sources_begin(sources);
	all = (struct text)TEXT_IN(told);
}

static void end(void)
{
	sources = watch_sources_free(sources);
	loop = sd_event_unref(loop);
	for (int i = 0; i < FAKES; i++)
		close(fakes[i].descriptor);
}

static void wake(int fake)
{
	const uint64_t one = 1;

	CU_ASSERT_EQUAL(write(fakes[fake].descriptor, &one, sizeof(one)), sizeof(one));
}

/* Runs the loop until nothing is ready any more. */
static void run(void)
{
	while (sd_event_run(loop, 0) > 0)
		;
}

static void expect(const char *expected)
{
	CHECK(strcmp(told, expected) == 0, told);
	all = (struct text)TEXT_IN(told);
}

/* ---- tests */

static void each_is_taken_in_its_turn(void)
{
	begin();
	fakes[KERNEL].waiting[0] = 5;
	fakes[SLEEPS].waiting[0] = 4;
	fakes[PATH].waiting[0] = 3;
	fakes[TIMER].waiting[0] = 6;
	watch_sources_take(sources);
	expect("a4 b3 c5 ");
	watch_sources_take_all(sources);
	expect("d6 ");
	end();
}

static void the_path_is_told_up_to_each_record(void)
{
	begin();
	fakes[PATH].told_until = 5;
	fakes[KERNEL].waiting[0] = 4;
	fakes[KERNEL].waiting[1] = 5;
	fakes[KERNEL].waiting[2] = 6;
	fakes[PATH].waiting[0] = 7;
	watch_sources_take(sources);
	expect("c4 c5 b7 c6 ");
	CU_ASSERT_EQUAL(fakes[PATH].taken, 1);
	end();
}

static void a_service_is_heard_after_the_records(void)
{
	begin();
	fakes[KERNEL].waiting[0] = 5;
	tell(&fakes[SERVICE], 4);
	expect("c5 e4 ");
	end();
}

static void what_wakes_us_is_taken_with_what_comes_before_it(void)
{
	begin();
	fakes[KERNEL].waiting[0] = 5;
	fakes[SLEEPS].waiting[0] = 4;
	wake(KERNEL);
	run();
	expect("a4 c5 ");
	fakes[KERNEL].waiting[0] = 8;
	fakes[TIMER].waiting[0] = 7;
	wake(TIMER);
	run();
	expect("c8 d7 ");
	fakes[PATH].waiting[0] = 9;
	fakes[KERNEL].waiting[0] = 10;
	wake(PATH);
	run();
	expect("b9 "); /* alone */
	end();
}

static void records_wait_until_they_are_begun(void)
{
	struct source_listener listener = { .event = on_event, .notice = on_notice };

	begin();
	sources = watch_sources_free(sources);
	listener.loop = loop;
	opened = 0;
	CU_ASSERT_EQUAL_FATAL(watch_sources_new(&sources, rows, FAKES, &listener), 0);
	CU_ASSERT_EQUAL_FATAL(watch_sources_open_all(sources), 0);
	all = (struct text)TEXT_IN(told);
	fakes[KERNEL].waiting[0] = 5;
	fakes[SLEEPS].waiting[0] = 4;
	fakes[PATH].waiting[0] = 3;
	wake(KERNEL);
	wake(PATH);
	run();
	watch_sources_take_all(sources);
	expect("b3 ");
	watch_sources_begin(sources);
	run();
	expect("a4 c5 ");
	end();
}

static void a_deadline_wakes_and_a_descriptor_that_is_not_awaited_does_not(void)
{
	begin();
	fakes[KERNEL].waiting[0] = 5;
	fakes[KERNEL].wait = (struct source_wait){ .deadline = USEC_INFINITY, .accuracy = 1 };
	wake(KERNEL);
	run();
	expect("");
	fakes[KERNEL].wait.deadline = clock_now(CLOCK_MONOTONIC) + 1000;
	CU_ASSERT(sd_event_run(loop, 5 * USEC_PER_SEC) > 0);
	expect("c5 ");
	fakes[KERNEL].wait.deadline = USEC_INFINITY;
	fakes[KERNEL].taken = 0;
	run();
	CU_ASSERT_EQUAL(fakes[KERNEL].taken, 0);
	end();
}

/* The overflow of the ring is taken in parts. */
static void a_deadline_waits_for_records_that_are_left(void)
{
	begin();
	fakes[KERNEL].left = 3;
	fakes[KERNEL].waiting[0] = 5;
	fakes[TIMER].waiting[0] = 7;
	fakes[TIMER].wait = (struct source_wait){ .deadline = 1, .accuracy = 1 };
	CU_ASSERT(sd_event_run(loop, 0) > 0);
	fakes[KERNEL].waiting[0] = 6;
	CU_ASSERT(sd_event_run(loop, 0) > 0);
	CU_ASSERT_EQUAL(fakes[TIMER].taken, 0);
	CU_ASSERT(sd_event_run(loop, 0) > 0);
	CU_ASSERT_EQUAL(fakes[TIMER].taken, 1);
	expect("c5 c6 d7 ");
	end();
}

/* The same deadline again is another one: a source that gives it is not done with it. */
static void a_deadline_that_stays_wakes_again(void)
{
	begin();
	fakes[TIMER].wait = (struct source_wait){ .deadline = 1, .accuracy = 1 };
	for (int i = 0; i < 3; i++)
		CU_ASSERT(sd_event_run(loop, 0) > 0);
	CU_ASSERT_EQUAL(fakes[TIMER].taken, 3);
	end();
}

static void nothing_wakes_an_idle_loop(void)
{
	begin();
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(sd_event_run(loop, 1000), 0);
	for (int i = 0; i < FAKES; i++)
		CU_ASSERT_EQUAL(fakes[i].taken, 0);
	end();
}

static void a_source_that_fails_is_named(void)
{
	begin();
	fakes[KERNEL].error = -5;
	watch_sources_take(sources);
	expect("!cannot take in what the kernel tells -5");
	end();
}

static void the_last_one_opened_is_closed_first(void)
{
	struct source_listener listener = { .event = on_event, .notice = on_notice };

	begin();
	end();
	CU_ASSERT_FATAL(sd_event_new(&loop) >= 0);
	listener.loop = loop;
	opened = 0;
	all = (struct text)TEXT_IN(told);
	fakes[KERNEL].descriptor = -1; /* cannot be awaited */
	for (int i = 0; i < KERNEL; i++)
		fakes[i].descriptor = eventfd(0, EFD_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(watch_sources_new(&sources, rows, FAKES, &listener), 0);
	CU_ASSERT(watch_sources_open_all(sources) < 0);
	CU_ASSERT_PTR_NULL(watch_sources_get(sources, &kernel));
	CU_ASSERT_PTR_EQUAL(watch_sources_get(sources, &path), &fakes[PATH]);
	sources = watch_sources_free(sources);
	CHECK(strncmp(told, "(a(b(c!cannot set up the event loop", 35) == 0, told);
	CHECK(strcmp(told + strlen(told) - 6, "c)b)a)") == 0, told);
	loop = sd_event_unref(loop);
	for (int i = 0; i < KERNEL; i++)
		close(fakes[i].descriptor);
}

SUITE("sources", { "each is taken in its turn", each_is_taken_in_its_turn },
      { "the path is told up to each record", the_path_is_told_up_to_each_record },
      { "a service is heard after the records", a_service_is_heard_after_the_records },
      { "what wakes us is taken with what comes before it",
	what_wakes_us_is_taken_with_what_comes_before_it },
      { "records wait until they are begun", records_wait_until_they_are_begun },
      { "a deadline wakes, a descriptor that is not awaited does not",
	a_deadline_wakes_and_a_descriptor_that_is_not_awaited_does_not },
      { "a deadline waits for records that are left", a_deadline_waits_for_records_that_are_left },
      { "a deadline that stays wakes again", a_deadline_that_stays_wakes_again },
      { "nothing wakes an idle loop", nothing_wakes_an_idle_loop },
      { "a source that fails is named", a_source_that_fails_is_named },
      { "the last one opened is closed first", the_last_one_opened_is_closed_first })
