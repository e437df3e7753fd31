#include "watch_loop_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "effects/trace_writer.h"
#include "sources/journal_sync.h"
#include "support/clock.h"

void watch_loop_say(const char *text, int error)
{
	if (error)
		fprintf(stderr, "connwatch: %s: %s\n", text, strerror(-error));
	else
		fprintf(stderr, "connwatch: %s\n", text);
}

/* ---- outcomes */

static void write_record(struct watch_loop *loop, const struct record *record)
{
	usec_t realtime = record->time + clock_now(CLOCK_REALTIME) - clock_now(CLOCK_MONOTONIC);

	succession_writing(loop->succession, record);
	if (loop->options.journal)
		watch_journal_write(&loop->journal, record);
	succession_written(loop->succession, record);
	output_record(loop->options.output, record, realtime);
	if (loop->options.record)
		loop->options.record(loop->options.userdata, record, realtime);
}

/* The samples come in order with everything else. */
static void sample(struct watch_loop *loop)
{
	int r = watch_source_sample(loop->source);

	if (r < 0 && r != -EOPNOTSUPP)
		watch_loop_say("cannot look at the connections", r);
}

static void take_outcome(void *userdata, const struct outcome *outcome)
{
	struct watch_loop *loop = userdata;

	switch (outcome->type) {
	case OUTCOME_RECORD:
		write_record(loop, outcome->record);
		break;
	case OUTCOME_ORDER:
		watch_actions_carry_out(loop->actions, &outcome->order,
					loop->agents[outcome->order.agent]->stalled_after);
		break;
	case OUTCOME_SAMPLE:
		sample(loop);
		break;
	}
}

/* A command that has ended may yet be started again. */
static bool may_restart(const struct watch_loop *loop)
{
	return loop->options.restart && !loop->no_restarts && engine_revival_pending(loop->engine);
}

/* Whoever watches a command is the last to tell; a daemon has another one after it. */
static bool awaits_systemd(const struct watch_loop *loop)
{
	return loop->options.restart && watch_actions_by_systemd(loop->actions);
}

static void finish_if_settled(struct watch_loop *loop)
{
	if (loop->finishing && !may_restart(loop) && !awaits_systemd(loop) &&
	    !watch_actions_pending(loop->actions) && !engine_verdicts_pending(loop->engine) &&
	    !engine_orphans_open(loop->engine))
		sd_event_exit(loop->event, loop->status);
}

/* Without the way to the peer, a verdict claims less. */
static void follow_path(struct watch_loop *loop, const struct event *event)
{
	const struct agent_settings *agent = watch_loop_settings(loop, event->agent);
	int r = agent ? watch_path_follow(loop->path, event) : 0;

	if (r < 0)
		fprintf(stderr,
			"connwatch: cannot follow the links and routes of agent %s in net:[%" PRIu64
			"]: %s; its verdicts claim less\n",
			agent->name, event->connection.netns, strerror(-r));
}

