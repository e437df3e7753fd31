#include "watch_survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "core/keyed_table.h"
#include "sources/socket_diag.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "support/network_namespace.h"
#include "support/process_files.h"
#include "watch_processes.h"

/* A socket that is in no table any more and yet not destroyed is still held by a file: it died of
 * an error, and the agent has not closed it. So long is waited for the last look at it. */
#define DESTRUCTION_TIMEOUT (2 * SURVEY_INTERVAL)

/* Between two times that news of processes wake us. */
#define PROCESSES_PAUSE (50 * USEC_PER_MSEC)

/* As EVENT_RETRANSMIT is told by the probe: after the first time-out in a row, and the third. */
enum { TIMEOUTS_FIRST = 1, TIMEOUTS_MANY = 3 };

enum {
	PLACES_MAX = 64,   /* network namespaces, as many as the way to the peer is known of */
	HELD_MAX = 65536,  /* sockets that agents have open, of any kind */
	PORTS = 65536 / 8, /* a bit each */
};

/* A network namespace that an agent's process is in. */
struct place {
	struct watch_survey *survey;
	LIST_ENTRY(place) next;
	uint64_t netns;
	struct socket_diag *diag;
	sd_event_source *source;
	bool used;                      /* a process is in it */
	unsigned char listening[PORTS]; /* what comes to these was not opened by us */
};

struct followed {
	struct place *place;
	uint32_t agent;
	struct task owner;
	struct endpoint local;
	struct endpoint peer;
	struct socket_look last; /* the last look with counters */
	usec_t looked;           /* when */
	struct socket_look final;
	bool up;
	bool closing;   /* told */
	bool present;   /* in the look under way */
	bool destroyed; /* `final` is there */
	bool time_wait; /* in its place, after that */
	uint32_t timeouts_told;
	usec_t missing_since; /* 0: it is there */
};

struct holder {
	struct task task;
	uint32_t agent;
};

struct watch_survey {
	struct survey_listener listener;
	sd_event *event;
	sd_event_source *timer;
	sd_event_source *process_source;
	sd_event_source *pause; /* until processes are listened to again */
	struct watch_processes *processes;
	struct keyed_table connections; /* struct followed by cookie */
	LIST_HEAD(, place) places;
	unsigned place_count;
	bool due;      /* for a look */
	bool sampling; /* a sample is to be handed on */
	bool full;     /* no room for a connection, and that is told */
	bool said;     /* that a namespace cannot be looked into */
	/* while it is drained */
	event_sink sink;
	void *userdata;
	/* during a look */
	struct keyed_table held; /* struct holder by inode */
	const struct agent_process *holding;
};

DEFINE_CLEANUP(struct watch_survey *, watch_survey_free);

/* ---- telling */

static void tell(struct watch_survey *survey, enum event_type type, uint64_t cookie,
		 const struct followed *followed, const struct socket_facts *facts)
{
	struct event event = {
		.type = type,
		.time = clock_now(CLOCK_MONOTONIC),
		.agent = followed->agent,
		.connection = {
			.cookie = cookie,
			.netns = followed->place->netns,
			.local = followed->local,
			.peer = followed->peer,
			.owner = followed->owner,
			.facts = *facts,
		},
	};

	survey->sink(survey->userdata, &event);
}

static void tell_look(struct watch_survey *survey, enum event_type type,
		      const struct followed *followed)
{
	struct socket_facts facts = socket_look_facts(&followed->last);

	tell(survey, type, followed->last.cookie, followed, &facts);
}

static void tell_lost(struct watch_survey *survey)
{
	const struct event event = {
		.type = EVENT_LOST,
		.time = clock_now(CLOCK_MONOTONIC),
		.lost.records = 1, /* at least: netlink does not count them */
	};

	survey->sink(survey->userdata, &event);
}

/* ---- one connection, from its first look to its last */

static bool is_open(enum tcp_state state)
{
	return state == TCP_STATE_ESTABLISHED || state == TCP_STATE_SYN_SENT;
}

static bool listens(const struct place *place, uint16_t port)
{
	return place->listening[port / 8] & 1 << port % 8;
}

