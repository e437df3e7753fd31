/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/control_bus.h"
#include "daemon/metrics.h"
#include "record/tally.h"
#include "sources/settings_files.h"
#include "support/cleanup.h"
#include "support/failed_starts.h"
#include "support/hub_certificates.h"
#include "support/instance_lock.h"
#include "support/resident_set.h"
#include "watch/loop.h"

/* The engine's limits: agents at once (further ones are refused with an error message), and
 * connections. */
enum { WATCHED_AGENTS_MAX = TALLIES_MAX, CONNECTIONS_MAX = 196608 };

struct daemon {
	const char *settings_root;
	struct watch_loop *loop;
	struct daemon_settings settings;
	enum mode mode;             /* Mode= at our start */
	char btf[CGROUP_PATH_SIZE]; /* Btf= at our start */
	struct tallies *tallies;
	struct control_bus *bus; /* NULL: it could not be created */
	struct metrics *metrics;
	usec_t ping_time; /* the time between two pings */
	bool ready;
	bool status_due;                   /* the number of agents has changed */
	bool seen[WATCHED_AGENTS_MAX + 1]; /* during a reload: the settings still have this agent */
};

/* Prints a message; under systemd with its priority in front (sd-daemon(3)). */
__attribute__((format(printf, 2, 3))) static void say(const char *priority, const char *format, ...)
{
	va_list arguments;

	fputs(getenv("JOURNAL_STREAM") ? priority : "connwatchd: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void complain(void *userdata, const char *file, unsigned line, const char *text)
{
	(void)userdata;
	if (line)
		say(SD_WARNING, "%s:%u: %s", file, line, text);
	else
		say(SD_WARNING, "%s: %s", file, text);
}

static uint32_t find_agent(const struct daemon *daemon, const char *name)
{
	for (uint32_t number = 1; number <= WATCHED_AGENTS_MAX; number++) {
		const struct agent_settings *settings = watch_loop_settings(daemon->loop, number);

		if (settings && strcmp(settings->name, name) == 0)
			return number;
	}
	return 0;
}

/* -EUSERS is the one error that an operator cannot read from its text. */
static void say_unwatched(const char *name, int error)
{
	if (error == -EUSERS)
		say(SD_ERR,
		    "cannot watch agent %s: connwatchd watches at most %d agents, and has as many; "
		    "remove the .agent file of one, or watch several units as one agent by a "
		    "pattern in ControlGroup=",
		    name, WATCHED_AGENTS_MAX);
	else
		say(SD_ERR, "cannot watch agent %s: %s", name, strerror(-error));
}

static void take_agent(void *userdata, const struct agent_settings *settings)
{
	struct daemon *daemon = userdata;
	uint32_t number = find_agent(daemon, settings->name);
	int r;

	if (number)
		r = watch_loop_change_agent(daemon->loop, number, settings);
	else
		r = watch_loop_add_agent(daemon->loop, settings);
	if (r < 0) {
		say_unwatched(settings->name, r);
		return;
	}
	number = find_agent(daemon, settings->name);
	daemon->seen[number] = true;
}

static void count_agent(void *userdata, const struct agent_snapshot *agent)
{
	unsigned *agents = userdata;

	*agents += !agent->absent;
}

/* Counts the agents that are there. */
static void tell_status(struct daemon *daemon)
{
	unsigned agents = 0;
	const struct snapshot_sink sink = { .agent = count_agent, .userdata = &agents };

	watch_loop_snapshot(daemon->loop, &sink, NULL);
	daemon->status_due = false;
	sd_notifyf(false, "%sSTATUS=Watching %u agent%s (%s).", daemon->ready ? "READY=1\n" : "",
		   agents, agents == 1 ? "" : "s", mode_to_string(watch_loop_mode(daemon->loop)));
}

/* How long after READY=1 the memory of the start is given back: by then all work of the start is
 * done. */
#define SETTLING_TIME (5 * USEC_PER_SEC)

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source, (void)usec, (void)userdata;
	resident_set_shrink();
	return 0;
}

#define RUN_DIRECTORY      "/run/connwatch"
#define FAILED_STARTS_FILE RUN_DIRECTORY "/failed-starts"

static bool is_service(void)
{
	return getenv("NOTIFY_SOCKET");
}

static void on_ready(void *userdata)
{
	struct daemon *daemon = userdata;

	daemon->ready = true;
	if (is_service())
		failed_starts_write(FAILED_STARTS_FILE, 0);
	tell_status(daemon);
	sd_event_add_time_relative(watch_loop_event(daemon->loop), NULL, CLOCK_MONOTONIC,
				   SETTLING_TIME, 0, on_settled, NULL);
}

static void say_if_no_agents(const struct daemon *daemon)
{
	for (uint32_t number = 1; number <= WATCHED_AGENTS_MAX; number++)
		if (daemon->seen[number])
			return;
	say(SD_NOTICE, "no agents are set up: see connwatch.agent(5)");
}

static void forget_agents_not_seen(struct daemon *daemon)
{
	for (uint32_t number = 1; number <= WATCHED_AGENTS_MAX; number++) {
		const struct agent_settings *settings = watch_loop_settings(daemon->loop, number);

		if (!settings || daemon->seen[number])
			continue;
		tallies_forget(daemon->tallies, settings->name);
		watch_loop_remove_agent(daemon->loop, number);
	}
}

/* Returns 0 or -errno: then all is as it was, but for agents that were read before. */
static int load_settings(struct daemon *daemon)
{
	const struct daemon_settings before = daemon->settings;
	int r;

	memset(daemon->seen, 0, sizeof(daemon->seen));
	daemon_settings_defaults(&daemon->settings);
	r = settings_files_load(daemon->settings_root, &daemon->settings, take_agent, complain,
				daemon);
	if (r < 0) {
		daemon->settings = before;
		return r;
	}
	forget_agents_not_seen(daemon);
	say_if_no_agents(daemon);
	if (daemon->settings.mode != daemon->mode)
		say(SD_NOTICE, "Mode= counts from the next start on");
	if (strcmp(daemon->settings.btf_path, daemon->btf) != 0)
		say(SD_NOTICE, "Btf= counts from the next start on");
	metrics_set_path(daemon->metrics, daemon->settings.metrics_path);
	return 0;
}

static int reload(void *userdata)
{
	struct daemon *daemon = userdata;
	bool ready = daemon->ready;
	uint64_t usec = 0;
	int r;

	sd_event_now(watch_loop_event(daemon->loop), CLOCK_MONOTONIC, &usec);
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)usec);
	daemon->ready = false;
	r = load_settings(daemon);
	daemon->ready = ready;
	if (r < 0)
		say(SD_ERR, "cannot reload the settings: %s", strerror(-r));
	tell_status(daemon);
	return r;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source, (void)info;
	reload(userdata);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct daemon *daemon = userdata;

	(void)source, (void)info;
	sd_notify(false, "STOPPING=1");
	watch_loop_finish(daemon->loop, EXIT_SUCCESS);
	return 0;
}

