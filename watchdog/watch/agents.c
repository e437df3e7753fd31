/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside the loop: who is watched, and with which settings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sources/probe.h"
#include "support/clock.h"
#include "support/name_service.h"
#include "support/process_files.h"
#include "watch/boot_past.h"
#include "watch/journal_past.h"
#include "watch/loop_state.h"

/* A process that is watched by its number is in no control group that is looked at. */
static bool lookups_hide(const struct watch_loop *loop, uint32_t number)
{
	return !loop->grouped[number] || !watch_observer_sees_packets(loop->observer) ||
	       name_service_hides_lookups(NULL, NULL);
}

/* What is looked at inside the agent. Its C library is left alone if packets show its lookups. */
static unsigned what_to_inspect(const struct watch_loop *loop, uint32_t number)
{
	const struct agent_settings *settings = loop->agents[number];

	if (!settings->mqtt_inspect)
		return 0;
	return PROBE_INSPECT_MQTT | (settings->token_inspect ? PROBE_INSPECT_TOKENS : 0U) |
	       (lookups_hide(loop, number) ? PROBE_INSPECT_LOOKUPS : 0U);
}

/* Without a look at MQTT a verdict has less evidence; nothing else changes. */
static void inspect_mqtt(struct watch_loop *loop, uint32_t number)
{
	int r = watch_observer_inspect_mqtt(loop->observer, number, what_to_inspect(loop, number));

	if (r == 0 || loop->said_mqtt_not_seen)
		return;
	loop->said_mqtt_not_seen = true;
	if (r < 0)
		watch_loop_say("cannot look at MQTT (MqttInspect=)", r);
	else
		watch_loop_say("no uprobes are to be had: MQTT over TLS is not looked at", 0);
}

/* Returns the settings that count for this loop, the caller's to free; NULL without memory. */
static struct agent_settings *copy_settings(const struct watch_loop *loop,
					    const struct agent_settings *settings)
{
	struct agent_settings *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *settings;
	if (loop->options.observe_only)
		memset(copy->policy, 0, sizeof(copy->policy));
	return copy;
}

static void tell_settings(struct watch_loop *loop, uint32_t number,
			  const struct agent_settings *settings)
{
	watch_loop_feed(loop,
			&(struct event){
				.type = EVENT_AGENT,
				.time = clock_now(CLOCK_MONOTONIC),
				.agent = number,
				.watching = { .settings = settings,
					      .mode = watch_observer_mode(loop->observer),
					      .external_btf = watch_loop_has_external_btf(loop),
					      .actions_held = loop->actions_held[number],
					      .lookups_hide = lookups_hide(loop, number),
					      .optional = settings->optional,
					      .catching_up = true },
			});
}

static int change_settings(struct watch_loop *loop, uint32_t number,
			   const struct agent_settings *settings)
{
	struct agent_settings *taken = copy_settings(loop, settings);

	if (!taken)
		return -ENOMEM;
	tell_settings(loop, number, taken);
	free(loop->agents[number]);
	loop->agents[number] = taken;
	inspect_mqtt(loop, number);
	return 0;
}

static void confirm(void *userdata, uint64_t cookie)
{
	struct watch_loop *loop = userdata;

	handover_confirm_report(loop->handover, cookie);
}

/* The journal may have lost their records (journald.conf(5), RateLimitBurst=). */
static void recall_actions(struct watch_loop *loop, uint32_t number)
{
	usec_t times[BUDGET_MAX], now = clock_now(CLOCK_MONOTONIC);
	size_t count = handover_actions(loop->handover, number, times);

	for (size_t i = 0; i < count; i++)
		watch_loop_feed(loop, &(struct event){
					      .type = EVENT_HISTORY_SPENT,
					      .time = now,
					      .agent = number,
					      .spent_ago = times[i] < now ? now - times[i] : 0,
				      });
}

static void recall_history(struct watch_loop *loop, uint32_t number)
{
	const struct past_listener listener = { watch_loop_feed, confirm, loop };
	int r = 0;

	recall_actions(loop, number);
	if (loop->options.journal)
		r = watch_journal_past_read(loop->agents[number], number, &listener);
	/* a daemon that hands over has told it */
	if (r >= 0 && loop->options.journal && !handover_taken_over(loop->handover))
		r = watch_boot_past_read(loop->agents[number], number, watch_loop_feed, loop);
	if (r < 0)
		watch_loop_say("cannot read back what the journal holds", r);
}

