/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch/matches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sources/cgroup_finder.h"
#include "sources/unit_monitor.h"
#include "support/cgroup_tree.h"
#include "support/clock.h"
#include "watch/observer.h"
#include "watch/sources.h"

struct watch_matches {
	struct match_listener listener;
	struct watch_sources *sources;
	struct watch_observer *observer;
	struct unit_monitor *units;   /* NULL until an agent is a unit */
	struct cgroup_finder *groups; /* NULL until an agent is control groups */
	bool said_blind;              /* the log says that older connections cannot be found */
	bool begun;                   /* watch_matches_begin() */
	bool look_due;                /* connections are to be looked for there */
	usec_t next_look;             /* for connections, until then */
	uint32_t agents;
	struct {
		bool awaited;   /* the state of its unit is not known yet */
		bool delegated; /* Delegated= */
		bool optional;  /* nothing is said while it is not there */
	} of[];                 /* by agent number */
};

static void say(struct watch_matches *matches, const char *text, int error)
{
	matches->listener.notice(matches->listener.userdata, text, error);
}

static int look_for_connections(struct watch_matches *matches)
{
	int r = watch_observer_find_connections(matches->observer);

	if (r != -EOPNOTSUPP)
		return r;
	if (!matches->said_blind)
		say(matches, "this kernel cannot show connections older than connwatch", 0);
	matches->said_blind = true;
	return 0;
}

int watch_matches_find_connections(struct watch_matches *matches)
{
	enum { REST = 4 }; /* times as long as the look took */
	usec_t now = clock_now(CLOCK_MONOTONIC), took;
	int r;

	if (!matches->begun && now < matches->next_look) {
		matches->look_due = true;
		return 0;
	}
	r = look_for_connections(matches);
	took = clock_now(CLOCK_MONOTONIC) - now;
	matches->next_look = now + took + REST * took;
	return r;
}

int watch_matches_begin(struct watch_matches *matches)
{
	matches->begun = true;
	if (!matches->look_due)
		return 0;
	matches->look_due = false;
	return look_for_connections(matches);
}

/* ---- units */

bool watch_matches_awaited(const struct watch_matches *matches)
{
	for (uint32_t number = 1; number <= matches->agents; number++)
		if (matches->of[number].awaited)
			return true;
	return false;
}

/* Without control groups of version 2, a unit counts as its main process and the descendants of
 * that. systemd tells the main process again with each change. */
static void watch_main_process(struct watch_matches *matches, const struct event *event)
{
	int r;

	if (cgroup_tree_root() || event->unit.main_pid == 0)
		return;
	r = watch_observer_process(matches->observer, (pid_t)event->unit.main_pid, event->agent);
	if (r >= 0)
		r = watch_matches_find_connections(matches);
	if (r < 0 && r != -ESRCH) /* gone already */
		say(matches, event->unit.unit, r);
}

void watch_matches_unit_told(struct watch_matches *matches, const struct event *event)
{
	watch_main_process(matches, event);
	matches->of[event->agent].awaited = false;
	if (!watch_matches_awaited(matches))
		matches->listener.settled(matches->listener.userdata);
}

/* systemd makes the group of a unit, and may give it to the unit's user (Delegate=). In a directory
 * that is another's, it could be that one's. */
static int check_parent(const struct watch_matches *matches, const char *parent, uint32_t agent)
{
	if (matches->of[agent].delegated || cgroup_tree_is_of_root(cgroup_tree_root(), parent))
		return 0;
	return -EPERM;
}

static void on_unit_group(void *userdata, uint32_t agent, const char *parent, const char *name)
{
	struct watch_matches *matches = userdata;
	char path[CGROUP_PATH_SIZE];
	int r;

	if (!cgroup_tree_root())
		return;
	r = cgroup_tree_path(parent, NULL, path, sizeof(path));
	if (r >= 0)
		r = check_parent(matches, path, agent);
	if (r >= 0)
		r = watch_observer_cgroup_to_come(matches->observer, path, name, agent);
	if (r >= 0)
		r = watch_matches_find_connections(matches);
	if (r < 0)
		say(matches, name, r);
}

static int open_units(struct watch_matches *matches)
{
	const struct unit_groups groups = { .found = on_unit_group, .userdata = matches };
	int r = watch_sources_open(matches->sources, &unit_monitor_source, &groups);

	matches->units = watch_sources_get(matches->sources, &unit_monitor_source);
	return r;
}

