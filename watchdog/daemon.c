#include "daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "sources/settings_files.h"
#include "watch_loop.h"

enum { AGENTS_MAX = 64, CONNECTIONS_MAX = 131072 };

struct daemon {
	const char *settings_root;
	struct watch_loop *loop;
	struct daemon_settings settings;
	bool ready;
	bool seen[AGENTS_MAX + 1]; /* during a reload: the settings still have this agent */
};

/* Below systemd, a line's priority stands in front of it (sd-daemon(3)). */
static void say(const char *priority, const char *format, ...)
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
	for (uint32_t number = 1; number <= AGENTS_MAX; number++) {
		const struct agent_settings *settings = watch_loop_settings(daemon->loop, number);

		if (settings && strcmp(settings->name, name) == 0)
			return number;
	}
	return 0;
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
		say(SD_ERR, "cannot watch agent %s: %s", settings->name, strerror(-r));
		return;
	}
	number = find_agent(daemon, settings->name);
	daemon->seen[number] = true;
}

static void tell_status(struct daemon *daemon)
{
	unsigned agents = 0;

	for (uint32_t number = 1; number <= AGENTS_MAX; number++)
		agents += daemon->seen[number];
	if (agents == 0)
		say(SD_NOTICE, "no agents are set up: see connwatch.agent(5)");
	sd_notifyf(false, "%sSTATUS=Watching %u agent%s (ebpf).", daemon->ready ? "READY=1\n" : "",
		   agents, agents == 1 ? "" : "s");
}

static void on_ready(void *userdata)
{
	struct daemon *daemon = userdata;

	daemon->ready = true;
	tell_status(daemon);
}

static int load_settings(struct daemon *daemon)
{
	int r;

	memset(daemon->seen, 0, sizeof(daemon->seen));
	daemon_settings_defaults(&daemon->settings);
	r = settings_files_load(daemon->settings_root, &daemon->settings, take_agent, complain,
				daemon);
	if (r < 0)
		return r;
	for (uint32_t number = 1; number <= AGENTS_MAX; number++)
		if (watch_loop_settings(daemon->loop, number) && !daemon->seen[number])
			watch_loop_remove_agent(daemon->loop, number);
	return 0;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct daemon *daemon = userdata;
	uint64_t usec = 0;
	int r;

	(void)info;
	sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &usec);
	sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)usec);
	r = load_settings(daemon);
	if (r < 0)
		say(SD_ERR, "cannot reload the settings: %s", strerror(-r));
	tell_status(daemon);
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

static int watch(struct daemon *daemon)
{
	sd_event *event = watch_loop_event(daemon->loop);
	int r = catch_signals(daemon);

	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r >= 0)
		r = load_settings(daemon);
	if (r < 0) {
		say(SD_ERR, "cannot start: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return sd_event_loop(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int daemon_run(const char *settings_root)
{
	struct daemon daemon = { .settings_root = settings_root };
	struct watch_options options = {
		.agents = AGENTS_MAX,
		.connections = CONNECTIONS_MAX,
		.output = getenv("JOURNAL_STREAM") ? OUTPUT_NONE : OUTPUT_TEXT,
		.journal = true,
		.ready = on_ready,
		.userdata = &daemon,
	};
	int status;

	if (watch_loop_new(&daemon.loop, &options) < 0)
		return EXIT_FAILURE;
	status = watch(&daemon);
	watch_loop_free(daemon.loop);
	return status;
}
