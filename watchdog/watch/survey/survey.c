/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/survey/survey.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/keyed_table.h"
#include "process/service.h"
#include "support/clock.h"
#include "watch/survey/connections.h"
#include "watch/survey/namespaces.h"
#include "watch/survey/processes.h"

/* Minimum pause between wake-ups for process events: the kernel tells of all processes of the
 * host. */
#define PROCESSES_PAUSE (50 * USEC_PER_MSEC)

/* How much later than due a regular look may be, if that saves a wake-up. */
#define LOOK_ACCURACY (250 * USEC_PER_MSEC)

/* Sockets that agents have open, of any kind. */
enum { HELD_MAX = 65536 };

struct watch_survey {
	struct source_listener listener;
	int epoll; /* of processes and namespaces */
	struct watch_processes *processes;
	struct watch_namespaces *namespaces;
	struct watch_connections *connections;
	usec_t next_look;   /* USEC_INFINITY: none is planned; 0: at once */
	usec_t pause_until; /* process events wake nobody until then; USEC_INFINITY: they do */
	bool due;           /* for a look */
	bool sampling;      /* a sample is to be handed on */
	bool said;          /* the log says that a namespace cannot be looked into */
	/* during a look */
	struct keyed_table held; /* struct socket_holder by inode */
	const struct agent_process *holding;
};

static void tell_loss(struct watch_survey *survey)
{
	const struct event event = {
		.type = EVENT_LOST,
		.time = clock_now(CLOCK_MONOTONIC),
		.lost.records = 1, /* at least: netlink does not count them */
	};

	survey->listener.event(survey->listener.userdata, &event);
}

/* ---- a look at everything */

static void hold(void *userdata, uint32_t inode)
{
	struct watch_survey *survey = userdata;
	struct socket_holder *holder;

	if (keyed_table_find(&survey->held, inode))
		return; /* several processes hold the socket: any of them will do */
	holder = keyed_table_add(&survey->held, inode);
	if (holder)
		*holder = (struct socket_holder){ survey->holding->task, survey->holding->agent };
}

static void enter_namespace(struct watch_survey *survey, pid_t pid)
{
	int r = watch_namespaces_enter(survey->namespaces, pid);

	if (r >= 0 || survey->said)
		return;
	survey->said = true;
	survey->listener.notice(survey->listener.userdata, "cannot look into a network namespace",
				r);
}

/* Finds the sockets that the agents' processes hold, and the namespaces that they are in. */
static void look_at_processes(struct watch_survey *survey)
{
	watch_processes_refresh(survey->processes, survey->listener.event,
				survey->listener.userdata);
	watch_namespaces_leave(survey->namespaces);
	survey->holding = NULL;
	while ((survey->holding = watch_processes_next(survey->processes, survey->holding))) {
		pid_t pid = (pid_t)survey->holding->task.pid;

		process_service_sockets(pid, hold, survey);
		enter_namespace(survey, pid);
	}
}

static void on_look(void *userdata, uint64_t netns, const struct socket_look *look, bool served)
{
	struct watch_survey *survey = userdata;
	const struct socket_holder *holder = NULL;

	if (look->inode && !served)
		holder = keyed_table_find(&survey->held, look->inode);
	if (watch_connections_take_look(survey->connections, netns, look, holder) == -ENOBUFS)
		tell_loss(survey);
}

/* The look that follows shows whether a TIME_WAIT took the socket's place. */
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
	watch_connections_begin_look(survey->connections, survey->listener.event,
				     survey->listener.userdata);
	r = watch_namespaces_look(survey->namespaces);
	keyed_table_release(&survey->held);
	if (r < 0)
		return r;
	/* a sample now would say of a connection whose end is not known yet that it is gone */
	if (watch_connections_end_look(survey->connections) && survey->sampling) {
		survey->sampling = false;
		watch_connections_sample(survey->connections);
	}
	watch_namespaces_close_unused(survey->namespaces, has_connections, survey);
	return 0;
}

/* ---- when to look */

static int listen_to_processes(struct watch_survey *survey, bool yes)
{
	struct epoll_event wanted = { .events = EPOLLIN };
	int fd = watch_processes_fd(survey->processes);

	return epoll_ctl(survey->epoll, yes ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &wanted) < 0
		       ? -errno
		       : 0;
}

static bool processes_wait(const struct watch_survey *survey)
{
	struct pollfd events = { .fd = watch_processes_fd(survey->processes), .events = POLLIN };

	return poll(&events, 1, 0) > 0;
}