static void begin(struct place *place, const struct socket_look *look)
{
	struct watch_survey *survey = place->survey;
	const struct holder *holder = keyed_table_find(&survey->held, look->inode);
	struct followed *followed;

	if (!look->inode || !holder || !is_open(look->state) || listens(place, look->local.port))
		return;
	followed = keyed_table_add(&survey->connections, look->cookie);
	if (!followed) {
		if (!survey->full)
			tell_lost(survey);
		survey->full = true;
		return;
	}
	survey->full = false;
	*followed = (struct followed){
		.place = place,
		.agent = holder->agent,
		.owner = holder->task,
		.local = look->local,
		.peer = look->peer,
		.last = *look,
		.looked = clock_now(CLOCK_MONOTONIC),
		.up = look->state == TCP_STATE_ESTABLISHED,
		.present = true,
	};
	tell_look(survey, followed->up ? EVENT_FOUND : EVENT_OPENED, followed);
}

static void come_up(struct watch_survey *survey, struct followed *followed)
{
	struct socket_facts facts = socket_look_facts(&followed->last);

	if (followed->up)
		return;
	followed->up = true;
	facts.state = TCP_STATE_ESTABLISHED;
	tell(survey, EVENT_ESTABLISHED, followed->last.cookie, followed, &facts);
}

static void note_timeouts(struct watch_survey *survey, struct followed *followed)
{
	uint32_t timeouts = followed->last.retransmit_timeouts;
	uint32_t level = timeouts >= TIMEOUTS_MANY ? TIMEOUTS_MANY : timeouts ? TIMEOUTS_FIRST : 0;

	if (level > followed->timeouts_told)
		tell_look(survey, EVENT_RETRANSMIT, followed);
	else if (!level && followed->timeouts_told)
		tell_look(survey, EVENT_HEALED, followed);
	else
		return;
	followed->timeouts_told = level;
}

static void note_closing(struct watch_survey *survey, struct followed *followed,
			 const struct socket_look *look)
{
	struct socket_facts facts;

	if (followed->closing || !socket_look_closing(look, &facts))
		return;
	come_up(survey, followed);
	followed->closing = true;
	tell(survey, EVENT_CLOSING, look->cookie, followed, &facts);
}

/* A TIME_WAIT has the cookie of the socket in whose place it is, and no counters. */
static void look_again(struct watch_survey *survey, struct followed *followed,
		       const struct socket_look *look)
{
	followed->present = true;
	followed->missing_since = 0;
	if (followed->destroyed) {
		followed->time_wait = true;
		return;
	}
	if (look->counted) {
		followed->last = *look;
		followed->looked = clock_now(CLOCK_MONOTONIC);
	}
	if (look->state == TCP_STATE_ESTABLISHED)
		come_up(survey, followed);
	if (is_open(look->state))
		note_timeouts(survey, followed);
	else
		note_closing(survey, followed, look);
}

static void end(struct watch_survey *survey, struct followed *followed,
		const struct socket_look *final)
{
	usec_t since = clock_now(CLOCK_MONOTONIC) - followed->looked;
	struct socket_facts facts =
		socket_look_ended(&followed->last, final, followed->time_wait, since);

	if (final && final->bytes_acked > 0) /* our SYN, at least */
		come_up(survey, followed);
	tell(survey, EVENT_ENDED, followed->last.cookie, followed, &facts);
	keyed_table_remove(&survey->connections, followed);
}

/* Only disconnect() lets a socket be used for another connection. */
static bool is_used_again(const struct followed *followed, const struct socket_look *look)
{
	return look->local.port != followed->local.port || look->peer.port != followed->peer.port;
}

static void take_look(void *userdata, const struct socket_look *look)
{
	static const struct socket_look disconnected;
	struct place *place = userdata;
	struct watch_survey *survey = place->survey;
	struct followed *followed = keyed_table_find(&survey->connections, look->cookie);

	if (look->state == TCP_STATE_LISTEN) {
		place->listening[look->local.port / 8] |=
			(unsigned char)(1 << look->local.port % 8);
		return;
	}
	if (followed && !followed->destroyed && is_used_again(followed, look)) {
		end(survey, followed, &disconnected);
		followed = NULL;
	}
	if (followed)
		look_again(survey, followed, look);
	else
		begin(place, look);
}

