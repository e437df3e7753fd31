#include "watch_actions.h"

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
	sd_event_source *results; /* there are some in `done` */
	uint32_t agents;
	unsigned done_count;
	struct event done[]; /* an agent has one order under way at a time */
};

static int begin_restart(struct watch_actions *actions, const struct order *order)
{
	if (*order->unit)
		return unit_action_start(actions->units, order->number, order->agent,
					 ACTION_RESTART, order->unit);
	if (!actions->restart)
		return -EOPNOTSUPP;
	return actions->restart(actions->userdata, order);
}

/* Returns -EINPROGRESS for what reports its end later. */
static int begin(struct watch_actions *actions, const struct order *order, usec_t stalled_after)
{
	switch (order->action.type) {
	case ACTION_SIGNAL:
		return process_signal(order->pid, order->time, order->action.signal);
	case ACTION_RESTART:
		return begin_restart(actions, order) ?: -EINPROGRESS;
	case ACTION_RELOAD:
		return unit_action_start(actions->units, order->number, order->agent, ACTION_RELOAD,
					 order->unit)
			       ?: -EINPROGRESS;
	case ACTION_START_UNIT:
		return unit_action_start(actions->units, order->number, order->agent,
					 ACTION_START_UNIT, order->action.unit)
			       ?: -EINPROGRESS;
	case ACTION_ABORT_CONNECTION:
		return connection_abort(order->netns, (pid_t)order->pid, order->cookie,
					stalled_after);
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
	int r = begin(actions, order, stalled_after);

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

bool watch_actions_pending(const struct watch_actions *actions)
{
	return actions->done_count > 0;
}

/* A result may make the engine give an order that is over at once: that one is for the next turn.
 */
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
	};
	r = sd_event_add_defer(event, &actions->results, on_results, actions);
	if (r >= 0)
		r = sd_event_source_set_enabled(actions->results, SD_EVENT_OFF);
	if (r >= 0)
		r = unit_actions_new(&actions->units, event, sink, sink_userdata);
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
	free(actions);
	return NULL;
}
