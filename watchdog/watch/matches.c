#include "watch_matches.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sources/cgroup_finder.h"
#include "sources/unit_monitor.h"
#include "support/cgroup_tree.h"
#include "watch_source.h"

struct watch_matches {
	struct match_listener listener;
	sd_event *event;
	struct watch_source *source;
	struct unit_monitor *units;   /* NULL until an agent is a unit */
	struct cgroup_finder *groups; /* NULL until an agent is control groups */
	sd_event_source *group_changes;
	bool said_blind; /* that connections which are there already cannot be found */
	uint32_t agents;
	bool awaited[]; /* by number: systemd has not told of its unit yet */
};

static void say(struct watch_matches *matches, const char *text, int error)
{
	matches->listener.notice(matches->listener.userdata, text, error);
}

static void on_notice(void *userdata, const char *text)
{
	say(userdata, text, 0);
}

int watch_matches_find_connections(struct watch_matches *matches)
{
	int r = watch_source_find_connections(matches->source);

	if (r != -EOPNOTSUPP)
		return r;
	if (!matches->said_blind)
		say(matches, "this kernel cannot show connections older than connwatch", 0);
	matches->said_blind = true;
	return 0;
}

/* ---- units */

bool watch_matches_awaited(const struct watch_matches *matches)
{
	for (uint32_t number = 1; number <= matches->agents; number++)
		if (matches->awaited[number])
			return true;
	return false;
}

/* Where there are no control groups of version 2, a unit is its main process and what descends from
 * it. Which that is, systemd tells again with each change. */
static void watch_main_process(struct watch_matches *matches, const struct event *event)
{
	int r;

	if (cgroup_tree_root() || event->unit.main_pid == 0)
		return;
	r = watch_source_process(matches->source, (pid_t)event->unit.main_pid, event->agent);
	if (r >= 0)
		r = watch_matches_find_connections(matches);
	if (r < 0 && r != -ESRCH) /* gone already */
		say(matches, event->unit.unit, r);
}

static void on_unit(void *userdata, const struct event *event)
{
	struct watch_matches *matches = userdata;

	matches->listener.unit(matches->listener.userdata, event);
	watch_main_process(matches, event);
	matches->awaited[event->agent] = false;
	if (!watch_matches_awaited(matches))
		matches->listener.settled(matches->listener.userdata);
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
		r = watch_source_cgroup_to_come(matches->source, path, name, agent);
	if (r >= 0)
		r = watch_matches_find_connections(matches);
	if (r < 0)
		say(matches, name, r);
}

static int watch_unit(struct watch_matches *matches, const char *unit, uint32_t agent)
{
	struct unit_listener listener = {
		.event = on_unit,
		.control_group = on_unit_group,
		.notice = on_notice,
		.userdata = matches,
	};
	int r = 0;

	if (!cgroup_tree_root())
		say(matches, "no control groups of version 2: of a unit, its main process counts",
		    0);
	if (!matches->units)
		r = unit_monitor_new(&matches->units, matches->event, &listener);
	if (r >= 0)
		r = unit_monitor_watch(matches->units, unit, agent);
	matches->awaited[agent] = r >= 0;
	return r;
}

/* ---- control groups */

static void on_group_found(void *userdata, uint32_t agent, const char *path)
{
	struct watch_matches *matches = userdata;
	int r = watch_source_cgroup(matches->source, path, agent);

	if (r >= 0)
		r = watch_matches_find_connections(matches);
	if (r < 0 && r != -ENOENT) /* gone already */
		say(matches, path, r);
}

static void on_group_gone(void *userdata, uint32_t agent, const char *path)
{
	struct watch_matches *matches = userdata;

	watch_source_forget_cgroup(matches->source, path, agent);
}

static int on_group_changes(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch_matches *matches = userdata;

	(void)source, (void)fd, (void)revents;
	cgroup_finder_drain(matches->groups);
	return 0;
}

static int open_groups(struct watch_matches *matches)
{
	struct cgroup_listener listener = {
		.found = on_group_found,
		.gone = on_group_gone,
		.notice = on_notice,
		.userdata = matches,
	};
	const char *root = cgroup_tree_root();
	int r;

	if (!root) {
		say(matches, "no control groups of version 2: ControlGroup= matches nothing", 0);
		return -EOPNOTSUPP;
	}
	r = cgroup_finder_open(&matches->groups, root, &listener);
	if (r < 0)
		return r;
	r = sd_event_add_io(matches->event, &matches->group_changes,
			    cgroup_finder_fd(matches->groups), EPOLLIN, on_group_changes, matches);
	if (r < 0)
		matches->groups = cgroup_finder_close(matches->groups);
	return r;
}

static int watch_cgroup(struct watch_matches *matches, const char *pattern, uint32_t agent)
{
	char text[CGROUP_PATH_SIZE + 64];
	int r = matches->groups ? 0 : open_groups(matches);

	if (r >= 0)
		r = cgroup_finder_add(matches->groups, pattern, agent);
	if (r == 0) {
		snprintf(text, sizeof(text), "there is no control group %s yet", pattern);
		say(matches, text, 0);
	}
	return r;
}

/* ---- both */

static int watch_match(struct watch_matches *matches, const struct agent_match *match,
		       uint32_t agent)
{
	switch (match->type) {
	case MATCH_UNIT:
		return watch_unit(matches, match->value, agent);
	case MATCH_CONTROL_GROUP:
		return watch_cgroup(matches, match->value, agent);
	case MATCH_PROCESS: /* watch_loop_add_process() */
	case MATCH_TYPE_MAX:
	case MATCH_TYPE_INVALID:
		break;
	}
	return 0;
}

int watch_matches_add(struct watch_matches *matches, uint32_t number,
		      const struct agent_settings *settings)
{
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
	matches->awaited[number] = false;
}

int watch_matches_new(struct watch_matches **ret, sd_event *event, struct watch_source *source,
		      uint32_t agents, const struct match_listener *listener)
{
	struct watch_matches *matches =
		calloc(1, sizeof(*matches) + (agents + 1) * sizeof(matches->awaited[0]));

	if (!matches)
		return -ENOMEM;
	*matches = (struct watch_matches){
		.listener = *listener,
		.event = event,
		.source = source,
		.agents = agents,
	};
	*ret = matches;
	return 0;
}

struct watch_matches *watch_matches_free(struct watch_matches *matches)
{
	if (!matches)
		return NULL;
	unit_monitor_free(matches->units);
	sd_event_source_unref(matches->group_changes);
	cgroup_finder_close(matches->groups);
	free(matches);
	return NULL;
}
