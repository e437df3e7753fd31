/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints what unit_monitor tells about a unit, as it comes: events as trace lines, the rest as one
 * word and its text. A line on standard input ("restart UNIT") starts an action. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "effects/unit_action.h"
#include "events/trace.h"
#include "sources/unit_monitor.h"

static void print_event(void *userdata, const struct event *event)
{
	char line[TRACE_LINE_SIZE];

	(void)userdata;
	if (trace_format(event, line, sizeof line) >= 0)
		puts(line);
}

static void print_control_group(void *userdata, uint32_t agent, const char *parent,
				const char *name)
{
	(void)userdata;
	printf("group agent=%u %s %s\n", agent, parent, name);
}

static void print_notice(void *userdata, const char *text, int error)
{
	(void)userdata, (void)error;
	printf("notice %s\n", text);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	char line[512], *action = line, *unit;
	ssize_t size = read(fd, line, sizeof line - 1);
	int r;

	(void)events;
	if (size <= 0)
		return sd_event_exit(sd_event_source_get_event(source), 0);
	line[size] = '\0';
	line[strcspn(line, "\n")] = '\0';
	unit = strchr(line, ' ');
	if (!unit)
		return sd_event_exit(sd_event_source_get_event(source), 1);
	*unit++ = '\0';
	r = unit_action_start(userdata, 1, 1, action_type_from_string(action), unit);
	printf("asked %s %s: %s\n", action, unit, strerror(-r));
	return 0;
}

int main(int argc, char *argv[])
{
	struct source_listener listener = { .event = print_event, .notice = print_notice };
	const struct unit_groups groups = { .found = print_control_group };
	struct unit_monitor *monitor;
	struct unit_actions *actions;
	sd_event *loop;
	int r;

	setlinebuf(stdout);
	if (argc < 2 || sd_event_default(&loop) < 0)
		return EXIT_FAILURE;
	listener.loop = loop;
	if (unit_monitor_new(&monitor, &listener, &groups) < 0 ||
	    unit_actions_new(&actions, loop, print_event, NULL) < 0)
		return EXIT_FAILURE;
	for (int i = 1; i < argc; i++)
		if (unit_monitor_watch(monitor, argv[i], (uint32_t)i, false) < 0)
			return EXIT_FAILURE;
	sd_event_add_io(loop, NULL, STDIN_FILENO, EPOLLIN, on_input, actions);
	r = sd_event_loop(loop);
	unit_actions_free(actions);
	unit_monitor_free(monitor);
	sd_event_unref(loop);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
