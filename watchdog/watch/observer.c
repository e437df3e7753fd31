/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/observer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/level.h"
#include "sources/probe.h"
#include "support/cleanup.h"
#include "support/clock.h"
#include "watch/handover.h"
#include "watch/ring.h"
#include "watch/survey/survey.h"

struct watch_observer {
	struct source_listener listener;
	struct handover *handover;
	struct probe *probe; /* NULL in the mode sock-diag */
	struct watch_ring *ring;
	struct watch_survey *survey; /* NULL in the mode ebpf */
};

static void close_observer(void *source)
{
	struct watch_observer *observer = source;

	watch_ring_free(observer->ring);
	probe_close(observer->probe);
	watch_survey_free(observer->survey);
	handover_free(observer->handover);
	free(observer);
}
DEFINE_CLEANUP(struct watch_observer *, close_observer);

/* ---- opening */

static void complain(const struct watch_observer *observer, const char *text, int error)
{
	observer->listener.notice(observer->listener.userdata, text, error);
}

static int open_survey(struct watch_observer *observer, const struct observer_options *options)
{
	const char *complaint = "no shared memory";
	int r = handover_open_alone(&observer->handover);

	if (r >= 0)
		r = watch_survey_new(&observer->survey, options->connections, &observer->listener,
				     &complaint);
	if (r < 0)
		complain(observer, complaint, r);
	return r;
}

/* Why no mode works, and what to change: `probe` and `survey` as for level_of(). */
static void complain_of_level(const struct watch_observer *observer, int probe, int survey)
{
	char text[LEVEL_TEXT_SIZE];

	level_describe(probe, survey, text, sizeof(text));
	complain(observer, text, survey < 0 ? survey : probe);
}

/* Without the probe the survey will do, unless the settings say Mode=ebpf. */
static int open_probe_or_survey(struct watch_observer *observer,
				const struct observer_options *options)
{
	const char *complaint = NULL;
	char text[512];
	int survey, r = handover_open(&observer->handover, &observer->probe, options->btf,
				      options->stored_handover, &complaint);

	if (r >= 0 && complaint) /* Btf= is passed over */
		complain(observer, complaint, 0);
	if (r >= 0)
		return watch_ring_new(&observer->ring, observer->probe);
	if (options->mode == MODE_EBPF) {
		complain(observer, complaint, r);
		complain_of_level(observer, r, SURVEY_EXCLUDED);
		return r;
	}
	snprintf(text, sizeof(text), "no eBPF, so the mode is sock-diag, which sees less: %s",
		 complaint);
	complain(observer, text, r);
	survey = open_survey(observer, options);
	if (survey < 0)
		complain_of_level(observer, r, survey);
	return survey;
}

static int open_observer(void **ret, const struct source_listener *listener, const void *arguments)
{
	const struct observer_options *options = arguments;
	_cleanup_(close_observer_held) struct watch_observer *observer =
		calloc(1, sizeof(*observer));
	int r;

	if (options->mode == MODE_SOCK_DIAG && options->stored_handover)
		close(options->stored_handover);
	if (!observer) {
		listener->notice(listener->userdata, "cannot observe connections", -ENOMEM);
		return -ENOMEM;
	}
	observer->listener = *listener;
	r = options->mode == MODE_SOCK_DIAG ? open_survey(observer, options)
					    : open_probe_or_survey(observer, options);
	if (r < 0)
		return r;
	*ret = STEAL_POINTER(observer);
	return 0;
}

/* ---- as a source */

static int descriptor(const void *source)
{
	const struct watch_observer *observer = source;

	return observer->probe ? probe_wait_fd(observer->probe) : watch_survey_fd(observer->survey);
}

static void await(const void *source, struct source_wait *wait)
{
	const struct watch_observer *observer = source;

	if (observer->probe)
		watch_ring_wait(observer->ring, wait);
	else
		watch_survey_wait(observer->survey, wait);
}

static void pass_on(void *userdata, const struct event *event)
{
	const struct watch_observer *observer = userdata;

	if (!handover_is_reported(observer->handover, event))
		observer->listener.event(observer->listener.userdata, event);
}

