/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/agent_now.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "sources/cgroup_finder.h"
#include "support/cgroup_tree.h"
#include "support/cleanup.h"
#include "support/clock.h"

#define LOOK_TIMEOUT USEC_PER_SEC

enum { AGENT = 1 };

struct look {
	const struct agent_settings *settings;
	struct agent_now *now;
	bool incomplete;
};

/* ---- processes */

static void take_process(struct look *look, pid_t pid)
{
	struct own_peer_use use = { 0 };
	struct agent_now *now = look->now;
	int r = own_peer_look_at_use(pid, look->settings->peers, look->settings->peer_count, &use);

	if (r == -ENOENT || r == -ESRCH) /* gone by now */
		return;
	if (r < 0) {
		look->incomplete = true;
		return;
	}
	now->processes++;
	if (use.listens && !now->listener)
		now->listener = pid;
	now->use.listens |= use.listens;
	now->use.opened |= use.opened;
	now->use.wanted |= use.wanted;
}

static void take_group(void *userdata, uint32_t agent, const char *path)
{
	_cleanup_fclose_ FILE *file = NULL;
	char name[PATH_MAX];
	int pid;

	(void)agent;
	if ((size_t)snprintf(name, sizeof(name), "%s/cgroup.procs", path) < sizeof(name))
		file = fopen(name, "re");
	while (file && fscanf(file, "%d", &pid) == 1)
		take_process(userdata, pid);
}

/* ---- control groups */

static void pass_over_gone(void *userdata, uint32_t agent, const char *path)
{
	(void)userdata, (void)agent, (void)path;
}

static void pass_over(void *userdata)
{
	(void)userdata;
}

/* Such as that a group does not count, which the daemon tells. */
static void pass_over_notice(void *userdata, const char *text, int error)
{
	(void)userdata, (void)text, (void)error;
}

static void pass_over_missed(void *userdata, uint32_t agent, uint32_t count)
{
	struct look *look = userdata;

	(void)agent, (void)count;
	look->incomplete = true;
}

/* The group of a unit has its name (systemd.slice(5)); the processes may be in groups below. */
static int add_match(struct cgroup_finder *finder, const struct agent_match *match, bool delegated)
{
	const char *above = match->type == MATCH_UNIT ? "/**/" : "";
	char pattern[CGROUP_PATH_SIZE + 8];
	int r;

	snprintf(pattern, sizeof(pattern), "%s%s", above, match->value);
	r = cgroup_finder_add(finder, pattern, AGENT, delegated);
	if (r == -ENOMEM)
		return r;
	snprintf(pattern, sizeof(pattern), "%s%s/**", above, match->value);
	r = cgroup_finder_add(finder, pattern, AGENT, delegated);
	return r == -ENOMEM ? r : 0;
}

/* Returns true if the finder has looked at all groups. */
static bool look_at_all(struct cgroup_finder *finder)
{
	usec_t end = clock_now(CLOCK_MONOTONIC) + LOOK_TIMEOUT;
	struct source_wait wait;

	do {
		wait = (struct source_wait){ .deadline = USEC_INFINITY };
		cgroup_finder_drain(finder);
		cgroup_finder_wait(finder, &wait);
	} while (wait.deadline != USEC_INFINITY && clock_now(CLOCK_MONOTONIC) < end);
	return wait.deadline == USEC_INFINITY;
}

DEFINE_CLEANUP(struct cgroup_finder *, cgroup_finder_close);

int agent_now_look(const struct agent_settings *settings, struct agent_now *now)
{
	struct look look = { .settings = settings, .now = now };
	const struct cgroup_options options = {
		.root = cgroup_tree_root(),
		.found = take_group,
		.gone = pass_over_gone,
		.settled = pass_over,
		.missed = pass_over_missed,
		.userdata = &look,
	};
	const struct source_listener listener = { .notice = pass_over_notice };
	_cleanup_(cgroup_finder_close_held) struct cgroup_finder *finder = NULL;
	int r;

	*now = (struct agent_now){ 0 };
	if (!options.root)
		return -ENOENT;
	r = cgroup_finder_open(&finder, &listener, &options);
	for (unsigned i = 0; r >= 0 && i < settings->match_count; i++)
		r = add_match(finder, &settings->matches[i], settings->delegated);
	if (r < 0)
		return r;
	return look_at_all(finder) && !look.incomplete ? 0 : -EAGAIN;
}
