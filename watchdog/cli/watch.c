/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connwatchctl watch: observes an agent that is already running. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/stop_signals.h"
#include "cli/units_known.h"
#include "cli/watch_arguments.h"
#include "sources/own_peer.h"
#include "support/cleanup.h"

enum { ARGUMENT_UNIT = 512, ARGUMENT_CGROUP, ARGUMENT_PID };

static int on_process_end(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch_loop *loop = userdata;

	(void)fd, (void)revents;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	watch_loop_finish(loop, EXIT_SUCCESS);
	return 0;
}

static int observe(struct watch_loop *loop, const struct agent_settings *settings, pid_t pid,
		   int process)
{
	sd_event *event = watch_loop_event(loop);
	int agent = watch_loop_add_agent(loop, settings);
	int r = agent;

	if (r >= 0 && pid)
		r = watch_loop_add_process(loop, (uint32_t)agent, pid);
	if (r >= 0 && pid)
		r = sd_event_add_io(event, NULL, process, EPOLLIN, on_process_end, loop);
	if (r >= 0)
		r = stop_signals_end_loop(event);
	if (r >= 0 && pid && own_peer_only_accepts(pid))
		fprintf(stderr,
			"connwatchctl watch: process %d listens, and has opened no connection. "
			"Those that it accepts are not watched.\n",
			pid);
	if (r >= 0)
		return sd_event_loop(event);
	fprintf(stderr, "connwatchctl watch: cannot watch %s: %s\n", settings->name, strerror(-r));
	return command_exit_status(r);
}

static int watch_target(const struct watch_arguments *arguments, pid_t pid)
{
	struct watch_options options = {
		.agents = 1,
		.connections = 65536,
		.output = arguments->output,
		.observe_only = true,
		.mode = arguments->mode,
		.btf = arguments->btf,
		.trace = arguments->trace,
	};
	_cleanup_close_ int process = -1;
	struct watch_loop *loop;
	int r;

	if (pid) {
		process = (int)syscall(SYS_pidfd_open, pid, 0);
		if (process < 0) {
			fprintf(stderr, "connwatchctl watch: there is no process %d\n", pid);
			return EXIT_NO_INPUT;
		}
	}
	r = watch_loop_new(&loop, &options);
	if (r < 0)
		return command_exit_status(r);
	r = observe(loop, &arguments->settings, pid, process);
	watch_loop_free(loop);
	return r;
}

/* It may come to exist, or it is another one that was meant. */
static void suggest_unit(const struct command *command, const char *unit)
{
	struct units_known *units = NULL;
	struct unit_known known;
	char nearest[NEAREST_WORD_SIZE];

	if (units_known_open(&units) < 0)
		return;
	if (units_known_look(units, unit, &known) >= 0 &&
	    strcmp(known.load_state, "not-found") == 0) {
		units_known_nearest(units, unit, nearest);
		if (*nearest)
			command_complain(command, "there is no unit %s yet; did you mean %s?", unit,
					 nearest);
	}
	units_known_close(units);
}

static int take_match(struct watch_arguments *arguments, const struct command *command,
		      const char *key, const char *value)
{
	if (agent_settings_assign(&arguments->settings, "Match", key, value) < 0)
		return command_misused(command, "'%s' is not a value for %s", value, key);
	if (!*arguments->settings.name)
		snprintf(arguments->settings.name, sizeof(arguments->settings.name), "%.*s",
			 (int)sizeof(arguments->settings.name) - 1, basename(value));
	return 0;
}

/* As with journalctl(1), a name without a suffix is that of a service. */
static int take_unit(struct watch_arguments *arguments, const struct command *command,
		     const char *value)
{
	char unit[UNIT_NAME_SIZE];
	int r;

	snprintf(unit, sizeof(unit), "%s%s", value, strchr(value, '.') ? "" : ".service");
	r = take_match(arguments, command, "Unit", unit);
	if (r == 0)
		suggest_unit(command, unit);
	return r;
}

/* A group that is named here counts, whoever made it: nothing is done about what is seen. */
static int take_cgroup(struct watch_arguments *arguments, const struct command *command,
		       const char *value)
{
	arguments->settings.delegated = true;
	return take_match(arguments, command, "ControlGroup", value);
}

static int take_pid(struct watch_arguments *arguments, const struct command *command,
		    const char *value, pid_t *pid)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (errno || *end || end == value || number <= 0 || number > 1 << 22) /* PID_MAX_LIMIT */
		return command_misused(command, "--pid: '%s' is not a process number", value);
	*pid = (pid_t)number;
	if (!*arguments->settings.name)
		snprintf(arguments->settings.name, sizeof(arguments->settings.name), "process %d",
			 *pid);
	return 0;
}

static int run(const struct command *command, int argc, char *argv[])
{
	static const struct option options[] = {
		WATCH_LONG_OPTIONS,
		{ "unit", required_argument, NULL, ARGUMENT_UNIT },
		{ "cgroup", required_argument, NULL, ARGUMENT_CGROUP },
		{ "pid", required_argument, NULL, ARGUMENT_PID },
		{ 0 },
	};
	struct watch_arguments arguments;
	const char *complaint;
	pid_t pid = 0;
	int option, r = 0;

	watch_arguments_defaults(&arguments);
	while (!r && (option = getopt_long(argc, argv, WATCH_SHORT_OPTIONS, options, NULL)) != -1)
		if (option == ARGUMENT_UNIT)
			r = take_unit(&arguments, command, optarg);
		else if (option == ARGUMENT_CGROUP)
			r = take_cgroup(&arguments, command, optarg);
		else if (option == ARGUMENT_PID)
			r = take_pid(&arguments, command, optarg, &pid);
		else
			r = watch_arguments_take(&arguments, command, option, optarg);
	if (r)
		return r;
	if (command == &command_record && optind < argc)
		arguments.trace = argv[optind++];
	if (optind < argc)
		return command_misused(command, "'%s' is not expected here", argv[optind]);
	if (command == &command_record && !arguments.trace)
		return command_misused(command, "a FILE to write to is needed");
	if (!pid && arguments.settings.match_count == 0)
		return command_misused(command, "one of --unit, --cgroup and --pid is needed");
	complaint =
		arguments.settings.match_count ? agent_settings_check(&arguments.settings) : NULL;
	if (complaint)
		return command_misused(command, "%s", complaint);
	return watch_target(&arguments, pid);
}

#define TARGETS_HELP                                                         \
	"      --unit=UNIT        a systemd unit\n"                          \
	"      --cgroup=PATH      a control group and those below it, like " \
	"'/**/docker-*.scope'\n"                                             \
	"      --pid=PID          a process and its descendants, until it "  \
	"ends\n"

const struct command command_record = {
	.name = "record",
	.arguments = "[OPTIONS...] --unit=UNIT | --cgroup=PATH | --pid=PID FILE",
	.summary = "Watch, and write the events to a file for 'connwatchctl replay'",
	.options = TARGETS_HELP WATCH_OPTIONS_HELP,
	.run = run,
};

const struct command command_watch = {
	.name = "watch",
	.arguments = "[OPTIONS...] --unit=UNIT | --cgroup=PATH | --pid=PID",
	.summary = "Watch an agent that is already running, without changing it",
	.options = TARGETS_HELP WATCH_OPTIONS_HELP,
	.run = run,
};