/* Leaves the probe's lenses to the next daemon after a call that may have changed them, and returns
 * that call's `result`. Should it fail, the next call tries again. */
static int shelving(struct watch_observer *observer, int result)
{
	handover_shelve_lenses(observer->handover, observer->probe);
	return result;
}

static int take(void *source)
{
	struct watch_observer *observer = source;

	if (!observer->probe)
		return watch_survey_take(observer->survey);
	return shelving(observer, watch_ring_take(observer->ring, clock_now(CLOCK_MONOTONIC),
						  pass_on, observer));
}

static bool is_behind(const void *source)
{
	const struct watch_observer *observer = source;

	return observer->probe && probe_is_behind(observer->probe);
}

const struct source watch_observer_source = {
	.name = "the kernel",
	.open = open_observer,
	.descriptor = descriptor,
	.wait = await,
	.take = take,
	.is_behind = is_behind,
	.close = close_observer,
};

/* ---- the handover */

struct handover *watch_observer_handover(const struct watch_observer *observer)
{
	return observer->handover;
}

int watch_observer_pack_handover(const struct watch_observer *observer)
{
	return observer->probe ? handover_pack(observer->handover, observer->probe) : -EOPNOTSUPP;
}

void watch_observer_recall(struct watch_observer *observer)
{
	if (observer->probe)
		probe_recall(observer->probe, pass_on, observer);
}

/* ---- one door to both */

enum mode watch_observer_mode(const struct watch_observer *observer)
{
	return observer->probe ? MODE_EBPF : MODE_SOCK_DIAG;
}

bool watch_observer_has_external_btf(const struct watch_observer *observer)
{
	return observer->probe && probe_has_external_btf(observer->probe);
}

int watch_observer_sample(struct watch_observer *observer)
{
	if (observer->probe)
		return probe_sample(observer->probe);
	watch_survey_look(observer->survey, true);
	return 0;
}

int watch_observer_find_connections(struct watch_observer *observer)
{
	if (!observer->probe) {
		watch_survey_look(observer->survey, false);
		return 0;
	}
	return shelving(observer, probe_find_connections(observer->probe));
}

bool watch_observer_shows_connections(const struct watch_observer *observer)
{
	return !observer->probe || probe_shows_connections(observer->probe);
}

bool watch_observer_sees_packets(const struct watch_observer *observer)
{
	return observer->probe && probe_sees_packets(observer->probe);
}

int watch_observer_process(struct watch_observer *observer, pid_t pid, uint32_t agent)
{
	if (!observer->probe)
		return watch_survey_process(observer->survey, pid, agent);
	return shelving(observer, probe_watch_process(observer->probe, pid, agent));
}

int watch_observer_cgroup(struct watch_observer *observer, const char *path, uint32_t agent)
{
	if (!observer->probe)
		return watch_survey_cgroup(observer->survey, path, agent);
	return shelving(observer, probe_watch_cgroup(observer->probe, path, agent));
}

int watch_observer_cgroup_to_come(struct watch_observer *observer, const char *parent,
				  const char *name, uint32_t agent)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (observer->probe) {
		r = probe_watch_cgroup_to_come(observer->probe, parent, name, agent);
		return shelving(observer, r);
	}
	if (asprintf(&path, "%s/%s", parent, name) < 0)
		return -ENOMEM;
	return watch_survey_cgroup(observer->survey, path, agent);
}

void watch_observer_forget_cgroup(struct watch_observer *observer, const char *path, uint32_t agent)
{
	if (!observer->probe) {
		watch_survey_forget_cgroup(observer->survey, path, agent);
		return;
	}
	probe_forget_cgroup(observer->probe, path, agent);
	shelving(observer, 0);
}

int watch_observer_inspect_mqtt(struct watch_observer *observer, uint32_t agent, unsigned what)
{
	if (observer->probe)
		return probe_inspect_mqtt(observer->probe, agent, what);
	return what ? -EOPNOTSUPP : 0;
}

void watch_observer_unwatch(struct watch_observer *observer, uint32_t agent)
{
	if (!observer->probe) {
		watch_survey_unwatch(observer->survey, agent);
		return;
	}
	shelving(observer, probe_unwatch(observer->probe, agent));
}
