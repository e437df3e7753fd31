/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "effects/metrics_writer.h"
#include "support/clock.h"

struct metrics {
	struct watch_loop *loop;
	const struct tallies *tallies;
	sd_event_source *timer;
	bool waiting; /* the timer is set for a change, not for the heartbeat */
	bool failed;  /* writing failed, and we have logged that */
	usec_t next;  /* the earliest time of the next write */
	usec_t beat;  /* the latest time */
	char path[CGROUP_PATH_SIZE];
	char *text; /* the text as last written; NULL: not yet written */
};

struct agent_list {
	const struct watch_loop *loop;
	unsigned count;
	struct agent_gauges agents[TALLIES_MAX];
};

static void list_agent(void *userdata, const struct agent_snapshot *agent)
{
	struct agent_list *list = userdata;

	if (list->count < TALLIES_MAX && !agent->absent)
		list->agents[list->count++] = (struct agent_gauges){
			.agent = agent->settings->name,
			.connections = agent->connections_up,
			.in_outage = agent->in_outage,
			.certificates_unread = agent->certificates_unread,
			.failed = agent->failed,
			.actions_held = watch_loop_actions_held(list->loop, agent->number),
		};
}

static void say_once(struct metrics *metrics, int error)
{
	if (error < 0 && !metrics->failed)
		fprintf(stderr, "connwatchd: cannot write %s: %s\n", metrics->path,
			strerror(-error));
	metrics->failed = error < 0;
}

static void update(struct metrics *metrics, usec_t now)
{
	struct agent_list list = { .loop = metrics->loop };
	struct snapshot_sink sink = { .agent = list_agent, .userdata = &list };
	struct hub_certificate hubs[HUB_CERTIFICATES_MAX];
	struct metrics_facts facts = {
		.tallies = metrics->tallies,
		.agents = list.agents,
		.hubs = hubs,
		.hub_count = hub_certificates_read(NULL, hubs),
	};
	char *text;
	int r;

	watch_loop_snapshot(metrics->loop, &sink, NULL);
	facts.count = list.count;
	text = metrics_format(&facts);
	if (!text || (now < metrics->beat && metrics->text && strcmp(text, metrics->text) == 0)) {
		free(text);
		return;
	}
	r = metrics_write(metrics->path, text, clock_now(CLOCK_REALTIME));
	metrics->beat = now + METRICS_HEARTBEAT;
	say_once(metrics, r);
	free(metrics->text);
	metrics->text = r < 0 ? NULL : text;
	if (r < 0)
		free(text);
}

static void set_timer(struct metrics *metrics, usec_t time)
{
	sd_event_source_set_time(metrics->timer, time);
	sd_event_source_set_enabled(metrics->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t time, void *userdata)
{
	struct metrics *metrics = userdata;
	usec_t now;

	(void)time;
	sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC, &now);
	metrics->next = now + METRICS_INTERVAL;
	metrics->waiting = false;
	if (!*metrics->path)
		return 0;
	update(metrics, now);
	set_timer(metrics, metrics->beat);
	return 0;
}

void metrics_stepped(struct metrics *metrics)
{
	if (!metrics || metrics->waiting || !*metrics->path)
		return;
	metrics->waiting = true;
	set_timer(metrics, metrics->next < metrics->beat ? metrics->next : metrics->beat);
}

static void remove_file(struct metrics *metrics)
{
	if (*metrics->path && metrics->text)
		unlink(metrics->path);
	free(metrics->text);
	metrics->text = NULL;
}

void metrics_set_path(struct metrics *metrics, const char *path)
{
	if (!metrics || strcmp(metrics->path, path) == 0)
		return;
	remove_file(metrics);
	snprintf(metrics->path, sizeof(metrics->path), "%s", path);
	metrics->failed = false;
	metrics->next = 0;
	metrics_stepped(metrics);
}

int metrics_new(struct metrics **ret, struct watch_loop *loop, const struct tallies *tallies)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));
	int r;

	if (!metrics)
		return -ENOMEM;
	metrics->loop = loop;
	metrics->tallies = tallies;
	r = sd_event_add_time(watch_loop_event(loop), &metrics->timer, CLOCK_MONOTONIC, 0, 0,
			      on_timer, metrics);
	if (r >= 0)
		r = sd_event_source_set_enabled(metrics->timer, SD_EVENT_OFF);
	if (r < 0) {
		metrics_free(metrics);
		return r;
	}
	*ret = metrics;
	return 0;
}

struct metrics *metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return NULL;
	remove_file(metrics);
	sd_event_source_disable_unref(metrics->timer);
	free(metrics);
	return NULL;
}