static int pause_processes(struct watch_survey *survey, usec_t now)
{
	bool paused = survey->pause_until != USEC_INFINITY, pause;

	if (paused && now < survey->pause_until)
		return 0;
	pause = processes_wait(survey);
	survey->pause_until = pause ? now + PROCESSES_PAUSE : USEC_INFINITY;
	return pause == paused ? 0 : listen_to_processes(survey, !pause);
}

/* An exit makes a look due: the sockets of the process are closed by then. */
static int drain_processes(struct watch_survey *survey)
{
	int r = watch_processes_drain(survey->processes, survey->listener.event,
				      survey->listener.userdata);

	if (r == -ENOBUFS)
		tell_loss(survey);
	survey->due |= r > 0;
	return r == -ENOBUFS || r > 0 ? 0 : r;
}

static int drain_namespaces(struct watch_survey *survey)
{
	int r = watch_namespaces_drain(survey->namespaces);

	if (r == -ENOBUFS)
		tell_loss(survey);
	return r == -ENOBUFS ? 0 : r;
}

static int look_if_due(struct watch_survey *survey, usec_t now)
{
	int r;

	survey->due |= now >= survey->next_look;
	if (!survey->due)
		return 0;
	survey->next_look = USEC_INFINITY;
	r = look(survey);
	if (survey->sampling || !watch_processes_none(survey->processes) ||
	    !watch_connections_none(survey->connections))
		survey->next_look = now + SURVEY_INTERVAL;
	return r;
}

int watch_survey_take(struct watch_survey *survey)
{
	usec_t now = clock_now(CLOCK_MONOTONIC);
	int r = pause_processes(survey, now);

	if (r >= 0)
		r = drain_processes(survey);
	if (r >= 0)
		r = drain_namespaces(survey);
	return r < 0 ? r : look_if_due(survey, now);
}

void watch_survey_look(struct watch_survey *survey, bool sample)
{
	survey->sampling |= sample;
	survey->due = true;
	survey->next_look = 0;
}

/* A look at once and the end of a pause are exact, regular looks may be later. */
void watch_survey_wait(const struct watch_survey *survey, struct source_wait *wait)
{
	usec_t look = survey->next_look, latest = look;

	if (look > 0 && look != USEC_INFINITY)
		latest = look + LOOK_ACCURACY;
	wait->deadline = look < survey->pause_until ? look : survey->pause_until;
	if (survey->pause_until < latest)
		latest = survey->pause_until;
	if (latest > wait->deadline)
		wait->accuracy = latest - wait->deadline;
}

int watch_survey_fd(const struct watch_survey *survey)
{
	return survey->epoll;
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

static int open_tables(struct watch_survey *survey, uint32_t connections)
{
	const struct namespace_listener listener = {
		.looked = on_look,
		.destroyed = on_destroyed,
		.userdata = survey,
	};

	survey->connections = watch_connections_new(connections);
	survey->namespaces = watch_namespaces_new(survey->epoll, &listener);
	return survey->connections && survey->namespaces ? 0 : -ENOMEM;
}

static int open_everything(struct watch_survey *survey, uint32_t connections,
			   const char **complaint)
{
	int r;

	*complaint = "cannot set up the survey";
	survey->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (survey->epoll < 0)
		return -errno;
	r = open_tables(survey, connections);
	if (r < 0)
		return r;
	*complaint = "the kernel shows no TCP sockets (sock_diag, CONFIG_INET_TCP_DIAG)";
	r = watch_namespaces_try();
	if (r < 0)
		return r;
	*complaint = "the kernel tells of no processes: the proc connector needs CAP_NET_ADMIN, "
		     "CONFIG_PROC_EVENTS and the initial pid and network namespaces";
	r = watch_processes_new(&survey->processes, connections);
	return r < 0 ? r : listen_to_processes(survey, true);
}

int watch_survey_new(struct watch_survey **ret, uint32_t connections,
		     const struct source_listener *listener, const char **complaint)
{
	_cleanup_(watch_survey_free_held) struct watch_survey *survey = malloc(sizeof(*survey));
	int r;

	*complaint = "no memory";
	if (!survey)
		return -ENOMEM;
	*survey = (struct watch_survey){
		.listener = *listener,
		.epoll = -1,
		.next_look = USEC_INFINITY,
		.pause_until = USEC_INFINITY,
	};
	r = open_everything(survey, connections, complaint);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(survey);
	return 0;
}

struct watch_survey *watch_survey_free(struct watch_survey *survey)
{
	if (!survey)
		return NULL;
	watch_namespaces_free(survey->namespaces);
	watch_processes_free(survey->processes);
	watch_connections_free(survey->connections);
	if (survey->epoll >= 0)
		close(survey->epoll);
	free(survey);
	return NULL;
}