/* ---- the handover: systemd keeps the probe going between two daemons */

/* The handover's name in systemd's file descriptor store, the same in every version. */
#define STORED_NAME "probe"

/* Returns the descriptor that the previous daemon stored, or 0 if there is none. */
static int stored_handover(void)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(true, &names);
	int stored = 0;

	for (int i = 0; i < count; i++) {
		if (!stored && strcmp(names[i], STORED_NAME) == 0)
			stored = SD_LISTEN_FDS_START + i;
		else
			close(SD_LISTEN_FDS_START + i);
		free(names[i]);
	}
	free(names);
	return stored;
}

static void store_handover(struct daemon *daemon)
{
	_cleanup_close_ int stored = -1;

	if (watch_loop_taken_over(daemon->loop))
		return; /* it is still in the store */
	/* the stored one is of another version or mode */
	sd_notify(false, "FDSTOREREMOVE=1\nFDNAME=" STORED_NAME);
	if (watch_loop_mode(daemon->loop) != MODE_EBPF)
		return;
	stored = watch_loop_pack_handover(daemon->loop);
	if (stored < 0) {
		say(SD_WARNING, "nothing will be handed over to the next daemon: %s",
		    strerror(-stored));
		return;
	}
	sd_pid_notify_with_fds(0, false, "FDSTORE=1\nFDNAME=" STORED_NAME, &stored, 1);
}

