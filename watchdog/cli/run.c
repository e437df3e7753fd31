/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl run: starts, watches and supervises a command. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/watch_arguments.h"
#include "support/cleanup.h"
#include "support/own_cgroup.h"
#include "support/process_tree.h"

/* How long processes that the command leaves behind may take to end after SIGTERM. */
#define LEFTOVERS_TIMEOUT (2 * USEC_PER_SEC)
/* How long the command may take to end after SIGTERM before a restart; then it gets SIGKILL. */
#define STOP_TIMEOUT (10 * USEC_PER_SEC)

/* How long systemd may take for an action of the policy once the command has ended. */
#define RESULT_TIMEOUT (10 * USEC_PER_SEC)

struct supervisor {
	struct watch_loop *loop;
	sd_event *event;
	sd_event_source *child;
	sd_event_source *
		patience; /* the timeout for a command to end, for the next start, or for systemd */
	uint32_t agent;
	char **command;
	char group[PATH_MAX];   /* control group of the command; empty: none of its own */
	pid_t pid;              /* 0: not running */
	int status;             /* exit status of its last run */
	bool stopping;          /* we received a signal to stop */
	uint32_t restart_order; /* 0: no restart is under way */
	usec_t restart_delay;
};

static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };

static int exit_status(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

/* ---- the command */

/* Runs in the child: waits until the child is watched, then executes the command. */
static void __attribute__((noreturn)) become(char **command, int go)
{
	sigset_t none;
	char byte;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (read(go, &byte, 1) != 1)
		_exit(EXIT_FAILURE);
	execvp(command[0], command);
	fprintf(stderr, "connwatchctl run: %s: %s\n", command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126); /* as the shell does */
}

/* Makes a control group for the command, so that its packets can be identified. The command also
 * runs without one. */
static void make_group(struct supervisor *supervisor)
{
	int r = own_cgroup_make(supervisor->group, sizeof(supervisor->group));

	if (r >= 0) {
		watch_loop_add_control_group(supervisor->loop, supervisor->agent,
					     supervisor->group);
		return;
	}
	*supervisor->group = '\0';
	/* `ip netns exec` mounts a /sys of its own, without control groups (ip-netns(8)) */
	fprintf(stderr,
		"connwatchctl run: no control group for the command: %s. Verdicts claim less: "
		"TTLs, "
		"MQTT and name lookups are not seen. Under 'ip netns exec', use 'nsenter "
		"--net='.\n",
		strerror(-r));
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata);

static int spawn(struct supervisor *supervisor)
{
	_cleanup_close_ int wait_end = -1, go_end = -1;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	wait_end = ends[0];
	go_end = ends[1];
	supervisor->pid = fork();
	if (supervisor->pid < 0) {
		supervisor->pid = 0;
		return -errno;
	}
	if (supervisor->pid == 0)
		become(supervisor->command, wait_end);
	if (*supervisor->group)
		own_cgroup_enter(supervisor->group, supervisor->pid);
	r = watch_loop_add_command(supervisor->loop, supervisor->agent, supervisor->pid);
	if (r < 0)
		return r;
	supervisor->child = sd_event_source_unref(supervisor->child);
	r = sd_event_add_child(supervisor->event, &supervisor->child, supervisor->pid, WEXITED,
			       on_child, supervisor);
	if (r < 0)
		return r;
	return write(go_end, "g", 1) == 1 ? 0 : -errno;
}

/* ---- its end */

static int wait_for(struct supervisor *supervisor, usec_t time)
{
	int r = sd_event_source_set_time_relative(supervisor->patience, time);

	if (r >= 0)
		r = sd_event_source_set_enabled(supervisor->patience, SD_EVENT_ONESHOT);
	return r;
}

static void end_restart(struct supervisor *supervisor, int error)
{
	sd_event_source_set_enabled(supervisor->patience, SD_EVENT_OFF);
	watch_loop_action_done(supervisor->loop, supervisor->agent, supervisor->restart_order,
			       error);
	supervisor->restart_order = 0;
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct supervisor *supervisor = userdata;
	int r;

	(void)source, (void)usec;
	if (supervisor->pid)
		return kill(supervisor->pid, SIGKILL) < 0 ? -errno : 0;
	if (!supervisor->restart_order) {
		watch_loop_forgo_results(supervisor->loop);
		return wait_for(supervisor, RESULT_TIMEOUT); /* another action may still start */
	}
	r = spawn(supervisor);
	end_restart(supervisor, r);
	return r < 0 ? sd_event_exit(supervisor->event, EXIT_FAILURE) : 0;
}

/* Ends the loop unless the policy wants a restart, which is known once all records are out. */
static int finish(struct supervisor *supervisor)
{
	watch_loop_finish(supervisor->loop, supervisor->status);
	if (supervisor->stopping)
		watch_loop_forgo_results(supervisor->loop);
	return wait_for(supervisor, RESULT_TIMEOUT);
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	struct supervisor *supervisor = userdata;

	(void)source;
	supervisor->pid = 0;
	supervisor->status = exit_status(info);
	watch_loop_drain(supervisor->loop);
	if (supervisor->restart_order)
		return wait_for(supervisor, supervisor->restart_delay);
	return finish(supervisor);
}

/* Carries out a restart of the policy: stops the command if it is alive, and starts it again after
 * a delay. */
static int restart(void *userdata, const struct order *order)
{
	struct supervisor *supervisor = userdata;

	if (supervisor->stopping)
		return -ECANCELED;
	supervisor->restart_order = order->number;
	supervisor->restart_delay = order->delay;
	watch_loop_go_on(supervisor->loop);
	if (!supervisor->pid)
		return wait_for(supervisor, order->delay);
	if (kill(supervisor->pid, SIGTERM) < 0)
		return -errno;
	return wait_for(supervisor, STOP_TIMEOUT);
}

/* ---- signals */

/* True for signals that mean "stop". SIGHUP from a process often means "reload the settings"; from
 * a terminal it means "stop". */
static bool asks_to_end(const struct signalfd_siginfo *info)
{
	return info->ssi_signo == SIGINT || info->ssi_signo == SIGTERM ||
	       info->ssi_signo == SIGQUIT ||
	       (info->ssi_signo == SIGHUP && info->ssi_code == SI_KERNEL);
}

/* Cancels all restarts, current and waiting: a user who stops us does not want them. */
static void give_up_restarts(struct supervisor *supervisor)
{
	supervisor->stopping = true;
	watch_loop_forgo_restarts(supervisor->loop);
	if (supervisor->restart_order)
		end_restart(supervisor, -ECANCELED);
	if (!supervisor->pid)
		finish(supervisor);
}

/* Forwards a signal to the command, unless the terminal has sent it to the command already. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct supervisor *supervisor = userdata;

	(void)source;
	if (supervisor->pid && info->ssi_code != SI_KERNEL)
		kill(supervisor->pid, (int)info->ssi_signo);
	if (asks_to_end(info))
		give_up_restarts(supervisor);
	return 0;
}

static int catch_signals(struct supervisor *supervisor)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(forwarded) / sizeof(*forwarded); i++)
		r = sd_event_add_signal(supervisor->event, NULL, forwarded[i], on_signal,
					supervisor);
	return r;
}

static void block_signals(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaddset(&blocked, forwarded[i]);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/* ---- what the command left behind: its orphans are our children (PR_SET_CHILD_SUBREAPER) */

static int terminate(void *userdata, pid_t pid)
{
	kill(pid, *(int *)userdata);
	return 0;
}

static bool reap_within(usec_t timeout)
{
	const struct timespec step = { .tv_sec = (time_t)(timeout / USEC_PER_SEC),
				       .tv_nsec = (long)(timeout % USEC_PER_SEC) * 1000 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return true;
		if (pid == 0 && sigtimedwait(&child, NULL, &step) < 0)
			return false;
	}
}

static void end_leftovers(void)
{
	int number = SIGTERM;

	process_tree_walk(getpid(), terminate, &number);
	if (reap_within(LEFTOVERS_TIMEOUT))
		return;
	number = SIGKILL;
	process_tree_walk(getpid(), terminate, &number);
	reap_within(LEFTOVERS_TIMEOUT);
}

/* ---- the whole */

static int supervise(struct supervisor *supervisor, const struct watch_arguments *arguments)
{
	int r = watch_loop_add_agent(supervisor->loop, &arguments->settings);

	supervisor->event = watch_loop_event(supervisor->loop);
	supervisor->agent = r < 0 ? 0 : (uint32_t)r;
	if (r >= 0)
		r = catch_signals(supervisor);
	if (r >= 0)
		r = sd_event_add_time(supervisor->event, &supervisor->patience, CLOCK_MONOTONIC, 0,
				      1, on_patience_over, supervisor);
	if (r >= 0)
		r = sd_event_source_set_enabled(supervisor->patience, SD_EVENT_OFF);
	if (r >= 0) {
		make_group(supervisor);
		r = spawn(supervisor);
	}
	if (r >= 0)
		return sd_event_loop(supervisor->event);
	fprintf(stderr, "connwatchctl run: cannot supervise %s: %s\n", supervisor->command[0],
		strerror(-r));
	return EXIT_FAILURE;
}

static int supervise_command(const struct watch_arguments *arguments, char **command)
{
	struct supervisor supervisor = { .command = command };
	struct watch_options options = {
		.agents = 1,
		.connections = 65536,
		.output = arguments->output,
		.journal = true,
		.mode = arguments->mode,
		.btf = arguments->btf,
		.trace = arguments->trace,
		.restart = restart,
		.userdata = &supervisor,
	};
	int r;

	block_signals();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = watch_loop_new(&supervisor.loop, &options);
	if (r < 0)
		return command_exit_status(r);
	r = supervise(&supervisor, arguments);
	end_leftovers();
	if (*supervisor.group)
		own_cgroup_remove(supervisor.group);
	watch_loop_drain(supervisor.loop);
	sd_event_source_unref(supervisor.child);
	sd_event_source_unref(supervisor.patience);
	watch_loop_free(supervisor.loop);
	return r;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = { WATCH_LONG_OPTIONS, { 0 } };
	struct watch_arguments arguments;
	int option, r = 0;

	watch_arguments_defaults(&arguments);
	while (!r &&
	       (option = getopt_long(argc, argv, "+" WATCH_SHORT_OPTIONS, options, NULL)) != -1)
		r = watch_arguments_take(&arguments, command, option, optarg);
	if (r)
		return r;
	if (optind == argc)
		return command_misused(command, "there is no command to run");
	if (!*arguments.settings.name)
		snprintf(arguments.settings.name, sizeof(arguments.settings.name), "%s",
			 basename(argv[optind]));
	return supervise_command(&arguments, argv + optind);
}

const struct command command_run = {
	.name = "run",
	.arguments = "[OPTIONS...] -- COMMAND [ARGUMENTS...]",
	.summary = "Run a command and say why its connections end",
	.options =
		"Forwards signals to the command and returns its exit status (128 + the signal\n"
		"that killed it). Restarts it only if a setting says so: after 100 ms, then after\n"
		"twice as long each time, a minute at most; once it has run for a minute, after\n"
		"100 ms again.\n\n" WATCH_OPTIONS_HELP,
	.run = run,
};