static void take_destroyed(void *userdata, const struct socket_look *look)
{
	struct place *place = userdata;
	struct followed *followed = keyed_table_find(&place->survey->connections, look->cookie);

	if (!followed)
		return;
	followed->final = *look;
	followed->destroyed = true;
	place->survey->due = true; /* is there a TIME_WAIT in its place? */
}

/* ---- network namespaces */

static int on_destroyed(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct place *place = userdata;

	(void)source, (void)fd, (void)revents;
	place->survey->listener.ready(place->survey->listener.userdata);
	return 0;
}

static void close_place(struct place *place)
{
	LIST_REMOVE(place, next);
	place->survey->place_count--;
	sd_event_source_unref(place->source);
	socket_diag_close(place->diag);
	free(place);
}

static int open_place(struct watch_survey *survey, pid_t pid, uint64_t netns)
{
	_cleanup_close_ int namespace = network_namespace_open(pid, netns);
	struct place *place;
	int r;

	if (namespace < 0)
		return namespace;
	place = calloc(1, sizeof(*place));
	if (!place)
		return -ENOMEM;
	place->survey = survey;
	place->netns = netns;
	place->used = true;
	LIST_INSERT_HEAD(&survey->places, place, next);
	survey->place_count++;
	r = socket_diag_open(&place->diag, namespace);
	if (r >= 0)
		r = sd_event_add_io(survey->event, &place->source, socket_diag_fd(place->diag),
				    EPOLLIN, on_destroyed, place);
	if (r < 0)
		close_place(place);
	return r;
}

static struct place *find_place(struct watch_survey *survey, uint64_t netns)
{
	struct place *place;

	LIST_FOREACH(place, &survey->places, next)
	if (place->netns == netns)
		break;
	return place;
}

static void be_in_place(struct watch_survey *survey, pid_t pid)
{
	struct place *place;
	uint64_t netns;
	int r = network_namespace_of(pid, &netns);

	if (r < 0)
		return; /* it has ended */
	place = find_place(survey, netns);
	if (place) {
		place->used = true;
		return;
	}
	r = survey->place_count < PLACES_MAX ? open_place(survey, pid, netns) : -ENOSPC;
	if (r < 0 && r != -ESRCH && r != -ESTALE && !survey->said) {
		survey->said = true;
		survey->listener.notice(survey->listener.userdata,
					"cannot look into a network namespace", r);
	}
}

static bool has_connections(struct watch_survey *survey, const struct place *place)
{
	struct followed *followed = NULL;

	while ((followed = keyed_table_next(&survey->connections, followed)))
		if (followed->place == place)
			return true;
	return false;
}

static void close_unused_places(struct watch_survey *survey)
{
	struct place *place, *next;

	for (place = LIST_FIRST(&survey->places); place; place = next) {
		next = LIST_NEXT(place, next);
		if (!place->used && !has_connections(survey, place))
			close_place(place);
	}
}

/* ---- a look at everything */

static void hold(void *userdata, uint32_t inode)
{
	struct watch_survey *survey = userdata;
	struct holder *holder;

	if (keyed_table_find(&survey->held, inode))
		return; /* several hold it: any of them will do */
	holder = keyed_table_add(&survey->held, inode);
	if (holder)
		*holder = (struct holder){ survey->holding->task, survey->holding->agent };
}

/* What the agents' processes hold, and where they are. */
static void look_at_processes(struct watch_survey *survey)
{
	struct place *place;

	watch_processes_refresh(survey->processes, survey->sink, survey->userdata);
	LIST_FOREACH(place, &survey->places, next)
	place->used = false;
	survey->holding = NULL;
	while ((survey->holding = watch_processes_next(survey->processes, survey->holding))) {
		pid_t pid = (pid_t)survey->holding->task.pid;

		process_sockets(pid, hold, survey);
		be_in_place(survey, pid);
	}
}

