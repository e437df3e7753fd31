/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/actions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "effects/connection_abort.h"
#include "effects/process_signal.h"
#include "effects/unit_action.h"
#include "support/clock.h"

struct watch_actions {
	struct unit_actions *units;
	int (*restart)(void *userdata, const struct order *order);
	void *userdata;
	event_sink sink;
	void *sink_userdata;
	sd_event_source *results; /* enabled while `done` holds results */
	uint32_t agents;
	uint32_t *by_systemd; /* by agent: the order that systemd carries out; 0: none */
	unsigned done_count;
	struct event
		done[]; /* results that are not handed on yet; an agent has one order at a time */
};

/* The functions that begin an order return its result, or -EINPROGRESS if that is reported later.
 */
static int begin_unit_action(struct watch_actions *actions, const struct order *order,
			     const char *unit)
{
	int r = unit_action_start(actions->units, order->number, order->agent, order->action.type,
				  unit);

	if (r < 0)
		return r;
	actions->by_systemd[order->agent] = order->number;
	return -EINPROGRESS;
}

static int begin_restart(struct watch_actions *actions, const struct order *order)
{
	if (*order->unit)
		return begin_unit_action(actions, order, order->unit);
	if (!actions->restart)
		return -EOPNOTSUPP;
	return actions->restart(actions->userdata, order) ?: -EINPROGRESS;
}

static int begin_order(struct watch_actions *actions, const struct order *order,
		       usec_t stalled_after)
{
	switch (order->action.type) {
	case ACTION_SIGNAL:
		return process_signal((pid_t)order->pid, order->started, order->action.signal);
	case ACTION_RESTART:
		return begin_restart(actions, order);
	case ACTION_RELOAD:
		return begin_unit_action(actions, order, order->unit);
	case ACTION_START_UNIT:
		return begin_unit_action(actions, order, order->action.unit);
	case ACTION_ABORT_CONNECTION:
		return connection_abort(order->netns, (pid_t)order->pid, order->started,
					order->cookie, stalled_after);
	case ACTION_NONE:
	case ACTION_TYPE_MAX:
	case ACTION_TYPE_INVALID:
		break;
	}
	return -EOPNOTSUPP;
}

void watch_actions_carry_out(struct watch_actions *actions, const struct order *order,
			     usec_t stalled_after)
{
	int r = begin_order(actions, order, stalled_after);

	if (r != -EINPROGRESS)
		watch_actions_done(actions, order->agent, order->number, r);
}

void watch_actions_done(struct watch_actions *actions, uint32_t agent, uint32_t order, int error)
{
	if (actions->done_count == actions->agents)
		return;
	actions->done[actions->done_count++] = (struct event){
		.type = EVENT_ACTION_RESULT,
		.time = clock_now(CLOCK_MONOTONIC),
		.agent = agent,
		.action_result = { .order = order, .error = error },
	};
	sd_event_source_set_enabled(actions->results, SD_EVENT_ONESHOT);
}

/* systemd has carried out an order. */
static void on_unit_result(void *userdata, const struct event *event)
{
	struct watch_actions *actions = userdata;

	if (actions->by_systemd[event->agent] == event->action_result.order)
		actions->by_systemd[event->agent] = 0;
	actions->sink(actions->sink_userdata, event);
}

bool watch_actions_by_systemd(const struct watch_actions *actions)
{
	for (uint32_t agent = 1; agent <= actions->agents; agent++)
		if (actions->by_systemd[agent])
			return true;
	return false;
}

void watch_actions_forgo(struct watch_actions *actions)
{
	for (uint32_t agent = 1; agent <= actions->agents; agent++) {
		uint32_t order = actions->by_systemd[agent];

		actions->by_systemd[agent] = 0;
		if (order)
			watch_actions_done(actions, agent, order, -EINPROGRESS);
	}
}

bool watch_actions_pending(const struct watch_actions *actions)
{
	return actions->done_count > 0;
}

/* A result may make the engine give an order that is done at once. The result of that one waits for
 * the next iteration of the event loop. */
static int on_results(sd_event_source *source, void *userdata)
{
	struct watch_actions *actions = userdata;
	unsigned count = actions->done_count;

	(void)source;
	while (count--) {
		struct event event = actions->done[0];

		actions->done_count--;
		memmove(&actions->done[0], &actions->done[1],
			actions->done_count * sizeof(actions->done[0]));
		actions->sink(actions->sink_userdata, &event);
	}
	return 0;
}

int watch_actions_new(struct watch_actions **ret, sd_event *event, uint32_t agents,
		      int (*restart)(void *userdata, const struct order *order), void *userdata,
		      event_sink sink, void *sink_userdata)
{
	struct watch_actions *actions =
		calloc(1, sizeof(*actions) + agents * sizeof(actions->done[0]));
	int r;

	if (!actions)
		return -ENOMEM;
	*actions = (struct watch_actions){
		.restart = restart,
		.userdata = userdata,
		.sink = sink,
		.sink_userdata = sink_userdata,
		.agents = agents,
		.by_systemd = calloc((size_t)agents + 1, sizeof(*actions->by_systemd)),
	};
	r = actions->by_systemd ? 0 : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_defer(event, &actions->results, on_results, actions);
	if (r >= 0)
		r = sd_event_source_set_enabled(actions->results, SD_EVENT_OFF);
	if (r >= 0)
		r = unit_actions_new(&actions->units, event, on_unit_result, actions);
	if (r < 0) {
		watch_actions_free(actions);
		return r;
	}
	*ret = actions;
	return 0;
}

struct watch_actions *watch_actions_free(struct watch_actions *actions)
{
	if (!actions)
		return NULL;
	unit_actions_free(actions->units);
	sd_event_source_unref(actions->results);
	free(actions->by_systemd);
	free(actions);
	return NULL;
}
