#include "watch_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <time.h>

#include "effects/connection_abort.h"
#include "effects/journal_writer.h"
#include "effects/process_signal.h"
#include "effects/trace_writer.h"
#include "effects/unit_action.h"
#include "sources/cgroup_finder.h"
#include "sources/probe.h"
#include "sources/unit_monitor.h"
#include "succession.h"
#include "support/cgroup_tree.h"
#include "support/cleanup.h"
#include "watch_history.h"
#include "watch_path.h"

enum { RESULTS_MAX = 16 };

struct watch_loop {
	struct watch_options options;
	sd_event *event;
	sd_event_source *records; /* the probe has some */
	sd_event_source *timer;   /* the engine's deadline */
	sd_event_source *results; /* of actions that were over at once */
	bool finishing;           /* watch_loop_finish() holds */
	int status;
	bool said_blind; /* that connections which are there already cannot be found */
	struct engine *engine;
	struct probe *probe;
	struct watch_path *path;
	usec_t slept; /* by the host since it booted */
	struct succession *succession;
	bool inheriting;              /* what the watchdog before us left is yet to be taken */
	struct unit_monitor *units;   /* NULL until an agent is a unit */
	struct cgroup_finder *groups; /* NULL until an agent is control groups */
	sd_event_source *group_changes;
	struct unit_actions *unit_actions;
	FILE *trace;
	struct agent_settings **agents; /* by number; [0] is not used */
	bool *actions_held;             /* by number */
	event_sink sampled;             /* during watch_loop_snapshot() */
	void *sampled_userdata;
	sd_event_source *ready; /* READY_TIMEOUT; NULL: options.ready was called */
	bool *unit_awaited;     /* by number: systemd has not told of its unit yet */
	struct event done[RESULTS_MAX];
	unsigned done_count;
};

static usec_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (usec_t)time.tv_sec * USEC_PER_SEC + (usec_t)time.tv_nsec / 1000;
}

static void say(const char *text, int error)
{
	if (error)
		fprintf(stderr, "connwatch: %s: %s\n", text, strerror(-error));
	else
		fprintf(stderr, "connwatch: %s\n", text);
}

/* ---- outcomes */

static void write_record(struct watch_loop *loop, const struct record *record)
{
	usec_t realtime = record->time + now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);

	succession_writing(loop->succession, record);
	if (loop->options.journal)
		journal_write(record);
	succession_written(loop->succession, record);
	output_record(loop->options.output, record, realtime);
	if (loop->options.record)
		loop->options.record(loop->options.userdata, record, realtime);
}

static int restart(struct watch_loop *loop, const struct order *order)
{
	if (*order->unit)
		return unit_action_start(loop->unit_actions, order->number, order->agent,
					 ACTION_RESTART, order->unit);
	if (!loop->options.restart)
		return -EOPNOTSUPP;
	return loop->options.restart(loop->options.userdata, order);
}

/* Returns -EINPROGRESS for what reports its end later. */
static int carry_out(struct watch_loop *loop, const struct order *order)
{
	switch (order->action.type) {
	case ACTION_SIGNAL:
		return process_signal(order->pid, order->time, order->action.signal);
	case ACTION_RESTART:
		return restart(loop, order) ?: -EINPROGRESS;
	case ACTION_RELOAD:
		return unit_action_start(loop->unit_actions, order->number, order->agent,
					 ACTION_RELOAD, order->unit)
			       ?: -EINPROGRESS;
	case ACTION_START_UNIT:
		return unit_action_start(loop->unit_actions, order->number, order->agent,
					 ACTION_START_UNIT, order->action.unit)
			       ?: -EINPROGRESS;
	case ACTION_ABORT_CONNECTION:
		return connection_abort(order->netns, (pid_t)order->pid, order->cookie,
					loop->agents[order->agent]->stalled_after);
	case ACTION_NONE:
	case ACTION_TYPE_MAX:
	case ACTION_TYPE_INVALID:
		break;
	}
	return -EOPNOTSUPP;
}

