#include "watch_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "core/keyed_table.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/process_files.h"
#include "watch_connections.h"
#include "watch_places.h"
#include "watch_processes.h"

/* Between two times that news of processes wake us. */
#define PROCESSES_PAUSE (50 * USEC_PER_MSEC)

/* Sockets that agents have open, of any kind. */
enum { HELD_MAX = 65536 };

struct watch_survey {
	struct survey_listener listener;
	sd_event *event;
	sd_event_source *timer;
	sd_event_source *process_source;
	sd_event_source *pause; /* until processes are listened to again */
	struct watch_processes *processes;
	struct watch_places *places;
	struct watch_connections *connections;
	bool due;      /* for a look */
	bool sampling; /* a sample is to be handed on */
	bool said;     /* that a namespace cannot be looked into */
	/* while it is drained */
	event_sink sink;
	void *userdata;
	/* during a look */
	struct keyed_table held; /* struct socket_holder by inode */
	const struct agent_process *holding;
};

DEFINE_CLEANUP(struct watch_survey *, watch_survey_free);

static void tell_lost(struct watch_survey *survey)
{
	const struct event event = {
		.type = EVENT_LOST,
		.time = clock_now(CLOCK_MONOTONIC),
		.lost.records = 1, /* at least: netlink does not count them */
	};

	survey->sink(survey->userdata, &event);
}

/* ---- a look at everything */

static void hold(void *userdata, uint32_t inode)
{
	struct watch_survey *survey = userdata;
	struct socket_holder *holder;

	if (keyed_table_find(&survey->held, inode))
		return; /* several hold it: any of them will do */
	holder = keyed_table_add(&survey->held, inode);
	if (holder)
		*holder = (struct socket_holder){ survey->holding->task, survey->holding->agent };
}

static void be_in_place(struct watch_survey *survey, pid_t pid)
{
	int r = watch_places_enter(survey->places, pid);

	if (r >= 0 || survey->said)
		return;
	survey->said = true;
	survey->listener.notice(survey->listener.userdata, "cannot look into a network namespace",
				r);
}

/* What the agents' processes hold, and where they are. */
static void look_at_processes(struct watch_survey *survey)
{
	watch_processes_refresh(survey->processes, survey->sink, survey->userdata);
	watch_places_leave(survey->places);
	survey->holding = NULL;
	while ((survey->holding = watch_processes_next(survey->processes, survey->holding))) {
		pid_t pid = (pid_t)survey->holding->task.pid;

		process_sockets(pid, hold, survey);
		be_in_place(survey, pid);
	}
}

static void on_look(void *userdata, uint64_t netns, const struct socket_look *look, bool served)
{
	struct watch_survey *survey = userdata;
	const struct socket_holder *holder = NULL;

	if (look->inode && !served)
		holder = keyed_table_find(&survey->held, look->inode);
	if (watch_connections_take_look(survey->connections, netns, look, holder) == -ENOBUFS)
		tell_lost(survey);
}

/* Is there a TIME_WAIT in its place? */
static void on_destroyed(void *userdata, const struct socket_look *look)
{
	struct watch_survey *survey = userdata;

	survey->due |= watch_connections_take_destroyed(survey->connections, look);
}

static bool has_connections(void *userdata, uint64_t netns)
{
	const struct watch_survey *survey = userdata;

	return watch_connections_in(survey->connections, netns);
}

static int look(struct watch_survey *survey)
{
	int r = keyed_table_init(&survey->held, HELD_MAX, sizeof(struct socket_holder));

	if (r < 0)
		return r;
	survey->due = false;
	look_at_processes(survey);
	watch_connections_begin_look(survey->connections, survey->sink, survey->userdata);
	r = watch_places_look(survey->places);
	keyed_table_release(&survey->held);
	if (r < 0)
		return r;
	/* While it is not known what became of one, a sample would say that it is gone. */
	if (watch_connections_end_look(survey->connections) && survey->sampling) {
		survey->sampling = false;
		watch_connections_sample(survey->connections);
	}
	watch_places_close_unused(survey->places, has_connections, survey);
	return 0;
}

/* ---- when to look */

/* At once, or when we are awake anyway: 0 stands for a quarter of a second (sd_event_add_time(3)).
 */
