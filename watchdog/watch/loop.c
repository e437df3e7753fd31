/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/loop_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "sources/journal_sync.h"
#include "sources/route_monitor.h"
#include "watch/engine_timer.h"
#include "watch/source_table.h"

/* Agents of the daemon before us that are in the settings no more. */
static void forget_old_agents(struct watch_loop *loop)
{
	for (uint32_t number = 1; number <= loop->options.agents; number++) {
		if (loop->agents[number] || !handover_has_number(loop->handover, number))
			continue;
		watch_observer_unwatch(loop->observer, number);
		handover_free_number(loop->handover, number);
	}
}

/* First what happened, then how it stands: the sample tells what is open. */
static void take_over(struct watch_loop *loop)
{
	loop->taking_over = false;
	forget_old_agents(loop);
	watch_observer_recall(loop->observer);
	watch_sources_begin(loop->sources);
	watch_loop_drain(loop);
	watch_loop_sample(loop);
}

static void become_ready(struct watch_loop *loop)
{
	int r;

	if (!loop->ready)
		return;
	loop->ready = sd_event_source_disable_unref(loop->ready);
	r = watch_matches_begin(loop->matches);
	if (r < 0)
		watch_loop_say("cannot look for open connections", r);
	if (loop->taking_over)
		take_over(loop);
	for (uint32_t number = 1; number <= loop->options.agents; number++)
		if (loop->agents[number])
			watch_loop_catch_up(loop, number);
	if (loop->options.ready)
		loop->options.ready(loop->options.userdata);
}

/* Called in the first iteration of the event loop, and again after READY_TIMEOUT. */
static int on_ready_timer(sd_event_source *source, uint64_t usec, void *userdata)
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

/* ---- what the sources tell */

static void take_event(void *userdata, const struct event *event)
{
	struct watch_loop *loop = userdata;

	watch_loop_feed(loop, event);
	if (event->type == EVENT_UNIT)
		watch_matches_unit_told(loop->matches, event);
}

static void take_notice(void *userdata, const char *text, int error)
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
		watch_loop_sample(loop);
		watch_loop_drain(loop);
		loop->sampled = NULL;
	}
	engine_snapshot(loop->engine, sink);
}

/* ---- building and taking down */

static uint32_t machine_seed(void)
{
	sd_id128_t id;

	if (sd_id128_get_machine(&id) < 0)
		return 0;
	return (uint32_t)id.qwords[0] ^ (uint32_t)id.qwords[1];
}

/* All boots of a host that does not tell are one: its outages still differ by their times. */
static sd_id128_t boot(void)
{
	sd_id128_t id;

	return sd_id128_get_boot(&id) < 0 ? SD_ID128_NULL : id;
}

static int open_engine(struct watch_loop *loop)
{
	struct engine_limits limits = {
		.agents = loop->options.agents,
		.connections = loop->options.connections,
		.processes = loop->options.connections,
		.namespaces = NAMESPACES_MAX,
		.seed = machine_seed(),
		.boot = { boot().qwords[0], boot().qwords[1] },
	};
	int r;

	loop->agents = calloc((size_t)limits.agents + 1, sizeof(*loop->agents));
	loop->actions_held = calloc((size_t)limits.agents + 1, sizeof(*loop->actions_held));
	loop->grouped = calloc((size_t)limits.agents + 1, sizeof(*loop->grouped));
	r = loop->agents && loop->actions_held && loop->grouped ? engine_new(&loop->engine, &limits)
								: -ENOMEM;
	if (r < 0)
		watch_loop_say("cannot set up the engine", r);
	return r;
}

/* The last records of the daemon before us may still be on their way into the journal. */
#define JOURNAL_TIMEOUT (5 * USEC_PER_SEC)

static void await_journal(const struct watch_loop *loop)
{
	int r = loop->options.journal ? journal_sync(JOURNAL_TIMEOUT) : 0;

	if (r == -ETIMEDOUT)
		watch_loop_say("the journal hangs: what was told last may not be read back", 0);
}