static int watch_unit(struct watch_matches *matches, const char *unit, uint32_t agent)
{
	int r;

	if (!cgroup_tree_root())
		say(matches, "no control groups of version 2: of a unit, its main process counts",
		    0);
	r = matches->units ? 0 : open_units(matches);
	if (r >= 0)
		r = unit_monitor_watch(matches->units, unit, agent, matches->of[agent].optional);
	matches->of[agent].awaited = r >= 0;
	return r;
}

/* ---- control groups */

static void on_group_found(void *userdata, uint32_t agent, const char *path)
{
	struct watch_matches *matches = userdata;
	int r = watch_observer_cgroup(matches->observer, path, agent);

	if (r < 0 && r != -ENOENT) /* gone already */
		say(matches, path, r);
}

static void on_group_gone(void *userdata, uint32_t agent, const char *path)
{
	struct watch_matches *matches = userdata;

	watch_observer_forget_cgroup(matches->observer, path, agent);
}

static void on_groups_settled(void *userdata)
{
	struct watch_matches *matches = userdata;
	int r = watch_matches_find_connections(matches);

	if (r < 0)
		say(matches, "cannot look for the connections of control groups", r);
}

static void on_groups_missed(void *userdata, uint32_t agent, uint32_t count)
{
	const struct watch_matches *matches = userdata;

	matches->listener.event(matches->listener.userdata,
				&(struct event){
					.type = EVENT_LOST,
					.time = clock_now(CLOCK_MONOTONIC),
					.agent = agent,
					.lost.groups = count,
				});
}

static int open_groups(struct watch_matches *matches)
{
	const struct cgroup_options options = {
		.root = cgroup_tree_root(),
		.found = on_group_found,
		.gone = on_group_gone,
		.settled = on_groups_settled,
		.missed = on_groups_missed,
		.userdata = matches,
	};
	int r;

	if (!options.root) {
		say(matches, "no control groups of version 2: ControlGroup= matches nothing", 0);
		return -EOPNOTSUPP;
	}
	r = watch_sources_open(matches->sources, &cgroup_finder_source, &options);
	matches->groups = watch_sources_get(matches->sources, &cgroup_finder_source);
	return r;
}

static int watch_cgroup(struct watch_matches *matches, const char *pattern, uint32_t agent)
{
	char text[CGROUP_PATH_SIZE + 64];
	int r = matches->groups ? 0 : open_groups(matches);

	if (r >= 0)
		r = cgroup_finder_add(matches->groups, pattern, agent,
				      matches->of[agent].delegated);
	if (r == -EINPROGRESS)
		return 0;
	if (r == 0 && !matches->of[agent].optional) {
		snprintf(text, sizeof(text), "there is no control group %s yet", pattern);
		say(matches, text, 0);
	}
	return r;
}

/* ---- units and control groups */

static int watch_match(struct watch_matches *matches, const struct agent_match *match,
		       uint32_t agent)
{
	switch (match->type) {
	case MATCH_UNIT:
		return watch_unit(matches, match->value, agent);
	case MATCH_CONTROL_GROUP:
		return watch_cgroup(matches, match->value, agent);
	case MATCH_TYPE_MAX:
	case MATCH_TYPE_INVALID:
		break;
	}
	return 0;
}

int watch_matches_add(struct watch_matches *matches, uint32_t number,
		      const struct agent_settings *settings)
{
	matches->of[number].delegated = settings->delegated;
	matches->of[number].optional = settings->optional;
	for (unsigned i = 0; i < settings->match_count; i++) {
		int r = watch_match(matches, &settings->matches[i], number);

		if (r < 0)
			return r;
	}
	return watch_matches_find_connections(matches);
}

void watch_matches_remove(struct watch_matches *matches, uint32_t number)
{
	if (matches->units)
		unit_monitor_unwatch(matches->units, number);
	if (matches->groups)
		cgroup_finder_remove(matches->groups, number);
	matches->of[number].awaited = false;
}

int watch_matches_new(struct watch_matches **ret, struct watch_sources *sources,
		      struct watch_observer *observer, uint32_t agents,
		      const struct match_listener *listener)
{
	struct watch_matches *matches =
		calloc(1, sizeof(*matches) + (agents + 1) * sizeof(matches->of[0]));

	if (!matches)
		return -ENOMEM;
	*matches = (struct watch_matches){
		.listener = *listener,
		.sources = sources,
		.observer = observer,
		.agents = agents,
	};
	*ret = matches;
	return 0;
}

struct watch_matches *watch_matches_free(struct watch_matches *matches)
{
	free(matches);
	return NULL;
}