static void arm(struct watch_survey *survey, usec_t after)
{
	sd_event_source_set_time_accuracy(survey->timer, after ? 0 : 1);
	sd_event_source_set_time_relative(survey->timer, after);
	sd_event_source_set_enabled(survey->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch_survey *survey = userdata;

	(void)source, (void)usec;
	survey->due = true;
	survey->listener.ready(survey->listener.userdata);
	return 0;
}

static void on_place(void *userdata)
{
	struct watch_survey *survey = userdata;

	survey->listener.ready(survey->listener.userdata);
}

/* The kernel tells of all processes of the host: what comes next waits a little. */
static int on_processes(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch_survey *survey = userdata;

	(void)fd, (void)revents;
	survey->listener.ready(survey->listener.userdata);
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	sd_event_source_set_time_relative(survey->pause, PROCESSES_PAUSE);
	return sd_event_source_set_enabled(survey->pause, SD_EVENT_ONESHOT);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watch_survey *survey = userdata;

	(void)source, (void)usec;
	return sd_event_source_set_enabled(survey->process_source, SD_EVENT_ON);
}

/* The sockets of a process that ends are closed before its end is told. */
static int drain_processes(struct watch_survey *survey)
{
	int r = watch_processes_drain(survey->processes, survey->sink, survey->userdata);

	if (r == -ENOBUFS)
		tell_lost(survey);
	survey->due |= r > 0;
	return r == -ENOBUFS || r > 0 ? 0 : r;
}

static int drain_places(struct watch_survey *survey)
{
	int r = watch_places_drain(survey->places);

	if (r == -ENOBUFS)
		tell_lost(survey);
	return r == -ENOBUFS ? 0 : r;
}

int watch_survey_drain(struct watch_survey *survey, event_sink sink, void *userdata)
{
	int r;

	survey->sink = sink;
	survey->userdata = userdata;
	r = drain_processes(survey);
	if (r >= 0)
		r = drain_places(survey);
	if (r < 0 || !survey->due)
		return r;
	r = look(survey);
	if (survey->sampling || !watch_processes_none(survey->processes) ||
	    !watch_connections_none(survey->connections))
		arm(survey, SURVEY_INTERVAL);
	return r;
}

void watch_survey_look(struct watch_survey *survey, bool sample)
{
	survey->sampling |= sample;
	survey->due = true;
	arm(survey, 0);
}

/* ---- who is watched */

int watch_survey_process(struct watch_survey *survey, pid_t pid, uint32_t agent)
{
	return watch_processes_add(survey->processes, pid, agent);
}

int watch_survey_cgroup(struct watch_survey *survey, const char *path, uint32_t agent)
{
	return watch_processes_add_group(survey->processes, path, agent);
}

void watch_survey_forget_cgroup(struct watch_survey *survey, const char *path, uint32_t agent)
{
	watch_processes_forget_group(survey->processes, path, agent);
}

void watch_survey_unwatch(struct watch_survey *survey, uint32_t agent)
{
	watch_processes_forget_agent(survey->processes, agent);
	watch_connections_forget_agent(survey->connections, agent);
}

/* ---- building and taking down */

static int open_event_sources(struct watch_survey *survey)
{
	int r = sd_event_add_io(survey->event, &survey->process_source,
				watch_processes_fd(survey->processes), EPOLLIN, on_processes,
				survey);

	if (r >= 0)
		r = sd_event_add_time(survey->event, &survey->timer, CLOCK_MONOTONIC, 0, 0,
				      on_timer, survey);
	if (r >= 0)
		r = sd_event_source_set_enabled(survey->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(survey->event, &survey->pause, CLOCK_MONOTONIC, 0, 1,
				      on_pause_over, survey);
	if (r >= 0)
		r = sd_event_source_set_enabled(survey->pause, SD_EVENT_OFF);
	return r;
}

int watch_survey_new(struct watch_survey **ret, sd_event *event, uint32_t connections,
		     const struct survey_listener *listener, const char **complaint)
{
	_cleanup_(watch_survey_free_held) struct watch_survey *survey = calloc(1, sizeof(*survey));
	const struct place_listener places = {
		.ready = on_place,
		.looked = on_look,
		.destroyed = on_destroyed,
		.userdata = survey,
	};
	int r;

	*complaint = "no memory";
	if (!survey)
		return -ENOMEM;
	survey->listener = *listener;
	survey->event = sd_event_ref(event);
	survey->connections = watch_connections_new(connections);
	survey->places = watch_places_new(event, &places);
	if (!survey->connections || !survey->places)
		return -ENOMEM;
	*complaint = "the kernel shows no TCP sockets (sock_diag, CONFIG_INET_TCP_DIAG)";
	r = watch_places_try();
	if (r < 0)
		return r;
	*complaint = "the kernel tells of no processes: the proc connector needs CAP_NET_ADMIN, "
		     "CONFIG_PROC_EVENTS and the initial pid and network namespaces";
	r = watch_processes_new(&survey->processes, connections);
	if (r >= 0)
		r = open_event_sources(survey);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(survey);
	return 0;
}

struct watch_survey *watch_survey_free(struct watch_survey *survey)
{
	if (!survey)
		return NULL;
	watch_places_free(survey->places);
	sd_event_source_unref(survey->timer);
	sd_event_source_unref(survey->pause);
	sd_event_source_unref(survey->process_source);
	watch_processes_free(survey->processes);
	watch_connections_free(survey->connections);
	sd_event_unref(survey->event);
	free(survey);
	return NULL;
}