static int begin_observing(struct watch_loop *loop)
{
	const struct observer_options options = {
		.mode = loop->options.mode,
		.btf = loop->options.btf,
		.connections = loop->options.connections,
		.stored_handover = loop->options.stored_handover,
	};
	int r = watch_sources_open(loop->sources, &watch_observer_source, &options);

	if (r < 0)
		return r;
	loop->observer = watch_sources_get(loop->sources, &watch_observer_source);
	loop->handover = watch_observer_handover(loop->observer);
	loop->taking_over = handover_taken_over(loop->handover);
	if (loop->taking_over)
		await_journal(loop);
	else
		watch_sources_begin(loop->sources);
	return 0;
}

static int open_sources(struct watch_loop *loop)
{
	const struct source_listener listener = {
		.loop = loop->event,
		.event = take_event,
		.notice = take_notice,
		.userdata = loop,
	};
	int r = watch_sources_new(&loop->sources, source_table, source_table_length, &listener);

	if (r < 0) {
		watch_loop_say("cannot set up the sources", r);
		return r;
	}
	r = begin_observing(loop);
	if (r >= 0)
		r = watch_sources_open_all(loop->sources);
	if (r >= 0)
		r = watch_sources_open(loop->sources, &engine_timer_source, loop->engine);
	return r;
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
	/* whole lines for whoever reads along, and after a SIGKILL */
	setvbuf(loop->trace, NULL, _IOLBF, 0);
	return 0;
}

static int open_wiring(struct watch_loop *loop)
{
	const struct watch_options *options = &loop->options;
	const struct match_listener listener = {
		.settled = on_settled,
		.event = watch_loop_feed,
		.notice = take_notice,
		.userdata = loop,
	};
	int r = watch_path_new(&loop->path,
			       watch_sources_get(loop->sources, &route_monitor_source));

	if (r >= 0)
		r = watch_actions_new(&loop->actions, loop->event, options->agents,
				      options->restart, options->userdata, watch_loop_feed, loop);
	if (r >= 0)
		r = watch_matches_new(&loop->matches, loop->sources, loop->observer,
				      options->agents, &listener);
	if (r >= 0)
		r = sd_event_add_time(loop->event, &loop->ready, CLOCK_MONOTONIC, 0, 1,
				      on_ready_timer, loop);
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
	r = open_engine(loop);
	if (r >= 0)
		r = open_trace(loop);
	if (r >= 0)
		r = sd_event_new(&loop->event);
	if (r >= 0)
		r = open_sources(loop);
	if (r >= 0)
		r = open_wiring(loop);
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
	watch_sources_free(loop->sources);
	watch_matches_free(loop->matches);
	watch_path_free(loop->path);
	flow_tracking_close(&loop->tracking);
	watch_actions_free(loop->actions);
	journal_question_end(&loop->saved);
	sd_event_source_unref(loop->ready);
	sd_event_unref(loop->event);
	engine_free(loop->engine);
	for (uint32_t number = 1; loop->agents && number <= loop->options.agents; number++)
		free(loop->agents[number]);
	free(loop->agents);
	free(loop->actions_held);
	free(loop->grouped);
	if (loop->trace)
		fclose(loop->trace);
	free(loop);
	return NULL;
}

enum mode watch_loop_mode(const struct watch_loop *loop)
{
	return watch_observer_mode(loop->observer);
}

bool watch_loop_has_external_btf(const struct watch_loop *loop)
{
	return watch_observer_has_external_btf(loop->observer);
}

enum clock_state watch_loop_clock(const struct watch_loop *loop)
{
	return engine_clock(loop->engine);
}

bool watch_loop_taken_over(const struct watch_loop *loop)
{
	return handover_taken_over(loop->handover);
}

int watch_loop_pack_handover(struct watch_loop *loop)
{
	return watch_observer_pack_handover(loop->observer);
}

sd_event *watch_loop_event(struct watch_loop *loop)
{
	return loop->event;
}