void watch_loop_feed(void *userdata, const struct event *event)
{
	struct watch_loop *loop = userdata;
	usec_t deadline;

	if (event->type == EVENT_OPENED || event->type == EVENT_FOUND)
		follow_path(loop, event);
	if (loop->trace)
		trace_write(loop->trace, event);
	engine_step(loop->engine, event, take_outcome, loop);
	if (event->type == EVENT_EXITED && !engine_agent_alive(loop->engine, event->agent))
		watch_path_leave(loop->path, event->agent);
	deadline = engine_deadline(loop->engine);
	sd_event_source_set_time(loop->timer, deadline);
	sd_event_source_set_enabled(loop->timer,
				    deadline == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	if (loop->sampled && event->type == EVENT_SAMPLED)
		loop->sampled(loop->sampled_userdata, event);
	if (loop->options.stepped)
		loop->options.stepped(loop->options.userdata);
	finish_if_settled(loop);
}

/* ---- sources */

/* CLOCK_MONOTONIC stands still while the host sleeps, CLOCK_BOOTTIME does not. Whatever wakes us
 * after a sleep comes after it is noticed here. */
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

static void notice_sleep(struct watch_loop *loop)
{
	usec_t slept = slept_since_boot();
	struct event event = {
		.type = EVENT_SUSPENDED,
		.time = clock_now(CLOCK_MONOTONIC),
		.suspended = slept - loop->slept,
	};

	if (slept < loop->slept + USEC_PER_SEC)
		return;
	loop->slept = slept;
	watch_loop_feed(loop, &event);
}

static void take_from_source(void *userdata, const struct event *event)
{
	struct watch_loop *loop = userdata;

	if (succession_is_old_news(loop->succession, event))
		return;
	watch_path_tell(loop->path, event->time);
	watch_loop_feed(loop, event);
}

static int drain(void *userdata)
{
	struct watch_loop *loop = userdata;
	int r;

	if (loop->inheriting)
		return 0;
	notice_sleep(loop);
	r = watch_source_drain(loop->source, take_from_source, loop);
	if (r < 0)
		watch_loop_say("cannot take in what the kernel tells", r);
	return r;
}

void watch_loop_drain(struct watch_loop *loop)
{
	drain(loop);
}

/* What has been seen by now comes before what is due now. */
void watch_loop_tick(struct watch_loop *loop)
{
	struct event event = { .type = EVENT_TIME };

	watch_loop_drain(loop);
	event.time = clock_now(CLOCK_MONOTONIC);
	if (engine_is_due(loop->engine, event.time))
		watch_loop_feed(loop, &event);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec;
	watch_loop_tick(userdata);
	return 0;
}

/* Agents that were taken out of the settings meanwhile. */
static void forget_old_agents(struct watch_loop *loop)
{
	for (uint32_t number = 1; number <= loop->options.agents; number++) {
		if (loop->agents[number] || !succession_has_number(loop->succession, number))
			continue;
		watch_source_unwatch(loop->source, number);
		succession_free_number(loop->succession, number);
	}
}

/* First what happened, then how it stands: what is open is in the sample. */
static void inherit(struct watch_loop *loop)
{
	loop->inheriting = false;
	forget_old_agents(loop);
	watch_source_recall(loop->source, take_from_source, loop);
	watch_loop_drain(loop);
	sample(loop);
	watch_source_begin(loop->source);
}

static void become_ready(struct watch_loop *loop)
{
	if (!loop->ready)
		return;
	loop->ready = sd_event_source_disable_unref(loop->ready);
	if (loop->inheriting)
		inherit(loop);
	for (uint32_t number = 1; number <= loop->options.agents; number++)
		if (loop->agents[number])
			watch_loop_catch_up(loop, number);
	if (loop->options.ready)
		loop->options.ready(loop->options.userdata);
}

/* The first time the loop runs, and then when time is up. */
static int on_ready(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch_loop *loop = userdata;

	if (usec == 0 && watch_matches_awaited(loop->matches)) {
		sd_event_source_set_time_relative(source, READY_TIMEOUT);
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	become_ready(loop);
	return 0;
}

static void on_settled(void *userdata)
{
	become_ready(userdata);
}

static void on_unit(void *userdata, const struct event *event)
{
	watch_loop_drain(userdata); /* the kernel knew before systemd did */
	watch_loop_feed(userdata, event);
}

static void on_notice(void *userdata, const char *text, int error)
{
	(void)userdata;
	watch_loop_say(text, error);
}

void watch_loop_snapshot(struct watch_loop *loop, const struct snapshot_sink *sink,
			 event_sink sampled)
{
	if (sampled) {
		loop->sampled = sampled;
		loop->sampled_userdata = sink->userdata;
		sample(loop);
		watch_loop_drain(loop);
		loop->sampled = NULL;
	}
	engine_snapshot(loop->engine, sink);
}

/* ---- its end */

void watch_loop_finish(struct watch_loop *loop, int status)
{
	watch_loop_drain(loop);
	loop->finishing = true;
	loop->status = status;
	finish_if_settled(loop);
}

void watch_loop_forgo_results(struct watch_loop *loop)
{
	if (loop->finishing && !may_restart(loop))
		watch_actions_forgo(loop->actions);
}

void watch_loop_forgo_restarts(struct watch_loop *loop)
{
	loop->no_restarts = true;
}

void watch_loop_go_on(struct watch_loop *loop)
{
	loop->finishing = false;
}

sd_event *watch_loop_event(struct watch_loop *loop)
{
	return loop->event;
}

/* ---- building and taking down */

static uint32_t machine_seed(void)
{
	sd_id128_t id;

	if (sd_id128_get_machine(&id) < 0)
		return 0;
	return (uint32_t)id.qwords[0] ^ (uint32_t)id.qwords[1];
}

static int open_engine(struct watch_loop *loop)
{
	struct engine_limits limits = {
		.agents = loop->options.agents,
		.connections = loop->options.connections,
		.processes = loop->options.connections,
		.namespaces = NAMESPACES_MAX,
		.seed = machine_seed(),
	};
	int r;

	loop->agents = calloc((size_t)limits.agents + 1, sizeof(*loop->agents));
	loop->actions_held = calloc((size_t)limits.agents + 1, sizeof(*loop->actions_held));
	r = loop->agents && loop->actions_held ? engine_new(&loop->engine, &limits) : -ENOMEM;
	if (r < 0)
		watch_loop_say("cannot set up the engine", r);
	return r;
}

/* What the watchdog before us told last may still be on its way into the journal. */
#define JOURNAL_TIMEOUT (5 * USEC_PER_SEC)

static void await_journal(const struct watch_loop *loop)
{
	int r = loop->options.journal ? journal_sync(JOURNAL_TIMEOUT) : 0;

	if (r == -ETIMEDOUT)
		watch_loop_say("the journal hangs: what was told last may not be read back", 0);
}

static int open_source(struct watch_loop *loop)
{
	const struct source_options options = {
		.mode = loop->options.mode,
		.connections = loop->options.connections,
		.parcel = loop->options.parcel,
		.look = drain,
		.notice = on_notice,
		.userdata = loop,
	};
	int r = watch_source_open(&loop->source, &loop->succession, loop->event, &options);

	if (r < 0)
		return r;
	loop->inheriting = succession_inherits(loop->succession);
	if (loop->inheriting)
		await_journal(loop);
	else
		watch_source_begin(loop->source);
	return 0;
}

enum mode watch_loop_mode(const struct watch_loop *loop)
{
	return watch_source_mode(loop->source);
}

bool watch_loop_inherits(const struct watch_loop *loop)
{
	return succession_inherits(loop->succession);
}

int watch_loop_parcel(struct watch_loop *loop)
{
	return watch_source_parcel(loop->source, loop->succession);
}

static int open_trace(struct watch_loop *loop)
{
	if (!loop->options.trace)
		return 0;
	loop->trace = fopen(loop->options.trace, "we");
	if (!loop->trace) {
		int r = -errno;

		watch_loop_say(loop->options.trace, r);
		return r;
	}
	setvbuf(loop->trace, NULL, _IOLBF, 0); /* whoever reads along, or kills us, has it all */
	return 0;
}

static int add_timers(struct watch_loop *loop)
{
	int r = sd_event_add_time(loop->event, &loop->timer, CLOCK_MONOTONIC, 0, 1, on_timer, loop);

	if (r >= 0)
		r = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(loop->event, &loop->ready, CLOCK_MONOTONIC, 0, 1, on_ready,
				      loop);
	return r;
}

static int open_event_loop(struct watch_loop *loop)
{
	const struct watch_options *options = &loop->options;
	struct match_listener listener = {
		.unit = on_unit,
		.settled = on_settled,
		.notice = on_notice,
		.userdata = loop,
	};
	int r = add_timers(loop);

	if (r >= 0)
		r = watch_path_new(&loop->path, loop->event, watch_loop_feed, loop);
	if (r >= 0)
		r = watch_actions_new(&loop->actions, loop->event, options->agents,
				      options->restart, options->userdata, watch_loop_feed, loop);
	if (r >= 0)
		r = watch_matches_new(&loop->matches, loop->event, loop->source, options->agents,
				      &listener);
	if (r < 0)
		watch_loop_say("cannot set up the event loop", r);
	return r;
}

int watch_loop_new(struct watch_loop **ret, const struct watch_options *options)
{
	struct watch_loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	loop->options = *options;
	loop->slept = slept_since_boot();
	r = open_engine(loop);
	if (r >= 0)
		r = open_trace(loop);
	if (r >= 0)
		r = sd_event_new(&loop->event);
	if (r >= 0)
		r = open_source(loop);
	if (r >= 0)
		r = open_event_loop(loop);
	if (r < 0) {
		watch_loop_free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

struct watch_loop *watch_loop_free(struct watch_loop *loop)
{
	if (!loop)
		return NULL;
	watch_matches_free(loop->matches);
	watch_path_free(loop->path);
	watch_actions_free(loop->actions);
	sd_event_source_unref(loop->ready);
	sd_event_source_unref(loop->timer);
	watch_source_close(loop->source);
	sd_event_unref(loop->event);
	succession_free(loop->succession);
	engine_free(loop->engine);
	for (uint32_t number = 1; loop->agents && number <= loop->options.agents; number++)
		free(loop->agents[number]);
	free(loop->agents);
	free(loop->actions_held);
	if (loop->trace)
		fclose(loop->trace);
	free(loop);
	return NULL;
}