/* The samples come through the ring buffer, in order with everything else. */
static void sample(struct watch_loop *loop)
{
	int r = probe_sample(loop->probe);

	if (r < 0 && r != -EOPNOTSUPP)
		say("cannot look at the connections", r);
}

static void take_outcome(void *userdata, const struct outcome *outcome)
{
	struct watch_loop *loop = userdata;
	int r;

	switch (outcome->type) {
	case OUTCOME_RECORD:
		write_record(loop, outcome->record);
		break;
	case OUTCOME_ORDER:
		r = carry_out(loop, &outcome->order);
		if (r != -EINPROGRESS)
			watch_loop_action_done(loop, outcome->order.agent, outcome->order.number,
					       r);
		break;
	case OUTCOME_SAMPLE:
		sample(loop);
		break;
	}
}

static void finish_if_settled(struct watch_loop *loop)
{
	if (loop->finishing && loop->done_count == 0 && !engine_verdicts_pending(loop->engine) &&
	    !engine_orphans_open(loop->engine))
		sd_event_exit(loop->event, loop->status);
}

static void feed(void *userdata, const struct event *event)
{
	struct watch_loop *loop = userdata;
	usec_t deadline;

	if (event->type == EVENT_OPENED || event->type == EVENT_FOUND)
		watch_path_follow(loop->path, event);
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

/* The engine must not be stepped from inside its own outcome: the result waits for the loop. */
void watch_loop_action_done(struct watch_loop *loop, uint32_t agent, uint32_t order, int error)
{
	if (loop->done_count == RESULTS_MAX)
		return;
	loop->done[loop->done_count++] = (struct event){
		.type = EVENT_ACTION_RESULT,
		.time = now(CLOCK_MONOTONIC),
		.agent = agent,
		.action_result = { .order = order, .error = error },
	};
	sd_event_source_set_enabled(loop->results, SD_EVENT_ONESHOT);
}

static int on_results(sd_event_source *source, void *userdata)
{
	struct watch_loop *loop = userdata;
	struct event done[RESULTS_MAX];
	unsigned count = loop->done_count;

	(void)source;
	memcpy(done, loop->done, sizeof(done));
	loop->done_count = 0;
	for (unsigned i = 0; i < count; i++)
		feed(loop, &done[i]);
	return 0;
}

/* ---- sources */

/* CLOCK_MONOTONIC stands still while the host sleeps, CLOCK_BOOTTIME does not. Whatever wakes us
 * after a sleep comes after it is noticed here. */
static usec_t slept_since_boot(void)
{
	usec_t slept = 0;

	/* A pause between the two readings makes the sleep look shorter: the longest one counts. */
	for (int i = 0; i < 3; i++) {
		usec_t all = now(CLOCK_BOOTTIME), awake = now(CLOCK_MONOTONIC);

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
		.time = now(CLOCK_MONOTONIC),
		.suspended = slept - loop->slept,
	};

	if (slept < loop->slept + USEC_PER_SEC)
		return;
	loop->slept = slept;
	feed(loop, &event);
}

static void take_from_probe(void *userdata, const struct event *event)
{
	struct watch_loop *loop = userdata;

	if (!succession_is_old_news(loop->succession, event))
		feed(loop, event);
}

void watch_loop_drain(struct watch_loop *loop)
{
	int r;

	if (loop->inheriting)
		return;
	notice_sleep(loop);
	r = probe_drain(loop->probe, take_from_probe, loop);
	if (r < 0)
		say("cannot read the probe's records", r);
}

static int on_records(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source, (void)fd, (void)revents;
	watch_loop_drain(userdata);
	return 0;
}

/* What the probe has seen by now comes before what is due now. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch_loop *loop = userdata;

	(void)source, (void)usec;
	watch_loop_drain(loop);
	feed(loop, &(struct event){ .type = EVENT_TIME, .time = now(CLOCK_MONOTONIC) });
	return 0;
}

static int find_connections(struct watch_loop *loop)
{
	int r = probe_find_connections(loop->probe);

	if (r != -EOPNOTSUPP)
		return r;
	if (!loop->said_blind)
		say("this kernel cannot show connections older than connwatch", 0);
	loop->said_blind = true;
	return 0;
}

static void on_control_group(void *userdata, uint32_t agent, const char *parent, const char *name)
{
	struct watch_loop *loop = userdata;
	char path[CGROUP_PATH_SIZE];
	int r = cgroup_tree_path(parent, NULL, path, sizeof(path));

	if (r >= 0)
		r = probe_watch_cgroup_to_come(loop->probe, path, name, agent);
	if (r >= 0)
		r = find_connections(loop);
	if (r < 0)
		say(name, r);
}

static bool units_awaited(const struct watch_loop *loop)
{
	for (uint32_t number = 1; number <= loop->options.agents; number++)
		if (loop->unit_awaited[number])
			return true;
	return false;
}

/* Agents that were taken out of the settings meanwhile. */
static void forget_old_agents(struct watch_loop *loop)
{
	for (uint32_t number = 1; number <= loop->options.agents; number++) {
		if (loop->agents[number] || !succession_has_number(loop->succession, number))
			continue;
		probe_unwatch(loop->probe, number);
		succession_free_number(loop->succession, number);
	}
}

/* First what happened, then how it stands: what is open is in the sample. */
static void inherit(struct watch_loop *loop)
{
	loop->inheriting = false;
	forget_old_agents(loop);
	probe_recall(loop->probe, take_from_probe, loop);
	watch_loop_drain(loop);
	sample(loop);
	sd_event_source_set_enabled(loop->records, SD_EVENT_ON);
}

static void become_ready(struct watch_loop *loop)
{
	if (!loop->ready)
		return;
	loop->ready = sd_event_source_disable_unref(loop->ready);
	if (loop->inheriting)
		inherit(loop);
	if (loop->options.ready)
		loop->options.ready(loop->options.userdata);
}

/* The first time the loop runs, and then when time is up. */
static int on_ready(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch_loop *loop = userdata;

	if (usec == 0 && units_awaited(loop)) {
		sd_event_source_set_time_relative(source, READY_TIMEOUT);
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	become_ready(loop);
	return 0;
}

static void on_unit(void *userdata, const struct event *event)
{
	struct watch_loop *loop = userdata;

	watch_loop_drain(loop); /* the kernel knew before systemd did */
	feed(loop, event);
	loop->unit_awaited[event->agent] = false;
	if (!units_awaited(loop))
		become_ready(loop);
}

static void on_notice(void *userdata, const char *text)
{
	(void)userdata;
	say(text, 0);
}

static int watch_unit(struct watch_loop *loop, const char *unit, uint32_t agent)
{
	struct unit_listener listener = {
		.event = on_unit,
		.control_group = on_control_group,
		.notice = on_notice,
		.userdata = loop,
	};
	int r = 0;

	if (!loop->units)
		r = unit_monitor_new(&loop->units, loop->event, &listener);
	if (r >= 0)
		r = unit_monitor_watch(loop->units, unit, agent);
	loop->unit_awaited[agent] = r >= 0 && loop->ready;
	return r;
}

static void on_group_found(void *userdata, uint32_t agent, const char *path)
{
	struct watch_loop *loop = userdata;
	int r = probe_watch_cgroup(loop->probe, path, agent);

	if (r >= 0)
		r = find_connections(loop);
	if (r < 0 && r != -ENOENT) /* gone already */
		say(path, r);
}

static void on_group_gone(void *userdata, uint32_t agent, const char *path)
{
	struct watch_loop *loop = userdata;

	probe_forget_cgroup(loop->probe, path, agent);
}

static int on_group_changes(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch_loop *loop = userdata;

	(void)source, (void)fd, (void)revents;
	cgroup_finder_drain(loop->groups);
	return 0;
}

static int open_groups(struct watch_loop *loop)
{
	struct cgroup_listener listener = {
		.found = on_group_found,
		.gone = on_group_gone,
		.notice = on_notice,
		.userdata = loop,
	};
	const char *root = cgroup_tree_root();
	int r = root ? cgroup_finder_open(&loop->groups, root, &listener) : -ENOENT;

	if (r < 0)
		return r;
	r = sd_event_add_io(loop->event, &loop->group_changes, cgroup_finder_fd(loop->groups),
			    EPOLLIN, on_group_changes, loop);
	if (r < 0)
		loop->groups = cgroup_finder_close(loop->groups);
	return r;
}

static int watch_cgroup(struct watch_loop *loop, const char *pattern, uint32_t agent)
{
	int r = loop->groups ? 0 : open_groups(loop);

	if (r >= 0)
		r = cgroup_finder_add(loop->groups, pattern, agent);
	if (r == 0)
		fprintf(stderr, "connwatch: there is no control group %s yet\n", pattern);
	return r;
}

static int watch_match(struct watch_loop *loop, const struct agent_match *match, uint32_t agent)
{
	switch (match->type) {
	case MATCH_UNIT:
		return watch_unit(loop, match->value, agent);
	case MATCH_CONTROL_GROUP:
		return watch_cgroup(loop, match->value, agent);
	case MATCH_PROCESS: /* watch_loop_add_process() */
	case MATCH_TYPE_MAX:
	case MATCH_TYPE_INVALID:
		break;
	}
	return 0;
}

/* ---- agents */

static int watch_matches(struct watch_loop *loop, uint32_t number)
{
	const struct agent_settings *settings = loop->agents[number];

	for (unsigned i = 0; i < settings->match_count; i++) {
		int r = watch_match(loop, &settings->matches[i], number);

		if (r < 0)
			return r;
	}
	return find_connections(loop);
}

static int take_settings(struct watch_loop *loop, uint32_t number,
			 const struct agent_settings *settings)
{
	struct agent_settings *taken = malloc(sizeof(*taken));
	struct event event = {
		.type = EVENT_AGENT,
		.time = now(CLOCK_MONOTONIC),
		.agent = number,
		.watching = { .settings = taken,
			      .mode = MODE_EBPF,
			      .actions_held = loop->actions_held[number] },
	};

	if (!taken)
		return -ENOMEM;
	*taken = *settings;
	if (loop->options.observe_only)
		memset(taken->policy, 0, sizeof(taken->policy));
	feed(loop, &event);
	free(loop->agents[number]);
	loop->agents[number] = taken;
	return 0;
}

static void confirm(void *userdata, uint64_t cookie)
{
	struct watch_loop *loop = userdata;

	succession_confirm(loop->succession, cookie);
}

static void recall_history(struct watch_loop *loop, uint32_t number)
{
	const struct past_listener listener = { feed, confirm, loop };
	int r = 0;

	if (loop->options.journal)
		r = watch_history_read(loop->agents[number]->name, number, &listener);
	if (r < 0)
		say("cannot read back what the journal holds", r);
}

int watch_loop_add_agent(struct watch_loop *loop, const struct agent_settings *settings)
{
	uint32_t number = succession_number(loop->succession, settings->name, loop->options.agents);
	int r;

	if (!number)
		return -ENOSPC;
	r = take_settings(loop, number, settings);
	if (r < 0)
		return r;
	recall_history(loop, number);
	r = watch_matches(loop, number);
	if (r < 0) {
		watch_loop_remove_agent(loop, number);
		return r;
	}
	return (int)number;
}

void watch_loop_remove_agent(struct watch_loop *loop, uint32_t number)
{
	if (loop->units)
		unit_monitor_unwatch(loop->units, number);
	if (loop->groups)
		cgroup_finder_remove(loop->groups, number);
	probe_unwatch(loop->probe, number);
	watch_loop_drain(loop);
	feed(loop, &(struct event){
			   .type = EVENT_AGENT_GONE,
			   .time = now(CLOCK_MONOTONIC),
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
	return take_settings(loop, number, loop->agents[number]);
}

bool watch_loop_actions_held(const struct watch_loop *loop, uint32_t number)
{
	return loop->actions_held[number];
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
		return take_settings(loop, number, settings);
	watch_loop_remove_agent(loop, number);
	r = watch_loop_add_agent(loop, settings);
	if (r >= 0 && held)
		r = watch_loop_hold_actions(loop, (uint32_t)r, true);
	return r < 0 ? r : 0;
}

int watch_loop_add_process(struct watch_loop *loop, uint32_t number, pid_t pid)
{
	int r = probe_watch_process(loop->probe, pid, number);

	return r < 0 ? r : find_connections(loop);
}

int watch_loop_add_control_group(struct watch_loop *loop, uint32_t number, const char *path)
{
	return probe_watch_cgroup(loop->probe, path, number);
}

void watch_loop_finish(struct watch_loop *loop, int status)
{
	watch_loop_drain(loop);
	loop->finishing = true;
	loop->status = status;
	finish_if_settled(loop);
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
		.seed = machine_seed(),
	};
	int r;

	loop->agents = calloc((size_t)limits.agents + 1, sizeof(*loop->agents));
	loop->unit_awaited = calloc((size_t)limits.agents + 1, sizeof(*loop->unit_awaited));
	loop->actions_held = calloc((size_t)limits.agents + 1, sizeof(*loop->actions_held));
	r = loop->agents && loop->unit_awaited && loop->actions_held
		    ? engine_new(&loop->engine, &limits)
		    : -ENOMEM;
	if (r < 0)
		say("cannot set up the engine", r);
	return r;
}

static int open_probe(struct watch_loop *loop)
{
	const char *complaint = NULL;
	int r = succession_open(&loop->succession, &loop->probe, loop->options.parcel, &complaint);

	if (r < 0) {
		fprintf(stderr, "connwatch: %s (%s)\n", complaint, strerror(-r));
		return r;
	}
	loop->inheriting = succession_inherits(loop->succession);
	return 0;
}

bool watch_loop_inherits(const struct watch_loop *loop)
{
	return succession_inherits(loop->succession);
}

int watch_loop_parcel(struct watch_loop *loop)
{
	return succession_prepare(loop->succession, loop->probe);
}

static int open_trace(struct watch_loop *loop)
{
	if (!loop->options.trace)
		return 0;
	loop->trace = fopen(loop->options.trace, "we");
	if (!loop->trace) {
		int r = -errno;

		say(loop->options.trace, r);
		return r;
	}
	return 0;
}

static int open_event_loop(struct watch_loop *loop)
{
	int r = sd_event_new(&loop->event);

	if (r >= 0)
		r = sd_event_add_io(loop->event, &loop->records, probe_fd(loop->probe), EPOLLIN,
				    on_records, loop);
	if (r >= 0 && loop->inheriting)
		r = sd_event_source_set_enabled(loop->records, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(loop->event, &loop->timer, CLOCK_MONOTONIC, 0, 1, on_timer,
				      loop);
	if (r >= 0)
		r = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(loop->event, &loop->results, on_results, loop);
	if (r >= 0)
		r = sd_event_source_set_enabled(loop->results, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(loop->event, &loop->ready, CLOCK_MONOTONIC, 0, 1, on_ready,
				      loop);
	if (r >= 0)
		r = watch_path_new(&loop->path, loop->event, feed, loop);
	if (r >= 0)
		r = unit_actions_new(&loop->unit_actions, loop->event, feed, loop);
	if (r < 0)
		say("cannot set up the event loop", r);
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
		r = open_probe(loop);
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
	unit_monitor_free(loop->units);
	sd_event_source_unref(loop->group_changes);
	cgroup_finder_close(loop->groups);
	watch_path_free(loop->path);
	unit_actions_free(loop->unit_actions);
	sd_event_source_unref(loop->ready);
	sd_event_source_unref(loop->results);
	sd_event_source_unref(loop->timer);
	sd_event_source_unref(loop->records);
	sd_event_unref(loop->event);
	probe_close(loop->probe);
	succession_free(loop->succession);
	engine_free(loop->engine);
	for (uint32_t number = 1; loop->agents && number <= loop->options.agents; number++)
		free(loop->agents[number]);
	free(loop->agents);
	free(loop->unit_awaited);
	free(loop->actions_held);
	if (loop->trace)
		fclose(loop->trace);
	free(loop);
	return NULL;
}
