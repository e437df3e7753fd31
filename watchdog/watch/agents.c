/* Inside the loop: who is watched, and with which settings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/clock.h"
#include "watch_history.h"
#include "watch_loop_state.h"

void watch_loop_catch_up(struct watch_loop *loop, uint32_t number)
{
	watch_loop_drain(loop);
	watch_loop_feed(loop, &(struct event){
				      .type = EVENT_CAUGHT_UP,
				      .time = clock_now(CLOCK_MONOTONIC),
				      .agent = number,
				      .blind = !watch_source_shows_connections(loop->source),
			      });
}

/* Without it the evidence is less, and everything else as ever. */
static void inspect_mqtt(struct watch_loop *loop, uint32_t number)
{
	int r = watch_source_inspect_mqtt(loop->source, number, loop->agents[number]->mqtt_inspect);

	if (r == 0 || loop->said_unseen)
		return;
	loop->said_unseen = true;
	if (r < 0)
		watch_loop_say("cannot look at MQTT (MqttInspect=)", r);
	else
		watch_loop_say("no uprobes are to be had: MQTT over TLS is not looked at", 0);
}

/* To be freed by the caller; NULL: no memory. */
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
	watch_loop_feed(loop, &(struct event){
				      .type = EVENT_AGENT,
				      .time = clock_now(CLOCK_MONOTONIC),
				      .agent = number,
				      .watching = { .settings = settings,
						    .mode = watch_source_mode(loop->source),
						    .actions_held = loop->actions_held[number],
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

	succession_confirm(loop->succession, cookie);
}

static void recall_history(struct watch_loop *loop, uint32_t number)
{
	const struct past_listener listener = { watch_loop_feed, confirm, loop };
	int r = 0;

	if (loop->options.journal)
		r = watch_history_read(loop->agents[number], number, &listener);
	if (r < 0)
		watch_loop_say("cannot read back what the journal holds", r);
}

/* It is told of when it is watched, not before. */
static int begin_agent(struct watch_loop *loop, uint32_t number,
		       const struct agent_settings *settings)
{
	int r;

	loop->agents[number] = copy_settings(loop, settings);
	if (!loop->agents[number])
		return -ENOMEM;
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
	uint32_t number = succession_number(loop->succession, settings->name, loop->options.agents);
	int r;

	if (!number)
		return -ENOSPC;
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
	watch_source_unwatch(loop->source, number);
	watch_loop_drain(loop);
	watch_loop_feed(loop, &(struct event){
				      .type = EVENT_AGENT_GONE,
				      .time = clock_now(CLOCK_MONOTONIC),
				      .agent = number,
			      });
	free(loop->agents[number]);
	loop->agents[number] = NULL;
	loop->actions_held[number] = false;
	succession_free_number(loop->succession, number);
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

const struct agent_settings *watch_loop_settings(const struct watch_loop *loop, uint32_t number)
{
	return number && number <= loop->options.agents ? loop->agents[number] : NULL;
}

static bool same_matches(const struct agent_settings *a, const struct agent_settings *b)
{
	if (a->match_count != b->match_count)
		return false;
	for (unsigned i = 0; i < a->match_count; i++)
		if (a->matches[i].type != b->matches[i].type ||
		    strcmp(a->matches[i].value, b->matches[i].value) != 0)
			return false;
	return true;
}

int watch_loop_change_agent(struct watch_loop *loop, uint32_t number,
			    const struct agent_settings *settings)
{
	bool held = loop->actions_held[number];
	int r;

	if (same_matches(loop->agents[number], settings))
		return change_settings(loop, number, settings);
	watch_loop_remove_agent(loop, number);
	r = watch_loop_add_agent(loop, settings);
	if (r >= 0 && held)
		r = watch_loop_hold_actions(loop, (uint32_t)r, true);
	return r < 0 ? r : 0;
}

int watch_loop_add_process(struct watch_loop *loop, uint32_t number, pid_t pid)
{
	int r = watch_source_process(loop->source, pid, number);

	return r < 0 ? r : watch_matches_find_connections(loop->matches);
}

int watch_loop_add_command(struct watch_loop *loop, uint32_t number, pid_t pid)
{
	int r = watch_loop_add_process(loop, number, pid);

	if (r < 0)
		return r;
	watch_loop_drain(loop); /* what the one before it left behind did, came before */
	watch_loop_feed(loop, &(struct event){
				      .type = EVENT_COMMAND,
				      .time = clock_now(CLOCK_MONOTONIC),
				      .agent = number,
				      .process.task = { .pid = (uint32_t)pid, .in_agent = true },
			      });
	return 0;
}

void watch_loop_action_done(struct watch_loop *loop, uint32_t agent, uint32_t order, int error)
{
	watch_actions_done(loop->actions, agent, order, error);
}

int watch_loop_add_control_group(struct watch_loop *loop, uint32_t number, const char *path)
{
	return watch_source_cgroup(loop->source, path, number);
}