/* The engine hears of the agent once the agent is watched, not before. */
static int begin_agent(struct watch_loop *loop, uint32_t number,
		       const struct agent_settings *settings)
{
	int r;

	loop->agents[number] = copy_settings(loop, settings);
	if (!loop->agents[number])
		return -ENOMEM;
	loop->grouped[number] = settings->match_count > 0;
	inspect_mqtt(loop, number);
	r = watch_matches_add(loop->matches, number, loop->agents[number]);
	if (r < 0)
		return r;
	tell_settings(loop, number, loop->agents[number]);
	recall_history(loop, number);
	return 0;
}

int watch_loop_add_agent(struct watch_loop *loop, const struct agent_settings *settings)
{
	uint32_t number = handover_number(loop->handover, settings->name, loop->options.agents);
	int r;

	if (!number)
		return -EUSERS;
	r = begin_agent(loop, number, settings);
	if (r < 0) {
		watch_loop_remove_agent(loop, number);
		return r;
	}
	if (!loop->ready)
		watch_loop_catch_up(loop, number);
	return (int)number;
}

void watch_loop_remove_agent(struct watch_loop *loop, uint32_t number)
{
	watch_matches_remove(loop->matches, number);
	watch_observer_unwatch(loop->observer, number);
	watch_loop_drain(loop);
	watch_loop_feed(loop, &(struct event){
				      .type = EVENT_AGENT_GONE,
				      .time = clock_now(CLOCK_MONOTONIC),
				      .agent = number,
			      });
	free(loop->agents[number]);
	loop->agents[number] = NULL;
	loop->actions_held[number] = loop->grouped[number] = false;
	handover_free_number(loop->handover, number);
}

int watch_loop_hold_actions(struct watch_loop *loop, uint32_t number, bool hold)
{
	loop->actions_held[number] = hold;
	return change_settings(loop, number, loop->agents[number]);
}

bool watch_loop_actions_held(const struct watch_loop *loop, uint32_t number)
{
	return loop->actions_held[number];
}

static bool same_matches(const struct agent_settings *a, const struct agent_settings *b)
{
	if (a->match_count != b->match_count || a->delegated != b->delegated)
		return false;
	for (unsigned i = 0; i < a->match_count; i++)
		if (a->matches[i].type != b->matches[i].type ||
		    strcmp(a->matches[i].value, b->matches[i].value) != 0)
			return false;
	return true;
}

/* The operator wrote a file about an agent that is not there: that is to be said now. */
static bool is_now_awaited(const struct watch_loop *loop, uint32_t number,
			   const struct agent_settings *settings)
{
	return loop->agents[number]->optional && !settings->optional &&
	       engine_agent_absent(loop->engine, number);
}

int watch_loop_change_agent(struct watch_loop *loop, uint32_t number,
			    const struct agent_settings *settings)
{
	bool held = loop->actions_held[number];
	int r;

	if (same_matches(loop->agents[number], settings) && !is_now_awaited(loop, number, settings))
		return change_settings(loop, number, settings);
	watch_loop_remove_agent(loop, number);
	r = watch_loop_add_agent(loop, settings);
	if (r >= 0 && held)
		r = watch_loop_hold_actions(loop, (uint32_t)r, true);
	return r < 0 ? r : 0;
}

int watch_loop_add_process(struct watch_loop *loop, uint32_t number, pid_t pid)
{
	int r = watch_observer_process(loop->observer, pid, number);

	return r < 0 ? r : watch_matches_find_connections(loop->matches);
}

int watch_loop_add_command(struct watch_loop *loop, uint32_t number, pid_t pid)
{
	struct process_status status = { 0 };
	int r = watch_loop_add_process(loop, number, pid);

	if (r < 0)
		return r;
	process_status_read(pid, &status);
	watch_loop_drain(loop); /* what is left of the command before this one comes first */
	watch_loop_feed(loop, &(struct event){
				      .type = EVENT_COMMAND,
				      .time = clock_now(CLOCK_MONOTONIC),
				      .agent = number,
				      .process.task = { .pid = (uint32_t)pid,
							.in_agent = true,
							.started = status.started },
			      });
	return 0;
}

void watch_loop_action_done(struct watch_loop *loop, uint32_t agent, uint32_t order, int error)
{
	watch_actions_done(loop->actions, agent, order, error);
}

int watch_loop_add_control_group(struct watch_loop *loop, uint32_t number, const char *path)
{
	int r = watch_observer_cgroup(loop->observer, path, number);

	if (r < 0 || loop->grouped[number])
		return r;
	loop->grouped[number] = true;
	inspect_mqtt(loop, number);
	tell_settings(loop, number, loop->agents[number]);
	return r;
}