static int catch_signals(struct daemon *daemon)
{
	sd_event *event = watch_loop_event(daemon->loop);
	sigset_t caught;
	int r;

	sigemptyset(&caught);
	sigaddset(&caught, SIGHUP);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGTERM);
	sigprocmask(SIG_BLOCK, &caught, NULL);
	r = sd_event_add_signal(event, NULL, SIGHUP, on_reload, daemon);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, on_stop, daemon);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, on_stop, daemon);
	return r;
}

/* ---- systemd's watchdog: what can wait is done when we are awake to say that we are alive */

static int on_ping(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct daemon *daemon = userdata;
	int r;

	(void)usec;
	watch_loop_tick(daemon->loop);
	sd_notify(false, "WATCHDOG=1");
	r = sd_event_source_set_time_relative(source, daemon->ping_time);
	return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Pings systemd three times in WatchdogSec=. */
static int begin_pings(struct daemon *daemon)
{
	sd_event *event = watch_loop_event(daemon->loop);
	int r = sd_watchdog_enabled(false, &daemon->ping_time);

	daemon->ping_time /= 3;
	return r <= 0 ? r : sd_event_add_time(event, NULL, CLOCK_MONOTONIC, 0, 0, on_ping, daemon);
}

/* ---- what others are told of it */

static void on_record(void *userdata, const struct record *record, usec_t realtime)
{
	struct daemon *daemon = userdata;

	tallies_add(daemon->tallies, record);
	daemon->status_due |= record->kind == RECORD_WATCHING;
	if (daemon->bus)
		control_bus_record(daemon->bus, record, realtime);
}

static void on_certificate(void *userdata, const struct hub_seen *seen)
{
	struct daemon *daemon = userdata;
	const struct agent_settings *agent = watch_loop_settings(daemon->loop, seen->agent);
	struct hub_certificate certificate = {
		.ends = (int64_t)seen->facts.until,
		.checked = (int64_t)seen->facts.now,
	};
	char peer[ENDPOINT_TEXT_SIZE];

	if (!agent)
		return;
	snprintf(certificate.hub, sizeof(certificate.hub), "%s",
		 endpoint_format(&seen->peer, peer));
	snprintf(certificate.agent, sizeof(certificate.agent), "%s", agent->name);
	hub_certificates_keep(NULL, &certificate);
}

static void on_step(void *userdata)
{
	struct daemon *daemon = userdata;

	if (daemon->bus)
		control_bus_stepped(daemon->bus);
	metrics_stepped(daemon->metrics);
	if (daemon->ready && daemon->status_due)
		tell_status(daemon);
}

/* Opens the bus and the metrics. The daemon watches even if they fail. */
static void open_reports(struct daemon *daemon)
{
	int r = control_bus_new(&daemon->bus, daemon->loop, daemon->tallies, reload, daemon);

	if (r < 0)
		say(SD_WARNING, "cannot set up D-Bus: %s", strerror(-r));
	r = metrics_new(&daemon->metrics, daemon->loop, daemon->tallies);
	if (r < 0)
		say(SD_WARNING, "cannot set up the metrics: %s", strerror(-r));
}

static int watch(struct daemon *daemon)
{
	int r = catch_signals(daemon);

	open_reports(daemon);
	if (r >= 0)
		r = begin_pings(daemon);
	if (r >= 0)
		r = load_settings(daemon);
	if (r < 0) {
		say(SD_ERR, "cannot start: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return sd_event_loop(watch_loop_event(daemon->loop)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void ignore_agent(void *userdata, const struct agent_settings *settings)
{
	(void)userdata, (void)settings;
}

static void ignore_complaint(void *userdata, const char *file, unsigned line, const char *text)
{
	(void)userdata, (void)file, (void)line, (void)text;
}

/* Reads Mode= and Btf= alone, which are needed before the agents. Mistakes in the files are
 * reported later, with the agents. */
static void read_start_settings(struct daemon *daemon)
{
	struct daemon_settings settings;

	daemon_settings_defaults(&settings);
	settings_files_load(daemon->settings_root, &settings, ignore_agent, ignore_complaint, NULL);
	daemon->mode = settings.mode;
	memcpy(daemon->btf, settings.btf_path, sizeof(daemon->btf));
}

#define LOCK_FILE RUN_DIRECTORY "/connwatchd.lock"

/* Two daemons that watch the same agents report each end twice, and act twice. Returns the lock, or
 * -1 if the file cannot be locked: to watch is worth more. Returns -EWOULDBLOCK if another daemon
 * has it. */
static int take_lock(void)
{
	int lock;

	mkdir(RUN_DIRECTORY, 0755); /* systemd makes it for the service, but not for one by hand */
	lock = instance_lock(LOCK_FILE);
	if (lock == -EWOULDBLOCK)
		say(SD_ERR, "another connwatchd is running, and has locked " LOCK_FILE
			    "; stop it, or give --force to run both, which report and act twice");
	else if (lock < 0)
		say(SD_WARNING, "cannot lock " LOCK_FILE ": %s", strerror(-lock));
	return lock == -EWOULDBLOCK || lock >= 0 ? lock : -1;
}

/* ---- starts that fail */

/* Returns false if a signal asks the daemon to end; SIGHUP ends the pause alone. */
static bool wait_for(unsigned seconds)
{
	struct timespec time = { .tv_sec = (time_t)seconds };
	sigset_t awaited, before;
	int signal;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGHUP);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGTERM);
	sigprocmask(SIG_BLOCK, &awaited, &before);
	signal = sigtimedwait(&awaited, NULL, &time);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return signal != SIGINT && signal != SIGTERM;
}

/* A start that cannot work is tried again for ever, as a watchdog must, but less and less often. To
 * be called before the start is tried: so one that crashes counts as well. systemd allows
 * START_TIMEOUT for a start by default, which the pause extends. Returns false if the daemon is to
 * end: who stops it by hand and starts it again does not wait. */
static bool pause_after_failed_starts(void)
{
	enum { START_TIMEOUT = 90 }; /* seconds: DefaultTimeoutStartSec= */
	unsigned failed = failed_starts_read(FAILED_STARTS_FILE);
	unsigned pause = failed_starts_pause(failed);

	if (pause) {
		say(SD_ERR, "%u starts in a row have failed: trying again in %u s", failed, pause);
		sd_notifyf(false,
			   "STATUS=Not watching: %u starts have failed, trying again in %u s.\n"
			   "EXTEND_TIMEOUT_USEC=%llu",
			   failed, pause, (pause + START_TIMEOUT) * 1000000ULL);
		if (!wait_for(pause)) {
			failed_starts_write(FAILED_STARTS_FILE, 0);
			return false;
		}
	}
	failed_starts_write(FAILED_STARTS_FILE, failed + 1);
	return true;
}

static int run(const char *settings_root, const char *btf)
{
	struct daemon daemon = { .settings_root = settings_root };
	struct watch_options options = {
		.btf = btf ? btf : daemon.btf,
		.agents = WATCHED_AGENTS_MAX,
		.connections = CONNECTIONS_MAX,
		.output = getenv("JOURNAL_STREAM") ? OUTPUT_NONE : OUTPUT_TEXT,
		.journal = true,
		.ready = on_ready,
		.record = on_record,
		.certificate = on_certificate,
		.stepped = on_step,
		.stored_handover = stored_handover(),
		.userdata = &daemon,
	};
	int status = EXIT_FAILURE;

	resident_set_keep_small();
	read_start_settings(&daemon);
	options.mode = daemon.mode;
	daemon.tallies = calloc(1, sizeof(*daemon.tallies));
	if (daemon.tallies && watch_loop_new(&daemon.loop, &options) >= 0) {
		store_handover(&daemon);
		status = watch(&daemon);
	}
	metrics_free(daemon.metrics);
	control_bus_free(daemon.bus);
	watch_loop_free(daemon.loop);
	free(daemon.tallies);
	return status;
}

int daemon_run(const char *settings_root, const char *btf, bool force)
{
	_cleanup_close_ int lock = -1;

	if (is_service() && !pause_after_failed_starts())
		return EXIT_SUCCESS;
	if (!force)
		lock = take_lock();
	return lock == -EWOULDBLOCK ? EXIT_FAILURE : run(settings_root, btf);
}