static int look_at_sockets(struct watch_survey *survey)
{
	struct followed *followed = NULL;
	struct place *place;
	int r = 0;

	while ((followed = keyed_table_next(&survey->connections, followed)))
		followed->present = false;
	LIST_FOREACH(place, &survey->places, next)
	{
		memset(place->listening, 0, sizeof(place->listening));
		if (r >= 0)
			r = socket_diag_look(place->diag, take_look, place);
	}
	return r;
}

/* Returns true if all that are followed are there. */
static bool judge(struct watch_survey *survey)
{
	usec_t now = clock_now(CLOCK_MONOTONIC);
	struct followed *followed = NULL;
	bool complete = true;

	while ((followed = keyed_table_next(&survey->connections, followed))) {
		if (followed->destroyed) {
			end(survey, followed, &followed->final);
		} else if (!followed->present && !followed->missing_since) {
			followed->missing_since = now;
			complete = false;
		} else if (!followed->present &&
			   now >= followed->missing_since + DESTRUCTION_TIMEOUT) {
			end(survey, followed, NULL);
		} else {
			complete = complete && followed->present;
		}
	}
	return complete;
}

/* While it is not known what became of one, a sample would say that it is gone. */
static void hand_on_sample(struct watch_survey *survey)
{
	const struct event done = { .type = EVENT_SAMPLE_DONE, .time = clock_now(CLOCK_MONOTONIC) };
	struct followed *followed = NULL;

	survey->sampling = false;
	while ((followed = keyed_table_next(&survey->connections, followed)))
		if (!followed->closing)
			tell_look(survey, EVENT_SAMPLED, followed);
	survey->sink(survey->userdata, &done);
}

static int look(struct watch_survey *survey)
{
	int r = keyed_table_init(&survey->held, HELD_MAX, sizeof(struct holder));

	if (r < 0)
		return r;
	survey->due = false;
	look_at_processes(survey);
	r = look_at_sockets(survey);
	keyed_table_release(&survey->held);
	if (r < 0)
		return r;
	if (judge(survey) && survey->sampling)
		hand_on_sample(survey);
	close_unused_places(survey);
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
	struct place *place;
	int r = 0;

	LIST_FOREACH(place, &survey->places, next)
	{
		r = socket_diag_drain(place->diag, take_destroyed, place);
		if (r == -ENOBUFS)
			tell_lost(survey);
		else if (r < 0)
			return r;
	}
	return 0;
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
	    survey->connections.count > 0)
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
	struct followed *followed = NULL;

	watch_processes_forget_agent(survey->processes, agent);
	while ((followed = keyed_table_next(&survey->connections, followed)))
		if (followed->agent == agent)
			keyed_table_remove(&survey->connections, followed);
}

/* ---- building and taking down */

static void ignore_look(void *userdata, const struct socket_look *look)
{
	(void)userdata, (void)look;
}

/* So that it is known at once if the kernel cannot. */
static int try_to_look(void)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct socket_diag *diag = NULL;
	int r = own < 0 ? -errno : socket_diag_open(&diag, own);

	if (r >= 0)
		r = socket_diag_look(diag, ignore_look, NULL);
	socket_diag_close(diag);
	return r;
}

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
	int r;

	*complaint = "no memory";
	if (!survey)
		return -ENOMEM;
	survey->listener = *listener;
	survey->event = sd_event_ref(event);
	r = keyed_table_init(&survey->connections, connections, sizeof(struct followed));
	if (r < 0)
		return r;
	*complaint = "the kernel shows no TCP sockets (sock_diag, CONFIG_INET_TCP_DIAG)";
	r = try_to_look();
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
	struct place *place;

	if (!survey)
		return NULL;
	while ((place = LIST_FIRST(&survey->places)))
		close_place(place);
	sd_event_source_unref(survey->timer);
	sd_event_source_unref(survey->pause);
	sd_event_source_unref(survey->process_source);
	watch_processes_free(survey->processes);
	keyed_table_release(&survey->connections);
	sd_event_unref(survey->event);
	free(survey);
	return NULL;
}
